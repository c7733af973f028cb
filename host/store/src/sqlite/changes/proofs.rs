//! Checkpoints and tiles. Both are promises to others about the tree, so what
//! was once kept is never replaced by something else.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, stored_ms};
use crate::{CheckpointRow, Rejected, TileRow, checkpoint};

impl Applying<'_> {
    /// A second root for the same count would be a split view: two stories of one
    /// journal, each with our signature.
    pub(super) async fn put_checkpoint(&mut self, row: &CheckpointRow) -> Applied {
        const PUT: &str = "
            INSERT INTO checkpoints (tenant_id, count, root, at_ms, note)
            SELECT ?1, ?2, ?3, ?4, ?5 FROM tenants
            WHERE tenant_id = ?1 AND (count > ?2 OR (count = ?2 AND root = ?3))
            ON CONFLICT DO NOTHING";
        const STORED: &str =
            "SELECT root, note FROM checkpoints WHERE tenant_id = ?1 AND count = ?2";
        const SIGNED: &str = "UPDATE checkpoints SET note = ?3 WHERE tenant_id = ?1 AND count = ?2";
        let count = stored_ms(row.count);
        let root = row.root.as_slice();
        let at = stored_ms(row.at_ms);
        let arguments = arguments![self.tenant_id, count, root, at, row.note.as_str()];
        if self.changed(PUT, arguments).await? {
            return Ok(Ok(()));
        }
        let differs = Rejected::CheckpointDiffers { count: row.count };
        let stored = self.row(STORED, arguments![self.tenant_id, count]).await?;
        // Not stored, and refused: it covers what is not in the journal.
        let Some(stored) = stored else {
            return Ok(Err(differs));
        };
        let (stored_root, note): (&[u8], &str) = (stored.try_get(0)?, stored.try_get(1)?);
        let merged = checkpoint::merged(note, &row.note).filter(|_| stored_root == root);
        let Some(note) = merged else {
            return Ok(Err(differs));
        };
        self.changed(SIGNED, arguments![self.tenant_id, count, note])
            .await?;
        Ok(Ok(()))
    }

    pub(super) async fn put_tiles(&mut self, tiles: &[TileRow]) -> Applied {
        const PUT: &str = "
            INSERT INTO tiles (tenant_id, level, number, hashes) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (tenant_id, level, number) DO UPDATE SET hashes = hashes
            WHERE hashes = excluded.hashes";
        for tile in tiles {
            let (level, number) = (i64::from(tile.level), stored_ms(tile.index));
            let hashes = tile.hashes.as_slice();
            let arguments = arguments![self.tenant_id, level, number, hashes];
            if !self.changed(PUT, arguments).await? {
                return Ok(Err(Rejected::TileDiffers {
                    level: tile.level,
                    index: tile.index,
                }));
            }
        }
        Ok(Ok(()))
    }
}
