//! Disks that are full, files that are read-only or gone, schemas from later.

use tollgate_store::{RecordFilter, SqliteOptions, SqliteStore, Store, StoreError, Unavailable};

use crate::support::{Bench, named, options, records, submission};

fn why(result: Result<impl std::fmt::Debug, StoreError>) -> Unavailable {
    match result.unwrap_err() {
        StoreError::Unavailable { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_records_nothing_and_service_resumes_when_there_is_room() {
    let bench = Bench::new().await;
    bench
        .store
        .append(submission(records("acme", "r", 3), vec![]))
        .await
        .unwrap();
    bench.sqlite().set_max_pages(Some(1));
    let mut accepted = 3;
    let full = loop {
        match bench
            .store
            .append(submission(records("acme", "r", 3), vec![]))
            .await
        {
            Ok(_) => accepted += 3,
            Err(error) => break error,
        }
    };
    assert_eq!(why(Err::<(), _>(full)), Unavailable::Full);
    let again = bench
        .store
        .append(submission(records("acme", "r", 200), vec![]))
        .await;
    assert_eq!(why(again), Unavailable::Full);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        accepted
    );
    bench.sqlite().set_max_pages(None);
    let resumed = bench
        .store
        .append(submission(records("acme", "r", 200), vec![]))
        .await
        .unwrap();
    assert_eq!(resumed.first_seq, accepted);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        accepted + 200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_in_a_failed_transaction_gets_the_same_answer() {
    let bench = Bench::new().await;
    bench.sqlite().set_max_pages(Some(1));
    let tasks = (0..20).map(|_| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            store
                .append(submission(records("acme", "r", 100), vec![]))
                .await
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(why(task.await.unwrap()), Unavailable::Full);
    }
    assert!(
        bench
            .store
            .records(&named("acme"), &RecordFilter::default())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_store_reads_and_records_nothing() {
    let bench = Bench::new().await;
    bench
        .store
        .append(submission(records("acme", "r", 3), vec![]))
        .await
        .unwrap();
    let reading = SqliteOptions {
        read_only: true,
        ..options(&bench.clock)
    };
    let reading = SqliteStore::open(bench.path(), reading).await.unwrap();
    assert_eq!(
        reading.verify(&named("acme")).await.unwrap().unwrap().count,
        3
    );
    let refused = reading
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert_eq!(why(refused), Unavailable::ReadOnly);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_file_records_nothing_until_it_is_back() {
    let bench = Bench::new().await;
    bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    let away = bench.directory().join("away");
    std::fs::rename(bench.path(), &away).unwrap();
    let gone = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert_eq!(why(gone), Unavailable::Gone);
    std::fs::write(bench.path(), b"").unwrap();
    let replaced = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert_eq!(why(replaced), Unavailable::Gone);
    std::fs::rename(&away, bench.path()).unwrap();
    let back = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    assert_eq!(back.first_seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_held_by_another_process_is_reported_as_that() {
    use sqlx::{ConnectOptions, Executor};
    let bench = Bench::new().await;
    let impatient = SqliteOptions {
        busy_timeout: std::time::Duration::from_millis(1),
        ..options(&bench.clock)
    };
    let store = SqliteStore::open(bench.path(), impatient).await.unwrap();
    let holder = sqlx::sqlite::SqliteConnectOptions::new().filename(bench.path());
    let mut holder = holder.connect().await.unwrap();
    holder.execute("BEGIN IMMEDIATE").await.unwrap();
    let busy = store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert_eq!(why(busy), Unavailable::Busy);
    holder.execute("ROLLBACK").await.unwrap();
    store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_a_newer_program_is_refused_and_left_alone() {
    let bench = Bench::new().await;
    bench.store.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                 execution_time) VALUES (99, 'later', TRUE, x'00', 0)";
    bench.tamper(newer).await;
    let refused = SqliteStore::open(bench.path(), options(&bench.clock))
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::SchemaTooNew {
                found: 99,
                known: 1..99,
                ..
            }
        ),
        "{refused}"
    );
    let reading = SqliteOptions {
        read_only: true,
        ..options(&bench.clock)
    };
    let refused = SqliteStore::open(bench.path(), reading).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::SchemaTooNew { .. }),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let absent = SqliteOptions {
        create: false,
        ..SqliteOptions::default()
    };
    assert_eq!(
        why(SqliteStore::open(&path, absent).await),
        Unavailable::Gone
    );
    std::fs::write(&path, "this is a text, not a database. ".repeat(200)).unwrap();
    let refused = SqliteStore::open(&path, SqliteOptions::default())
        .await
        .unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_start_together_make_one_schema() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let open = || {
        let path = path.clone();
        tokio::spawn(async move { SqliteStore::open(path, SqliteOptions::default()).await })
    };
    for open in [open(), open(), open()] {
        let store = open.await.unwrap().unwrap();
        store
            .append(submission(records("acme", "r", 1), vec![]))
            .await
            .unwrap();
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    for file in std::fs::read_dir(bench.directory()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", file.path());
    }
}
