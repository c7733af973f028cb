use std::sync::Arc;

use axum::http::StatusCode;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientConfig,
    ErrorCode, GetTaskParams, Implementation, TaskPayload, TaskStatus,
};
use rmcp::service::{RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt, ServiceExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollgate_runtime::{PrincipalKind, RunState};

use super::Server;
use crate::double::{AGENT, DIGEST, Double, MIRA, principal};
use crate::gatekeeper::Gatekeeper;
use crate::mcp::Mcp;
use crate::{FaceOptions, router, serve};

const HELD: &str = "database.refund";

/// A server on a socket of its own, and the official client.
struct Live {
    host: Arc<Double>,
    address: String,
    stop: oneshot::Sender<()>,
}

type Client = RunningService<RoleClient, ClientConfig>;

impl Live {
    async fn start() -> Self {
        let host = Arc::new(Double::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = router(host.clone(), &FaceOptions::at(&address)).unwrap();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(serve(listener, router, async move {
            let _ = stopped.await;
        }));
        Self {
            host,
            address,
            stop,
        }
    }

    fn transport(
        &self,
    ) -> StreamableHttpClientTransport<
        impl rmcp::transport::streamable_http_client::StreamableHttpClient + use<>,
    > {
        let config = StreamableHttpClientTransportConfig::with_uri(format!("{}/mcp", self.address))
            .auth_header(AGENT);
        StreamableHttpClientTransport::from_config(config)
    }

    async fn legacy(&self) -> Client {
        client(false).serve(self.transport()).await.unwrap()
    }

    async fn modern(&self, tasks: bool) -> Client {
        let lifecycle = ClientLifecycleMode::Discover {
            preferred_versions: vec![rmcp::model::ProtocolVersion::V_2026_07_28],
        };
        client(tasks)
            .serve_with_lifecycle(self.transport(), lifecycle)
            .await
            .unwrap()
    }
}

fn client(tasks: bool) -> ClientConfig {
    let capabilities = if tasks {
        ClientCapabilities::builder().enable_tasks().build()
    } else {
        ClientCapabilities::default()
    };
    ClientConfig::new(capabilities, Implementation::new("test", "0"))
}

fn request(name: &str, arguments: Value) -> CallToolRequestParams {
    CallToolRequestParams::new(name.to_owned())
        .with_arguments(arguments.as_object().unwrap().clone())
}

async fn call(client: &Client, name: &str, arguments: Value) -> CallToolResult {
    client.call_tool(request(name, arguments)).await.unwrap()
}

fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

/// What a careful client does with every answer.
async fn fits_its_schema(client: &Client, name: &str, result: &CallToolResult) -> bool {
    let tools = client.list_all_tools().await.unwrap();
    let tool = tools.iter().find(|tool| tool.name == name).unwrap();
    let schema = Value::Object(tool.output_schema.as_ref().unwrap().as_ref().clone());
    let content = result.structured_content.as_ref().unwrap();
    jsonschema::validator_for(&schema)
        .unwrap()
        .is_valid(content)
}

#[tokio::test]
async fn tools_are_listed_with_schemas_and_hints() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    let expected = [
        "database.lookup",
        "database.list",
        "database.note",
        "database.refund",
        "tollgate.run",
        "tollgate.wait",
        "tollgate.close_case",
    ];
    assert_eq!(names, expected);
    let hints = |index: usize| {
        let hints = tools[index].annotations.clone().unwrap();
        (hints.read_only_hint, hints.destructive_hint)
    };
    assert_eq!(hints(0), (Some(true), Some(false)));
    assert_eq!(hints(2), (Some(false), Some(false)));
    assert_eq!(hints(3), (Some(false), Some(true)));
    assert_eq!(tools[0].title.as_deref(), Some("Title of lookup"));
    assert!(tools[0].input_schema["properties"]["_tollgate"].is_object());
    client.cancel().await.unwrap();
    live.stop.send(()).unwrap();
}

#[tokio::test]
async fn an_output_fits_the_declared_schema_in_every_shape() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let done = call(&client, "database.lookup", json!({"order": "7"})).await;
    assert_eq!(done.structured_content, Some(json!({"total": 80})));
    assert_eq!(text(&done), r#"{"total":80}"#);
    assert!(fits_its_schema(&client, "database.lookup", &done).await);
    let list = call(&client, "database__list", json!({})).await;
    assert_eq!(list.structured_content, Some(json!({"result": [1, 2]})));
    assert!(fits_its_schema(&client, "database.list", &list).await);
    let held = call(&client, HELD, json!({})).await;
    assert!(fits_its_schema(&client, HELD, &held).await);
    let run = call(&client, "tollgate.run", json!({"run": "run-3"})).await;
    assert!(fits_its_schema(&client, "tollgate.run", &run).await);
}

/// A client that checks answers by the schema must not stumble over a state.
#[tokio::test]
async fn the_schema_of_a_run_knows_every_state() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let tools = client.list_all_tools().await.unwrap();
    let run = tools.iter().find(|tool| tool.name == "tollgate.run");
    let schema = json!(run.unwrap().output_schema);
    let states = [
        RunState::Open,
        RunState::Held,
        RunState::InDoubt,
        RunState::Done,
        RunState::Failed,
        RunState::Denied,
        RunState::Undone,
        RunState::Edited,
    ];
    let states: Vec<_> = states.map(RunState::as_str).into();
    assert_eq!(schema["properties"]["state"]["enum"], json!(states));
    assert!(schema["properties"]["continued_as"].is_object());
}

#[tokio::test]
async fn a_held_call_is_an_ordinary_answer_that_says_what_to_do() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let held = call(&client, HELD, json!({"order": "7"})).await;
    assert_eq!(held.is_error, Some(false));
    let about = &held.structured_content.as_ref().unwrap()["_tollgate"];
    assert_eq!(about["state"], "held");
    assert_eq!(about["run"], "run-1");
    assert!(text(&held).contains("tollgate.run"), "{}", text(&held));
    assert!(text(&held).contains("Do not repeat the call"));
    let meta = held.meta.clone().unwrap();
    assert_eq!(meta.get("dev.tollgate/state"), Some(&json!("held")));
    assert!(!serde_json::to_string(&held).unwrap().contains(DIGEST));
}

#[tokio::test]
async fn any_client_comes_back_to_its_run() {
    let live = Live::start().await;
    let client = live.legacy().await;
    call(&client, HELD, json!({})).await;
    let held = call(&client, "tollgate.run", json!({"run": "run-1"})).await;
    assert_eq!(held.structured_content.unwrap()["state"], "held");
    let mira = principal("mira", PrincipalKind::Person);
    live.host
        .approve(&mira, "approval-of-run-1", DIGEST, None, None)
        .await
        .unwrap();
    let input = json!({"run": "run-1", "seconds": 1});
    let done = call(&client, "tollgate.wait", input)
        .await
        .structured_content
        .unwrap();
    assert_eq!(
        (&done["state"], &done["output"]),
        (&json!("done"), &json!({"total": 0}))
    );
    for (name, input) in [
        ("tollgate.run", json!({"run": "none"})),
        ("tollgate.run", json!({})),
        ("tollgate.wait", json!({"run": "run-1", "seconds": 61})),
    ] {
        assert_eq!(call(&client, name, input).await.is_error, Some(true));
    }
}

#[tokio::test]
async fn a_failure_tells_the_agent_what_to_do() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let failed = call(&client, "database.note", json!({})).await;
    assert_eq!(failed.is_error, Some(true));
    assert_eq!(failed.structured_content, None);
    assert_eq!(
        text(&failed),
        "conflict: row 7 was changed by somebody. Read it again and repeat."
    );
    let meta = failed.meta.unwrap();
    assert_eq!(
        meta.get("dev.tollgate/failure").unwrap()["kind"],
        "conflict"
    );
    let denied = call(&client, "database.forbidden", json!({})).await;
    assert_eq!(
        text(&denied),
        "denied: no rule allows this. Ask the operator."
    );
}

#[tokio::test]
async fn an_unknown_tool_is_a_protocol_error() {
    let live = Live::start().await;
    let client = live.legacy().await;
    for name in [
        "database.nope",
        "nothing",
        "tollgate.approve",
        "tollgate.nope",
    ] {
        let error = client
            .call_tool(request(name, json!({})))
            .await
            .unwrap_err();
        let ServiceError::McpError(error) = error else {
            panic!("{error}");
        };
        assert_eq!(error.code, ErrorCode::INVALID_PARAMS, "{name}");
        assert!(
            error.message.contains("there is no tool"),
            "{}",
            error.message
        );
    }
}

#[tokio::test]
async fn a_call_names_its_case_by_meta_or_by_argument() {
    let live = Live::start().await;
    let client = live.legacy().await;
    let input = json!({
        "order": "7",
        "_tollgate": {"case": "c-1", "workflow": "w", "trigger": "t", "reason": "r", "request_key": "k"},
    });
    call(&client, "database.lookup", input).await;
    let mut by_meta = request(
        "database.lookup",
        json!({"order": "8", "_tollgate": {"case": "model"}}),
    );
    let meta = json!({"dev.tollgate/case": "c-2", "dev.tollgate/request-key": "k2"});
    by_meta.meta = Some(serde_json::from_value(meta).unwrap());
    client.call_tool(by_meta).await.unwrap();
    let calls = live.host.calls();
    assert_eq!(calls[0].input, json!({"order": "7"}));
    let said = [
        &calls[0].case,
        &calls[0].workflow,
        &calls[0].trigger,
        &calls[0].reason,
        &calls[0].request_key,
    ];
    assert_eq!(
        said.map(|text| text.as_deref().unwrap()),
        ["c-1", "w", "t", "r", "k"]
    );
    assert_eq!(calls[1].input, json!({"order": "8"}));
    assert_eq!(calls[1].case.as_deref(), Some("c-2"));
    assert_eq!(calls[1].request_key.as_deref(), Some("k2"));
    let refused = call(
        &client,
        "database.lookup",
        json!({"_tollgate": {"who": "root"}}),
    )
    .await;
    assert!(text(&refused).starts_with("invalid_input: `/_tollgate/who`"));
    assert_eq!(live.host.calls().len(), 2);
}

#[tokio::test]
async fn a_client_that_knows_tasks_gets_the_run_as_one() {
    let live = Live::start().await;
    let client = live.modern(true).await;
    let CallToolResponse::Task(created) = client
        .call_tool_once(request(HELD, json!({})))
        .await
        .unwrap()
    else {
        panic!("a task");
    };
    assert_eq!(created.task.task_id, "run-1");
    let get = || client.peer().get_task(GetTaskParams::new("run-1"));
    assert_eq!(get().await.unwrap().task.status(), TaskStatus::Working);
    let mira = principal("mira", PrincipalKind::Person);
    live.host
        .approve(&mira, "approval-of-run-1", DIGEST, None, None)
        .await
        .unwrap();
    let TaskPayload::Completed { result } = get().await.unwrap().task.payload else {
        panic!("completed");
    };
    assert_eq!(result["structuredContent"], json!({"total": 0}));
    assert!(
        client
            .peer()
            .get_task(GetTaskParams::new("none"))
            .await
            .is_err()
    );
    let done = client
        .call_tool_once(request("database.lookup", json!({})))
        .await
        .unwrap();
    assert!(matches!(done, CallToolResponse::Complete(_)));
}

#[tokio::test]
async fn a_client_without_tasks_gets_the_same_answer_in_the_newest_revision() {
    let live = Live::start().await;
    let client = live.modern(false).await;
    let held = call(&client, HELD, json!({})).await;
    assert_eq!(
        held.structured_content.unwrap()["_tollgate"]["state"],
        "held"
    );
}

#[tokio::test]
async fn on_standard_streams_the_principal_is_fixed() {
    let host = Arc::new(Double::default());
    let (server, transport) = tokio::io::duplex(64 * 1024);
    let face = Mcp::fixed(host.clone(), principal("desk", PrincipalKind::Agent));
    let serving = tokio::spawn(async move { face.serve(server).await });
    let client = client(false).serve(transport).await.unwrap();
    call(&client, HELD, json!({})).await;
    let run = call(&client, "tollgate.run", json!({"run": "run-1"})).await;
    assert_eq!(run.structured_content.unwrap()["principal"], "desk");
    client.cancel().await.unwrap();
    drop(serving.await.unwrap());
}

/// One request of revision 2026-07-28 by hand: no handshake, no session.
#[tokio::test]
async fn one_request_alone_is_enough() {
    let server = Server::new();
    let bearer = format!("Bearer {MIRA}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "database.lookup"),
    ];
    let body = json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": "database.lookup",
            "arguments": {"order": "7"},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "hand", "version": "0"},
                "io.modelcontextprotocol/clientCapabilities": {},
                "dev.tollgate/case": "c-9",
            },
        },
    })
    .to_string();
    let answer = server.send("POST", "/mcp", &headers, &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    let result = &answer.json()["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["structuredContent"], json!({"total": 80}));
    assert_eq!(result["_meta"]["dev.tollgate/case"], "c-9");
    assert_eq!(server.host.calls()[0].case.as_deref(), Some("c-9"));
    let without = server.send("POST", "/mcp", &headers[1..], &body).await;
    assert_eq!(without.status, StatusCode::UNAUTHORIZED);
    assert!(without.headers.contains_key("www-authenticate"));
    assert_eq!(server.host.calls().len(), 1);
}
