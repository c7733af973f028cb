//! What proofs are made of: heads, leaf hashes, tiles, checkpoints.

use sqlx::Row;
use sqlx::postgres::PgPool;
use tollgate_journal::Hash;

use super::{ROWS_MAX, extent};
use crate::decode;
use crate::places::{SEQ_MASK, place, read_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{CheckpointRow, Head, TileRow};

/// Most leaf hashes of one answer: 2 MiB.
const HASHES_MAX: u32 = 65_536;

pub(in crate::postgres) async fn heads(pool: &PgPool) -> Result<Vec<Head>, Fault> {
    let select = sqlx::query("SELECT tenant, count, root FROM tenants ORDER BY tenant");
    select
        .fetch_all(pool)
        .await?
        .iter()
        .map(decode::head)
        .collect()
}

pub(in crate::postgres) async fn leaf_hashes(
    pool: &PgPool,
    tenant: &str,
    from: u64,
    limit: u32,
) -> Result<Vec<Hash>, Fault> {
    let Some((tenant_id, count)) = extent(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    if from >= read_ms(count) {
        return Ok(Vec::new());
    }
    let sql = "SELECT hash FROM records WHERE place >= $1 AND place <= $2 ORDER BY place LIMIT $3";
    let select = sqlx::query(sql)
        .bind(place(tenant_id, from))
        .bind(place(tenant_id, 0) | SEQ_MASK)
        .bind(i64::from(limit.min(HASHES_MAX)));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(|row| decode::hash(row, 0)).collect()
}

pub(in crate::postgres) async fn tile(
    pool: &PgPool,
    tenant: &str,
    level: u8,
    index: u64,
) -> Result<Option<TileRow>, Fault> {
    let sql = "SELECT tiles.hashes FROM tenants AS t JOIN tiles USING (tenant_id)
               WHERE t.tenant = $1 AND tiles.level = $2 AND tiles.number = $3";
    let select = sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(i16::from(level))
        .bind(stored_ms(index));
    let hashes: Option<Vec<u8>> = select.fetch_optional(pool).await?;
    Ok(hashes.map(|hashes| TileRow {
        level,
        index,
        hashes,
    }))
}

/// Counted only where the last one's number is not one less than how many there
/// are, which no host's work leads to.
pub(in crate::postgres) async fn tile_count(
    pool: &PgPool,
    tenant: &str,
    level: u8,
) -> Result<u64, Fault> {
    const ALL: &str = "
        SELECT count(*), coalesce(max(number), -1) + 1
        FROM tenants AS t JOIN tiles USING (tenant_id) WHERE t.tenant = $1 AND level = $2";
    const BEFORE_A_GAP: &str = "
        SELECT count(*) FROM (
            SELECT number, row_number() OVER (ORDER BY number) - 1 AS place
            FROM tenants AS t JOIN tiles USING (tenant_id)
            WHERE t.tenant = $1 AND level = $2) AS numbered
        WHERE number = place";
    let level = i16::from(level);
    let all = sqlx::query(ALL).bind(tenant).bind(level);
    let row = all.fetch_one(pool).await?;
    let (count, beyond): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if count == beyond {
        return Ok(read_ms(count));
    }
    let gap = sqlx::query_scalar(BEFORE_A_GAP).bind(tenant).bind(level);
    Ok(read_ms(gap.fetch_one(pool).await?))
}

pub(in crate::postgres) async fn checkpoints(
    pool: &PgPool,
    tenant: &str,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<CheckpointRow>, Fault> {
    let sql = "SELECT t.tenant, c.count, c.root, c.at_ms, c.note
               FROM tenants AS t JOIN checkpoints AS c USING (tenant_id)
               WHERE t.tenant = $1 AND c.count < $2 ORDER BY c.count DESC LIMIT $3";
    let select = sqlx::query(sql)
        .bind(tenant)
        .bind(before.map_or(i64::MAX, stored_ms))
        .bind(i64::from(limit).min(ROWS_MAX));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::checkpoint).collect()
}
