//! Numbering, durability and the tree under concurrency.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use tollgate_journal::{Frontier, Stage, leaf_hash};
use tollgate_store::{
    Change, RecordFilter, SqliteStore, Store, StoreError, StoredRecord, Submission,
};

use crate::support::{Bench, named, on_each_store, options, record, records, run_row, submission};

async fn all(store: &Arc<dyn Store>, tenant: &str) -> Vec<StoredRecord> {
    store
        .records(&named(tenant), &RecordFilter::default())
        .await
        .unwrap()
}

fn root_of(records: &[StoredRecord]) -> [u8; 32] {
    let mut tree = Frontier::new();
    records
        .iter()
        .for_each(|record| tree.push(leaf_hash(&record.leaf)));
    tree.root()
}

async fn concurrent_appends_number_without_gap_and_keep_the_tree(bench: Bench) {
    let mut tasks = Vec::new();
    for task in 0..40 {
        let store = bench.store.clone();
        let tenant = if task % 4 == 0 { "other" } else { "acme" };
        tasks.push(tokio::spawn(async move {
            let mut places = Vec::new();
            for round in 0..5 {
                let records = records(tenant, &format!("run-{task}-{round}"), 3);
                let submission = Submission {
                    tenant: named(tenant),
                    records,
                    changes: vec![],
                };
                let appended = store.append(submission).await.unwrap();
                places.extend(appended.first_seq..appended.first_seq + appended.count);
            }
            (tenant, places)
        }));
    }
    let mut places = BTreeSet::new();
    for task in tasks {
        let (tenant, mine) = task.await.unwrap();
        assert!(mine.into_iter().all(|place| places.insert((tenant, place))));
    }
    for (tenant, count) in [("acme", 450), ("other", 150)] {
        let stored = all(&bench.store, tenant).await;
        let numbers: Vec<_> = stored.iter().map(|record| record.seq).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>());
        let verified = bench.store.verify(&named(tenant)).await.unwrap().unwrap();
        assert_eq!((verified.count, verified.root), (count, root_of(&stored)));
    }
}

async fn records_of_one_submission_stand_together_in_their_order(bench: Bench) {
    let appends = (0..30).map(|n| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            store
                .append(submission(records("acme", &format!("r{n}"), 4), vec![]))
                .await
                .unwrap()
        })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap();
    }
    let stored = all(&bench.store, "acme").await;
    for four in stored.chunks(4) {
        let leaves: Vec<_> = four
            .iter()
            .map(|r| tollgate_journal::Leaf::parse(&r.leaf).unwrap())
            .collect();
        assert!(leaves.iter().all(|leaf| leaf.run == leaves[0].run));
        let positions: Vec<_> = leaves.iter().map(|leaf| leaf.position.unwrap()).collect();
        assert_eq!(positions, [0, 1, 2, 3]);
    }
}

async fn two_hosts_on_one_file_share_one_numbering(bench: Bench) {
    let other = bench.another().await;
    let mut tasks = Vec::new();
    for task in 0..20 {
        let store = if task % 2 == 0 {
            bench.store.clone()
        } else {
            other.clone()
        };
        tasks.push(tokio::spawn(async move {
            for round in 0..5 {
                let records = records("acme", &format!("run-{task}-{round}"), 2);
                store.append(submission(records, vec![])).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let stored = all(&other, "acme").await;
    assert_eq!(stored.len(), 200);
    let verified = bench.store.verify(&named("acme")).await.unwrap().unwrap();
    assert_eq!((verified.count, verified.root), (200, root_of(&stored)));
}

fn copy_as_a_crash_would_leave_it(from: &Path, to: &Path) {
    for end in ["", "-wal"] {
        let name = |path: &Path| format!("{}{end}", path.display());
        std::fs::copy(name(from), name(to)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let bench = Bench::new().await;
    let row = Change::PutRun(Box::new(run_row("run-1", "i")));
    bench
        .store
        .append(submission(records("acme", "run-1", 5), vec![row]))
        .await
        .unwrap();
    let left = bench.directory().join("left.db");
    copy_as_a_crash_would_leave_it(&bench.path(), &left);
    let again = SqliteStore::open(&left, options(&bench.clock))
        .await
        .unwrap();
    assert_eq!(
        again.verify(&named("acme")).await.unwrap().unwrap().count,
        5
    );
    assert!(again.run(&named("acme"), "run-1").await.unwrap().is_some());
    let more = again
        .append(submission(records("acme", "run-2", 1), vec![]))
        .await
        .unwrap();
    assert_eq!(more.first_seq, 5);
}

async fn a_store_goes_on_where_it_was_closed(bench: Bench) {
    bench
        .store
        .append(submission(records("acme", "r", 3), vec![]))
        .await
        .unwrap();
    bench.store.close().await;
    let late = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert!(matches!(late, Err(StoreError::Closed)));
    assert!(matches!(bench.store.heads().await, Err(StoreError::Closed)));
    let again = bench.another().await;
    let appended = again
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    assert_eq!(appended.first_seq, 3);
}

async fn a_large_submission_is_one_transaction(bench: Bench) {
    let appended = bench
        .store
        .append(submission(records("acme", "r", 1_000), vec![]))
        .await
        .unwrap();
    assert_eq!(appended.count, 1_000);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        1_000
    );
    let over = bench
        .store
        .append(submission(records("acme", "r", 1_001), vec![]))
        .await;
    assert!(matches!(
        over,
        Err(StoreError::TooLarge { records: 1_001, .. })
    ));
}

async fn a_record_of_another_tenant_is_refused(bench: Bench) {
    let foreign = bench
        .store
        .append(submission(records("other", "r", 1), vec![]))
        .await;
    assert!(matches!(foreign, Err(StoreError::Invalid(_))));
    assert!(all(&bench.store, "other").await.is_empty());
}

async fn records_are_found_by_run_case_stage_and_place(bench: Bench) {
    let mut mixed = records("acme", "r1", 2);
    mixed.push(record("acme", "r2", 0, Stage::CallIntent));
    mixed.extend(records("acme", "r1", 1));
    bench.store.append(submission(mixed, vec![])).await.unwrap();
    let found = async |filter: RecordFilter| -> Vec<u64> {
        let found = bench.store.records(&named("acme"), &filter).await.unwrap();
        found.iter().map(|record| record.seq).collect()
    };
    let base = RecordFilter::default;
    assert_eq!(
        found(RecordFilter {
            run: Some("r1".into()),
            ..base()
        })
        .await,
        [0, 1, 3]
    );
    assert_eq!(
        found(RecordFilter {
            case: Some("case-1".into()),
            ..base()
        })
        .await,
        [0, 1, 2, 3]
    );
    assert_eq!(
        found(RecordFilter {
            stage: Some(Stage::CallIntent),
            ..base()
        })
        .await,
        [2]
    );
    assert_eq!(
        found(RecordFilter {
            after_seq: Some(1),
            limit: Some(1),
            ..base()
        })
        .await,
        [2]
    );
    let newest = RecordFilter {
        newest_first: true,
        limit: Some(2),
        ..base()
    };
    assert_eq!(found(newest).await, [3, 2]);
    let before = RecordFilter {
        newest_first: true,
        after_seq: Some(2),
        ..base()
    };
    assert_eq!(found(before).await, [1, 0]);
    let bare = RecordFilter {
        leaves_only: true,
        ..base()
    };
    let bare = bench.store.records(&named("acme"), &bare).await.unwrap();
    assert!(bare.iter().all(|record| record.sealed.is_none()));
    assert!(
        bench
            .store
            .records(&named("other"), &base())
            .await
            .unwrap()
            .is_empty()
    );
}

async fn a_caller_that_went_away_leaves_the_store_working(bench: Bench) {
    for _ in 0..50 {
        let append = bench
            .store
            .append(submission(records("acme", "r", 1), vec![]));
        futures_abandon(append).await;
    }
    bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await
        .unwrap();
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
}

/// Poll once, then drop.
async fn futures_abandon<T>(future: impl Future<Output = T>) {
    tokio::select! { biased; _ = future => {}, () = std::future::ready(()) => {} }
}

on_each_store! {
    concurrent_appends_number_without_gap_and_keep_the_tree,
    records_of_one_submission_stand_together_in_their_order,
    two_hosts_on_one_file_share_one_numbering,
    a_store_goes_on_where_it_was_closed,
    a_large_submission_is_one_transaction,
    a_record_of_another_tenant_is_refused,
    records_are_found_by_run_case_stage_and_place,
    a_caller_that_went_away_leaves_the_store_working,
}
