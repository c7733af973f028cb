//! Large values kept once, and values destroyed: from the rows, from the file and
//! from its write-ahead log. Every proof stays.

use tollgate_journal::{Blob, Prepared};
use tollgate_store::{
    ApprovalRow, Change, Erasure, RecordFilter, RunRow, RunState, SqliteStore, Store, StoredRecord,
};

use crate::support::{
    Bench, approval_row, blob_keys, named, on_each_store, options, record, run_row, submission,
};

/// A record of a subject and run, with sealed bytes that are found anywhere.
fn sealed(run: &str, case: &str, subject: &str, canary: &str) -> Prepared {
    let entry = tollgate_journal::Entry {
        tenant: "acme".into(),
        case: case.into(),
        run: Some(run.into()),
        principal: "agent:a".into(),
        workflow: None,
        stage: tollgate_journal::Stage::CallOutcome,
        position: Some(0),
        at_ms: crate::support::NOW,
        facts: serde_json::Map::new(),
        values: Vec::new(),
        subject: subject.into(),
    };
    let key = tollgate_journal::SubjectKey::from_bytes([7; 32]);
    let mut made = tollgate_journal::prepare(&entry, &key, &blob_keys()).unwrap();
    made.sealed = Some(canary.repeat(20).into_bytes());
    made
}

fn with_blobs(mut record: Prepared, blobs: &[(u8, &str)]) -> Prepared {
    let blob = |(id, text): &(u8, &str)| Blob {
        id: [*id; 32],
        sealed: text.repeat(1_000).into_bytes(),
    };
    record.blobs = blobs.iter().map(blob).collect();
    record
}

async fn append(bench: &Bench, records: Vec<Prepared>) {
    bench
        .store
        .append(submission(records, Vec::new()))
        .await
        .unwrap();
}

async fn all(bench: &Bench) -> Vec<StoredRecord> {
    let filter = RecordFilter::default();
    bench.store.records(&named("acme"), &filter).await.unwrap()
}

/// Places that still have sealed values.
async fn kept(bench: &Bench) -> Vec<u64> {
    let records = all(bench).await.into_iter();
    records
        .filter(|record| record.sealed.is_some())
        .map(|record| record.seq)
        .collect()
}

async fn erase(bench: &Bench, what: Erasure) {
    let before = bench
        .store
        .sealed_count(&named("acme"), &what)
        .await
        .unwrap();
    bench.change(Change::Erase(what.clone())).await.unwrap();
    let after = bench
        .store
        .sealed_count(&named("acme"), &what)
        .await
        .unwrap();
    assert_eq!(after, 0, "{before} before");
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
}

fn subject(name: &str) -> Erasure {
    Erasure::Subject(name.into())
}

async fn equal_large_values_are_kept_once_and_come_with_each_record(bench: Bench) {
    append(
        &bench,
        vec![
            with_blobs(sealed("r1", "c", "s", "a"), &[(1, "one"), (2, "two")]),
            with_blobs(sealed("r2", "c", "s", "b"), &[(1, "one")]),
            sealed("r3", "c", "s", "c"),
        ],
    )
    .await;
    let records = all(&bench).await;
    let mut ids: Vec<_> = records[0].blobs.iter().map(|blob| blob.id[0]).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    assert_eq!(records[1].blobs.len(), 1);
    assert_eq!(records[1].blobs[0].sealed, "one".repeat(1_000).into_bytes());
    assert!(records[2].blobs.is_empty());
    let bare = RecordFilter {
        leaves_only: true,
        ..RecordFilter::default()
    };
    let bare = bench.store.records(&named("acme"), &bare).await.unwrap();
    assert!(bare.iter().all(|record| record.blobs.is_empty()));
    // It goes with the last record that refers to it.
    erase(&bench, Erasure::Run("r1".into())).await;
    let records = all(&bench).await;
    assert!(records[0].blobs.is_empty());
    assert_eq!(records[1].blobs.len(), 1);
    erase(&bench, Erasure::Run("r2".into())).await;
    assert!(all(&bench).await[1].blobs.is_empty());
    // And comes back with a new one.
    append(
        &bench,
        vec![with_blobs(sealed("r4", "c", "s", "d"), &[(1, "one")])],
    )
    .await;
    assert_eq!(all(&bench).await[3].blobs.len(), 1);
}

async fn a_large_value_is_one_tenants_own(bench: Bench) {
    append(
        &bench,
        vec![with_blobs(sealed("r1", "c", "s", "a"), &[(1, "ours")])],
    )
    .await;
    let mut foreign = record("other", "r1", 0, tollgate_journal::Stage::CallOutcome);
    foreign.blobs = vec![Blob {
        id: [1; 32],
        sealed: b"theirs".to_vec(),
    }];
    let other = tollgate_store::Submission {
        tenant: named("other"),
        records: vec![foreign],
        changes: Vec::new(),
    };
    bench.store.append(other).await.unwrap();
    erase(&bench, subject("s")).await;
    let filter = RecordFilter::default();
    let theirs = bench.store.records(&named("other"), &filter).await.unwrap();
    assert_eq!(theirs[0].blobs[0].sealed, b"theirs");
    assert!(theirs[0].sealed.is_some());
}

async fn a_subject_is_erased_of_whatever_kind_it_is_and_nobody_else(bench: Bench) {
    let subjects = [
        ("case-1", "case:case-1"),
        ("case-1", "subject:9f"),
        ("auto-7", "day:2026-11-22"),
        ("case-2", "subject:9f"),
        ("auto-8", "day:2026-11-23"),
        ("case-1", "case:case-1"),
    ];
    let records = subjects.iter().zip(0..);
    let records = records.map(|((case, subject), n)| sealed(&format!("r{n}"), case, subject, "x"));
    append(&bench, records.collect()).await;
    let case = subject("case:case-1");
    let count = bench
        .store
        .sealed_count(&named("acme"), &case)
        .await
        .unwrap();
    assert_eq!(count, 2);
    erase(&bench, subject("case:case-1")).await;
    assert_eq!(kept(&bench).await, [1, 2, 3, 4]);
    erase(&bench, subject("day:2026-11-22")).await;
    assert_eq!(kept(&bench).await, [1, 3, 4]);
    erase(&bench, subject("subject:9f")).await;
    assert_eq!(kept(&bench).await, [4]);
    erase(&bench, subject("nobody")).await;
    assert_eq!(kept(&bench).await, [4]);
}

async fn with_a_subject_goes_its_key_and_what_its_runs_and_cards_hold(bench: Bench) {
    let ensure = async |wrapped: &[u8]| {
        let acme = named("acme");
        let ensured = bench
            .store
            .ensure_subject_key(&acme, "subject:9f", wrapped.to_vec());
        ensured.await.unwrap()
    };
    assert_eq!(ensure(b"first").await, b"first");
    append(&bench, vec![sealed("run-1", "c", "subject:9f", "x")]).await;
    append(&bench, vec![sealed("run-2", "c", "subject:aa", "y")]).await;
    for (run, approval) in [("run-1", "a1"), ("run-2", "a2")] {
        let held = RunRow {
            state: RunState::Held,
            ..run_row(run, run)
        };
        bench.change(Change::PutRun(Box::new(held))).await.unwrap();
        let asked = ApprovalRow {
            run: run.into(),
            ..approval_row(approval)
        };
        let asked = Change::PutApproval(Box::new(asked));
        bench.change(asked).await.unwrap();
    }
    erase(&bench, subject("subject:9f")).await;
    for (run, approval, there) in [("run-1", "a1", false), ("run-2", "a2", true)] {
        let row = bench.store.run(&named("acme"), run).await.unwrap().unwrap();
        assert_eq!(row.sealed.is_some(), there, "{run}");
        let row = bench
            .store
            .approval(&named("acme"), approval)
            .await
            .unwrap();
        assert_eq!(row.unwrap().card.is_some(), there, "{approval}");
    }
    let key = bench
        .store
        .subject_key(&named("acme"), "subject:9f")
        .await
        .unwrap();
    assert_eq!(key, None);
    assert_eq!(ensure(b"second").await, b"second");
}

async fn what_an_active_run_needs_outlives_its_time(bench: Bench) {
    for (run, state) in [
        ("r0", RunState::Done),
        ("r1", RunState::Open),
        ("r2", RunState::Held),
        ("r3", RunState::InDoubt),
        ("r4", RunState::Failed),
    ] {
        let row = RunRow {
            state,
            ..run_row(run, run)
        };
        bench.change(Change::PutRun(Box::new(row))).await.unwrap();
        append(&bench, vec![sealed(run, "c", "s", "x")]).await;
    }
    // A run that has no row is over.
    append(&bench, vec![sealed("r5", "c", "s", "x")]).await;
    append(&bench, vec![sealed("r6", "c", "s", "x")]).await;
    let places = Erasure::Places(0, 6);
    let count = bench
        .store
        .sealed_count(&named("acme"), &places)
        .await
        .unwrap();
    assert_eq!(count, 3);
    erase(&bench, places).await;
    assert_eq!(kept(&bench).await, [1, 2, 3, 6]);
    erase(&bench, Erasure::Places(3, u64::MAX)).await;
    assert_eq!(kept(&bench).await, [1, 2, 3]);
    erase(&bench, Erasure::Places(6, 2)).await;
    assert_eq!(kept(&bench).await, [1, 2, 3]);
}

async fn erasing_is_all_or_nothing_with_its_record(bench: Bench) {
    append(&bench, vec![sealed("r1", "c", "s", "x")]).await;
    let changes = vec![
        Change::Erase(subject("s")),
        Change::VoidApproval { id: "none".into() },
    ];
    let refused = bench.store.append(submission(Vec::new(), changes)).await;
    assert!(refused.is_err());
    assert_eq!(kept(&bench).await, [0]);
}

on_each_store! {
    equal_large_values_are_kept_once_and_come_with_each_record,
    a_large_value_is_one_tenants_own,
    a_subject_is_erased_of_whatever_kind_it_is_and_nobody_else,
    with_a_subject_goes_its_key_and_what_its_runs_and_cards_hold,
    what_an_active_run_needs_outlives_its_time,
    erasing_is_all_or_nothing_with_its_record,
}

/// Whether bytes stand in the file or in its write-ahead log.
fn on_disk(bench: &Bench, canary: &str) -> bool {
    in_files(&bench.path(), canary)
}

fn in_files(path: &std::path::Path, canary: &str) -> bool {
    let path = path.display().to_string();
    [path.clone(), format!("{path}-wal")].iter().any(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        bytes.windows(canary.len()).any(|w| w == canary.as_bytes())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_bytes_are_in_no_file_any_more() {
    let bench = Bench::new().await;
    let mut records = Vec::new();
    for n in 0..300 {
        let (erased, other) = (format!("canary-erased-{n}-"), format!("canary-kept-{n}-"));
        records.push(with_blobs(
            sealed(&format!("e{n}"), "c", "subject:9f", &erased),
            &[(n as u8, "canary-blob-erased")],
        ));
        records.push(sealed(&format!("k{n}"), "c", "subject:aa", &other));
    }
    append(&bench, records).await;
    let row = |state, sealed: &str| {
        Change::PutRun(Box::new(RunRow {
            state,
            sealed: Some(sealed.repeat(500).into_bytes()),
            ..run_row("e0", "e0")
        }))
    };
    bench
        .change(row(RunState::Open, "canary-row-before"))
        .await
        .unwrap();
    bench
        .change(row(RunState::Done, "canary-row-erased"))
        .await
        .unwrap();
    let key = b"canary-wrapped-key".to_vec();
    let acme = named("acme");
    let ensured = bench.store.ensure_subject_key(&acme, "subject:9f", key);
    ensured.await.unwrap();
    let gone = [
        "canary-erased-",
        "canary-blob-erased",
        "canary-row-before",
        "canary-row-erased",
        "canary-wrapped-key",
    ];
    assert!(gone.iter().any(|canary| on_disk(&bench, canary)));
    bench
        .change(Change::Erase(subject("subject:9f")))
        .await
        .unwrap();
    for canary in gone {
        assert!(!on_disk(&bench, canary), "{canary}");
    }
    assert!(on_disk(&bench, "canary-kept-299-"));
    assert_eq!(kept(&bench).await.len(), 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_the_middle_of_something_only_delays_the_erasing_from_the_log() {
    use sqlx::{ConnectOptions, Connection, Executor};
    let bench = Bench::new().await;
    append(
        &bench,
        vec![sealed("r1", "c", "subject:9f", "canary-erased")],
    )
    .await;
    let mut reader = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(bench.path())
        .connect()
        .await
        .unwrap();
    reader
        .execute("BEGIN; SELECT count(*) FROM records")
        .await
        .unwrap();
    bench
        .change(Change::Erase(subject("subject:9f")))
        .await
        .unwrap();
    assert!(on_disk(&bench, "canary-erased"));
    // A host that dies now leaves them to the next one.
    let left = bench.directory().join("left.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", bench.path().display());
        std::fs::copy(from, format!("{}{end}", left.display())).unwrap();
    }
    assert!(in_files(&left, "canary-erased"));
    let next = SqliteStore::open(&left, options(&bench.clock))
        .await
        .unwrap();
    let first = submission(vec![sealed("r2", "c", "subject:aa", "more")], Vec::new());
    next.append(first).await.unwrap();
    assert!(!in_files(&left, "canary-erased"));
    assert_eq!(next.verify(&named("acme")).await.unwrap().unwrap().count, 2);
    next.close().await;
    reader.execute("COMMIT").await.unwrap();
    reader.close().await.unwrap();
    let emptied = async {
        while on_disk(&bench, "canary-erased") {
            tokio::task::yield_now().await;
        }
    };
    let emptied = tokio::time::timeout(std::time::Duration::from_secs(30), emptied);
    emptied.await.unwrap();
}
