//! What a call costs, step by step, each figure beside a bare one of the same
//! run: `cargo bench -p tollgate-tests --bench throughput`. Machines differ and
//! drift; ratios travel. Filter with words: `-- call mcp`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints its figures, and has nobody to hand an error to"
)]

mod baseline;
mod forgetful;
mod mcp;
#[path = "../timing/side_by_side.rs"]
mod side_by_side;

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use side_by_side::{heading, line, rate, wanted};
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunState, ToolCall,
};
use tollgate_store::Store;
use tollgate_tests::{component, named, pinned};

/// Runs at the same time, where a figure has one number.
const CONCURRENT: usize = 64;

const MANIFEST: &str = r#"
connector = "reader"

[grant]
clock = false
random = false

[grant.kv.notes]
max_bytes = "1GiB"

[config]
greeting = "hello"

[[rule]]
name = "reads"
tool = "read"
then = "allow"

[[rule]]
name = "notes"
tool = "note"
then = { require = "people" }

[approval.people]
approvers = ["group:people"]
"#;

/// The one that the command `tollgate` uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    heading();
    runtime.block_on(async {
        if wanted("call") {
            calls().await;
        }
        if wanted("resume") {
            resumes().await;
        }
        if wanted("mcp") {
            mcp::measure().await;
        }
    });
}

fn agent() -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "bench".into(),
        kind: PrincipalKind::Agent,
        groups: Vec::new(),
    }
}

fn call(tool: &str, case: u64) -> ToolCall {
    ToolCall {
        connector: "reader".into(),
        tool: tool.into(),
        // Notes each have a key of their own: a held write is bound to what it
        // would replace.
        input: match tool {
            "note" => json!({ "key": format!("note-{case}") }),
            _ => json!({ "key": "greeting" }),
        },
        // A key of its own makes each call a new request.
        request_key: Some(format!("bench-{case}")),
        ..ToolCall::default()
    }
}

async fn installed(home: &std::path::Path, store: Option<Arc<dyn Store>>) -> Host {
    let reader = component("tests/guests/reader");
    let options = HostOptions::new(home, Compiler::InProcess, Role::Serve);
    let host = match store {
        Some(store) => Host::open_on(options, store).await.unwrap(),
        None => Host::open(options).await.unwrap(),
    };
    host.install(
        "reader.toml",
        &pinned(MANIFEST, &reader),
        &reader.bytes,
        "bench",
    )
    .await
    .unwrap();
    host
}

/// A fresh instance with one import call: bare, through the door, and with the
/// journal on disk.
async fn calls() {
    let reader = component("tests/guests/reader");
    let bare = Arc::new(baseline::Bare::new(&reader.bytes));
    let mut bare_rate = 0.0;
    for concurrent in [1, CONCURRENT] {
        let one = Arc::clone(&bare);
        let (rate, p50) = rate(concurrent, move |_| {
            let one = Arc::clone(&one);
            async move { one.call().await }
        })
        .await;
        line(
            &format!("call: bare wasmtime, {concurrent} at once"),
            rate,
            p50,
            None,
        );
        bare_rate = rate;
    }
    let home = tempfile::tempdir().unwrap();
    let forgetful = installed(home.path(), Some(Arc::new(forgetful::Forgetful::default()))).await;
    host_calls(
        "call: through the door, nothing kept",
        &forgetful,
        bare_rate,
    )
    .await;
    forgetful.shutdown().await;
    let home = tempfile::tempdir().unwrap();
    let durable = installed(home.path(), None).await;
    host_calls(
        "call: through the door, journal durable",
        &durable,
        bare_rate,
    )
    .await;
    durable.shutdown().await;
}

async fn host_calls(name: &str, host: &Host, bare: f64) {
    for concurrent in [1, CONCURRENT] {
        let host = host.clone();
        let who = agent();
        let (rate, p50) = rate(concurrent, move |number| {
            let (host, who) = (host.clone(), who.clone());
            async move {
                let report = host.call(&who, call("read", number)).await.unwrap();
                assert_eq!(report.state, RunState::Done, "{report:?}");
            }
        })
        .await;
        let against = (concurrent == CONCURRENT).then_some(bare);
        line(&format!("{name}, {concurrent} at once"), rate, p50, against);
    }
}

/// From a person's decision to the end of the run.
async fn resumes() {
    let home = tempfile::tempdir().unwrap();
    let host = installed(home.path(), None).await;
    let mira = Principal {
        identified: Default::default(),
        name: "mira".into(),
        kind: PrincipalKind::Person,
        groups: vec!["people".into()],
        ..agent()
    };
    let mut held = Vec::new();
    for number in 0..500 {
        let report = host.call(&agent(), call("note", number)).await.unwrap();
        held.push(report.pending.unwrap().approval);
    }
    let mut times = Vec::new();
    let begin = Instant::now();
    for approval in &held {
        let card = host.card(&mira, approval).await.unwrap();
        let started = Instant::now();
        let report = host.approve(&mira, approval, &card.digest).await.unwrap();
        times.push(started.elapsed());
        assert_eq!(report.state, RunState::Done);
    }
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    times.sort_unstable();
    line(
        "resume: decision to end of run, 500 held",
        rate,
        times[times.len() / 2],
        None,
    );
    host.shutdown().await;
}
