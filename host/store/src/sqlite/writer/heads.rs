//! Tenants' heads inside a transaction.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row};

use super::Waiting;
use crate::StoreError;
pub(super) use crate::heads::{CachedHead, OpenHead, OpenHeads};
use crate::sqlite::SEQ_BITS;
use crate::sqlite::fault::Fault;

/// Begin, and open the head of every tenant of the batch. A cached tree counts
/// only when the stored head is the same: several processes may share the file.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    batch: &[Waiting],
    cached: &HashMap<String, CachedHead>,
) -> Result<OpenHeads, Fault> {
    let mut tenants: Vec<&str> = batch.iter().filter_map(|w| w.work.tenant()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let marks = vec!["?"; tenants.len()].join(",");
    let text = format!(
        "BEGIN IMMEDIATE; SELECT tenant_id, tenant, count, root FROM tenants WHERE tenant IN ({marks})"
    );
    let mut arguments = SqliteArguments::default();
    for tenant in &tenants {
        arguments.add(*tenant)?;
    }
    let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
        .fetch_all(&mut *connection)
        .await?;
    let mut heads = OpenHeads::with_capacity(tenants.len());
    for row in rows {
        let tenant: String = row.try_get(1)?;
        let head = open_head(connection, &row, cached.get(&tenant)).await?;
        heads.insert(tenant, head);
    }
    for tenant in tenants {
        if let Entry::Vacant(vacant) = heads.entry(tenant.to_owned()) {
            vacant.insert(Ok(new_head(connection, tenant).await?));
        }
    }
    Ok(heads)
}

async fn open_head(
    connection: &mut SqliteConnection,
    row: &SqliteRow,
    cached: Option<&CachedHead>,
) -> Result<Result<OpenHead, StoreError>, Fault> {
    let (tenant_id, count): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
    let root: &[u8] = row.try_get(3)?;
    if let Some(head) = cached.and_then(|cached| OpenHead::cached(cached, tenant_id, count, root)) {
        return Ok(Ok(head));
    }
    let select = "SELECT frontier FROM tenants WHERE tenant_id = ?";
    let stored: Vec<u8> = sqlx::query_scalar(select)
        .bind(tenant_id)
        .fetch_one(&mut *connection)
        .await?;
    Ok(OpenHead::stored(tenant_id, count, root, &stored))
}

async fn new_head(connection: &mut SqliteConnection, tenant: &str) -> Result<OpenHead, Fault> {
    let (_, _, root, tree) = OpenHead::empty(0).close();
    let insert = "INSERT INTO tenants (tenant, count, root, frontier) VALUES (?, 0, ?, ?) RETURNING tenant_id";
    let tenant_id: i64 = sqlx::query_scalar(insert)
        .bind(tenant)
        .bind(root.as_slice())
        .bind(tree)
        .fetch_one(connection)
        .await?;
    if tenant_id >= 1 << (63 - SEQ_BITS) {
        return Err(Fault::corrupt(
            "there are more tenants than one store can number",
        ));
    }
    Ok(OpenHead::empty(tenant_id))
}
