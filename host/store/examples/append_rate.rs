//! How many records a second the store makes durable, by how many append at
//! once: `cargo run --release -p tollgate-store --example append_rate [WHERE] [TENANTS]`.
//! WHERE is a directory on the disk that matters (the default is the system's
//! directory for temporary files), a PostgreSQL URL, or `private` for a durable
//! PostgreSQL of its own. Appenders are divided among TENANTS, 1 if not given.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollgate_journal::{Entry, Prepared, Stage, SubjectKey, prepare};
use tollgate_store::{Location, Store, Submission, open_store};
use tollgate_test_postgres::{PrivatePostgres, Settings};

const RECORDS_EACH: u32 = 3;
const MEASURED: Duration = Duration::from_secs(3);

fn entry(tenant: &str, run: &str, position: u32) -> Entry {
    let facts = serde_json::json!({
        "call": "sql.query", "destination": "orders", "effect": "read", "rule": "read-orders",
        "fuel": 4_210, "rows": 1,
    });
    Entry {
        tenant: tenant.into(),
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

fn tenant(number: usize) -> String {
    format!("tenant-{number}")
}

fn make(
    tenant: &str,
    run: &str,
    key: &SubjectKey,
) -> Result<Vec<Prepared>, tollgate_journal::JournalError> {
    (0..RECORDS_EACH)
        .map(|position| prepare(&entry(tenant, run, position), key))
        .collect()
}

fn measure_prepare(key: &SubjectKey) -> Result<(), Box<dyn Error>> {
    const TIMES: u32 = 50_000;
    let one = entry("default", "run-0197", 0);
    let first = prepare(&one, key)?;
    let begun = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(prepare(std::hint::black_box(&one), key)?);
    }
    let each = begun.elapsed() / TIMES;
    let sealed = first.sealed.map_or(0, |sealed| sealed.len());
    println!(
        "prepare: {each:?} a record (leaf {} B, sealed {sealed} B)",
        first.leaf.len()
    );
    Ok(())
}

async fn measure(
    store: &Arc<dyn Store>,
    appenders: usize,
    tenants: usize,
) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let tasks = (0..appenders).map(|appender| {
        let store = store.clone();
        tokio::spawn(async move {
            let key = SubjectKey::from_bytes([7; 32]);
            let tenant = tenant(appender % tenants);
            let mut slowest = Duration::ZERO;
            let mut rows = 0_u64;
            while begun.elapsed() < MEASURED {
                let run = format!("0197a0c4-{appender:04}-7000-8000-{rows:012}");
                let records = make(&tenant, &run, &key).map_err(|error| error.to_string())?;
                let submission = Submission {
                    tenant: tenant.clone(),
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
    measure_prepare(&SubjectKey::from_bytes([7; 32]))?;
    let place = std::env::args().nth(1);
    let tenants = std::env::args().nth(2).map_or(Ok(1), |text| text.parse())?;
    let place = place.unwrap_or_else(|| std::env::temp_dir().display().to_string());
    match place.as_str() {
        "private" => {
            let durable = Settings {
                durable: true,
                ..Settings::default()
            };
            if let Some(server) = PrivatePostgres::start_with(&durable).await {
                measure_all(&server.create_database().await, tenants).await?;
            }
        }
        url if url.starts_with("postgres") => measure_all(url, tenants).await?,
        parent => {
            let directory = tempfile::tempdir_in(parent)?;
            let path = directory.path().join("store.db");
            measure_all(&path.display().to_string(), tenants).await?;
        }
    }
    Ok(())
}

async fn measure_all(place: &str, tenants: usize) -> Result<(), Box<dyn Error>> {
    let store = open_store(&place.parse::<Location>()?, None).await?;
    for appenders in [1, 8, 64, 256] {
        measure(&store, appenders, tenants).await?;
    }
    let begun = Instant::now();
    let mut count = 0;
    for number in 0..tenants {
        count += store.verify(&tenant(number)).await??.count;
    }
    println!("verified {count} records in {:?}", begun.elapsed());
    store.close().await;
    Ok(())
}
