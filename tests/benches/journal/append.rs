//! Runs of three records made durable, beside the smallest transactions that the
//! same file or server takes, by as many who write at once.

use std::path::Path;
use std::sync::Arc;

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tollgate_store::{
    PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store, Submission,
};
use tollgate_test_postgres::{PrivatePostgres, Settings};
use tollgate_tests::named;

use crate::records::Maker;
use crate::side_by_side::{line, rate};

/// How many write at once.
const APPENDERS: [usize; 4] = [1, 8, 64, 256];

/// Connections to PostgreSQL for the bare transactions: its default limit is 100.
const CONNECTIONS_MAX: usize = 64;

pub(crate) async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let bare = bare_sqlite(&folder.path().join("bare.db")).await;
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).await;
    appends("SQLite", Arc::new(store.unwrap()), &bare).await;

    let settings = Settings {
        durable: true,
        ..Settings::default()
    };
    let Some(server) = PrivatePostgres::start_with(&settings).await else {
        return;
    };
    let bare = bare_postgres(&server.create_database().await).await;
    let url = server.create_database().await;
    let store = PostgresStore::open(&url, PostgresOptions::default()).await;
    appends("PostgreSQL", Arc::new(store.unwrap()), &bare).await;
    server.shut_down().await;
}

async fn appends(name: &str, store: Arc<dyn Store>, bare: &[f64]) {
    let maker = Arc::new(Maker::new());
    for (&appenders, bare) in APPENDERS.iter().zip(bare) {
        let (writing, making) = (Arc::clone(&store), Arc::clone(&maker));
        let (runs, p50) = rate(appenders, move |number| {
            let submission = Submission {
                tenant: named("default"),
                records: making.run(number),
                changes: Vec::new(),
            };
            let store = Arc::clone(&writing);
            async move {
                store.append(submission).await.unwrap();
            }
        })
        .await;
        let name = format!("append, {name}: a run of 3 records, {appenders} at once");
        line(&name, runs, p50, Some(*bare));
    }
    store.close().await;
}

async fn bare_sqlite(path: &Path) -> Vec<f64> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    // One may write at a time; more would only wait for each other's lock.
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .unwrap();
    let create = "CREATE TABLE bare (place INTEGER PRIMARY KEY, leaf BLOB) STRICT";
    sqlx::query(create).execute(&pool).await.unwrap();
    let mut rates = Vec::new();
    for writers in APPENDERS {
        let pool = pool.clone();
        let (bare, p50) = rate(writers, move |_| {
            let pool = pool.clone();
            async move {
                let insert = "INSERT INTO bare (leaf) VALUES (?)";
                let row = sqlx::query(insert).bind(vec![7_u8; 900]);
                row.execute(&pool).await.unwrap();
            }
        })
        .await;
        let name = format!("append, SQLite: bare transaction of a row, {writers} at once");
        line(&name, bare, p50, None);
        rates.push(bare);
    }
    pool.close().await;
    rates
}

async fn bare_postgres(url: &str) -> Vec<f64> {
    let pool = PgPoolOptions::new()
        .max_connections(u32::try_from(CONNECTIONS_MAX).unwrap())
        .connect(url)
        .await
        .unwrap();
    let create = "CREATE TABLE bare (place BIGSERIAL PRIMARY KEY, leaf BYTEA)";
    sqlx::query(create).execute(&pool).await.unwrap();
    let mut rates = Vec::new();
    for writers in APPENDERS {
        let pool = pool.clone();
        let (bare, p50) = rate(writers, move |_| {
            let pool = pool.clone();
            async move {
                let insert = "INSERT INTO bare (leaf) VALUES ($1)";
                let row = sqlx::query(insert).bind(vec![7_u8; 900]);
                row.execute(&pool).await.unwrap();
            }
        })
        .await;
        let name = format!("append, PostgreSQL: bare transaction of a row, {writers} at once");
        line(&name, bare, p50, None);
        rates.push(bare);
    }
    pool.close().await;
    rates
}
