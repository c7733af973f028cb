//! Agents' clients against a real host: the official Rust client over HTTP, raw
//! lines over standard input and output, and a client in another language.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use reqwest::{Method, StatusCode};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    ProtocolVersion,
};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _, ServiceExt as _};
use serde_json::{Value, json};
use tollgate_tests::workspace;

use crate::program::{self, Running};
use crate::shop::{Open, Shop, answered, approval, refund};

type Client = RunningService<RoleClient, ClientConfig>;

/// How a client opens a conversation.
#[derive(Clone, Copy, Debug)]
enum Revision {
    /// 2026-07-28: no handshake, no session.
    Current,
    /// `initialize` first.
    Legacy,
}

async fn connect(host: &Open, token: &str, revision: Revision) -> Client {
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", host.url))
        .auth_header(token);
    let transport = StreamableHttpClientTransport::from_config(config);
    let client = ClientConfig::new(
        ClientCapabilities::default(),
        Implementation::new("test", "0"),
    );
    match revision {
        Revision::Legacy => client.serve(transport).await.unwrap(),
        Revision::Current => {
            let lifecycle = ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            };
            client
                .serve_with_lifecycle(transport, lifecycle)
                .await
                .unwrap()
        }
    }
}

async fn call(client: &Client, tool: &str, input: Value) -> CallToolResult {
    let request = CallToolRequestParams::new(tool.to_owned())
        .with_arguments(input.as_object().unwrap().clone());
    client.call_tool(request).await.unwrap()
}

fn content(result: &CallToolResult) -> &Value {
    assert_ne!(result.is_error, Some(true), "{result:?}");
    result.structured_content.as_ref().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_can_be_asked_for_after_a_crash_in_the_current_revision() {
    comes_back(Revision::Current).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_call_can_be_asked_for_after_a_crash_in_older_revisions() {
    comes_back(Revision::Legacy).await;
}

async fn comes_back(revision: Revision) {
    let shop = Shop::new();
    let host = shop.open();
    let agent = connect(&host, &shop.people.agent, revision).await;
    let tools = agent.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    for name in [
        "database.lookup",
        "database.execute",
        "tollgate.run",
        "tollgate.wait",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(
        !names.iter().any(|name| name.contains("approve")),
        "{names:?}"
    );
    let found = call(
        &agent,
        "database.lookup",
        json!({ "query": "order", "params": { "order_id": 1042 } }),
    )
    .await;
    assert_eq!(content(&found)["rows"][0]["customer"], "Lindqvist");
    let mut input = refund(12_900);
    input["_tollgate"] = json!({ "case": "ticket-7", "reason": "arrived broken" });
    let held = call(&agent, "database.execute", input).await;
    let about = content(&held)["_tollgate"].clone();
    assert_eq!(about["state"], "held");
    let run = json!({ "run": about["run"] });
    host.process.kill();

    let host = shop.open();
    let agent = connect(&host, &shop.people.agent, revision).await;
    let seen = call(&agent, "tollgate.run", run.clone()).await;
    assert_eq!(content(&seen)["state"], "held");
    assert_eq!(content(&seen)["case"], "ticket-7");
    let meta = serde_json::to_value(&seen.meta).unwrap();
    assert_eq!(meta["dev.tollgate/state"], "held", "{meta}");
    let card = host.card(&shop.people.mira, &about).await;
    assert_eq!(card["agent_reason"], "arrived broken");
    // The agent waits; the person decides; the wait ends with it.
    let waiting = call(
        &agent,
        "tollgate.wait",
        json!({ "run": about["run"], "seconds": 60 }),
    );
    let path = format!("/v1/approvals/{}/approve", approval(&about));
    let digest = json!({ "digest": card["digest"] });
    let (waited, approved) = tokio::join!(waiting, host.post(&shop.people.mira, &path, &digest));
    assert_eq!(approved.body["state"], "done", "{approved:?}");
    assert_eq!(content(&waited)["state"], "done");
    let seen = call(&agent, "tollgate.run", run).await;
    assert_eq!(content(&seen)["output"]["rows_affected"], 1);
    assert_eq!(shop.refunds(), 1);
    agent.cancel().await.unwrap();
    shop.verifies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_would_be_rounded_is_refused_over_http() {
    let shop = Shop::new();
    let host = shop.open();
    for number in ["9007199254740993", "9007199254740993.0", "1e400"] {
        let text = message(number);
        let request = host
            .request(&shop.people.agent, Method::POST, "/mcp")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(text);
        let answer = answered(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        rounded(&answer.body);
    }
    assert_eq!(shop.refunds(), 0);
}

fn message(number: &str) -> String {
    let input = format!(
        r#"{{"statement":"refund","params":{{"order_id":{number},"amount_cents":1,"reason":"x"}}}}"#
    );
    format!(
        r#"{{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{{"name":"database.execute","arguments":{input}}}}}"#
    )
}

#[track_caller]
fn rounded(answer: &Value) {
    assert_eq!(answer["id"], 9, "{answer}");
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let data = json!({ "kind": "invalid_input", "pointer": "/params/order_id" });
    assert_eq!(answer["error"]["data"], data, "{answer}");
}

/// A client that speaks lines.
struct Pipe {
    process: Running,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Pipe {
    fn open(shop: &Shop) -> Self {
        let mut command = program::command([
            "serve",
            "--stdio",
            "--as",
            "desk-agent",
            "--listen",
            "127.0.0.1:0",
            "--home",
        ]);
        let command = command
            .arg(shop.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Running::start(command);
        Self {
            stdin: process.stdin(),
            stdout: BufReader::new(process.stdout()),
            process,
        }
    }

    fn say(&mut self, line: &str) {
        self.stdin
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
        self.stdin.flush().unwrap();
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.say(&message.to_string());
        self.answer()
    }

    /// Nothing but the protocol is on standard output.
    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(answer["jsonrpc"], "2.0", "{line}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_on_standard_input_gets_the_protocol_and_nothing_else() {
    let shop = Shop::new();
    let mut pipe = Pipe::open(&shop);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "lines", "version": "0" },
    } });
    assert_eq!(pipe.ask(&hello)["result"]["serverInfo"]["name"], "tollgate");
    pipe.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let tools = pipe.ask(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }));
    let names: Vec<_> = tools["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"database.execute"), "{names:?}");
    let tool = |id: u32, name: &str, input: Value| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": input } });
    let found = pipe.ask(&tool(
        3,
        "database.lookup",
        json!({ "query": "order", "params": { "order_id": 1042 } }),
    ));
    assert_eq!(
        found["result"]["structuredContent"]["rows"][0]["customer"], "Lindqvist",
        "{found}"
    );
    for number in ["9007199254740993", "9007199254740993.0", "1e400"] {
        pipe.say(&message(number));
        rounded(&pipe.answer());
    }
    pipe.say("this is no message");
    assert_eq!(pipe.answer()["error"]["code"], -32700);
    let held = pipe.ask(&tool(4, "database.execute", refund(12_900)));
    let about = held["result"]["structuredContent"]["_tollgate"].clone();
    assert_eq!(about["state"], "held", "{held}");

    // People decide at the address, while the agent talks.
    let url = pipe.process.url();
    let mira = |method, path: &str| {
        let request = crate::shop::http().request(method, format!("{url}{path}"));
        request.bearer_auth(&shop.people.mira)
    };
    let card = format!("/v1/approvals/{}", approval(&about));
    let digest = answered(mira(Method::GET, &card)).await.body["digest"].clone();
    let approve = mira(Method::POST, &format!("{card}/approve")).json(&json!({ "digest": digest }));
    assert_eq!(answered(approve).await.body["state"], "done");
    let seen = pipe.ask(&tool(5, "tollgate.run", json!({ "run": about["run"] })));
    assert_eq!(
        seen["result"]["structuredContent"]["state"], "done",
        "{seen}"
    );

    // A client that goes away ends the host, and what it asked last is answered.
    let Pipe {
        process,
        stdin,
        stdout,
    } = pipe;
    drop(stdin);
    let rest = program::rest_of(stdout);
    assert!(rest.is_empty(), "{rest}");
    assert_eq!(process.wait().0, 0);
    assert_eq!(shop.refunds(), 1);
    shop.verifies();
}

#[test]
fn a_host_on_standard_input_can_be_asked_to_stop() {
    let shop = Shop::new();
    let mut pipe = Pipe::open(&shop);
    let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "lines", "version": "0" },
    } });
    pipe.ask(&hello);
    // Its input stays open: nothing else could end it.
    let Pipe {
        process,
        stdin,
        stdout,
    } = pipe;
    assert_eq!(process.stop(), 0);
    assert!(program::rest_of(stdout).is_empty());
    drop(stdin);
    shop.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_in_another_language_is_understood() {
    let python = std::env::var_os("TOLLGATE_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let has_client = Command::new(&python).args(["-c", "import mcp"]).output();
    if !has_client.is_ok_and(|output| output.status.success()) {
        skipped(
            "the Python package `mcp` is not there; set TOLLGATE_TEST_PYTHON to a Python that has it",
        );
        return;
    }
    let shop = Shop::new();
    let host = shop.open();
    let script = workspace().join("tests/process/mcp_client.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(format!("{}/mcp", host.url))
        .env("TOLLGATE_TOKEN", &shop.people.agent)
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(told["found"], "Lindqvist", "{told}");
    assert_eq!(told["held"], "held", "{told}");
    assert_eq!(told["seen"], "held", "{told}");
    assert_eq!(told["unknown_is_an_error"], true, "{told}");
    let pending = host.get(&shop.people.mira, "/v1/approvals").await.body;
    assert_eq!(pending[0]["run"], told["run"]);
}

#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}
