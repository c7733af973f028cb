//! Queues: what waits for a person, and what is sent of it.

use sqlx::sqlite::SqlitePool;

use super::approvals::oldest_of_states;
use crate::decode;
use crate::sqlite::changes::stored_ms;
use crate::sqlite::fault::Fault;
use crate::{DeliveryRow, QueuePlace, QueueRow, QueueState, Waiting};

macro_rules! queue_columns {
    () => {
        "tenant, id, queue, kind, run, case_id, connector, tool, principal, position, state, \
         created_ms, resolved_by, resolved_ms, resolution, record, fold, times, last_ms"
    };
}

pub(in crate::sqlite) async fn queue_item(
    pool: &SqlitePool,
    tenant: &str,
    id: &str,
) -> Result<Option<QueueRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        queue_columns!(),
        " FROM tenants JOIN queue_items USING (tenant_id) WHERE tenant = ?1 AND id = ?2"
    );
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(id)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(decode::queue_item).transpose()
}

pub(in crate::sqlite) async fn queue_items(
    pool: &SqlitePool,
    tenant: &str,
    state: Option<QueueState>,
) -> Result<Vec<QueueRow>, Fault> {
    let states = state.as_ref().map_or(QueueState::ALL, std::slice::from_ref);
    let names = states.iter().map(|state| state.as_str());
    let head = concat!(
        "SELECT ",
        queue_columns!(),
        " FROM tenants CROSS JOIN queue_items USING (tenant_id)"
    );
    let mut sql = oldest_of_states(head, tenant, names);
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(decode::queue_item).collect()
}

/// Both counted by the index of their states.
pub(super) const WAITING: &str = "
    SELECT 'approval', approval, count(*)
    FROM tenants CROSS JOIN approvals USING (tenant_id)
    WHERE tenant = ?1 AND state = 'pending' GROUP BY approval
    UNION ALL
    SELECT 'item', queue, count(*)
    FROM tenants CROSS JOIN queue_items USING (tenant_id)
    WHERE tenant = ?1 AND state = 'open' GROUP BY queue
    ORDER BY 1, 2";

pub(in crate::sqlite) async fn waiting(pool: &SqlitePool, tenant: &str) -> Result<Waiting, Fault> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(WAITING).bind(tenant).fetch_all(pool).await?;
    Ok(Waiting::of(rows))
}

/// Nothing is counted beyond `most`.
pub(in crate::sqlite) async fn queue_place(
    pool: &SqlitePool,
    tenant: &str,
    fold: Option<&str>,
    most: u64,
) -> Result<QueuePlace, Fault> {
    const PLACE: &str = "
        SELECT (SELECT id FROM queue_items AS a WHERE a.tenant_id = t.tenant_id
                AND a.fold = ?2 AND a.state = 'open' ORDER BY a.created_ms, a.id LIMIT 1),
            (SELECT count(*) FROM (SELECT 1 FROM queue_items AS a
                WHERE a.tenant_id = t.tenant_id AND a.state = 'open' LIMIT ?3))
        FROM tenants AS t WHERE t.tenant = ?1";
    let select = sqlx::query(PLACE)
        .bind(tenant)
        .bind(fold)
        .bind(i64::try_from(most).unwrap_or(i64::MAX));
    let row = select.fetch_optional(pool).await?;
    match row {
        Some(row) => decode::queue_place(&row, most),
        None => Ok(QueuePlace::default()),
    }
}

macro_rules! delivery_columns {
    () => {
        "tenant, item, name, state, attempts, due_ms, claimed_by, claimed_until_ms, run"
    };
}

pub(in crate::sqlite) async fn deliveries(
    pool: &SqlitePool,
    tenant: &str,
    items: &[String],
) -> Result<Vec<DeliveryRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM tenants JOIN deliveries USING (tenant_id) WHERE tenant = ?1 \
         AND item IN (SELECT value FROM json_each(?2)) ORDER BY item, name"
    );
    let items = serde_json::Value::from(items).to_string();
    let select = sqlx::query(sql).bind(tenant).bind(items);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delivery).collect()
}

pub(in crate::sqlite) async fn due_deliveries(
    pool: &SqlitePool,
    now_ms: u64,
    limit: u32,
) -> Result<Vec<DeliveryRow>, Fault> {
    let select = sqlx::query(DUE_DELIVERIES)
        .bind(stored_ms(now_ms))
        .bind(i64::from(limit));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delivery).collect()
}

pub(super) const DUE_DELIVERIES: &str = concat!(
    "SELECT ",
    delivery_columns!(),
    " FROM deliveries CROSS JOIN tenants USING (tenant_id) \
       WHERE state = 'pending' AND due_ms <= ?1 \
       AND (claimed_by IS NULL OR claimed_until_ms < ?1) \
       ORDER BY due_ms LIMIT ?2"
);
