//! What every write does: look at what it would replace, make the change of
//! exactly that, and find out afterwards whether it was made.

use serde_json::{Value, json};

use super::directory::{read_file, with_directory};
use super::exchange::{Torn, exchange};
use super::place::{Place, readable};
use super::{FilesError, PRIOR_BYTES_MAX, version};
use crate::capability::Backends;
use crate::capability::kv::GuestExpected;
use crate::door::{Looked, Performed, Prior};
use crate::exact::Base64;

/// A change of a file that is granted. Without bytes, the file is removed.
#[derive(Clone)]
pub(crate) struct Change {
    pub(super) place: Place,
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) expected: GuestExpected,
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

/// What is there now, or nothing.
async fn there(place: &Place, backends: &Backends) -> Result<Option<Vec<u8>>, FilesError> {
    let place = place.clone();
    let (tenant, directory) = (place.tenant.clone(), place.directory.clone());
    with_directory(backends, &tenant, &directory, move |dir| {
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
pub(super) async fn look_for<R>(
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
pub(super) async fn look(
    change: &Change,
    backends: &Backends,
) -> Result<Option<Prior>, FilesError> {
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
pub(super) async fn make(
    change: Change,
    prior: Option<&Prior>,
    backends: &Backends,
) -> Performed<Result<(), FilesError>> {
    let seen = match prior {
        Some(prior) if prior.version == "absent" => GuestExpected::Absent,
        Some(prior) => GuestExpected::Version(prior.version.clone()),
        None => change.expected.clone(),
    };
    let (tenant, directory) = (change.place.tenant.clone(), change.place.directory.clone());
    let written = mark(&change.place.path, change.bytes.as_deref());
    let done = with_directory(backends, &tenant, &directory, move |dir| {
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
