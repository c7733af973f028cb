//! What a reviewer can hold against the host: signed checkpoints, exports that
//! verify without it, proofs of single records, and outside witnesses.
//!
//! | file | what |
//! |---|---|
//! | `tree` | hashes of a tenant's tree, from stored tiles and leaf hashes |
//! | `checkpoints` | signing the head, and never one that denies an earlier one |
//! | `kept` | the last checkpoint this home signed, outside the database |
//! | `export` | the log as a directory of <https://c2sp.org/tlog-tiles> |
//! | `record` | one record's proof |
//! | `anchor` | cosignatures of outside witnesses |
//! | `verify` | the host's own check of its database |

pub(crate) mod anchor;
pub(crate) mod checkpoints;
pub(crate) mod export;
mod kept;
pub(crate) mod record;
mod tree;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tollgate_journal::{CheckpointError, JournalError, NoteError, ProofError, RecordProofError};
use tollgate_store::StoreError;

use crate::error::JournalFault;

/// Why there is no evidence. Nothing was signed or recorded then.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The tenant has no record. The operator's business.
    #[error("tenant `{0}` has no journal")]
    NoJournal(String),
    /// There is no such record.
    #[error("the journal of tenant `{tenant}` has {count} records, none at place {place}")]
    NoRecord {
        /// Whose journal.
        tenant: String,
        /// What was asked for.
        place: u64,
        /// How many there are.
        count: u64,
    },
    /// The journal does not continue what was signed before. Records were changed
    /// or removed, or an older copy of the database was put back. Signing now
    /// would be a split view: two signed histories that exclude each other.
    #[error(
        "the journal of tenant `{tenant}` does not continue the checkpoint of {size} records {signed}: {what}; nothing was signed. Run `tollgate verify`, and find out who changed the store"
    )]
    SplitView {
        /// Whose journal.
        tenant: String,
        /// Records of the earlier checkpoint.
        size: u64,
        /// Where that one is kept.
        signed: String,
        /// What does not fit.
        what: String,
    },
    /// The stored hashes do not give the stored head. Changed or damaged.
    #[error(
        "the stored hashes of tenant `{0}` do not give the head of its tree: nothing was signed. Run `tollgate verify`"
    )]
    HeadMismatch(String),
    /// The record has no such value.
    #[error("record {place} has no value `{name}`; it has {}", list(.names))]
    NoValue {
        /// The record.
        place: u64,
        /// What was asked for.
        name: String,
        /// What it has.
        names: Vec<String>,
    },
    /// The record's values were erased or pruned: nothing is left to disclose.
    #[error(
        "the values of record {0} were erased or pruned: it can be proved, its values cannot be shown"
    )]
    ValuesGone(u64),
    /// The folder cannot take this export.
    #[error("{path}: {what}")]
    NotOurs {
        /// Which folder or file.
        path: PathBuf,
        /// Why, and what to do.
        what: String,
    },
    /// A file cannot be read or written.
    #[error("{path} cannot be used: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Arc<io::Error>,
    },
    /// What a witness sent is not a cosignature of a checkpoint of this log.
    #[error("no checkpoint of this log that is kept here was cosigned so by that key: {0}")]
    NotACosignature(String),
    /// A checkpoint cannot be read or does not verify.
    #[error("a checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A hash is missing or does not fit.
    #[error("a proof cannot be made: {0}")]
    Proof(#[from] ProofError),
    /// The journal cannot be read or written.
    #[error("the journal is not available: {0}")]
    Journal(#[from] JournalFault),
}

fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

impl EvidenceError {
    fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source: Arc::new(source),
        }
    }
}

impl From<StoreError> for EvidenceError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<JournalError> for EvidenceError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error.into())
    }
}

impl From<NoteError> for EvidenceError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl From<RecordProofError> for EvidenceError {
    fn from(error: RecordProofError) -> Self {
        Self::Journal(JournalFault::Record(error.to_string()))
    }
}
