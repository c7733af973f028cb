//! What proofs are made of: leaf hashes, tiles, checkpoints.

use sqlx::Row;
use sqlx::sqlite::SqlitePool;
use tollgate_journal::Hash;

use super::{ROWS_MAX, tenant_id};
use crate::decode;
use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::sqlite::{SEQ_BITS, SEQ_MASK};
use crate::{CheckpointRow, TileRow};

/// Most leaf hashes of one answer: 2 MiB.
const HASHES_MAX: u32 = 65_536;

pub(in crate::sqlite) async fn leaf_hashes(
    pool: &SqlitePool,
    tenant: &str,
    from: u64,
    limit: u32,
) -> Result<Vec<Hash>, Fault> {
    let Some(tenant_id) = tenant_id(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let first = tenant_id << SEQ_BITS;
    let Some(from) = i64::try_from(from).ok().filter(|from| *from <= SEQ_MASK) else {
        return Ok(Vec::new());
    };
    let sql = "SELECT hash FROM records WHERE place >= ?1 AND place <= ?2 ORDER BY place LIMIT ?3";
    let query = sqlx::query(sql)
        .bind(first + from)
        .bind(first | SEQ_MASK)
        .bind(limit.min(HASHES_MAX));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(|row| decode::hash(row, 0)).collect()
}

pub(in crate::sqlite) async fn tile(
    pool: &SqlitePool,
    tenant: &str,
    level: u8,
    index: u64,
) -> Result<Option<TileRow>, Fault> {
    let sql = "SELECT hashes FROM tenants JOIN tiles USING (tenant_id) \
               WHERE tenant = ?1 AND level = ?2 AND number = ?3";
    let hashes: Option<Vec<u8>> = sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(level)
        .bind(stored_ms(index))
        .fetch_optional(pool)
        .await?;
    Ok(hashes.map(|hashes| TileRow {
        level,
        index,
        hashes,
    }))
}

/// Counted only where the last one's number is not one less than how many there
/// are, which no host's work leads to.
pub(in crate::sqlite) async fn tile_count(
    pool: &SqlitePool,
    tenant: &str,
    level: u8,
) -> Result<u64, Fault> {
    const ALL: &str = "
        SELECT count(*), coalesce(max(number), -1) + 1 FROM tenants JOIN tiles USING (tenant_id)
        WHERE tenant = ?1 AND level = ?2";
    const FIRST_GAP: &str = "
        SELECT count(*) FROM (
            SELECT number, row_number() OVER (ORDER BY number) - 1 AS place
            FROM tenants JOIN tiles USING (tenant_id) WHERE tenant = ?1 AND level = ?2)
        WHERE number = place";
    let row = sqlx::query(ALL)
        .bind(tenant)
        .bind(level)
        .fetch_one(pool)
        .await?;
    let (count, beyond): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if count == beyond {
        return Ok(read_ms(count));
    }
    let gap = sqlx::query_scalar(FIRST_GAP).bind(tenant).bind(level);
    Ok(read_ms(gap.fetch_one(pool).await?))
}

pub(in crate::sqlite) async fn checkpoints(
    pool: &SqlitePool,
    tenant: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<CheckpointRow>, Fault> {
    let sql = "SELECT tenant, c.count, c.root, c.at_ms, c.note \
               FROM tenants JOIN checkpoints AS c USING (tenant_id) \
               WHERE tenant = ?1 AND c.count < ?2 ORDER BY c.count DESC LIMIT ?3";
    let query = sqlx::query(sql)
        .bind(tenant)
        .bind(before.map_or(i64::MAX, stored_ms))
        .bind(i64::from(limit).min(ROWS_MAX));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(decode::checkpoint).collect()
}
