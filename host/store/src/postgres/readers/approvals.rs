//! Approvals and queues: what waits for a person.

use sqlx::Row;
use sqlx::postgres::{PgPool, PgRow};

use super::{ROWS_MAX, maybe_ms, names, position};
use crate::places::read_ms;
use crate::postgres::fault::Fault;
use crate::postgres::leases::now;
use crate::{ApprovalRow, ApprovalState, QueueRow, QueueState};

macro_rules! approval_columns {
    () => {
        "t.tenant, a.id, a.run, a.case_id, a.connector, a.tool, a.principal, a.position,
         a.approval, a.rule, a.approvers, a.digest, a.state, a.created_ms, a.decide_by_ms,
         a.execute_within_ms, a.execute_by_ms, a.decided_by, a.decided_ms, a.consumed_ms, a.card"
    };
}

fn approval_row(row: &PgRow) -> Result<ApprovalRow, Fault> {
    Ok(ApprovalRow {
        tenant: row.try_get(0)?,
        id: row.try_get(1)?,
        run: row.try_get(2)?,
        case: row.try_get(3)?,
        connector: row.try_get(4)?,
        tool: row.try_get(5)?,
        principal: row.try_get(6)?,
        position: position(row, 7)?,
        approval: row.try_get(8)?,
        rule: row.try_get(9)?,
        approvers: names(row.try_get(10)?)?,
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

pub(in crate::postgres) async fn approval(
    pool: &PgPool,
    tenant: &str,
    id: &str,
) -> Result<Option<ApprovalRow>, Fault> {
    let sql = concat!(
        "SELECT ",
        approval_columns!(),
        " FROM tenants AS t JOIN approvals AS a USING (tenant_id)
          WHERE t.tenant = $1 AND a.id = $2"
    );
    let select = sqlx::query(sql).bind(tenant).bind(id);
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(approval_row).transpose()
}

/// The oldest rows of a table in any of some states, each state by its index.
macro_rules! oldest {
    ($columns:expr, $table:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM tenants AS t
                CROSS JOIN unnest($2::text[]) AS s (state)
                CROSS JOIN LATERAL (
                    SELECT * FROM ",
            $table,
            " WHERE tenant_id = t.tenant_id AND state = s.state
                    ORDER BY created_ms, id LIMIT $3) AS a
            WHERE t.tenant = $1 ORDER BY a.created_ms, a.id LIMIT $3"
        )
    };
}

pub(in crate::postgres) async fn approvals(
    pool: &PgPool,
    tenant: &str,
    state: Option<ApprovalState>,
) -> Result<Vec<ApprovalRow>, Fault> {
    let states = state
        .as_ref()
        .map_or(ApprovalState::ALL, std::slice::from_ref);
    let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let select = sqlx::query(oldest!(approval_columns!(), "approvals"));
    let select = select.bind(tenant).bind(states).bind(ROWS_MAX);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(approval_row).collect()
}

pub(in crate::postgres) async fn due_approvals(
    pool: &PgPool,
    given_ms: Option<i64>,
    limit: u32,
) -> Result<Vec<ApprovalRow>, Fault> {
    const DUE: &str = concat!(
        "WITH due AS (
            (SELECT *, decide_by_ms AS due_ms FROM approvals
             WHERE state = 'pending' AND decide_by_ms < ",
        now!(),
        " ORDER BY decide_by_ms LIMIT $2)
            UNION ALL
            (SELECT *, execute_by_ms AS due_ms FROM approvals
             WHERE state = 'approved' AND execute_by_ms < ",
        now!(),
        " ORDER BY execute_by_ms LIMIT $2))
        SELECT ",
        approval_columns!(),
        " FROM due AS a JOIN tenants AS t USING (tenant_id) ORDER BY a.due_ms LIMIT $2"
    );
    let select = sqlx::query(DUE).bind(given_ms).bind(i64::from(limit));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(approval_row).collect()
}

macro_rules! queue_columns {
    () => {
        "t.tenant, a.id, a.queue, a.kind, a.run, a.case_id, a.connector, a.tool, a.principal,
         a.position, a.state, a.created_ms, a.resolved_by, a.resolved_ms, a.resolution"
    };
}

fn queue_row(row: &PgRow) -> Result<QueueRow, Fault> {
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
        position: position(row, 9)?,
        state: QueueState::from_stored(row.try_get(10)?)?,
        created_ms: read_ms(row.try_get(11)?),
        resolved_by: row.try_get(12)?,
        resolved_ms: maybe_ms(row, 13)?,
        resolution: row.try_get(14)?,
    })
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
    row.as_ref().map(queue_row).transpose()
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
    rows.iter().map(queue_row).collect()
}
