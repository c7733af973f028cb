//! A log as a directory in the layout of <https://c2sp.org/tlog-tiles>:
//! `checkpoint`, the records in bundles of 256, and the tiles of their hashes.
//! Whoever has the directory and the log's public key can verify it offline, and
//! with any other tool for such logs.
//!
//! Who changes the directory can recompute every hash in it, but sign nothing. So
//! the signed roots are what everything is judged by; tiles only help to say
//! *where* it was changed, and only those that still lead to a signed root.
//! Files that the checkpoint's size does not ask for are not looked at.

mod check;
mod locate;
mod write;

use std::fmt;
use std::io;
use std::ops::Range;

use crate::{
    CheckpointError, SignedCheckpoint, SignedNote, TileId, VerifiedSignature, VerifierKey,
};

pub use check::verify_export;
pub use write::{ExportFile, ExportMismatch, ExportWriter};

/// The path of the signed checkpoint.
pub(crate) const CHECKPOINT_PATH: &str = "checkpoint";

/// Reads the files of an exported log.
pub trait ExportReader {
    /// The file at this path below the log's directory, or `None` where there is
    /// none. Of a file of more than `limit` bytes, the first `limit`: the
    /// directory is somebody else's, and must not decide how much memory is used.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>>;
}

/// What an exported log is verified against.
#[derive(Debug, Clone, Copy)]
pub struct ExportCheck<'a> {
    /// The log's public key, obtained elsewhere.
    pub log_key: &'a VerifierKey,
    /// Checkpoints of the log obtained elsewhere, of any age. Without one,
    /// missing last records cannot be noticed.
    pub outside: &'a [SignedNote],
    /// Keys of witnesses whose cosignatures count.
    pub witnesses: &'a [VerifierKey],
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportVerified {
    /// Its checkpoint.
    pub checkpoint: SignedCheckpoint,
    /// The witnesses that vouch for it, and when they did.
    pub cosigned: Vec<VerifiedSignature>,
    /// So many records are there for certain: an outside checkpoint counts them.
    /// Without one, it cannot be excluded that the log was cut, back to an older
    /// checkpoint of its own.
    pub whole_to: Option<u64>,
}

/// How an exported log does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportTampering {
    /// This record is another than the one that was signed: changed, inserted,
    /// exchanged, or one before it was removed.
    RecordChanged,
    /// In this range at least one record is another than was signed, and hashes
    /// were recomputed with it, so that it cannot be told which.
    RecordsRewritten,
    /// From this place on records, or their files, are missing.
    RecordsMissing,
    /// At this place stand more records than were signed.
    RecordsAdded,
    /// The records are those that were signed; a tile of their hashes is not theirs.
    HashTile(TileId),
    /// An outside checkpoint counts more records than the log.
    Truncated {
        /// Records of the log.
        size: u64,
        /// Records that the outside checkpoint counts.
        outside: u64,
    },
    /// The log's key signed two histories. Both notes are evidence against who
    /// holds it.
    SplitView {
        /// A checkpoint of one history.
        one: SignedNote,
        /// A checkpoint of another.
        other: SignedNote,
    },
}

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ExportReport {
    /// The first bad record is in this range; often it is the only one in it. For
    /// a bad tile, the records that the tile's first bad hash stands for.
    pub first_bad: Range<u64>,
    /// How it does not fit.
    pub what: ExportTampering,
}

impl fmt::Display for ExportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.first_bad;
        let last = end.saturating_sub(1);
        if start == last {
            write!(f, "record {start}: ")?;
        } else {
            write!(f, "records {start} to {last}: ")?;
        }
        match &self.what {
            ExportTampering::RecordChanged => f.write_str("it is not the one that was signed"),
            ExportTampering::RecordsRewritten => f.write_str(
                "at least one is not the one that was signed, and hashes were recomputed with it",
            ),
            ExportTampering::RecordsMissing => f.write_str("records are missing from here on"),
            ExportTampering::RecordsAdded => {
                f.write_str("more records stand here than were signed")
            }
            ExportTampering::HashTile(tile) => write!(
                f,
                "they are those that were signed, but the hashes in {tile} are not theirs"
            ),
            ExportTampering::Truncated { size, outside } => write!(
                f,
                "the log was cut: it has {size} records, another checkpoint counts {outside}"
            ),
            ExportTampering::SplitView { one, other } => write!(
                f,
                "the log's key signed two histories; keep both checkpoints as evidence:\n{one}\n{other}"
            ),
        }
    }
}

/// Why an exported log does not verify.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A file cannot be read. The machine's fault, or the path's.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// There is no checkpoint: this is no exported log, or it was removed.
    #[error("there is no file `checkpoint`: this is no exported log, or it was removed")]
    NoCheckpoint,
    /// The log's own checkpoint does not verify: it was changed, or the key is
    /// another log's. Nothing can be said of the records.
    #[error("the log's checkpoint: {0}")]
    Checkpoint(#[source] CheckpointError),
    /// A checkpoint that was given does not verify. Caller's fault.
    #[error("a checkpoint that was given: {0}")]
    Outside(#[source] CheckpointError),
    /// The log was changed.
    #[error(transparent)]
    Tampered(Box<ExportReport>),
}
