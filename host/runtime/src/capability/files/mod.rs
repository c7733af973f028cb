//! Files in directories that the manifest names. A path is judged as text by the
//! policy, then opened below a directory handle (`cap-std`), so that neither
//! `..` nor a link leads outside (CWE-22, CWE-59).
//!
//! A write is all or nothing and never overwrites what it did not see: the new
//! file is exchanged with the old one in one step, and if the old one turns out
//! not to be what was looked at, exchanged back. Writing in place was refused: a
//! crash would leave half a workbook, and a person's edit between look and write
//! would be lost.
//!
//! - `place`: what a call names, judged by the manifest.
//! - `directory`: the directories that manifests name, and reading in them.
//! - `read`, `list`, `write`, `restore`: the operations.
//! - `change`: what every write does: look, make, find out.
//! - `exchange`: the one step in which a file is put in place.

mod change;
mod directory;
mod exchange;
mod list;
mod place;
mod read;
mod restore;
mod write;

use std::io;

use serde::{Deserialize, Serialize};
use tollgate_policy::Digest;
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::door::Refusal;

pub(crate) use directory::Directories;
pub(crate) use list::List;
pub(crate) use read::Read;
pub(crate) use restore::Restore;
pub(crate) use write::{Remove, Write};

const INTERFACE: &str = "tollgate:connector/files@0.1.0";

/// The largest file whose prior content is kept, bytes. Replacing a larger one
/// cannot be undone, so it counts as irreversible.
const PRIOR_BYTES_MAX: usize = 8 << 20;

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

fn version(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}
