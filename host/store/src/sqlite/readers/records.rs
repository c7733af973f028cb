//! Records, and runs by their last record.

use std::collections::HashMap;

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};
use tollgate_journal::Blob;

use super::{RECORDS_MAX, tenant_id};
use crate::decode;
use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::sqlite::{SEQ_BITS, SEQ_MASK, SPAN_BITS, erasing};
use crate::{ClosedFilter, ClosedRun, RecordFilter, StoredRecord};

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
        let from = tenant_id << SEQ_BITS;
        Self {
            from,
            until: from + SEQ_MASK + 1,
            since_ms,
            until_ms,
        }
    }

    /// The tenant's place of a number, the last one for larger numbers.
    fn place(&self, seq: u64) -> i64 {
        i64::try_from(seq).map_or(self.until, |seq| self.from + seq.min(SEQ_MASK))
    }

    const fn is_timed(&self) -> bool {
        self.since_ms.is_some() || self.until_ms.is_some()
    }

    /// `FROM … WHERE`, with every record in the window. Where a time was asked
    /// for, only spans that have something of it are looked into: `by_span`.
    fn push_from(&self, sql: &mut QueryBuilder<Sqlite>, by_span: bool, index: &'static str) {
        if by_span && self.is_timed() {
            sql.push(" FROM spans CROSS JOIN records").push(index);
            sql.push(" WHERE span >= ")
                .push_bind(self.from >> SPAN_BITS);
            sql.push(" AND span <= ").push_bind(self.until >> SPAN_BITS);
            if let Some(since) = self.since_ms {
                sql.push(" AND last_ms >= ").push_bind(stored_ms(since));
            }
            if let Some(until) = self.until_ms {
                sql.push(" AND first_ms < ").push_bind(stored_ms(until));
            }
            // One bound on either side: of two, only one would be used to seek.
            sql.push(format!(" AND place >= max(span << {SPAN_BITS}, "))
                .push_bind(self.from);
            sql.push(format!(") AND place < min((span + 1) << {SPAN_BITS}, "))
                .push_bind(self.until)
                .push(")");
        } else {
            sql.push(" FROM records").push(index);
            sql.push(" WHERE place >= ").push_bind(self.from);
            sql.push(" AND place < ").push_bind(self.until);
        }
        if let Some(since) = self.since_ms {
            sql.push(" AND at_ms >= ").push_bind(stored_ms(since));
        }
        if let Some(until) = self.until_ms {
            sql.push(" AND at_ms < ").push_bind(stored_ms(until));
        }
    }

    fn push_order(&self, sql: &mut QueryBuilder<Sqlite>, by_span: bool, newest_first: bool) {
        sql.push(match (by_span && self.is_timed(), newest_first) {
            (true, true) => " ORDER BY span DESC, place DESC",
            (true, false) => " ORDER BY span, place",
            (false, true) => " ORDER BY place DESC",
            (false, false) => " ORDER BY place",
        });
    }
}

fn push_limit(sql: &mut QueryBuilder<Sqlite>, limit: Option<u32>) {
    let limit = limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX);
    sql.push(" LIMIT ").push_bind(i64::from(limit));
}

pub(in crate::sqlite) async fn records(
    pool: &SqlitePool,
    tenant: &str,
    filter: &RecordFilter,
) -> Result<Vec<StoredRecord>, Fault> {
    let Some(tenant_id) = tenant_id(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let mut sql = records_query(tenant_id, filter);
    let rows = sql.build().fetch_all(pool).await?;
    let mut records: Vec<_> = rows.iter().map(decode::record).collect::<Result<_, _>>()?;
    let with_blobs = rows
        .iter()
        .filter_map(|row| match row.try_get::<bool, _>(4) {
            Ok(true) => row.try_get::<i64, _>(0).ok(),
            _ => None,
        });
    let with_blobs: Vec<_> = with_blobs.collect();
    if !with_blobs.is_empty() {
        let mut blobs = blobs(pool, &with_blobs).await?;
        for record in &mut records {
            record.blobs = blobs.remove(&record.seq).unwrap_or_default();
        }
    }
    Ok(records)
}

pub(super) fn records_query(tenant_id: i64, filter: &RecordFilter) -> QueryBuilder<Sqlite> {
    let mut window = Window::of(tenant_id, filter.since_ms, filter.until_ms);
    match (filter.after_seq, filter.newest_first) {
        (Some(before), true) => window.until = window.place(before),
        (Some(after), false) => window.from = window.place(after) + 1,
        (None, _) => {}
    }
    let case_indexed = filter
        .case
        .as_ref()
        .is_some_and(|case| !case.starts_with("auto-"));
    let by_subject = filter.subject.as_deref().and_then(erasing::index);
    // The narrowest first. Without any, time is found by spans.
    let index = match (&filter.run, by_subject) {
        (Some(_), _) => Some(" INDEXED BY records_by_run"),
        (None, Some(index)) => Some(index),
        (None, None) if case_indexed => Some(" INDEXED BY records_by_case"),
        (None, None) => None,
    };
    let by_span = index.is_none();
    let mut sql = QueryBuilder::new("SELECT place, hash, leaf, ");
    sql.push(if filter.leaves_only {
        "NULL, FALSE"
    } else {
        "sealed, EXISTS (SELECT 1 FROM blob_uses WHERE blob_uses.place = records.place)"
    });
    window.push_from(&mut sql, by_span, index.unwrap_or_default());
    if let Some(run) = &filter.run {
        sql.push(" AND run = ").push_bind(run.clone());
    }
    if let Some(case) = &filter.case {
        sql.push(" AND case_id = ").push_bind(case.clone());
        if case_indexed {
            // The very condition of the index, so that it is used.
            sql.push(" AND case_id NOT GLOB 'auto-*'");
        }
    }
    if let Some(stage) = filter.stage {
        sql.push(" AND stage = ").push_bind(i32::from(stage.code()));
    }
    if let Some(subject) = &filter.subject {
        sql.push(" AND ");
        erasing::push_subject(&mut sql, subject);
    }
    window.push_order(&mut sql, by_span, filter.newest_first);
    push_limit(&mut sql, filter.limit);
    sql
}

/// Large values of records by their numbers, as far as they are kept.
async fn blobs(pool: &SqlitePool, places: &[i64]) -> Result<HashMap<u64, Vec<Blob>>, Fault> {
    let sql = "SELECT u.place, u.id, b.sealed FROM json_each(?1) AS wanted \
               CROSS JOIN blob_uses AS u ON u.place = wanted.value \
               CROSS JOIN blobs AS b ON b.tenant_id = u.tenant_id AND b.id = u.id";
    let places = serde_json::Value::from(places).to_string();
    let mut found = HashMap::<u64, Vec<Blob>>::new();
    for row in sqlx::query(sql).bind(places).fetch_all(pool).await? {
        let place: i64 = row.try_get(0)?;
        let blob = Blob {
            id: decode::hash(&row, 1)?,
            sealed: row.try_get(2)?,
        };
        found
            .entry(read_ms(place & SEQ_MASK))
            .or_default()
            .push(blob);
    }
    Ok(found)
}

pub(in crate::sqlite) async fn closed_runs(
    pool: &SqlitePool,
    tenant: &str,
    filter: &ClosedFilter,
) -> Result<Vec<ClosedRun>, Fault> {
    let Some(tenant_id) = tenant_id(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let mut sql = closed_query(tenant_id, filter);
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(decode::closed_run).collect()
}

/// Failures are rare, so their index comes first; then a tool's and a workflow's.
/// `done` alone, or nothing, walks the records backwards: every run that ended has
/// its last record there, so a page of them is near.
pub(super) fn closed_query(tenant_id: i64, filter: &ClosedFilter) -> QueryBuilder<Sqlite> {
    let mut window = Window::of(tenant_id, filter.since_ms, filter.until_ms);
    if let Some(before) = filter.before {
        window.until = window.place(before);
    }
    let failed = filter.outcome.as_deref().is_some_and(|done| done != "done");
    let index = match (failed, &filter.tool, &filter.workflow) {
        (true, _, _) => " INDEXED BY records_by_outcome",
        (false, Some(_), _) => " INDEXED BY records_by_tool",
        (false, None, Some(_)) => " INDEXED BY records_by_workflow",
        (false, None, None) => "",
    };
    let mut sql = QueryBuilder::new("SELECT place, run, at_ms, tool, outcome, workflow");
    window.push_from(&mut sql, true, index);
    sql.push(" AND run IS NOT NULL AND tool IS NOT NULL AND outcome IS NOT NULL");
    if let Some(outcome) = &filter.outcome {
        sql.push(" AND outcome = ").push_bind(outcome.clone());
        if failed {
            sql.push(" AND outcome <> 'done'");
        }
    }
    if let Some(tool) = &filter.tool {
        sql.push(" AND tool = ").push_bind(tool.clone());
    }
    if let Some(workflow) = &filter.workflow {
        sql.push(" AND workflow = ").push_bind(workflow.clone());
    }
    window.push_order(&mut sql, true, true);
    push_limit(&mut sql, filter.limit);
    sql
}
