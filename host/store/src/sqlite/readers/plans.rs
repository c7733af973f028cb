//! That questions to a long journal are answered by the indexes made for them:
//! asked of SQLite's planner, which decides without looking at how much there is.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, QueryBuilder, Row, Sqlite};
use tollgate_journal::Stage;

use super::approvals::DUE;
use super::records::{closed_query, records_query};
use super::runs::runs_query;
use crate::sqlite::erasing;
use crate::sqlite::leases::CLAIM_LAPSED;
use crate::{ClosedFilter, Erasure, RecordFilter, RunState, SqliteOptions, SqliteStore};

struct Plans {
    pool: SqlitePool,
    _directory: tempfile::TempDir,
}

impl Plans {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.db");
        let store = SqliteStore::open(&path, SqliteOptions::default()).await;
        Self {
            pool: store.unwrap().readers,
            _directory: directory,
        }
    }

    /// The steps of a plan, one a line.
    async fn of(&self, sql: &str) -> String {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let rows = sqlx::query(explain).fetch_all(&self.pool).await.unwrap();
        let steps = rows.iter().map(|row| row.get::<String, _>("detail"));
        steps.collect::<Vec<_>>().join("\n")
    }

    /// By this index, within bounds, in order: nothing read that is not wanted.
    async fn is_by(&self, sql: &QueryBuilder<Sqlite>, index: &str) {
        let plan = self.of(sql.sql().as_str()).await;
        assert!(plan.contains(index), "{index}:\n{plan}");
        assert!(!plan.contains("SCAN"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

const BY_PLACE: &str = "SEARCH records USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
const BY_SPAN: &str = "SEARCH spans USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";

#[tokio::test]
async fn records_are_found_by_the_index_for_what_is_asked() {
    let plans = Plans::new().await;
    let base = RecordFilter::default;
    let (run, case) = (Some("r".to_owned()), Some("c".to_owned()));
    let subject = |subject: &str| Some(subject.to_owned());
    for (filter, index) in [
        (base(), BY_PLACE),
        (
            RecordFilter { run, ..base() },
            "records_by_run (run=? AND rowid>? AND rowid<?)",
        ),
        (
            RecordFilter { case, ..base() },
            "records_by_case (case_id=? AND rowid>? AND rowid<?)",
        ),
        (
            RecordFilter {
                subject: subject("subject:9f"),
                ..base()
            },
            "records_by_subject (subject=? AND rowid>? AND rowid<?)",
        ),
        (
            RecordFilter {
                subject: subject("case:c"),
                ..base()
            },
            "records_by_case (case_id=? AND rowid>? AND rowid<?)",
        ),
        (
            RecordFilter {
                stage: Some(Stage::CallIntent),
                ..base()
            },
            BY_PLACE,
        ),
    ] {
        for newest_first in [false, true] {
            for leaves_only in [false, true] {
                let asked = RecordFilter {
                    newest_first,
                    leaves_only,
                    ..filter.clone()
                };
                plans.is_by(&records_query(1, &asked), index).await;
                let timed = RecordFilter {
                    since_ms: Some(1),
                    until_ms: Some(2),
                    after_seq: Some(300),
                    ..asked
                };
                let timed = records_query(1, &timed);
                plans.is_by(&timed, index).await;
                if index == BY_PLACE {
                    plans.is_by(&timed, BY_SPAN).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn ended_runs_are_found_by_the_index_for_what_they_came_to() {
    let plans = Plans::new().await;
    let text = |text: &str| Some(text.to_owned());
    let filter = |tool, outcome, workflow| ClosedFilter {
        tool,
        outcome,
        workflow,
        ..ClosedFilter::default()
    };
    for (filter, index) in [
        (
            filter(text("t"), None, None),
            "records_by_tool (tool=? AND rowid>? AND rowid<?)",
        ),
        (
            filter(text("t"), text("done"), None),
            "records_by_tool (tool=?",
        ),
        (
            filter(text("t"), text("failed"), text("w")),
            "records_by_outcome (outcome=?",
        ),
        (
            filter(None, text("failed"), None),
            "records_by_outcome (outcome=?",
        ),
        (
            filter(None, text("done"), text("w")),
            "records_by_workflow (workflow=?",
        ),
        (
            filter(None, None, text("w")),
            "records_by_workflow (workflow=?",
        ),
        (filter(None, None, None), BY_PLACE),
        (filter(None, text("done"), None), BY_PLACE),
    ] {
        plans.is_by(&closed_query(1, &filter), index).await;
        let timed = ClosedFilter {
            since_ms: Some(1),
            before: Some(9),
            ..filter
        };
        let timed = closed_query(1, &timed);
        plans.is_by(&timed, index).await;
        plans.is_by(&timed, BY_SPAN).await;
    }
}

#[tokio::test]
async fn an_erasure_looks_only_at_what_it_is_about() {
    let plans = Plans::new().await;
    for (what, index) in [
        (
            Erasure::Subject("subject:9f".into()),
            "records_by_subject (subject=?",
        ),
        (
            Erasure::Subject("case:c".into()),
            "records_by_case (case_id=?",
        ),
        (Erasure::Subject("day:2026-11-22".into()), BY_PLACE),
        (Erasure::Run("r".into()), "records_by_run (run=?"),
        (Erasure::Places(0, 9), BY_PLACE),
    ] {
        let mut sql = QueryBuilder::new("SELECT place FROM records WHERE ");
        erasing::push_scope(&mut sql, 1, &what, 1 << 40);
        plans.is_by(&sql, index).await;
    }
}

#[tokio::test]
async fn a_hundred_thousand_that_wait_cost_nothing_to_who_looks_for_work() {
    let plans = Plans::new().await;
    let due = plans.of(DUE).await;
    for index in ["approvals_to_decide (", "approvals_to_execute ("] {
        assert!(due.contains(index), "{due}");
    }
    assert!(!due.contains("SCAN approvals"), "{due}");
    let lapsed = plans.of(CLAIM_LAPSED).await;
    for index in [
        "runs_open (lease_until_ms<?)",
        "runs_ready (lease_until_ms<?)",
    ] {
        assert!(lapsed.contains(index), "{lapsed}");
    }
    assert!(!lapsed.contains("SCAN runs"), "{lapsed}");
    let listed = runs_query("acme", &[RunState::Held, RunState::Open]);
    let listed = plans.of(listed.sql().as_str()).await;
    assert!(
        listed.contains("runs_by_state (tenant_id=? AND state=?)"),
        "{listed}"
    );
    assert!(!listed.contains("SCAN runs"), "{listed}");
}
