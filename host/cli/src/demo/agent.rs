//! The demo's agent: the official MCP client, with a token of its own and no
//! other way to the host.

use anyhow::{Context as _, bail};
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion,
};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use rmcp::{ClientLifecycleMode, ClientServiceExt as _};
use serde_json::{Value, json};

/// What starts the hand-off.
const TRIGGER: &str = "a ticket: the order arrived broken, the customer wants the money back";

/// A connected agent, working on one case.
pub(super) struct Agent {
    client: RunningService<RoleClient, ClientConfig>,
    case: String,
}

/// What a call answered.
pub(super) struct Answer {
    pub(super) run: String,
    pub(super) state: String,
    pub(super) content: Value,
}

impl Answer {
    /// The approval that a held call waits for.
    pub(super) fn approval(&self) -> anyhow::Result<&str> {
        let approval = &self.content["_tollgate"]["pending"]["approval"];
        approval.as_str().context("a held call names its approval")
    }
}

impl Agent {
    pub(super) async fn connect(url: &str, token: &str, case: &str) -> anyhow::Result<Self> {
        let config =
            StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp")).auth_header(token);
        let about = Implementation::new("tollgate-demo-agent", env!("CARGO_PKG_VERSION"));
        let lifecycle = ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        };
        let client = ClientConfig::new(ClientCapabilities::default(), about)
            .serve_with_lifecycle(
                StreamableHttpClientTransport::from_config(config),
                lifecycle,
            )
            .await
            .context("the agent cannot connect")?;
        Ok(Self {
            client,
            case: case.to_owned(),
        })
    }

    pub(super) async fn tools(&self) -> anyhow::Result<usize> {
        Ok(self.client.list_all_tools().await?.len())
    }

    /// Call a tool; an error of the tool's ends the demo.
    pub(super) async fn call(
        &self,
        tool: &str,
        input: Value,
        reason: &str,
    ) -> anyhow::Result<Answer> {
        let answer = self.attempt(tool, input, reason).await?;
        answer.map_err(|error| anyhow::anyhow!("{tool}: {error}"))
    }

    /// Call a tool; an error of the tool's is an answer, in the words that agents
    /// read.
    pub(super) async fn attempt(
        &self,
        tool: &str,
        input: Value,
        reason: &str,
    ) -> anyhow::Result<Result<Answer, String>> {
        let Value::Object(input) = input else {
            bail!("an input is an object");
        };
        let mut request = CallToolRequestParams::new(tool.to_owned()).with_arguments(input);
        let about = json!({
            "dev.tollgate/case": self.case,
            "dev.tollgate/trigger": TRIGGER,
            "dev.tollgate/reason": reason,
        });
        request.meta = Some(serde_json::from_value(about)?);
        let result = self.client.call_tool(request).await?;
        let text = result
            .content
            .first()
            .and_then(|content| content.as_text())
            .map(|text| text.text.clone())
            .unwrap_or_default();
        if result.is_error == Some(true) {
            return Ok(Err(text));
        }
        let meta = serde_json::to_value(&result.meta)?;
        let fact = |name: &str| meta[name].as_str().unwrap_or_default().to_owned();
        let content = result.structured_content.unwrap_or(Value::Null);
        Ok(Ok(Answer {
            run: fact("dev.tollgate/run"),
            state: fact("dev.tollgate/state"),
            content,
        }))
    }
}
