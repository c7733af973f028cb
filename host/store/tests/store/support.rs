//! A store in a directory of its own, and the rows that tests put into it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tempfile::TempDir;
use tollgate_journal::{Entry, KeyRing, Prepared, Stage, SubjectKey, prepare};
use tollgate_store::{
    Appended, ApprovalRow, ApprovalState, Change, ManualClock, Rejected, RunRow, RunState,
    SqliteOptions, SqliteStore, Store, StoreError, Submission,
};

pub(crate) const NOW: u64 = 1_000_000;

/// A test of each name, on a store of its own.
macro_rules! on_each_store {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::support::Bench::new().await).await;
                }
            )*
        }
    };
}
pub(crate) use on_each_store;

pub(crate) struct Bench {
    pub(crate) store: SqliteStore,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = SqliteStore::open(directory.path().join("store.db"), options(&clock)).await;
        Self {
            store: store.unwrap(),
            clock,
            directory,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }

    /// Another handle on the same file, as another process would have.
    pub(crate) async fn another(&self) -> SqliteStore {
        SqliteStore::open(self.path(), options(&self.clock))
            .await
            .unwrap()
    }

    pub(crate) async fn change(&self, change: Change) -> Result<Appended, StoreError> {
        self.store
            .append(submission(Vec::new(), vec![change]))
            .await
    }

    pub(crate) async fn refused(&self, change: Change) -> Rejected {
        self.change(change)
            .await
            .unwrap_err()
            .rejected()
            .cloned()
            .unwrap()
    }

    /// Change the file behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        let mut connection: SqliteConnection = SqliteConnectOptions::new()
            .filename(self.path())
            .connect()
            .await
            .unwrap();
        connection
            .execute(AssertSqlSafe(sql.to_owned()))
            .await
            .unwrap();
        connection.close().await.unwrap();
    }
}

pub(crate) fn options(clock: &Arc<ManualClock>) -> SqliteOptions {
    SqliteOptions {
        clock: clock.clone(),
        ..SqliteOptions::default()
    }
}

pub(crate) fn submission(records: Vec<Prepared>, changes: Vec<Change>) -> Submission {
    Submission {
        tenant: "acme".into(),
        records,
        changes,
    }
}

pub(crate) fn records(tenant: &str, run: &str, count: u32) -> Vec<Prepared> {
    (0..count)
        .map(|position| record(tenant, run, position, Stage::CallOutcome))
        .collect()
}

pub(crate) fn record(tenant: &str, run: &str, position: u32, stage: Stage) -> Prepared {
    let entry = Entry {
        tenant: tenant.into(),
        case: "case-1".into(),
        run: Some(run.into()),
        principal: "agent:a".into(),
        workflow: None,
        stage,
        position: Some(position),
        at_ms: NOW,
        facts: json!({"call": "sql.query"}).as_object().unwrap().clone(),
        values: vec![("reply", b"[]".to_vec())],
        subject: "s".into(),
    };
    let blobs = KeyRing::generate().unwrap().blob_keys(tenant);
    prepare(&entry, &SubjectKey::from_bytes([7; 32]), &blobs).unwrap()
}

pub(crate) fn run_row(run: &str, input: &str) -> RunRow {
    RunRow {
        tenant: "acme".into(),
        run: run.into(),
        case: "case-1".into(),
        workflow: Some("refunds".into()),
        principal: "agent:a".into(),
        connector: "database".into(),
        tool: "execute".into(),
        manifest_digest: "sha256:m".into(),
        component: "sha256:c".into(),
        input_digest: input.into(),
        request_key: None,
        same: format!("same-{input}"),
        state: RunState::Open,
        approval: None,
        opened_ms: NOW,
        updated_ms: NOW,
        lease_owner: None,
        lease_until_ms: 0,
        lease_token: 0,
        sealed: Some(vec![1, 2, 3]),
    }
}

pub(crate) fn approval_row(id: &str) -> ApprovalRow {
    ApprovalRow {
        tenant: "acme".into(),
        id: id.into(),
        run: "run-1".into(),
        case: "case-1".into(),
        connector: "database".into(),
        tool: "execute".into(),
        principal: "agent:a".into(),
        position: 2,
        approval: "finance".into(),
        rule: "refund-limit".into(),
        approvers: vec!["group:finance".into(), "person:mira".into()],
        digest: "sha256:bound".into(),
        state: ApprovalState::Pending,
        created_ms: NOW,
        decide_by_ms: NOW + 1_000,
        execute_within_ms: 500,
        execute_by_ms: None,
        decided_by: None,
        decided_ms: None,
        consumed_ms: None,
        card: Some(vec![9]),
    }
}
