//! What a request to a web server costs through the host, beside a bare client
//! doing the same requests in the same run, 64 at once: `cargo bench --workspace
//! --bench outbound`. Machines differ and drift; ratios travel.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program that prints its figures, and has nobody to hand an error to"
)]

mod server;
#[path = "../timing/side_by_side.rs"]
mod side_by_side;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use side_by_side::{heading, line, rate, wanted};
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState, ToolCall,
};
use tollgate_tests::{component, named, pinned};

use server::{CENTS, DELAY, ROWS, Server};

/// Requests at the same time.
const CONCURRENT: usize = 64;

/// Turns of each side.
const ROUNDS: usize = 3;

/// Requests of a call that sends many.
const MANY: usize = 16;

/// How much longer a call may take than a bare request.
const AIM: f64 = 1.2;

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
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load average before: {}", load.trim());
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
call = "GET /slow/{{id:int}}"

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

/// A key of its own makes each call a new request.
async fn call(host: &Host, tool: &str, input: Value, key: String) -> RunReport {
    let who = Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "bench".into(),
        kind: PrincipalKind::Agent,
        groups: Vec::new(),
    };
    let call = ToolCall {
        connector: "caller".into(),
        tool: tool.into(),
        input,
        request_key: Some(key),
        ..ToolCall::default()
    };
    let report = host.call(&who, call).await.unwrap();
    assert_eq!(report.state, RunState::Done, "{report:?}");
    report
}

/// A ticket from a server that answers at once, and from one that takes as long as
/// an application on the same network.
async fn small() {
    let server = Server::start().await;
    let home = tempfile::tempdir().unwrap();
    let host = installed(home.path(), &server).await;
    let at_once = beside(&server, &host, "tickets", "at once").await;
    let slower = format!("after {} ms", DELAY.as_millis());
    beside(&server, &host, "slow", &slower).await;
    parts(&host, &at_once).await;
    host.shutdown().await;
}

/// The same request by a bare client, and by a connector in its sandbox with a
/// durable record of each answer. The two take turns, so that a machine that gets
/// busy is busy for both.
async fn beside(server: &Server, host: &Host, what: &'static str, answered: &str) -> Side {
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let url: Arc<str> = format!("http://{}/{what}/1", server.address).into();

    let (mut bare, mut through) = (Side::default(), Side::default());
    for _ in 0..ROUNDS {
        let (client, url) = (client.clone(), Arc::clone(&url));
        let work = move |_| {
            let (client, url) = (client.clone(), Arc::clone(&url));
            async move {
                let answer = client.get(&*url).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                assert!(!answer.bytes().await.unwrap().is_empty());
            }
        };
        bare.turn(server, rate(CONCURRENT, work)).await;

        let host = host.clone();
        let first = through.requests;
        let work = move |number| {
            let host = host.clone();
            let key = format!("{what}-{}", first + number);
            async move {
                let report = call(&host, "read", get(what), key).await;
                assert_eq!(report.output.unwrap()["status"], 200);
            }
        };
        through.turn(server, rate(CONCURRENT, work)).await;
    }
    let name = format!("outbound: bare client, {CONCURRENT} at once, answered {answered}");
    line(&name, bare.rate(), bare.p50(), None);
    let name = format!("outbound: through the host, {CONCURRENT} at once, answered {answered}");
    line(&name, through.rate(), through.p50(), Some(bare.rate()));
    let times: Vec<String> = bare
        .rates
        .iter()
        .zip(&through.rates)
        .map(|(bare, through)| format!("{:.2}", bare / through))
        .collect();
    println!(
        "          a call takes {:.2} times as long as a bare request (aim {AIM}); by turns {}",
        bare.rate() / through.rate(),
        times.join(", ")
    );
    for (name, side) in [("bare client", &bare), ("host", &through)] {
        println!(
            "          {} requests of the {name} over {} connections in {ROUNDS} turns",
            side.requests, side.connections
        );
        // The host lets go of a connection that is idle during the other's turn.
        assert!(
            side.connections <= (ROUNDS * CONCURRENT) as u64 + 8,
            "connections are used again"
        );
    }
    bare
}

/// What of it is the call, and what is the request: a call that asks for nothing,
/// and one that asks for many tickets.
async fn parts(host: &Host, bare: &Side) {
    let one = host.clone();
    let (empty, p50) = rate(CONCURRENT, move |number| {
        let host = one.clone();
        async move {
            let key = format!("nothing-{number}");
            call(&host, "several", json!({"requests": []}), key).await;
        }
    })
    .await;
    line("outbound: a call without a request", empty, p50, None);

    let one = host.clone();
    let (many, p50) = rate(CONCURRENT, move |number| {
        let host = one.clone();
        let requests = vec![get("tickets"); MANY];
        async move {
            let key = format!("many-{number}");
            call(&host, "several", json!({"requests": requests}), key).await;
        }
    })
    .await;
    let name = format!("outbound: requests, {MANY} in a call");
    line(&name, many * MANY as f64, p50, Some(bare.rate()));
}

fn get(what: &str) -> Value {
    json!({"destination": "desk", "method": "GET", "path": [what, "1"]})
}

/// What one side came to in its turns.
#[derive(Default)]
struct Side {
    rates: Vec<f64>,
    medians: Vec<Duration>,
    requests: u64,
    connections: u64,
}

impl Side {
    async fn turn(&mut self, server: &Server, work: impl Future<Output = (f64, Duration)>) {
        let before = (server.accepted(), server.requests());
        let (rate, p50) = work.await;
        self.rates.push(rate);
        self.medians.push(p50);
        self.connections += server.accepted() - before.0;
        self.requests += server.requests() - before.1;
    }

    /// The middle one of the turns.
    fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    fn p50(&self) -> Duration {
        let mut medians = self.medians.clone();
        medians.sort_unstable();
        medians[medians.len() / 2]
    }
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
            let key = format!("rows-{number}");
            let sum = call(&host, "sum", input, key).await.output.unwrap();
            assert_eq!(sum, json!({"rows": ROWS, "cents": CENTS}));
        }
    })
    .await;
    let name = format!("outbound: {ROWS} rows of JSON in {MEMORY}, one at once");
    line(&name, through, p50, None);
    host.shutdown().await;
}
