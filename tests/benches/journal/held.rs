//! A hundred thousand calls that wait for a person: what they take in memory and
//! on disk, and how long one takes to go on, however old it is.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunState, ToolCall,
};
use tollgate_tests::{component, named, pinned};

use crate::side_by_side::line;

/// How many are held.
const HELD: u64 = 100_000;

/// How many are asked for at once.
const ASKING: u64 = 64;

/// How many of the oldest, and of the newest, are decided on.
const DECIDED: u64 = 200;

const MANIFEST: &str = r#"
connector = "reader"

[grant]
clock = false
random = false

[grant.kv.notes]
max_bytes = "1GiB"

[[rule]]
name = "notes"
tool = "note"
then = { require = "people" }

[approval.people]
approvers = ["group:people"]
decide_within = "30d"
"#;

pub(crate) async fn measure() {
    let home = tempfile::tempdir().unwrap();
    let host = open(home.path()).await;
    let reader = component("tests/guests/reader");
    let manifest = pinned(MANIFEST, &reader);
    let bytes = &reader.bytes;
    host.install("reader.toml", &manifest, bytes, "bench")
        .await
        .unwrap();
    // One call through everything, so that what is made once is made.
    let first = hold(&host, 0).await;
    host.shutdown().await;
    drop(host);
    let before = disk(home.path());

    let begun = Instant::now();
    let host = open(home.path()).await;
    let approvals = Arc::new(std::sync::Mutex::new(vec![(0, first)]));
    let next = Arc::new(std::sync::atomic::AtomicU64::new(1));
    let tasks: Vec<_> = (0..ASKING)
        .map(|_| {
            let (host, next) = (host.clone(), Arc::clone(&next));
            let approvals = Arc::clone(&approvals);
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= HELD {
                        return;
                    }
                    let approval = hold(&host, number).await;
                    approvals.lock().unwrap().push((number, approval));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let rate = HELD as f64 / begun.elapsed().as_secs_f64();
    line(
        "held: calls held, 64 at once",
        rate,
        begun.elapsed() / HELD as u32,
        None,
    );
    host.shutdown().await;
    drop(host);
    let mut approvals = Arc::into_inner(approvals).unwrap().into_inner().unwrap();
    approvals.sort_unstable();
    println!(
        "held: {} bytes a held call on disk",
        (disk(home.path()) - before) / HELD
    );

    // A host that opens on them has what they take, and nothing of their making.
    let bare = tempfile::tempdir().unwrap();
    let empty = open(bare.path()).await;
    let without = resident();
    let host = open(home.path()).await;
    let with = resident();
    println!(
        "held: {} bytes resident a held call: a host that opens on {HELD} has {} KiB more",
        with.saturating_sub(without) / HELD,
        with.saturating_sub(without) / 1024
    );
    empty.shutdown().await;

    let newest = approvals.len() - usize::try_from(DECIDED).unwrap();
    decide(
        &host,
        "the oldest",
        &approvals[..usize::try_from(DECIDED).unwrap()],
    )
    .await;
    decide(&host, "the newest", &approvals[newest..]).await;
    host.shutdown().await;
}

async fn open(home: &Path) -> Host {
    let options = HostOptions::new(home, Compiler::InProcess, Role::Serve);
    Host::open(options).await.unwrap()
}

async fn hold(host: &Host, number: u64) -> String {
    let agent = Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "bench".into(),
        kind: PrincipalKind::Agent,
        groups: Vec::new(),
    };
    let call = ToolCall {
        connector: "reader".into(),
        tool: "note".into(),
        input: json!({ "key": format!("note-{number}") }),
        ..ToolCall::default()
    };
    let report = host.call(&agent, call).await.unwrap();
    report.pending.unwrap().approval
}

async fn decide(host: &Host, which: &str, approvals: &[(u64, String)]) {
    let mira = Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "mira".into(),
        kind: PrincipalKind::Person,
        groups: vec!["people".into()],
    };
    let mut times = Vec::new();
    for (_, approval) in approvals {
        let card = host.card(&mira, approval).await.unwrap();
        let begun = Instant::now();
        let report = host.approve(&mira, approval, &card.digest).await.unwrap();
        times.push(begun.elapsed());
        assert_eq!(report.state, RunState::Done);
    }
    times.sort_unstable();
    let whole: Duration = times.iter().sum();
    let rate = times.len() as f64 / whole.as_secs_f64();
    let name = format!("held: from decision to the end of the run, {which} of 100 000");
    line(&name, rate, times[times.len() / 2], None);
}

/// What the process has in memory, in bytes: see proc(5), `VmRSS`.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap();
    kib.parse::<u64>().unwrap() * 1024
}

fn disk(home: &Path) -> u64 {
    ["tollgate.db", "tollgate.db-wal"]
        .iter()
        .filter_map(|file| std::fs::metadata(home.join(file)).ok())
        .map(|found| found.len())
        .sum()
}
