//! Workflows, their cases, and budgets.

use sqlx::postgres::PgPool;

use super::ROWS_MAX;
use crate::decode;
use crate::places::read_ms;
use crate::postgres::fault::Fault;
use crate::{CaseFilter, CaseRow, WorkflowRow};

macro_rules! select_cases {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, c.case_id, c.workflow, c.state, c.opened_by, c.started_by, c.single, \
             c.opened_ms, c.due_ms, c.closed_ms, c.runs, c.done, c.failures, c.denials, \
             c.runs_max, c.failures_max, c.denials_max \
             FROM tenants AS t JOIN cases AS c USING (tenant_id) ",
            $rest
        )
    };
}

pub(in crate::postgres) async fn workflows(
    pool: &PgPool,
    tenant: Option<&str>,
) -> Result<Vec<WorkflowRow>, Fault> {
    let sql = "SELECT t.tenant, w.name, w.text, w.installed_ms \
               FROM tenants AS t JOIN workflows AS w USING (tenant_id) \
               WHERE $1 IS NULL OR t.tenant = $1 ORDER BY t.tenant, w.name";
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(decode::workflow).collect()
}

pub(in crate::postgres) async fn case(
    pool: &PgPool,
    tenant: &str,
    case: &str,
) -> Result<Option<CaseRow>, Fault> {
    let sql = select_cases!("WHERE t.tenant = $1 AND c.case_id = $2");
    let select = sqlx::query(sql).bind(tenant).bind(case);
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(decode::case).transpose()
}

pub(in crate::postgres) async fn cases(
    pool: &PgPool,
    tenant: &str,
    filter: &CaseFilter,
) -> Result<Vec<CaseRow>, Fault> {
    let sql = select_cases!(
        "WHERE t.tenant = $1 AND ($2 IS NULL OR c.state = $2) \
         AND ($3 IS NULL OR c.workflow = $3) ORDER BY c.opened_ms DESC, c.case_id DESC LIMIT $4"
    );
    let select = sqlx::query(sql)
        .bind(tenant)
        .bind(filter.state.map(|state| state.as_str()))
        .bind(filter.workflow.as_deref())
        .bind(ROWS_MAX);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::case).collect()
}

pub(in crate::postgres) async fn due_cases(
    pool: &PgPool,
    given_ms: Option<i64>,
    limit: u32,
) -> Result<Vec<CaseRow>, Fault> {
    let sql = select_cases!(
        "WHERE (c.tenant_id, c.case_id) IN ( \
         SELECT * FROM (SELECT tenant_id, case_id FROM cases \
         WHERE state = 'open' AND due_ms <= coalesce($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) ORDER BY due_ms LIMIT $2) AS due \
         UNION SELECT * FROM (SELECT tenant_id, case_id FROM cases \
         WHERE state = 'open' AND (failures >= failures_max OR denials >= denials_max) \
         ORDER BY opened_ms LIMIT $2) AS stopped) ORDER BY c.due_ms LIMIT $2"
    );
    let select = sqlx::query(sql).bind(given_ms).bind(i64::from(limit));
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::case).collect()
}

pub(in crate::postgres) async fn budget_taken(
    pool: &PgPool,
    tenant: &str,
    budget: &str,
) -> Result<u64, Fault> {
    let sql = "SELECT b.taken FROM tenants AS t JOIN budgets AS b USING (tenant_id) \
               WHERE t.tenant = $1 AND b.name = $2";
    let select = sqlx::query_scalar::<_, i64>(sql).bind(tenant).bind(budget);
    let taken = select.fetch_optional(pool).await?.unwrap_or(0);
    Ok(read_ms(taken))
}
