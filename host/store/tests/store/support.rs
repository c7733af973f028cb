//! A store of its own, in a file or a database, and the rows that tests put into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};
use tempfile::TempDir;
use tollgate_journal::{BlobKeys, Entry, KeyRing, Prepared, Stage, SubjectKey, Tenant, prepare};
use tollgate_store::{
    Appended, ApprovalRow, ApprovalState, Change, ManualClock, PostgresOptions, PostgresStore,
    Rejected, RunRow, RunState, SqliteOptions, SqliteStore, Store, StoreError, Submission,
};
use tollgate_test_postgres::PrivatePostgres;

pub(crate) const NOW: u64 = 1_000_000;

/// A test of each name, on a store of its own, once for each kind of store.
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

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(bench) = $crate::support::Bench::on_postgres().await {
                        super::$name(bench).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_each_store;

/// A store of its own, with a clock that stands still.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    place: Place,
}

enum Place {
    File {
        directory: TempDir,
        store: SqliteStore,
    },
    Database {
        url: String,
    },
}

impl Bench {
    /// In a file.
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let store = SqliteStore::open(directory.path().join("store.db"), options(&clock)).await;
        let store = store.unwrap();
        Self {
            store: Arc::new(store.clone()),
            clock,
            place: Place::File { directory, store },
        }
    }

    /// In a database of the private PostgreSQL, where there is one.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let server = PrivatePostgres::shared().await?;
        let url = server.create_database().await;
        let clock = Arc::new(ManualClock::at(NOW));
        Some(Self {
            store: postgres(&url, &clock).await,
            clock,
            place: Place::Database { url },
        })
    }

    /// Another empty one of the same kind.
    pub(crate) async fn fresh(&self) -> Self {
        match &self.place {
            Place::File { .. } => Self::new().await,
            Place::Database { .. } => Self::on_postgres().await.unwrap(),
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        match &self.place {
            Place::File { directory, .. } => directory.path(),
            Place::Database { .. } => panic!("a test of files"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory().join("store.db")
    }

    pub(crate) fn sqlite(&self) -> &SqliteStore {
        match &self.place {
            Place::File { store, .. } => store,
            Place::Database { .. } => panic!("a test of files"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        match &self.place {
            Place::Database { url } => url,
            Place::File { .. } => panic!("a test of databases"),
        }
    }

    /// Another handle on the same store, as another process would have.
    pub(crate) async fn another(&self) -> Arc<dyn Store> {
        match &self.place {
            Place::File { .. } => {
                let store = SqliteStore::open(self.path(), options(&self.clock)).await;
                Arc::new(store.unwrap())
            }
            Place::Database { url } => postgres(url, &self.clock).await,
        }
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

    /// Change what is stored behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        match &self.place {
            Place::File { .. } => {
                let mut connection = self.file().await;
                connection.execute(AssertSqlSafe(sql)).await.unwrap();
                connection.close().await.unwrap();
            }
            Place::Database { url } => tollgate_test_postgres::execute(url, sql).await,
        }
    }

    /// Bytes as statements have them.
    pub(crate) fn literal(&self, bytes: &[u8]) -> String {
        let hex = hex::encode(bytes);
        match &self.place {
            Place::File { .. } => format!("x'{hex}'"),
            Place::Database { .. } => format!("'\\x{hex}'::bytea"),
        }
    }

    /// A column's bytes in a row.
    pub(crate) async fn bytes(&self, table: &str, column: &str, row: &str) -> Vec<u8> {
        let sql = format!("SELECT {column} FROM {table} WHERE {row}");
        let select = AssertSqlSafe(sql);
        match &self.place {
            Place::File { .. } => {
                let mut connection = self.file().await;
                let select = sqlx::query_scalar(select);
                select.fetch_one(&mut connection).await.unwrap()
            }
            Place::Database { url } => {
                let mut connection = PgConnection::connect(url).await.unwrap();
                let select = sqlx::query_scalar(select);
                select.fetch_one(&mut connection).await.unwrap()
            }
        }
    }

    pub(crate) async fn set_bytes(&self, table: &str, column: &str, row: &str, bytes: &[u8]) {
        let literal = self.literal(bytes);
        let sql = format!("UPDATE {table} SET {column} = {literal} WHERE {row}");
        self.tamper(&sql).await;
    }

    async fn file(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.unwrap()
    }
}

async fn postgres(url: &str, clock: &Arc<ManualClock>) -> Arc<dyn Store> {
    let store = PostgresStore::open(url, postgres_options(clock)).await;
    Arc::new(store.unwrap())
}

pub(crate) fn postgres_options(clock: &Arc<ManualClock>) -> PostgresOptions {
    PostgresOptions {
        clock: Some(clock.clone()),
        ..PostgresOptions::default()
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
        tenant: named("acme"),
        records,
        changes,
    }
}

/// The tenant of this name.
pub(crate) fn named(tenant: &str) -> Tenant {
    Tenant::new(tenant).unwrap()
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
    prepare(&entry, &SubjectKey::from_bytes([7; 32]), &blob_keys()).unwrap()
}

/// Keys for large values.
pub(crate) fn blob_keys() -> BlobKeys {
    KeyRing::generate().unwrap().blob_keys("acme")
}

pub(crate) fn run_row(run: &str, input: &str) -> RunRow {
    RunRow {
        tenant: named("acme"),
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
        looked_at: None,
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
        tenant: named("acme"),
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
        quorum: 1,
        excluded: Vec::new(),
        votes: Vec::new(),
        asked: format!("asked-{id}"),
        deny_stands_ms: 1_000,
        denied_until_ms: None,
        exception: false,
        card: Some(vec![9]),
    }
}
