//! What is there after the writer stopped at each of its fault points. Alone in
//! its process, because fault points are.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fail::FailScenario;
use tollgate_journal::{Entry, KeyRing, Prepared, Stage, SubjectKey, Tenant, prepare};
use tollgate_store::{SqliteOptions, SqliteStore, Store, StoreError, Submission};

fn record() -> Prepared {
    let entry = Entry {
        tenant: "acme".into(),
        case: "case-1".into(),
        run: Some("r1".into()),
        principal: "agent:a".into(),
        workflow: None,
        stage: Stage::CallIntent,
        position: Some(0),
        at_ms: 1,
        facts: serde_json::Map::new(),
        values: Vec::new(),
        subject: "day:1970-01-01".into(),
    };
    let blobs = KeyRing::generate().unwrap().blob_keys("acme");
    prepare(&entry, &SubjectKey::from_bytes([7; 32]), &blobs).unwrap()
}

fn named(tenant: &str) -> Tenant {
    Tenant::new(tenant).unwrap()
}

fn submission() -> Submission {
    Submission {
        tenant: named("acme"),
        records: vec![record()],
        changes: Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_the_commit_keeps_nothing_and_after_it_everything() {
    let scenario = FailScenario::setup();
    let directory = tempfile::tempdir().unwrap();
    for (point, kept) in [
        ("store::before_begin", 1),
        ("store::before_commit", 1),
        ("store::after_commit", 2),
    ] {
        let path = directory.path().join(point.replace(':', "-"));
        let store = SqliteStore::open(&path, SqliteOptions::default()).await;
        let store = store.unwrap();
        store.append(submission()).await.unwrap();
        fail::cfg(point, "panic").unwrap();
        // Nobody was told, in either case: the caller has to look.
        let untold = store.append(submission()).await;
        assert!(matches!(untold, Err(StoreError::Closed)), "{point}");
        fail::remove(point);
        drop(store);
        let again = SqliteStore::open(&path, SqliteOptions::default()).await;
        let again = again.unwrap();
        let verified = again.verify(&named("acme")).await.unwrap().unwrap();
        assert_eq!(verified.count, kept, "{point}");
        let next = again.append(submission()).await.unwrap();
        assert_eq!(next.first_seq, kept, "{point}");
        again.close().await;
    }
    scenario.teardown();
}
