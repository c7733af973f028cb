//! A tool over MCP's streamable HTTP: a trivial one of `rmcp` alone, and one
//! behind the door with its journal on disk, asked by the same client.

use std::sync::Arc;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, ServerCapabilities,
    ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;
use tokio::net::TcpListener;
use tollgate_runtime::{Principal, PrincipalKind};
use tollgate_server::{FaceOptions, Gatekeeper, router, serve};

use crate::side_by_side::{line, rate};
use crate::{CONCURRENT, agent, installed};

#[derive(Clone)]
struct Trivial;

impl ServerHandler for Trivial {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        _: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::structured(json!({ "value": "hello" })).into())
    }
}

pub(crate) async fn measure() {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let service = StreamableHttpService::new(
        || Ok(Trivial),
        Arc::new(NeverSessionManager::default()),
        config,
    );
    let trivial = axum::Router::new().nest_service("/mcp", service);
    let (url, stop) = listen(trivial).await;
    let (bare, p50) = ask(&url, "unused").await;
    line("mcp: a trivial rmcp tool, 64 at once", bare, p50, None);
    let _ = stop.send(());

    let home = tempfile::tempdir().unwrap();
    let host = installed(home.path(), None).await;
    let who = Principal {
        identified: Default::default(),
        kind: PrincipalKind::Agent,
        ..agent()
    };
    let token = host.add_principal(&who).await.unwrap();
    let gatekeeper: Arc<dyn Gatekeeper> = Arc::new(host.clone());
    let faces = router(gatekeeper, &FaceOptions::at("http://127.0.0.1")).unwrap();
    let (url, stop) = listen(faces).await;
    let (rate, p50) = ask(&url, &token).await;
    line(
        "mcp: through the door, journal durable, 64 at once",
        rate,
        p50,
        Some(bare),
    );
    let _ = stop.send(());
    host.shutdown().await;
}

async fn listen(routes: axum::Router) -> (String, tokio::sync::oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(serve(listener, routes, async {
        let _ = stopped.await;
    }));
    (url, stop)
}

async fn ask(url: &str, token: &str) -> (f64, std::time::Duration) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .unwrap();
    let (url, token) = (url.to_owned(), token.to_owned());
    rate(CONCURRENT, move |number| {
        let request = client
            .post(&url)
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/call")
            .header("mcp-name", "reader.read")
            .body(body(number));
        async move {
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(
                status.is_success() && text.contains("hello"),
                "{status} {text}"
            );
        }
    })
    .await
}

fn body(number: u64) -> String {
    json!({
        "jsonrpc": "2.0",
        "id": number,
        "method": "tools/call",
        "params": {
            "name": "reader.read",
            "arguments": { "key": "greeting" },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": { "name": "bench", "version": "0" },
                "io.modelcontextprotocol/clientCapabilities": {},
                "dev.tollgate/request-key": format!("bench-{number}"),
            },
        },
    })
    .to_string()
}
