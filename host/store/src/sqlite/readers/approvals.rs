//! Approvals: what a person decides on.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Sqlite};

use super::ROWS_MAX;
use crate::decode;
use crate::sqlite::changes::stored_ms;
use crate::sqlite::fault::Fault;
use crate::{ApprovalRow, ApprovalState};

macro_rules! approval_columns {
    () => {
        "tenant, id, run, case_id, connector, tool, principal, position, approval, rule, \
         approvers, digest, state, created_ms, decide_by_ms, execute_within_ms, execute_by_ms, \
         decided_by, decided_ms, consumed_ms, quorum, excluded, asked, deny_stands_ms, \
         denied_until_ms, exception, \
         (SELECT json_group_array(json_array(v.person, v.voter, v.at_ms) ORDER BY v.at_ms, v.person) \
            FROM approval_votes AS v \
            WHERE v.tenant_id = approvals.tenant_id AND v.approval = approvals.id), card"
    };
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
    row.as_ref().map(decode::approval).transpose()
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
    rows.iter().map(decode::approval).collect()
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
    rows.iter().map(decode::approval).collect()
}

pub(in crate::sqlite) async fn standing_denial(
    pool: &SqlitePool,
    tenant: &str,
    asked: &str,
    run: &str,
    now_ms: u64,
) -> Result<Option<ApprovalRow>, Fault> {
    let query = sqlx::query(DENIED)
        .bind(tenant)
        .bind(asked)
        .bind(run)
        .bind(stored_ms(now_ms));
    let row = query.fetch_optional(pool).await?;
    row.as_ref().map(decode::approval).transpose()
}

const DENIED: &str = concat!(
    "SELECT ",
    approval_columns!(),
    " FROM tenants CROSS JOIN approvals USING (tenant_id) \
      WHERE tenant = ?1 AND state = 'denied' AND asked = ?2 AND run <> ?3 \
        AND denied_until_ms >= ?4 ORDER BY denied_until_ms DESC LIMIT 1"
);

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
