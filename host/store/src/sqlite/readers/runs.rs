//! Runs.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::ROWS_MAX;
use crate::decode;
use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::{Looked, RunRow, RunState};

/// What [`decode::run`] reads, after the tenant.
macro_rules! run_columns {
    () => {
        "run, case_id, workflow, principal, connector, tool, manifest_digest, component, \
         input_digest, request_key, same, state, approval, opened_ms, updated_ms, lease_owner, \
         lease_until_ms, lease_token, sealed"
    };
}
pub(in crate::sqlite) use run_columns;

macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT tenant, ",
            run_columns!(),
            " FROM tenants JOIN runs USING (tenant_id) WHERE tenant = ?1 ",
            $rest
        )
    };
}

pub(in crate::sqlite) async fn run(
    pool: &SqlitePool,
    tenant: &str,
    run: &str,
) -> Result<Option<RunRow>, Fault> {
    let sql = select_runs!("AND run = ?2");
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(run)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(decode::run).transpose()
}

/// Each state by its index, and of these the newest: however many runs wait, no
/// more than a thousand of each state are read.
pub(in crate::sqlite) async fn runs(
    pool: &SqlitePool,
    tenant: &str,
    states: &[RunState],
) -> Result<Vec<RunRow>, Fault> {
    let mut sql = runs_query(tenant, states);
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(decode::run).collect()
}

pub(super) fn runs_query(tenant: &str, states: &[RunState]) -> QueryBuilder<Sqlite> {
    let states = if states.is_empty() {
        RunState::ALL
    } else {
        states
    };
    let mut sql = QueryBuilder::new("");
    for (index, state) in states.iter().enumerate() {
        // A state that was named twice is one.
        if states[..index].contains(state) {
            continue;
        }
        sql.push(if index == 0 { "" } else { " UNION ALL " });
        sql.push(concat!(
            "SELECT * FROM (SELECT tenant, ",
            run_columns!(),
            " FROM tenants CROSS JOIN runs USING (tenant_id) WHERE tenant = "
        ));
        sql.push_bind(tenant.to_owned()).push(" AND state = ");
        sql.push_bind(state.as_str());
        sql.push(" ORDER BY opened_ms DESC, run DESC LIMIT ");
        sql.push_bind(ROWS_MAX).push(")");
    }
    sql.push(" ORDER BY opened_ms DESC, run DESC LIMIT ");
    sql.push_bind(ROWS_MAX);
    sql
}

/// The count and the run are of one moment.
pub(in crate::sqlite) async fn run_of_request(
    pool: &SqlitePool,
    tenant: &str,
    same: &str,
    ended_since_ms: Option<u64>,
) -> Result<Looked, Fault> {
    const LOOK: &str = concat!(
        "SELECT t.tenant, ",
        run_columns!(),
        ", t.count
        FROM tenants AS t LEFT JOIN runs AS r ON r.tenant_id = t.tenant_id AND r.run = coalesce(
            (SELECT a.run FROM runs AS a WHERE a.tenant_id = t.tenant_id AND a.same = ?2
                AND a.state IN ('open', 'held', 'in_doubt') LIMIT 1),
            (SELECT e.run FROM runs AS e WHERE e.tenant_id = t.tenant_id AND e.same = ?2
                AND ?3 IS NOT NULL AND e.updated_ms >= ?3 AND e.request_key IS NOT NULL
                AND e.ended_at IS NOT NULL
                ORDER BY e.ended_at DESC, e.updated_ms DESC LIMIT 1))
        WHERE t.tenant = ?1"
    );
    let look = sqlx::query(LOOK)
        .bind(tenant)
        .bind(same)
        .bind(ended_since_ms.map(stored_ms));
    let Some(row) = look.fetch_optional(pool).await? else {
        return Ok(Looked {
            first: None,
            count: 0,
        });
    };
    let found: Option<String> = row.try_get("run")?;
    Ok(Looked {
        first: found.map(|_| decode::run(&row)).transpose()?,
        count: read_ms(row.try_get("count")?),
    })
}
