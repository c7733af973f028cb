//! Runs.

use sqlx::Row;
use sqlx::postgres::PgPool;

use super::ROWS_MAX;
use crate::decode;
use crate::places::{read_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{Looked, RunRow, RunState};

/// What [`decode::run`] reads, after the tenant, each with a prefix.
macro_rules! run_columns {
    ($r:literal) => {
        concat!(
            $r,
            "run, ",
            $r,
            "case_id, ",
            $r,
            "workflow, ",
            $r,
            "principal, ",
            $r,
            "connector, ",
            $r,
            "tool, ",
            $r,
            "manifest_digest, ",
            $r,
            "component, ",
            $r,
            "input_digest, ",
            $r,
            "request_key, ",
            $r,
            "same, ",
            $r,
            "state, ",
            $r,
            "approval, ",
            $r,
            "opened_ms, ",
            $r,
            "updated_ms, ",
            $r,
            "lease_owner, ",
            $r,
            "lease_until_ms, ",
            $r,
            "lease_token, ",
            $r,
            "sealed"
        )
    };
}
pub(in crate::postgres) use run_columns;

macro_rules! select_runs {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, ",
            run_columns!("r."),
            " FROM tenants AS t JOIN runs AS r USING (tenant_id) WHERE t.tenant = $1 ",
            $rest
        )
    };
}

pub(in crate::postgres) async fn run(
    pool: &PgPool,
    tenant: &str,
    run: &str,
) -> Result<Option<RunRow>, Fault> {
    let select = sqlx::query(select_runs!("AND r.run = $2"));
    let row = select.bind(tenant).bind(run).fetch_optional(pool).await?;
    row.as_ref().map(decode::run).transpose()
}

/// Each state by its index, and of these the newest: however many runs wait, no
/// more than a thousand of each state are read.
pub(in crate::postgres) async fn runs(
    pool: &PgPool,
    tenant: &str,
    states: &[RunState],
) -> Result<Vec<RunRow>, Fault> {
    const RUNS: &str = concat!(
        "SELECT t.tenant, ",
        run_columns!("r."),
        " FROM tenants AS t
            CROSS JOIN (SELECT DISTINCT * FROM unnest($2::text[])) AS s (state)
            CROSS JOIN LATERAL (
                SELECT * FROM runs WHERE tenant_id = t.tenant_id AND state = s.state
                ORDER BY opened_ms DESC, run DESC LIMIT $3) AS r
        WHERE t.tenant = $1 ORDER BY r.opened_ms DESC, r.run DESC LIMIT $3"
    );
    let states = if states.is_empty() {
        RunState::ALL
    } else {
        states
    };
    let names: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let select = sqlx::query(RUNS).bind(tenant).bind(names).bind(ROWS_MAX);
    select
        .fetch_all(pool)
        .await?
        .iter()
        .map(decode::run)
        .collect()
}

/// The count and the run are of one moment.
pub(in crate::postgres) async fn run_of_request(
    pool: &PgPool,
    tenant: &str,
    same: &str,
    ended_since_ms: Option<u64>,
) -> Result<Looked, Fault> {
    const LOOK: &str = concat!(
        "SELECT t.tenant, ",
        run_columns!("r."),
        ", t.count
        FROM tenants AS t LEFT JOIN runs AS r ON r.tenant_id = t.tenant_id AND r.run = coalesce(
            (SELECT a.run FROM runs AS a WHERE a.tenant_id = t.tenant_id AND a.same = $2
                AND a.state IN ('open', 'held', 'in_doubt') LIMIT 1),
            (SELECT e.run FROM runs AS e WHERE e.tenant_id = t.tenant_id AND e.same = $2
                AND $3 IS NOT NULL AND e.updated_ms >= $3 AND e.request_key IS NOT NULL
                AND e.ended_at IS NOT NULL
                ORDER BY e.ended_at DESC, e.updated_ms DESC LIMIT 1))
        WHERE t.tenant = $1"
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
