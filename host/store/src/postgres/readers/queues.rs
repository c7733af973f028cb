//! Queues: what waits for a person, and what is sent of it.

use sqlx::postgres::PgPool;

use super::ROWS_MAX;
use super::approvals::oldest;
use crate::decode;
use crate::postgres::fault::Fault;
use crate::postgres::leases::now;
use crate::{DeliveryRow, QueuePlace, QueueRow, QueueState, Waiting};

macro_rules! queue_columns {
    () => {
        "t.tenant, a.id, a.queue, a.kind, a.run, a.case_id, a.connector, a.tool, a.principal,
         a.position, a.state, a.created_ms, a.resolved_by, a.resolved_ms, a.resolution, a.record,
         a.fold, a.times, a.last_ms"
    };
}

pub(in crate::postgres) async fn queue_item(
    pool: &PgPool,
    tenant: &str,
    id: &str,
) -> Result<Option<QueueRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        queue_columns!(),
        " FROM tenants AS t JOIN queue_items AS a USING (tenant_id)
          WHERE t.tenant = $1 AND a.id = $2"
    );
    let select = sqlx::query(sql).bind(tenant).bind(id);
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(decode::queue_item).transpose()
}

const WAITING: &str = "
    SELECT 'approval', a.approval, count(*)
    FROM tenants AS t JOIN approvals AS a USING (tenant_id)
    WHERE t.tenant = $1 AND a.state = 'pending' GROUP BY a.approval
    UNION ALL
    SELECT 'item', a.queue, count(*)
    FROM tenants AS t JOIN queue_items AS a USING (tenant_id)
    WHERE t.tenant = $1 AND a.state = 'open' GROUP BY a.queue
    ORDER BY 1, 2";

pub(in crate::postgres) async fn waiting(pool: &PgPool, tenant: &str) -> Result<Waiting, Fault> {
    let rows: Vec<(String, String, i64)> =
        sqlx::query_as(WAITING).bind(tenant).fetch_all(pool).await?;
    Ok(Waiting::of(rows))
}

pub(in crate::postgres) async fn queue_items(
    pool: &PgPool,
    tenant: &str,
    state: Option<QueueState>,
) -> Result<Vec<QueueRow>, Fault> {
    let states = state.as_ref().map_or(QueueState::ALL, std::slice::from_ref);
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let select = sqlx::query(oldest!(queue_columns!(), "queue_items"));
    let select = select.bind(tenant).bind(states).bind(ROWS_MAX);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::queue_item).collect()
}

/// Nothing is counted beyond `most`.
pub(in crate::postgres) async fn queue_place(
    pool: &PgPool,
    tenant: &str,
    fold: Option<&str>,
    most: u64,
) -> Result<QueuePlace, Fault> {
    const PLACE: &str = "
        SELECT (SELECT id FROM queue_items AS a WHERE a.tenant_id = t.tenant_id
                AND a.fold = $2 AND a.state = 'open' ORDER BY a.created_ms, a.id LIMIT 1),
            (SELECT count(*) FROM (SELECT 1 FROM queue_items AS a
                WHERE a.tenant_id = t.tenant_id AND a.state = 'open' LIMIT $3) AS open)
        FROM tenants AS t WHERE t.tenant = $1";
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
        "t.tenant, d.item, d.name, d.state, d.attempts, d.due_ms, d.claimed_by,
         d.claimed_until_ms, d.run"
    };
}

pub(in crate::postgres) async fn deliveries(
    pool: &PgPool,
    tenant: &str,
    items: &[String],
) -> Result<Vec<DeliveryRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM tenants AS t JOIN deliveries AS d USING (tenant_id)
          WHERE t.tenant = $1 AND d.item = ANY($2::text[]) ORDER BY d.item, d.name"
    );
    let select = sqlx::query(sql).bind(tenant).bind(items);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delivery).collect()
}

pub(in crate::postgres) async fn due_deliveries(
    pool: &PgPool,
    given_ms: Option<i64>,
    limit: u32,
) -> Result<Vec<DeliveryRow>, Fault> {
    const DUE: &str = concat!(
        "SELECT ",
        delivery_columns!(),
        " FROM deliveries AS d JOIN tenants AS t USING (tenant_id)
          WHERE d.state = 'pending' AND d.due_ms <= ",
        now!(),
        " AND (d.claimed_by IS NULL OR d.claimed_until_ms < ",
        now!(),
        ") ORDER BY d.due_ms, d.item, d.name LIMIT $2"
    );
    let select = sqlx::query(DUE).bind(given_ms).bind(i64::from(limit));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delivery).collect()
}
