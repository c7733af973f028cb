//! Records, and runs by their last record.

use std::collections::HashMap;

use sqlx::postgres::PgPool;
use sqlx::{Postgres, QueryBuilder, Row};
use tollgate_journal::Blob;

use super::{RECORDS_MAX, extent};
use crate::decode;
use crate::places::{SEQ_MASK, place, seq, stored_ms};
use crate::postgres::erasing::push_subject;
use crate::postgres::fault::Fault;
use crate::{ClosedFilter, ClosedRun, RecordFilter, StoredRecord};

type Sql = QueryBuilder<Postgres>;

/// Places from (included) to (excluded), and the time that was asked for.
struct Window {
    from: i64,
    until: i64,
    since_ms: Option<u64>,
    until_ms: Option<u64>,
}

impl Window {
    /// All places of a tenant.
    fn of(tenant_id: i64, since_ms: Option<u64>, until_ms: Option<u64>) -> Self {
        let from = place(tenant_id, 0);
        Self {
            from,
            until: from + SEQ_MASK + 1,
            since_ms,
            until_ms,
        }
    }

    fn push(&self, sql: &mut Sql) {
        sql.push(" FROM records WHERE place >= ")
            .push_bind(self.from);
        sql.push(" AND place < ").push_bind(self.until);
        if let Some(since) = self.since_ms {
            sql.push(" AND at_ms >= ").push_bind(stored_ms(since));
        }
        if let Some(until) = self.until_ms {
            sql.push(" AND at_ms < ").push_bind(stored_ms(until));
        }
    }
}

fn push_limit(sql: &mut Sql, limit: Option<u32>) {
    let limit = limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
    sql.push(" LIMIT ").push_bind(i64::from(limit));
}

pub(in crate::postgres) async fn records(
    pool: &PgPool,
    tenant: &str,
    filter: &RecordFilter,
) -> Result<Vec<StoredRecord>, Fault> {
    let Some((tenant_id, _)) = extent(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let rows = query(tenant_id, filter).build().fetch_all(pool).await?;
    let mut records = rows
        .iter()
        .map(decode::record)
        .collect::<Result<Vec<_>, _>>()?;
    let mut with_blobs = Vec::new();
    for row in &rows {
        if row.try_get(4)? {
            with_blobs.push(row.try_get(0)?);
        }
    }
    if !with_blobs.is_empty() {
        let mut blobs = blobs(pool, with_blobs).await?;
        for record in &mut records {
            record.blobs = blobs.remove(&record.seq).unwrap_or_default();
        }
    }
    Ok(records)
}

fn query(tenant_id: i64, filter: &RecordFilter) -> Sql {
    let mut window = Window::of(tenant_id, filter.since_ms, filter.until_ms);
    match (filter.after_seq, filter.newest_first) {
        (Some(before), true) => window.until = place(tenant_id, before),
        (Some(after), false) => window.from = place(tenant_id, after) + 1,
        (None, _) => {}
    }
    let mut sql = Sql::new("SELECT place, hash, leaf, ");
    sql.push(if filter.leaves_only {
        "NULL::bytea, FALSE"
    } else {
        "sealed, EXISTS (SELECT FROM blob_uses WHERE blob_uses.place = records.place)"
    });
    window.push(&mut sql);
    if let Some(run) = &filter.run {
        sql.push(" AND run = ").push_bind(run.clone());
    }
    if let Some(case) = &filter.case {
        sql.push(" AND case_id = ").push_bind(case.clone());
        if !case.starts_with("auto-") {
            // The very condition of the index, so that it is used.
            sql.push(" AND case_id NOT LIKE 'auto-%'");
        }
    }
    if let Some(stage) = filter.stage {
        sql.push(" AND stage = ").push_bind(i16::from(stage.code()));
    }
    if let Some(subject) = &filter.subject {
        sql.push(" AND ");
        push_subject(&mut sql, subject);
    }
    sql.push(if filter.newest_first {
        " ORDER BY place DESC"
    } else {
        " ORDER BY place"
    });
    push_limit(&mut sql, filter.limit);
    sql
}

/// Large values of records by their numbers, as far as they are kept.
async fn blobs(pool: &PgPool, places: Vec<i64>) -> Result<HashMap<u64, Vec<Blob>>, Fault> {
    let sql = "SELECT u.place, u.id, b.sealed FROM blob_uses AS u
               JOIN blobs AS b USING (tenant_id, id) WHERE u.place = ANY($1)
               ORDER BY u.place, u.id";
    let mut found = HashMap::<u64, Vec<Blob>>::new();
    for row in sqlx::query(sql).bind(places).fetch_all(pool).await? {
        let blob = Blob {
            id: decode::hash(&row, 1)?,
            sealed: row.try_get(2)?,
        };
        found.entry(seq(row.try_get(0)?)).or_default().push(blob);
    }
    Ok(found)
}

pub(in crate::postgres) async fn closed_runs(
    pool: &PgPool,
    tenant: &str,
    filter: &ClosedFilter,
) -> Result<Vec<ClosedRun>, Fault> {
    let Some((tenant_id, _)) = extent(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let mut window = Window::of(tenant_id, filter.since_ms, filter.until_ms);
    if let Some(before) = filter.before {
        window.until = place(tenant_id, before);
    }
    let mut sql = Sql::new("SELECT place, run, at_ms, tool, outcome, workflow");
    window.push(&mut sql);
    sql.push(" AND run IS NOT NULL AND tool IS NOT NULL AND outcome IS NOT NULL");
    if let Some(outcome) = &filter.outcome {
        sql.push(" AND outcome = ").push_bind(outcome.clone());
        if outcome != "done" {
            // Failures are rare: the very condition of their index.
            sql.push(" AND outcome <> 'done'");
        }
    }
    if let Some(tool) = &filter.tool {
        sql.push(" AND tool = ").push_bind(tool.clone());
    }
    if let Some(workflow) = &filter.workflow {
        sql.push(" AND workflow = ").push_bind(workflow.clone());
    }
    sql.push(" ORDER BY place DESC");
    push_limit(&mut sql, filter.limit);
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(decode::closed_run).collect()
}
