//! Files in directories that the manifest names. A path is judged as text by the
//! policy, then opened below a directory handle (`cap-std`), so that neither
//! `..` nor a link leads outside (CWE-22, CWE-59).
//!
//! A write is all or nothing and never overwrites what it did not see: the new
//! file is exchanged with the old one in one step, and if the old one turns out
//! not to be what was looked at, exchanged back. Writing in place was refused: a
//! crash would leave half a workbook, and a person's edit between look and write
//! would be lost.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::{OFlags, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::{Digest, Effect, FileVerb, FilesGrant, clean_path};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use super::kv::GuestExpected;
use super::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use crate::exact::Base64;

const INTERFACE: &str = "tollgate:connector/files@0.1.0";

/// Most files in one listing.
const ENTRIES_MAX: usize = 1_000;

/// Deepest folder that a listing looks into.
const DEPTH_MAX: usize = 8;

/// The largest file whose prior content is kept, bytes. Replacing a larger one
/// cannot be undone, so it counts as irreversible.
const PRIOR_BYTES_MAX: usize = 8 << 20;

/// Directories that manifests name, opened once.
pub(crate) struct Directories {
    home: PathBuf,
    open: Mutex<HashMap<String, Arc<Dir>>>,
}

impl Directories {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self {
            home,
            open: Mutex::default(),
        }
    }

    /// The handle of a directory that an operator's manifest names: the one
    /// place where the path of the process is used.
    fn ambient(&self, directory: &str) -> io::Result<Arc<Dir>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = open.get(directory) {
            return Ok(Arc::clone(dir));
        }
        let path = self.home.join(directory);
        let dir = Arc::new(Dir::open_ambient_dir(path, ambient_authority())?);
        open.insert(directory.to_owned(), Arc::clone(&dir));
        Ok(dir)
    }
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Content {
    bytes: Vec<u8>,
    version: String,
}

/// A file's content as it is recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordedContent {
    bytes: Base64,
    version: String,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Entry {
    path: String,
    size: u64,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FilesError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "invalid-path")]
    InvalidPath(String),
    #[component(name = "too-large")]
    TooLarge(u64),
    #[component(name = "failed")]
    Failed(String),
}

impl From<io::Error> for FilesError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            // What `cap-std` answers to a path that leads outside.
            io::ErrorKind::PermissionDenied => Self::Refused(Refusal::outside(format!(
                "the path is not reachable: {error}"
            ))),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// A file that is granted.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    directory: String,
    path: String,
    max_size: u64,
}

fn grant<'a>(scope: &Scope<'a>, directory: &str) -> Result<&'a FilesGrant, Refusal> {
    scope.manifest.grant.files.get(directory).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no directory `{directory}`"),
            format!("[grant.files.{directory}]\ndirectory = \"data/{directory}\""),
        )
    })
}

fn describe_place<R>(
    scope: &Scope<'_>,
    directory: String,
    path: &str,
    verb: FileVerb,
    mut arguments: Value,
    answer: impl FnOnce(FilesError) -> R,
) -> Described<Place, R> {
    arguments["path"] = json!(path);
    let mut effect = if verb == FileVerb::Read {
        Effect::Read
    } else {
        Effect::Write
    };
    let mut identity = "files".to_owned();
    let next = match (grant(scope, &directory), clean_path(path)) {
        (Err(refusal), _) => Next::Refuse(refusal),
        (_, Err(refusal)) => Next::Answer(answer(FilesError::InvalidPath(refusal.to_string()))),
        (Ok(grant), Ok(path)) => {
            identity = format!("files:{}", grant.directory);
            effect = grant.effect(&path, verb);
            match grant.row(&path, verb) {
                Some(row) => Next::Perform(Place {
                    directory: grant.directory.clone(),
                    path,
                    max_size: row.max_size,
                }),
                None => Next::Refuse(Refusal::not_granted(
                    format!(
                        "the manifest does not let this connector {verb} `{path}` in `{directory}`"
                    ),
                    format!(
                        "[[grant.files.{directory}.path]]\nglob = \"{path}\"\nverbs = [\"{verb}\"]"
                    ),
                )),
            }
        }
    };
    Described {
        identity,
        destination: directory,
        effect,
        arguments,
        next,
    }
}

/// Do something with a directory where blocking is no harm.
async fn with_directory<T: Send + 'static>(
    backends: &Backends,
    directory: &str,
    work: impl FnOnce(&Dir) -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    let dir = backends.directories.ambient(directory).map_err(|error| {
        FilesError::Failed(format!(
            "the granted directory cannot be opened ({error}); the operator has to make it"
        ))
    })?;
    tokio::task::spawn_blocking(move || work(&dir))
        .await
        .unwrap_or_else(|error| Err(FilesError::Failed(error.to_string())))
}

/// A whole file, or nothing where there is none.
fn read_file(dir: &Dir, path: &str, max_size: u64) -> Result<Option<Vec<u8>>, FilesError> {
    // A pipe would keep whoever opens it waiting for a writer.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match dir.open_with(path, &options) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Err(FilesError::InvalidPath("it is no regular file".into()));
    }
    let mut bytes = Vec::new();
    file.take(max_size + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_size {
        return Err(FilesError::TooLarge(max_size));
    }
    Ok(Some(bytes))
}

/// The most of a file that the host itself reads, to compare and to keep it.
fn readable(place: &Place) -> u64 {
    place.max_size.max(PRIOR_BYTES_MAX as u64)
}

fn version(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// What is there, for the record.
fn image(path: &str, bytes: Option<&[u8]>) -> Value {
    json!({
        "path": path,
        "bytes": bytes.map(Base64::text),
        "version": bytes.map(version),
    })
}

/// What a write left, for the record: the bytes are in its arguments.
fn mark(path: &str, bytes: Option<&[u8]>) -> Value {
    json!({ "path": path, "version": bytes.map(version) })
}

/// Read a whole file.
pub(crate) struct Read;

impl Operation for Read {
    const CALL: &'static str = "files.read";
    type Arguments = (String, String);
    type Reply = Result<RecordedContent, FilesError>;
    type Plan = Place;

    fn describe(
        (directory, path): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Place, Self::Reply> {
        describe_place(scope, directory, &path, FileVerb::Read, json!({}), Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn perform(
        place: Place,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let directory = place.directory.clone();
        let content = with_directory(backends, &directory, move |dir| {
            let bytes = read_file(dir, &place.path, place.max_size)?.ok_or(FilesError::NotFound)?;
            Ok(RecordedContent {
                version: version(&bytes),
                bytes: Base64(bytes),
            })
        });
        Performed::answered(content.await)
    }
}

impl Imported for Read {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "read";
    type Results = (Result<Content, FilesError>,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply.map(|content| Content {
            bytes: content.bytes.0,
            version: content.version,
        }),)
    }
}

/// Write a whole file.
pub(crate) struct Write;

/// A change of a file that is granted. Without bytes, the file is removed.
#[derive(Clone)]
pub(crate) struct Change {
    place: Place,
    bytes: Option<Vec<u8>>,
    expected: GuestExpected,
}

impl Operation for Write {
    const CALL: &'static str = "files.write";
    type Arguments = (String, String, Vec<u8>, GuestExpected);
    type Reply = Result<String, FilesError>;
    type Plan = Change;

    fn describe(
        (directory, path, bytes, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Change, Self::Reply> {
        let arguments = json!({
            "bytes": Base64::text(&bytes),
            "size": bytes.len(),
            "expected": expected.json(),
        });
        describe_place(scope, directory, &path, FileVerb::Write, arguments, Err).then(|place| {
            if bytes.len() as u64 > place.max_size {
                Next::Answer(Err(FilesError::TooLarge(place.max_size)))
            } else {
                Next::Perform(Change {
                    place,
                    bytes: Some(bytes),
                    expected,
                })
            }
        })
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn prior(
        change: &Change,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        look(change, backends).await.map_err(Err)
    }

    async fn perform(
        change: Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let new_version = version(change.bytes.as_deref().unwrap_or_default());
        make(change, prior, backends)
            .await
            .map(|reply| reply.map(|()| new_version))
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        change: &Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        let reply = version(change.bytes.as_deref().unwrap_or_default());
        look_for(change, prior, backends, Ok(reply)).await
    }

    fn assumed(change: &Change, _: Option<&Prior>) -> Option<Self::Reply> {
        change.bytes.as_deref().map(|bytes| Ok(version(bytes)))
    }
}

impl Imported for Write {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "write";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Remove a file.
pub(crate) struct Remove;

impl Operation for Remove {
    const CALL: &'static str = "files.remove";
    type Arguments = (String, String, GuestExpected);
    type Reply = Result<(), FilesError>;
    type Plan = Change;

    fn describe(
        (directory, path, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Change, Self::Reply> {
        let arguments = json!({ "expected": expected.json() });
        describe_place(scope, directory, &path, FileVerb::Remove, arguments, Err).then(|place| {
            Next::Perform(Change {
                place,
                bytes: None,
                expected,
            })
        })
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn prior(
        change: &Change,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        look(change, backends).await.map_err(Err)
    }

    async fn perform(
        change: Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        make(change, prior, backends).await
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        change: &Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        look_for(change, prior, backends, Ok(())).await
    }

    fn assumed(_: &Change, _: Option<&Prior>) -> Option<Self::Reply> {
        Some(Ok(()))
    }
}

impl Imported for Remove {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "remove";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// What is there now, or nothing.
async fn there(place: &Place, backends: &Backends) -> Result<Option<Vec<u8>>, FilesError> {
    let place = place.clone();
    let directory = place.directory.clone();
    with_directory(backends, &directory, move |dir| {
        if dir
            .symlink_metadata(&place.path)
            .is_ok_and(|found| found.is_symlink())
        {
            return Err(FilesError::InvalidPath(
                "it is a link; name the file it points to".into(),
            ));
        }
        read_file(dir, &place.path, readable(&place))
    })
    .await
}

/// What became of a change: a file that is what the change leaves is the change
/// made, whoever made it.
async fn look_for<R>(
    change: &Change,
    prior: Option<&Prior>,
    backends: &Backends,
    reply: R,
) -> Looked<R> {
    let path = &change.place.path;
    let now = match there(&change.place, backends).await {
        Ok(now) => now,
        Err(error) => return Looked::unclear(format!("the file cannot be looked at: {error:?}")),
    };
    if now == change.bytes {
        return Looked::Happened {
            reply,
            written: Some(mark(path, change.bytes.as_deref())),
        };
    }
    let found = now.as_deref().map_or_else(|| "absent".to_owned(), version);
    match prior {
        Some(prior) if prior.version == found => Looked::NotHappened,
        _ => Looked::changed(mark(path, now.as_deref())),
    }
}

/// What a change would replace, if that is as expected.
async fn look(change: &Change, backends: &Backends) -> Result<Option<Prior>, FilesError> {
    let there = there(&change.place, backends).await?;
    let path = &change.place.path;
    let found = there.as_deref().map(version);
    if !change.expected.holds(found.as_deref()) {
        return Err(FilesError::Conflict);
    }
    if there
        .as_ref()
        .is_some_and(|bytes| bytes.len() > PRIOR_BYTES_MAX)
    {
        return Ok(None);
    }
    Ok(Some(Prior {
        version: found.unwrap_or_else(|| "absent".to_owned()),
        value: image(path, there.as_deref()),
    }))
}

/// Make a change of exactly what was looked at.
async fn make(
    change: Change,
    prior: Option<&Prior>,
    backends: &Backends,
) -> Performed<Result<(), FilesError>> {
    let seen = match prior {
        Some(prior) if prior.version == "absent" => GuestExpected::Absent,
        Some(prior) => GuestExpected::Version(prior.version.clone()),
        None => change.expected.clone(),
    };
    let directory = change.place.directory.clone();
    let written = mark(&change.place.path, change.bytes.as_deref());
    let done = with_directory(backends, &directory, move |dir| {
        let limit = readable(&change.place);
        let bytes = change.bytes.as_deref();
        Ok(exchange(dir, &change.place.path, bytes, &seen, limit))
    });
    match done.await {
        Ok(Ok(())) => Performed::Known {
            reply: Ok(()),
            written: Some(written),
        },
        Ok(Err(Torn::Unknown(error))) => Performed::Unknown(format!(
            "the system failed after the files were exchanged: {error}"
        )),
        Ok(Err(Torn::Clean(error))) | Err(error) => Performed::answered(Err(error)),
    }
}

/// Why a change was not made.
enum Torn {
    /// Everything is as before.
    Clean(FilesError),
    /// It failed in the middle; both files are still there, one of them under a
    /// temporary name.
    Unknown(io::Error),
}

impl From<io::Error> for Torn {
    fn from(error: io::Error) -> Self {
        Self::Clean(error.into())
    }
}

/// Replace or remove a file in one step, if it is what was seen.
fn exchange(
    dir: &Dir,
    path: &str,
    bytes: Option<&[u8]>,
    seen: &GuestExpected,
    limit: u64,
) -> Result<(), Torn> {
    let (folder, name) = parent(dir, path).map_err(Torn::Clean)?;
    let temporary = temporary_name().map_err(Torn::Clean)?;
    let mut file = folder.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
    // The new file is for those whom the old one was for.
    if let Ok(old) = folder.metadata(name) {
        file.set_permissions(old.permissions())?;
    }
    let result = file
        .write_all(bytes.unwrap_or_default())
        .and_then(|()| file.sync_all())
        .map_err(Torn::from)
        .and_then(|()| swap_in(&folder, &temporary, name, bytes.is_some(), seen, limit));
    // After a swap the temporary name holds the old file; otherwise the new.
    if !matches!(result, Err(Torn::Unknown(_))) {
        let _ = folder.remove_file(&temporary);
    }
    result
}

fn swap_in(
    folder: &Dir,
    temporary: &str,
    name: &str,
    keep: bool,
    seen: &GuestExpected,
    limit: u64,
) -> Result<(), Torn> {
    let rename = |from: &str, to: &str, flags| {
        renameat_with(folder, from, folder, to, flags).map_err(io::Error::from)
    };
    if matches!(seen, GuestExpected::Absent) {
        return match keep {
            false => Ok(()),
            true => match rename(temporary, name, RenameFlags::NOREPLACE) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(Torn::Clean(FilesError::Conflict))
                }
                other => Ok(other?),
            },
        };
    }
    match rename(temporary, name, RenameFlags::EXCHANGE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match (seen, keep) {
                // Nothing to exchange with, and anything was fine.
                (GuestExpected::Anything, true) => {
                    Ok(rename(temporary, name, RenameFlags::NOREPLACE)?)
                }
                (GuestExpected::Anything, false) => Ok(()),
                _ => Err(Torn::Clean(FilesError::Conflict)),
            };
        }
        other => other?,
    }
    // From here on the old file has the temporary name: whatever fails, it must
    // come back or stay.
    let old = read_file(folder, temporary, limit);
    let holds = old.map(|old| seen.holds(old.as_deref().map(version).as_deref()));
    if !matches!(holds, Ok(true)) {
        rename(temporary, name, RenameFlags::EXCHANGE).map_err(Torn::Unknown)?;
        return Err(Torn::Clean(holds.err().unwrap_or(FilesError::Conflict)));
    }
    if !keep {
        folder.remove_file(name).map_err(Torn::Unknown)?;
    }
    Ok(())
}

/// The folder a path lies in, opened below `dir`, and the last name.
fn parent<'a>(dir: &Dir, path: &'a str) -> Result<(Dir, &'a str), FilesError> {
    match path.rsplit_once('/') {
        Some((folder, name)) => Ok((dir.open_dir(folder)?, name)),
        None => Ok((dir.try_clone()?, path)),
    }
}

fn temporary_name() -> Result<String, FilesError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| FilesError::Failed(error.to_string()))?;
    Ok(format!(".tollgate-{}", hex::encode(random)))
}

/// List a directory.
pub(crate) struct List;

impl Operation for List {
    const CALL: &'static str = "files.list";
    type Arguments = (String,);
    type Reply = Result<Vec<Entry>, FilesError>;
    type Plan = FilesGrant;

    fn describe(
        (directory,): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<FilesGrant, Self::Reply> {
        let (identity, next) = match grant(scope, &directory) {
            Ok(grant) => (
                format!("files:{}", grant.directory),
                Next::Perform(grant.clone()),
            ),
            Err(refusal) => ("files".to_owned(), Next::Refuse(refusal)),
        };
        Described {
            destination: directory,
            identity,
            effect: Effect::Read,
            arguments: json!({}),
            next,
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn perform(
        grant: FilesGrant,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let directory = grant.directory.clone();
        let listed = with_directory(backends, &directory, move |dir| {
            let mut entries = Vec::new();
            collect(dir, "", 0, &grant, &mut entries)?;
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(entries)
        });
        Performed::answered(listed.await)
    }
}

impl Imported for List {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "list";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Files below `dir` that may be read. A name that could not be named in a call
/// (not text, or refused by the policy) is left out.
fn collect(
    dir: &Dir,
    prefix: &str,
    depth: usize,
    grant: &FilesGrant,
    entries: &mut Vec<Entry>,
) -> Result<(), FilesError> {
    for entry in dir.entries()? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() && depth < DEPTH_MAX {
            collect(
                &entry.open_dir()?,
                &format!("{path}/"),
                depth + 1,
                grant,
                entries,
            )?;
        } else if kind.is_file() && clean_path(&path).is_ok() && grant.allows(&path, FileVerb::Read)
        {
            if entries.len() >= ENTRIES_MAX {
                return Err(FilesError::TooLarge(ENTRIES_MAX as u64));
            }
            entries.push(Entry {
                path,
                size: entry.metadata()?.len(),
            });
        }
    }
    Ok(())
}

/// Put back what a write replaced, or remove what it made.
pub(crate) struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "files.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (Change, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let path = restoring.written["path"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let bytes = restoring.before["bytes"].as_str().and_then(Base64::parse);
        let expected = match restoring.written["version"].as_str() {
            Some(version) => GuestExpected::Version(version.to_owned()),
            None => GuestExpected::Absent,
        };
        let destination = restoring.destination.clone();
        let arguments = restoring.arguments();
        describe_place(
            scope,
            destination,
            &path,
            FileVerb::Write,
            arguments,
            |error| Err(RestoreFailure::Failed(format!("{error:?}"))),
        )
        .then(|place| {
            let change = Change {
                place,
                bytes,
                expected,
            };
            Next::Perform((change, restoring))
        })
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (change, _): &Self::Plan,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        match look(change, backends).await {
            Ok(prior) => Ok(prior),
            Err(FilesError::Conflict) => {
                let anything = Change {
                    expected: GuestExpected::Anything,
                    ..change.clone()
                };
                let now = look(&anything, backends).await.ok().flatten();
                Err(Err(RestoreFailure::Conflict(
                    now.map_or(Value::Null, |prior| prior.value),
                )))
            }
            Err(error) => Err(Err(RestoreFailure::Failed(format!("{error:?}")))),
        }
    }

    async fn perform(
        (change, _): Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        make(change, prior, backends).await.map(|reply| {
            reply.map_err(|error| match error {
                FilesError::Conflict => RestoreFailure::Conflict(Value::Null),
                other => RestoreFailure::Failed(format!("{other:?}")),
            })
        })
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (change, _): &Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        look_for(change, prior, backends, Ok(())).await
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}
