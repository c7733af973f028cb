//! The values of connectors' stores.

use sqlx::Row;

use super::{Applied, Applying};
use crate::places::{read_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{Expected, Rejected};

/// A key of a connector's store.
pub(super) struct Cell<'a> {
    connector: &'a str,
    store: &'a str,
    key: &'a str,
}

impl<'a> Cell<'a> {
    pub(super) fn of(connector: &'a str, store: &'a str, key: &'a str) -> Self {
        Self {
            connector,
            store,
            key,
        }
    }
}

/// What is there before a write.
struct CellNow {
    version: Option<String>,
    bytes: u64,
    store_bytes: u64,
}

/// Between the look and the write here nobody else writes: every write of a
/// tenant's values is made under the lock of its head.
impl Applying<'_> {
    pub(super) async fn set_kv(
        &mut self,
        cell: &Cell<'_>,
        value: &[u8],
        version: &str,
        expected: &Expected,
        quota: u64,
    ) -> Applied {
        let now = self.cell(cell).await?;
        if !expected.holds(now.version.as_deref()) {
            return Ok(Err(Rejected::VersionConflict {
                current: now.version,
            }));
        }
        let bytes = (cell.key.len() + value.len()) as u64;
        let needed = now.store_bytes.saturating_sub(now.bytes) + bytes;
        // A write that makes a store smaller is allowed even over the quota, so
        // that an owner whose quota was lowered can get below it again.
        if needed > quota && bytes > now.bytes {
            return Ok(Err(Rejected::QuotaReached {
                needed,
                allowed: quota,
            }));
        }
        const SET: &str = "
            WITH usage AS (
                INSERT INTO kv_usage (tenant_id, connector, store, bytes)
                VALUES ($1, $2, $3, $7)
                ON CONFLICT (tenant_id, connector, store) DO UPDATE SET bytes = excluded.bytes)
            INSERT INTO kv (tenant_id, connector, store, key, version, value)
            VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT (tenant_id, connector, store, key)
            DO UPDATE SET version = excluded.version, value = excluded.value";
        let set = self
            .of_tenant(SET)
            .bind(cell.connector.to_owned())
            .bind(cell.store.to_owned())
            .bind(cell.key.as_bytes().to_vec())
            .bind(version.to_owned())
            .bind(value.to_vec())
            .bind(stored_ms(needed));
        self.changed(set).await?;
        Ok(Ok(()))
    }

    pub(super) async fn delete_kv(&mut self, cell: &Cell<'_>, expected: &Expected) -> Applied {
        let now = self.cell(cell).await?;
        if !expected.holds(now.version.as_deref()) {
            return Ok(Err(Rejected::VersionConflict {
                current: now.version,
            }));
        }
        if now.version.is_none() {
            return Ok(Ok(()));
        }
        const DELETE: &str = "
            WITH usage AS (
                UPDATE kv_usage SET bytes = $5
                WHERE tenant_id = $1 AND connector = $2 AND store = $3)
            DELETE FROM kv WHERE tenant_id = $1 AND connector = $2 AND store = $3 AND key = $4";
        let left = stored_ms(now.store_bytes.saturating_sub(now.bytes));
        let delete = self.of_cell(DELETE, cell).bind(left);
        self.changed(delete).await?;
        Ok(Ok(()))
    }

    async fn cell(&mut self, cell: &Cell<'_>) -> Result<CellNow, Fault> {
        const NOW: &str = "
            SELECT kv.version, octet_length(kv.key)::bigint + octet_length(kv.value),
                (SELECT u.bytes FROM kv_usage AS u
                 WHERE u.tenant_id = $1 AND u.connector = $2 AND u.store = $3)
            FROM (VALUES (1)) AS one
            LEFT JOIN kv ON kv.tenant_id = $1 AND kv.connector = $2 AND kv.store = $3
                AND kv.key = $4";
        let now = self.of_cell(NOW, cell);
        let row = self.row(now).await?;
        let row = row.ok_or_else(|| Fault::corrupt("a value could not be looked up"))?;
        let (bytes, store_bytes): (Option<i64>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        Ok(CellNow {
            version: row.try_get(0)?,
            bytes: read_ms(bytes.unwrap_or(0)),
            store_bytes: read_ms(store_bytes.unwrap_or(0)),
        })
    }

    fn of_cell(&self, sql: &'static str, cell: &Cell<'_>) -> super::Statement {
        self.of_tenant(sql)
            .bind(cell.connector.to_owned())
            .bind(cell.store.to_owned())
            .bind(cell.key.as_bytes().to_vec())
    }
}
