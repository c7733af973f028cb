//! Questions to a log of a million records, and what a record takes on disk.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_store::{ClosedFilter, RecordFilter, SqliteOptions, SqliteStore, Store, Submission};
use tollgate_tests::named;

use crate::records::{BEGAN_MS, Maker};
use crate::side_by_side::line;

/// Three records each.
const RUNS: u64 = 333_334;

/// Submissions that wait for the store at a time.
const BATCH: u64 = 512;

/// How often each question is asked.
const TIMES: u32 = 200;

pub(crate) async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).await;
    let store: Arc<dyn Store> = Arc::new(store.unwrap());
    fill(&store).await;
    let bytes = size(&path);
    let records = RUNS * 3;
    println!(
        "question: {records} records, {} bytes a record on disk, {} a run",
        bytes / records,
        bytes / RUNS
    );
    ask_closed(&store).await;
    ask_records(&store).await;
    store.close().await;
}

async fn fill(store: &Arc<dyn Store>) {
    let maker = Maker::new();
    let mut next = 0;
    while next < RUNS {
        let waiting: Vec<_> = (next..RUNS.min(next + BATCH))
            .map(|number| {
                let submission = Submission {
                    tenant: named("default"),
                    records: maker.run(number),
                    changes: Vec::new(),
                };
                let store = Arc::clone(store);
                tokio::spawn(async move { store.append(submission).await.unwrap() })
            })
            .collect();
        next += BATCH;
        for one in waiting {
            one.await.unwrap();
        }
    }
}

/// The file with what is not yet copied into it.
fn size(path: &Path) -> u64 {
    let wal = path.with_extension("db-wal");
    [path, &wal]
        .iter()
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|found| found.len())
        .sum()
}

async fn ask_closed(store: &Arc<dyn Store>) {
    let middle = BEGAN_MS + RUNS * 5;
    let base = ClosedFilter {
        limit: Some(50),
        ..ClosedFilter::default()
    };
    let questions = [
        (
            "of a tool (index records_by_tool)",
            ClosedFilter {
                tool: Some("shop.refund".into()),
                ..base.clone()
            },
        ),
        (
            "that failed (records_by_outcome)",
            ClosedFilter {
                outcome: Some("failed".into()),
                ..base.clone()
            },
        ),
        (
            "of a workflow (records_by_workflow)",
            ClosedFilter {
                workflow: Some("refunds".into()),
                ..base.clone()
            },
        ),
        (
            "of a tool that failed, of an hour",
            ClosedFilter {
                tool: Some("crm.lookup".into()),
                outcome: Some("failed".into()),
                since_ms: Some(middle),
                until_ms: Some(middle + 3_600_000),
                ..base
            },
        ),
    ];
    for (name, filter) in questions {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let found = store.closed_runs(&named("default"), &filter).await.unwrap();
            times.push(begun.elapsed());
            assert!(!found.is_empty(), "{name}");
        }
        report(&format!("question: 50 runs {name}"), times);
    }
}

async fn ask_records(store: &Arc<dyn Store>) {
    let middle = BEGAN_MS + RUNS * 5;
    let base = RecordFilter {
        limit: Some(50),
        ..RecordFilter::default()
    };
    let questions = [
        (
            "of one run (records_by_run)",
            RecordFilter {
                run: Some(format!("run-{:032x}", RUNS / 2)),
                ..base.clone()
            },
        ),
        (
            "after a place (primary key)",
            RecordFilter {
                after_seq: Some(RUNS),
                ..base.clone()
            },
        ),
        (
            "the newest (primary key)",
            RecordFilter {
                newest_first: true,
                ..base.clone()
            },
        ),
        (
            "since a time in the middle",
            RecordFilter {
                since_ms: Some(middle),
                ..base
            },
        ),
    ];
    for (name, filter) in questions {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let begun = Instant::now();
            let found = store.records(&named("default"), &filter).await.unwrap();
            times.push(begun.elapsed());
            assert!(!found.is_empty(), "{name}");
        }
        report(&format!("question: 50 records {name}"), times);
    }
}

fn report(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let whole: Duration = times.iter().sum();
    let rate = times.len() as f64 / whole.as_secs_f64();
    line(name, rate, times[times.len() / 2], None);
}
