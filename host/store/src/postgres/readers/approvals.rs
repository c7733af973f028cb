//! Approvals: what a person decides on.

use sqlx::postgres::PgPool;

use super::ROWS_MAX;
use crate::decode;
use crate::postgres::fault::Fault;
use crate::postgres::leases::now;
use crate::{ApprovalRow, ApprovalState};

macro_rules! approval_columns {
    () => {
        "t.tenant, a.id, a.run, a.case_id, a.connector, a.tool, a.principal, a.position,
         a.approval, a.rule, a.approvers, a.digest, a.state, a.created_ms, a.decide_by_ms,
         a.execute_within_ms, a.execute_by_ms, a.decided_by, a.decided_ms, a.consumed_ms,
         a.quorum, a.excluded, a.asked, a.deny_stands_ms, a.denied_until_ms, a.exception,
         (SELECT coalesce(json_agg(json_build_array(v.person, v.voter, v.at_ms)
                ORDER BY v.at_ms, v.person), '[]')::text
            FROM approval_votes AS v WHERE v.tenant_id = a.tenant_id AND v.approval = a.id),
         a.card"
    };
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
    row.as_ref().map(decode::approval).transpose()
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
pub(super) use oldest;

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
    rows.iter().map(decode::approval).collect()
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
    rows.iter().map(decode::approval).collect()
}

pub(in crate::postgres) async fn standing_denial(
    pool: &PgPool,
    given_ms: Option<i64>,
    tenant: &str,
    asked: &str,
    run: &str,
) -> Result<Option<ApprovalRow>, Fault> {
    const DENIED: &str = concat!(
        "SELECT ",
        approval_columns!(),
        " FROM tenants AS t JOIN approvals AS a USING (tenant_id)
          WHERE t.tenant = $2 AND a.state = 'denied' AND a.asked = $3 AND a.run <> $4
            AND a.denied_until_ms >= ",
        now!(),
        " ORDER BY a.denied_until_ms DESC LIMIT 1"
    );
    let select = sqlx::query(DENIED).bind(given_ms).bind(tenant);
    let row = select.bind(asked).bind(run).fetch_optional(pool).await?;
    row.as_ref().map(decode::approval).transpose()
}
