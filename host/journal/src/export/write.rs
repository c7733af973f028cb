//! Writing a log's directory, record after record, in constant memory.

use crate::export::CHECKPOINT_PATH;
use crate::tile::TILE_WIDTH;
use crate::{Hash, JournalError, LEAF_BYTES_MAX, SignedCheckpoint, TileBuilder, TileId, leaf_hash};

/// One file of a log's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Its path below the directory, with `/`.
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// The checkpoint is not the one of the records that were written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the checkpoint is of {signed} records and another root than the {written} that were exported: make a new one"
)]
pub struct ExportMismatch {
    /// Records that the checkpoint counts.
    pub signed: u64,
    /// Records that were written.
    pub written: u64,
}

/// Makes the files of a log's directory.
#[derive(Debug, Default)]
pub struct ExportWriter {
    tiles: TileBuilder,
    bundle: Vec<u8>,
}

impl ExportWriter {
    /// Begin with the first record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many records were taken.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.tiles.count()
    }

    /// Take the next record's leaf. The answer is the files that it completes.
    ///
    /// # Errors
    /// When the leaf is larger than any leaf may be: the store was changed.
    pub fn push(&mut self, leaf: &[u8]) -> Result<Vec<ExportFile>, JournalError> {
        let size = leaf.len();
        let length = u16::try_from(size).map_err(|_| JournalError::LeafTooLarge {
            size,
            limit: LEAF_BYTES_MAX,
        })?;
        self.bundle.extend_from_slice(&length.to_be_bytes());
        self.bundle.extend_from_slice(leaf);
        let mut files = Vec::new();
        let hash = leaf_hash(leaf);
        self.tiles
            .push(hash, |id, hashes| files.push(tile(id, hashes)));
        if self.tiles.count().is_multiple_of(TILE_WIDTH) {
            let id = TileId::complete(0, self.tiles.count() / TILE_WIDTH - 1);
            files.push(ExportFile {
                path: id.entries_path(),
                bytes: std::mem::take(&mut self.bundle),
            });
        }
        Ok(files)
    }

    /// The last files: the right edge, and the checkpoint.
    ///
    /// # Errors
    /// When the checkpoint is not the one of these records.
    pub fn finish(self, checkpoint: &SignedCheckpoint) -> Result<Vec<ExportFile>, ExportMismatch> {
        let signed = &checkpoint.checkpoint;
        let written = self.tiles.count();
        if signed.size != written || signed.root != self.tiles.root() {
            let signed = signed.size;
            return Err(ExportMismatch { signed, written });
        }
        let mut files = Vec::new();
        for (id, hashes) in self.tiles.partial() {
            files.push(tile(id, hashes));
            if id.level == 0 {
                files.push(ExportFile {
                    path: id.entries_path(),
                    bytes: self.bundle.clone(),
                });
            }
        }
        files.push(ExportFile {
            path: CHECKPOINT_PATH.to_owned(),
            bytes: checkpoint.to_bytes(),
        });
        Ok(files)
    }
}

fn tile(id: TileId, hashes: &[Hash]) -> ExportFile {
    ExportFile {
        path: id.path(),
        bytes: hashes.as_flattened().to_vec(),
    }
}
