//! Values of connectors' stores, within their quota.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::{Expected, Rejected};

/// A key of a connector's store.
pub(super) struct Cell<'a> {
    pub(super) connector: &'a str,
    pub(super) store: &'a str,
    pub(super) key: &'a str,
}

/// What is there before a write.
struct CellNow {
    version: Option<String>,
    bytes: u64,
    store_bytes: u64,
}

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
            INSERT INTO kv (tenant_id, connector, store, key, version, value)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (tenant_id, connector, store, key)
            DO UPDATE SET version = excluded.version, value = excluded.value;
            INSERT INTO kv_usage (tenant_id, connector, store, bytes) VALUES (?1, ?2, ?3, ?7)
            ON CONFLICT (tenant_id, connector, store) DO UPDATE SET bytes = excluded.bytes";
        let (connector, store) = (cell.connector, cell.store);
        let needed = stored_ms(needed);
        let arguments = arguments![
            self.tenant_id,
            connector,
            store,
            cell.key,
            version,
            value,
            needed
        ];
        self.changed(SET, arguments).await?;
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
            DELETE FROM kv WHERE tenant_id = ?1 AND connector = ?2 AND store = ?3 AND key = ?4;
            UPDATE kv_usage SET bytes = ?5
            WHERE tenant_id = ?1 AND connector = ?2 AND store = ?3";
        let left = stored_ms(now.store_bytes.saturating_sub(now.bytes));
        let arguments = arguments![self.tenant_id, cell.connector, cell.store, cell.key, left];
        self.changed(DELETE, arguments).await?;
        Ok(Ok(()))
    }

    async fn cell(&mut self, cell: &Cell<'_>) -> Result<CellNow, Fault> {
        const NOW: &str = "
            SELECT kv.version, octet_length(kv.key) + octet_length(kv.value), u.bytes
            FROM (SELECT ?1 AS tenant_id, ?2 AS connector, ?3 AS store, ?4 AS key) AS wanted
            LEFT JOIN kv USING (tenant_id, connector, store, key)
            LEFT JOIN kv_usage AS u USING (tenant_id, connector, store)";
        let arguments = arguments![self.tenant_id, cell.connector, cell.store, cell.key];
        let row = self.row(NOW, arguments).await?;
        let row = row.ok_or_else(|| Fault::corrupt("a value could not be looked up"))?;
        let (bytes, store_bytes): (Option<i64>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        Ok(CellNow {
            version: row.try_get(0)?,
            bytes: read_ms(bytes.unwrap_or(0)),
            store_bytes: read_ms(store_bytes.unwrap_or(0)),
        })
    }
}
