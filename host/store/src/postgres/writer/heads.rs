//! The heads of the tenants of a transaction, locked.

use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Executor, Row};
use tollgate_journal::Frontier;

use super::Waiting;
use crate::StoreError;
pub(super) use crate::heads::{CachedHead, OpenHead, OpenHeads};
use crate::places::SEQ_BITS;
use crate::postgres::fault::Fault;

/// Begin, lock the head of every tenant of the batch, and tell the time. A cached
/// tree counts only when the stored head is the same: other hosts append too.
pub(super) async fn begin(
    connection: &mut PgConnection,
    batch: &[Waiting],
    cached: &HashMap<String, CachedHead>,
) -> Result<(OpenHeads, i64), Fault> {
    // The locks are taken one by one in the order of the numbers, in which every
    // host takes them, so that no two wait for each other. The time is told after
    // the last: whoever had to wait is judged by the time it is then.
    const HEADS: &str = "
        WITH locked AS MATERIALIZED (
            SELECT tenant_id, tenant, count, root FROM tenants
            WHERE tenant = ANY($1) ORDER BY tenant_id FOR UPDATE)
        SELECT tenant_id, tenant, count, root,
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        FROM locked";
    let mut tenants: Vec<&str> = batch.iter().map(|w| w.submission.tenant.as_str()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    connection.execute("BEGIN").await?;
    let select = || sqlx::query(HEADS).bind(tenants.as_slice());
    let mut rows = select().fetch_all(&mut *connection).await?;
    if rows.len() < tenants.len() {
        // Outside of a transaction that holds locks: two hosts that make two
        // tenants in different orders would wait for each other.
        connection.execute("ROLLBACK").await?;
        make_tenants(connection, &tenants).await?;
        connection.execute("BEGIN").await?;
        rows = select().fetch_all(&mut *connection).await?;
    }
    let mut heads = OpenHeads::with_capacity(tenants.len());
    let mut now = 0;
    for row in rows {
        let tenant: String = row.try_get(1)?;
        let head = open_head(connection, &row, cached.get(&tenant)).await?;
        heads.insert(tenant, head);
        now = row.try_get(4)?;
    }
    Ok((heads, now))
}

async fn make_tenants(connection: &mut PgConnection, tenants: &[&str]) -> Result<(), Fault> {
    const MAKE: &str = "
        INSERT INTO tenants (tenant, count, root, frontier)
        SELECT tenant, 0, $2, $3 FROM unnest($1::text[]) AS new (tenant)
        WHERE NOT EXISTS (SELECT FROM tenants AS t WHERE t.tenant = new.tenant)
        ORDER BY tenant
        ON CONFLICT (tenant) DO NOTHING RETURNING tenant_id";
    let empty = Frontier::new();
    let root = empty.root();
    let make = sqlx::query_scalar(MAKE).bind(tenants);
    let make = make.bind(root.as_slice()).bind(empty.to_bytes());
    let made: Vec<i64> = make.fetch_all(connection).await?;
    if made.iter().any(|&id| id >= 1 << (63 - SEQ_BITS)) {
        return Err(Fault::corrupt(
            "there are more tenants than one store can number",
        ));
    }
    Ok(())
}

async fn open_head(
    connection: &mut PgConnection,
    row: &PgRow,
    cached: Option<&CachedHead>,
) -> Result<Result<OpenHead, StoreError>, Fault> {
    let (tenant_id, count): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
    let root: &[u8] = row.try_get(3)?;
    if let Some(head) = cached.and_then(|cached| OpenHead::cached(cached, tenant_id, count, root)) {
        return Ok(Ok(head));
    }
    let select = "SELECT frontier FROM tenants WHERE tenant_id = $1";
    let select = sqlx::query_scalar(select).bind(tenant_id);
    let stored: Vec<u8> = select.fetch_one(connection).await?;
    Ok(OpenHead::stored(tenant_id, count, root, &stored))
}
