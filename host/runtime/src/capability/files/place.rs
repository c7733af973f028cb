//! What a call names: a path in a directory of the manifest.

use std::time::Duration;
use tollgate_journal::Tenant;

use serde_json::{Value, json};
use tollgate_policy::{Effect, FileVerb, FilesGrant, clean_path};

use super::{FilesError, PRIOR_BYTES_MAX};
use crate::door::{Described, Next, Refusal, Scope};

/// A file that is granted.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Whose directory it is.
    pub(super) tenant: Tenant,
    pub(super) directory: String,
    pub(super) path: String,
    pub(super) max_size: u64,
    /// For how long a write to it may be taken back.
    pub(super) window: Option<Duration>,
}

pub(super) fn grant<'a>(scope: &Scope<'a>, directory: &str) -> Result<&'a FilesGrant, Refusal> {
    scope.manifest.grant.files.get(directory).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no directory `{directory}`"),
            format!("[grant.files.{directory}]\ndirectory = \"data/{directory}\""),
        )
    })
}

pub(super) fn describe_place<R>(
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
                    tenant: scope.tenant.to_owned(),
                    directory: grant.directory.clone(),
                    window: grant.window(&path),
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

/// The most of a file that the host itself reads, to compare and to keep it.
pub(super) fn readable(place: &Place) -> u64 {
    place.max_size.max(PRIOR_BYTES_MAX as u64)
}
