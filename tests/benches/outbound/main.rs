//! What a request to a web server costs through the host, beside a bare client
//! doing the same requests in the same run, 64 at once: `cargo bench -p
//! tollgate-tests --bench outbound`. Machines differ and drift; ratios travel.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints its figures, and has nobody to hand an error to"
)]

mod server;
#[path = "../timing/side_by_side.rs"]
mod side_by_side;

use std::sync::Arc;

use serde_json::{Value, json};
use side_by_side::{heading, line, rate, wanted};
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState, ToolCall,
};
use tollgate_tests::{component, pinned};

use server::{CENTS, ROWS, Server};

/// Requests at the same time.
const CONCURRENT: usize = 64;

/// What the guest may use up to read ten thousand rows, their JSON and their
/// values at once.
const MEMORY: &str = "16MiB";

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
        if wanted("small") {
            small().await;
        }
        if wanted("rows") {
            rows().await;
        }
    });
}

fn manifest(server: &Server) -> String {
    format!(
        r#"
connector = "caller"

[limits]
memory = "{MEMORY}"
fuel = 10000000000

[grant.http.desk]
base_url = "http://{}"
addresses = ["127.0.0.1"]
connections = {CONCURRENT}

[[grant.http.desk.route]]
call = "GET /tickets/{{id:int}}"

[[grant.http.desk.route]]
call = "GET /rows"

[[rule]]
name = "reads"
tool = "*"
then = "allow"
"#,
        server.address
    )
}

async fn installed(home: &std::path::Path, server: &Server) -> Host {
    let caller = component("tests/guests/caller");
    let host = Host::open(HostOptions::new(home, Compiler::InProcess, Role::Serve))
        .await
        .unwrap();
    host.install(
        "caller.toml",
        &pinned(&manifest(server), &caller),
        &caller.bytes,
        "bench",
    )
    .await
    .unwrap();
    host
}

async fn call(host: &Host, tool: &str, input: Value, number: u64) -> RunReport {
    let who = Principal {
        tenant: "default".into(),
        name: "bench".into(),
        kind: PrincipalKind::Agent,
        groups: Vec::new(),
    };
    let call = ToolCall {
        connector: "caller".into(),
        tool: tool.into(),
        input,
        // A key of its own makes each call a new request.
        request_key: Some(format!("bench-{tool}-{number}")),
        ..ToolCall::default()
    };
    let report = host.call(&who, call).await.unwrap();
    assert_eq!(report.state, RunState::Done, "{report:?}");
    report
}

/// A ticket: by a bare client, and by a connector in its sandbox with a durable
/// record of each answer.
async fn small() {
    let server = Server::start().await;
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url: Arc<str> = format!("http://{}/tickets/1", server.address).into();
    let (bare, p50) = rate(CONCURRENT, move |_| {
        let (client, url) = (client.clone(), Arc::clone(&url));
        async move {
            let answer = client.get(&*url).send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert!(!answer.bytes().await.unwrap().is_empty());
        }
    })
    .await;
    let name = format!("outbound: bare client, {CONCURRENT} at once");
    line(&name, bare, p50, None);
    let before = (server.accepted(), server.requests());

    let home = tempfile::tempdir().unwrap();
    let host = installed(home.path(), &server).await;
    let one = host.clone();
    let (through, p50) = rate(CONCURRENT, move |number| {
        let host = one.clone();
        let input = json!({"destination": "desk", "method": "GET", "path": ["tickets", "1"]});
        async move {
            let report = call(&host, "read", input, number).await;
            assert_eq!(report.output.unwrap()["status"], 200);
        }
    })
    .await;
    let name = format!("outbound: through the host, {CONCURRENT} at once");
    line(&name, through, p50, Some(bare));
    let connections = server.accepted() - before.0;
    let requests = server.requests() - before.1;
    println!("          {requests} requests of the host over {connections} connections");
    assert!(
        connections <= 2 * CONCURRENT as u64,
        "connections are used again"
    );
    host.shutdown().await;
}

/// Ten thousand rows of JSON, read and added up inside the sandbox.
async fn rows() {
    let server = Server::start().await;
    let home = tempfile::tempdir().unwrap();
    let host = installed(home.path(), &server).await;
    let one = host.clone();
    let (through, p50) = rate(1, move |number| {
        let host = one.clone();
        async move {
            let input = json!({"destination": "desk", "path": ["rows"]});
            let sum = call(&host, "sum", input, number).await.output.unwrap();
            assert_eq!(sum, json!({"rows": ROWS, "cents": CENTS}));
        }
    })
    .await;
    let name = format!("outbound: {ROWS} rows of JSON in {MEMORY}, one at once");
    line(&name, through, p50, None);
    host.shutdown().await;
}
