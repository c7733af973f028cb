//! The journal's records, and which of them are asked for or destroyed.

use tollgate_journal::{Blob, Hash};

/// One record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the tenant's tree, counted from 0.
    pub seq: u64,
    /// Canonical JSON.
    pub leaf: Vec<u8>,
    /// RFC 6962 leaf hash, as stored.
    pub hash: Hash,
    /// Sealed values, where there are any that were not erased or pruned.
    pub sealed: Option<Vec<u8>>,
    /// The large values that the sealed ones refer to, as far as they are kept.
    pub blobs: Vec<Blob>,
}

/// What a run that ended came to: found by its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRun {
    /// Place of the record `run.closed`.
    pub place: u64,
    /// The run.
    pub run: String,
    /// When it ended, Unix milliseconds.
    pub at_ms: u64,
    /// `connector.tool`.
    pub tool: String,
    /// How it ended: `done`, `failed`, `denied`.
    pub outcome: String,
    /// Its workflow.
    pub workflow: Option<String>,
}

/// Which ended runs to list. Everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct ClosedFilter {
    /// `connector.tool`.
    pub tool: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Its workflow.
    pub workflow: Option<String>,
    /// Ended at or after this, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Ended before this, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only those that ended before this place: the last page's last one.
    pub before: Option<u64>,
    /// At most so many; newest first.
    pub limit: Option<u32>,
}

/// Which sealed values to destroy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// Everything sealed under a subject's key, and the key.
    Subject(String),
    /// The values of one run; its subject's key stays.
    Run(String),
    /// The values of records in these places whose run is not active: from
    /// (included) to (excluded).
    Places(u64, u64),
}

/// Which records to read. Everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Of this run.
    pub run: Option<String>,
    /// Of this hand-off. Without `run` this looks through all of the tenant's
    /// records: an index would make every append pay for a rare question.
    pub case: Option<String>,
    /// Of this stage.
    pub stage: Option<tollgate_journal::Stage>,
    /// Sealed under this subject's key.
    pub subject: Option<String>,
    /// Made at or after this, Unix milliseconds. Hosts' clocks differ: a record
    /// is found by its own time, wherever it stands.
    pub since_ms: Option<u64>,
    /// Made before this, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// After this place; `None` begins with the first record.
    pub after_seq: Option<u64>,
    /// At most so many; `None` means as many as one answer may have.
    pub limit: Option<u32>,
    /// Newest first; `after_seq` then means before it.
    pub newest_first: bool,
    /// Leave the sealed values out.
    pub leaves_only: bool,
}
