//! Trees of records, and what is signed of them.

use tollgate_journal::{Hash, Tenant};

/// A signed checkpoint of a tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Whose tree.
    pub tenant: Tenant,
    /// How many records it covers.
    pub count: u64,
    /// Their root.
    pub root: Hash,
    /// When it was signed, Unix milliseconds.
    pub at_ms: u64,
    /// The signed note, with witnesses' cosignatures where there are some.
    pub note: String,
}

/// A complete tile of a tenant's tree, as in <https://c2sp.org/tlog-tiles>: 256
/// hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileRow {
    /// Its level: 0 has the leaf hashes.
    pub level: u8,
    /// Its number in the level.
    pub index: u64,
    /// 256 hashes of 32 bytes.
    pub hashes: Vec<u8>,
}

/// A tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub tenant: Tenant,
    /// How many records.
    pub count: u64,
    /// RFC 6962 root.
    pub root: Hash,
}
