//! Readers. Each is one statement on a connection that cannot write, except
//! verification, which pages through a whole journal, and large values, which are
//! fetched for the records that have some.

mod approvals;
mod delegations;
#[cfg(test)]
mod plans;
mod proofs;
mod queues;
mod records;
pub(super) mod runs;
mod verify;
mod work;

use sqlx::sqlite::SqlitePool;

pub(super) use self::approvals::{approval, approvals, due_approvals, standing_denial};
pub(super) use self::delegations::delegations;
pub(super) use self::proofs::{checkpoints, leaf_hashes, tile, tile_count};
pub(super) use self::queues::{
    deliveries, due_deliveries, queue_item, queue_items, queue_place, waiting,
};
pub(super) use self::records::{closed_runs, records};
pub(super) use self::runs::{run, run_of_request, runs};
pub(super) use self::verify::verify;
pub(super) use self::work::{budget_taken, case, cases, due_cases, workflows};
use super::fault::Fault;
use crate::decode;
use crate::{ConnectorRow, Head, KvEntry, PrincipalRow};

/// Most rows of one answer of runs, approvals, queue items or checkpoints.
const ROWS_MAX: i64 = 1_000;

/// Most records of one answer: more than any run has, and a bound for listings.
const RECORDS_MAX: u32 = 10_000;

async fn tenant_id(pool: &SqlitePool, tenant: &str) -> Result<Option<i64>, Fault> {
    let select = "SELECT tenant_id FROM tenants WHERE tenant = ?";
    Ok(sqlx::query_scalar(select)
        .bind(tenant)
        .fetch_optional(pool)
        .await?)
}

/// A tenant's number, and how many places of its records are taken.
pub(super) async fn extent(pool: &SqlitePool, tenant: &str) -> Result<Option<(i64, i64)>, Fault> {
    let select = "SELECT tenant_id, count FROM tenants WHERE tenant = ?";
    Ok(sqlx::query_as(select)
        .bind(tenant)
        .fetch_optional(pool)
        .await?)
}

macro_rules! connector_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, c.name, c.manifest_text, c.component_digest, c.installed_ms \
             FROM tenants AS t JOIN connectors AS c USING (tenant_id) ",
            $rest
        )
    };
}

pub(super) async fn connector(
    pool: &SqlitePool,
    tenant: &str,
    name: &str,
) -> Result<Option<ConnectorRow>, Fault> {
    let sql = connector_columns!("WHERE t.tenant = ?1 AND c.name = ?2");
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(name)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(decode::connector).transpose()
}

pub(super) async fn connectors(
    pool: &SqlitePool,
    tenant: Option<&str>,
) -> Result<Vec<ConnectorRow>, Fault> {
    let sql = connector_columns!("WHERE ?1 IS NULL OR t.tenant = ?1 ORDER BY t.tenant, c.name");
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(decode::connector).collect()
}

pub(super) async fn component(pool: &SqlitePool, digest: &str) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT bytes FROM components WHERE digest = ?";
    Ok(sqlx::query_scalar(sql)
        .bind(digest)
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn kv_get(
    pool: &SqlitePool,
    tenant: &str,
    connector: &str,
    store: &str,
    key: &str,
) -> Result<Option<KvEntry>, Fault> {
    let sql = "SELECT kv.value, kv.version FROM tenants AS t JOIN kv USING (tenant_id) \
               WHERE t.tenant = ? AND kv.connector = ? AND kv.store = ? AND kv.key = ?";
    let query = sqlx::query(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(key);
    let row = query.fetch_optional(pool).await?;
    row.as_ref().map(decode::kv_entry).transpose()
}

pub(super) async fn kv_keys(
    pool: &SqlitePool,
    tenant: &str,
    connector: &str,
    store: &str,
    prefix: &str,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    // Compared as text, not by LIKE: `%` and `_` in a prefix are themselves.
    let sql = "SELECT kv.key FROM tenants AS t JOIN kv USING (tenant_id) \
               WHERE t.tenant = ?1 AND kv.connector = ?2 AND kv.store = ?3 AND kv.key >= ?4 \
               AND substr(kv.key, 1, length(?4)) = ?4 ORDER BY kv.key LIMIT ?5";
    let query = sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(prefix);
    Ok(query.bind(i64::from(limit)).fetch_all(pool).await?)
}

pub(super) async fn heads(pool: &SqlitePool) -> Result<Vec<Head>, Fault> {
    let sql = "SELECT tenant, count, root FROM tenants ORDER BY tenant";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    rows.iter().map(decode::head).collect()
}

pub(super) async fn subject_key(
    pool: &SqlitePool,
    tenant: &str,
    subject: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT k.wrapped FROM tenants AS t JOIN subject_keys AS k USING (tenant_id) \
               WHERE t.tenant = ? AND k.subject = ?";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(subject)
        .fetch_optional(pool)
        .await?)
}

macro_rules! principal_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, p.id, p.name, p.kind, p.groups, p.token_hash, p.created_ms, \
             p.revoked_ms, p.public_key, p.oidc_issuer, p.oidc_subject, p.password \
             FROM principals AS p JOIN tenants AS t USING (tenant_id) WHERE ",
            $rest
        )
    };
}

pub(super) async fn principal_by_token_hash(
    pool: &SqlitePool,
    token_hash: &[u8; 32],
) -> Result<Option<PrincipalRow>, Fault> {
    let sql = principal_columns!("p.token_hash = ? AND p.revoked_ms IS NULL");
    let row = sqlx::query(sql)
        .bind(token_hash.as_slice())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(decode::principal).transpose()
}

pub(super) async fn principals(
    pool: &SqlitePool,
    tenant: &str,
) -> Result<Vec<PrincipalRow>, Fault> {
    let sql = principal_columns!("t.tenant = ? ORDER BY p.id");
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(decode::principal).collect()
}
