//! Checkpoints and tiles.

use sqlx::Row;

use super::{Applied, Applying};
use crate::places::{read_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{CheckpointRow, Rejected, TileRow, checkpoint};

impl Applying<'_> {
    /// A second root for the same count would be a split view: two stories of one
    /// journal, each with our signature.
    pub(super) async fn put_checkpoint(&mut self, row: &CheckpointRow) -> Applied {
        const PUT: &str = "
            INSERT INTO checkpoints (tenant_id, count, root, at_ms, note)
            SELECT $1, $2, $3, $4, $5 FROM tenants
            WHERE tenant_id = $1 AND (count > $2 OR (count = $2 AND root = $3))
            ON CONFLICT DO NOTHING";
        const STORED: &str =
            "SELECT root, note FROM checkpoints WHERE tenant_id = $1 AND count = $2";
        const SIGNED: &str = "UPDATE checkpoints SET note = $3 WHERE tenant_id = $1 AND count = $2";
        let count = stored_ms(row.count);
        let put = self
            .of_tenant(PUT)
            .bind(count)
            .bind(row.root.to_vec())
            .bind(stored_ms(row.at_ms))
            .bind(row.note.clone());
        if self.changed(put).await? {
            return Ok(Ok(()));
        }
        let differs = Rejected::CheckpointDiffers { count: row.count };
        let stored = self.of_tenant(STORED).bind(count);
        // Not stored, and refused: it covers what is not in the journal.
        let Some(stored) = self.row(stored).await? else {
            return Ok(Err(differs));
        };
        let (root, note): (&[u8], &str) = (stored.try_get(0)?, stored.try_get(1)?);
        let merged = checkpoint::merged(note, &row.note).filter(|_| root == row.root);
        let Some(note) = merged else {
            return Ok(Err(differs));
        };
        let signed = self.of_tenant(SIGNED).bind(count).bind(note);
        self.changed(signed).await?;
        Ok(Ok(()))
    }

    pub(super) async fn put_tiles(&mut self, tiles: &[TileRow]) -> Applied {
        const PUT: &str = "
            INSERT INTO tiles (tenant_id, level, number, hashes)
            SELECT $1, * FROM unnest($2::smallint[], $3::bigint[], $4::bytea[])
            ON CONFLICT DO NOTHING";
        const DIFFERENT: &str = "
            SELECT t.level, t.number FROM tiles AS t
            JOIN unnest($2::smallint[], $3::bigint[], $4::bytea[]) AS given (level, number, hashes)
                USING (level, number)
            WHERE t.tenant_id = $1 AND t.hashes <> given.hashes
            ORDER BY t.level, t.number LIMIT 1";
        let bound = |at: &Self, sql| {
            at.of_tenant(sql)
                .bind(tiles.iter().map(|t| i16::from(t.level)).collect::<Vec<_>>())
                .bind(tiles.iter().map(|t| stored_ms(t.index)).collect::<Vec<_>>())
                .bind(
                    tiles
                        .iter()
                        .map(|t| t.hashes.as_slice())
                        .collect::<Vec<_>>(),
                )
        };
        let different = bound(self, DIFFERENT);
        if let Some(row) = self.row(different).await? {
            let level: i16 = row.try_get(0)?;
            let level = u8::try_from(level).map_err(|_| Fault::corrupt("a tile without level"))?;
            return Ok(Err(Rejected::TileDiffers {
                level,
                index: read_ms(row.try_get(1)?),
            }));
        }
        let put = bound(self, PUT);
        self.changed(put).await?;
        Ok(Ok(()))
    }
}
