//! Checkpoints and tiles.

use sqlx::Row;

use super::{Applied, Applying};
use crate::places::{read_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{CheckpointRow, Rejected, StoreError, TileRow};

impl Applying<'_> {
    pub(super) async fn put_checkpoint(&mut self, row: &CheckpointRow) -> Applied {
        // Two roots of one count would be two histories, both signed.
        const PUT: &str = "
            INSERT INTO checkpoints AS c (tenant_id, count, root, at_ms, note)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (tenant_id, count) DO UPDATE SET note = excluded.note
            WHERE c.root = excluded.root";
        let put = self
            .of_tenant(PUT)
            .bind(stored_ms(row.count))
            .bind(row.root.to_vec())
            .bind(stored_ms(row.at_ms))
            .bind(row.note.clone());
        if self.changed(put).await? {
            return Ok(Ok(()));
        }
        let what = "there is a checkpoint of this many records with another root";
        Err(StoreError::corrupt(what).into())
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
                .bind(tiles.iter().map(|t| t.hashes.as_slice()).collect::<Vec<_>>())
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
