//! Listing a directory.

use cap_std::fs::Dir;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::{Effect, FileVerb, FilesGrant, clean_path};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::directory::with_directory;
use super::place::grant;
use super::{FilesError, INTERFACE};
use crate::capability::Backends;
use crate::door::{Described, Imported, Next, Operation, Performed, Prior, Refusal, Scope};

/// Most files in one listing.
const ENTRIES_MAX: usize = 1_000;

/// Deepest folder that a listing looks into.
const DEPTH_MAX: usize = 8;

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Entry {
    path: String,
    size: u64,
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
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let directory = grant.directory.clone();
        let listed = with_directory(backends, scope.tenant, &directory, move |dir| {
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
