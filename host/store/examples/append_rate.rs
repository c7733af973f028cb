//! How many records a second the store makes durable, by how many append at
//! once: `cargo run --release -p tollgate-store --example append_rate [DIRECTORY]`.
//! Give a directory on the disk that matters; the default is the system's
//! directory for temporary files.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::time::{Duration, Instant};

use tollgate_journal::{BlobKeys, Entry, KeyRing, Prepared, Stage, SubjectKey, prepare};
use tollgate_store::{SqliteOptions, SqliteStore, Store, Submission};

const RECORDS_EACH: u32 = 3;
const MEASURED: Duration = Duration::from_secs(3);

fn entry(run: &str, position: u32) -> Entry {
    let facts = serde_json::json!({
        "call": "sql.query", "destination": "orders", "effect": "read", "rule": "read-orders",
        "fuel": 4_210, "rows": 1,
    });
    Entry {
        tenant: "default".into(),
        case: "case-0197".into(),
        run: Some(run.into()),
        principal: "agent:support".into(),
        workflow: Some("refunds".into()),
        stage: Stage::CallOutcome,
        position: Some(position),
        at_ms: 1_790_000_000_000,
        facts: facts.as_object().cloned().unwrap_or_default(),
        values: vec![
            (
                "args",
                b"[\"SELECT id, customer, amount_cents FROM orders WHERE id = ?\",[17]]".to_vec(),
            ),
            ("reply", vec![b'r'; 200]),
        ],
        subject: "s-0197".into(),
    }
}

fn make(
    run: &str,
    key: &SubjectKey,
    blobs: &BlobKeys,
) -> Result<Vec<Prepared>, tollgate_journal::JournalError> {
    (0..RECORDS_EACH)
        .map(|position| prepare(&entry(run, position), key, blobs))
        .collect()
}

fn measure_prepare(key: &SubjectKey, blobs: &BlobKeys) -> Result<(), Box<dyn Error>> {
    const TIMES: u32 = 50_000;
    let one = entry("run-0197", 0);
    let first = prepare(&one, key, blobs)?;
    let begun = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(prepare(std::hint::black_box(&one), key, blobs)?);
    }
    let each = begun.elapsed() / TIMES;
    let sealed = first.sealed.map_or(0, |sealed| sealed.len());
    println!(
        "prepare: {each:?} a record (leaf {} B, sealed {sealed} B)",
        first.leaf.len()
    );
    Ok(())
}

async fn measure(store: &SqliteStore, appenders: usize) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let tasks = (0..appenders).map(|appender| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = SubjectKey::from_bytes([7; 32]);
            let ring = KeyRing::generate().map_err(|error| error.to_string())?;
            let blobs = ring.blob_keys("default");
            let mut slowest = Duration::ZERO;
            let mut rows = 0_u64;
            while begun.elapsed() < MEASURED {
                let run = format!("0197a0c4-{appender:04}-7000-8000-{rows:012}");
                let records = make(&run, &key, &blobs).map_err(|error| error.to_string())?;
                let submission = Submission {
                    tenant: "default".into(),
                    records,
                    changes: Vec::new(),
                };
                let waited = Instant::now();
                rows += store
                    .append(submission)
                    .await
                    .map_err(|error| error.to_string())?
                    .count;
                slowest = slowest.max(waited.elapsed());
            }
            Ok::<_, String>((rows, slowest))
        })
    });
    let (mut rows, mut slowest) = (0, Duration::ZERO);
    for task in tasks.collect::<Vec<_>>() {
        let (mine, worst) = task.await??;
        rows += mine;
        slowest = slowest.max(worst);
    }
    let rate = rows as f64 / begun.elapsed().as_secs_f64();
    println!("{appenders:>4} appenders: {rate:>9.0} rows/s, slowest append {slowest:?}");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let blobs = KeyRing::generate()?.blob_keys("acme");
    measure_prepare(&SubjectKey::from_bytes([7; 32]), &blobs)?;
    let parent = std::env::args_os()
        .nth(1)
        .map_or_else(std::env::temp_dir, Into::into);
    let directory = tempfile::tempdir_in(parent)?;
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(path, SqliteOptions::default()).await?;
    for appenders in [1, 8, 64, 256] {
        measure(&store, appenders).await?;
    }
    let begun = Instant::now();
    let verified = store.verify("default").await??;
    println!(
        "verified {} records in {:?}",
        verified.count,
        begun.elapsed()
    );
    store.close().await;
    Ok(())
}
