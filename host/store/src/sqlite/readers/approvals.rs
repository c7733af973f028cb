//! Approvals, and the queues of work for people.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};

use super::{ROWS_MAX, from_json};
use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::{ApprovalRow, ApprovalState, QueueRow, QueueState};

macro_rules! approval_columns {
    () => {
        "tenant, id, run, case_id, connector, tool, principal, position, approval, rule, \
         approvers, digest, state, created_ms, decide_by_ms, execute_within_ms, execute_by_ms, \
         decided_by, decided_ms, consumed_ms, card"
    };
}

fn maybe_ms(row: &SqliteRow, column: usize) -> Result<Option<u64>, Fault> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(read_ms))
}

fn approval_row(row: &SqliteRow) -> Result<ApprovalRow, Fault> {
    Ok(ApprovalRow {
        tenant: row.try_get(0)?,
        id: row.try_get(1)?,
        run: row.try_get(2)?,
        case: row.try_get(3)?,
        connector: row.try_get(4)?,
        tool: row.try_get(5)?,
        principal: row.try_get(6)?,
        position: row.try_get(7)?,
        approval: row.try_get(8)?,
        rule: row.try_get(9)?,
        approvers: from_json(row.try_get(10)?)?,
        digest: row.try_get(11)?,
        state: ApprovalState::from_stored(row.try_get(12)?)?,
        created_ms: read_ms(row.try_get(13)?),
        decide_by_ms: read_ms(row.try_get(14)?),
        execute_within_ms: read_ms(row.try_get(15)?),
        execute_by_ms: maybe_ms(row, 16)?,
        decided_by: row.try_get(17)?,
        decided_ms: maybe_ms(row, 18)?,
        consumed_ms: maybe_ms(row, 19)?,
        card: row.try_get(20)?,
    })
}

pub(in crate::sqlite) async fn approval(
    pool: &SqlitePool,
    tenant: &str,
    id: &str,
) -> Result<Option<ApprovalRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        approval_columns!(),
        " FROM tenants JOIN approvals USING (tenant_id) WHERE tenant = ?1 AND id = ?2"
    );
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(id)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(approval_row).transpose()
}

pub(in crate::sqlite) async fn approvals(
    pool: &SqlitePool,
    tenant: &str,
    state: Option<ApprovalState>,
) -> Result<Vec<ApprovalRow>, Fault> {
    let states = state
        .as_ref()
        .map_or(ApprovalState::ALL, std::slice::from_ref);
    let names = states.iter().map(|state| state.as_str());
    let head = concat!(
        "SELECT ",
        approval_columns!(),
        " FROM tenants CROSS JOIN approvals USING (tenant_id)"
    );
    let mut sql = oldest_of_states(head, tenant, names);
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(approval_row).collect()
}

/// The oldest rows in any of some states, each state by its index.
pub(super) fn oldest_of_states(
    head: &str,
    tenant: &str,
    states: impl Iterator<Item = &'static str>,
) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new("");
    for (index, state) in states.enumerate() {
        sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql.push("SELECT * FROM (").push(head);
        sql.push(" WHERE tenant = ").push_bind(tenant.to_owned());
        sql.push(" AND state = ").push_bind(state);
        sql.push(" ORDER BY created_ms, id LIMIT ");
        sql.push_bind(ROWS_MAX).push(")");
    }
    sql.push(" ORDER BY created_ms, id LIMIT ");
    sql.push_bind(ROWS_MAX);
    sql
}

pub(in crate::sqlite) async fn due_approvals(
    pool: &SqlitePool,
    now_ms: u64,
    limit: u32,
) -> Result<Vec<ApprovalRow>, Fault> {
    let query = sqlx::query(DUE)
        .bind(stored_ms(now_ms))
        .bind(i64::from(limit));
    let rows = query.fetch_all(pool).await?;
    rows.iter().map(approval_row).collect()
}

pub(super) const DUE: &str = concat!(
    "SELECT * FROM (SELECT ",
    approval_columns!(),
    ", decide_by_ms AS due_ms FROM approvals CROSS JOIN tenants USING (tenant_id) \
       WHERE state = 'pending' AND decide_by_ms < ?1 ORDER BY decide_by_ms LIMIT ?2) \
     UNION ALL SELECT * FROM (SELECT ",
    approval_columns!(),
    ", execute_by_ms AS due_ms FROM approvals CROSS JOIN tenants USING (tenant_id) \
       WHERE state = 'approved' AND execute_by_ms < ?1 ORDER BY execute_by_ms LIMIT ?2) \
     ORDER BY due_ms LIMIT ?2"
);

macro_rules! queue_columns {
    () => {
        "tenant, id, queue, kind, run, case_id, connector, tool, principal, position, state, \
         created_ms, resolved_by, resolved_ms, resolution"
    };
}

fn queue_row(row: &SqliteRow) -> Result<QueueRow, Fault> {
    Ok(QueueRow {
        tenant: row.try_get(0)?,
        id: row.try_get(1)?,
        queue: row.try_get(2)?,
        kind: row.try_get(3)?,
        run: row.try_get(4)?,
        case: row.try_get(5)?,
        connector: row.try_get(6)?,
        tool: row.try_get(7)?,
        principal: row.try_get(8)?,
        position: row.try_get(9)?,
        state: QueueState::from_stored(row.try_get(10)?)?,
        created_ms: read_ms(row.try_get(11)?),
        resolved_by: row.try_get(12)?,
        resolved_ms: maybe_ms(row, 13)?,
        resolution: row.try_get(14)?,
    })
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
    row.as_ref().map(queue_row).transpose()
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
    rows.iter().map(queue_row).collect()
}
