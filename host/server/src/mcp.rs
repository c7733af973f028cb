//! Tollgate over the Model Context Protocol: the contract with an agent's
//! client. Streamable HTTP at `/mcp` without sessions and with plain JSON
//! answers, and stdio with a principal fixed at start. Revisions from
//! 2024-11-05 to 2026-07-28, as the official SDK speaks them.
//!
//! # Tool names
//!
//! A tool is `connector.tool`, for example `database.lookup`. Revision
//! 2025-11-25 permits the dot; some older clients do not, so a host can be set
//! to list `connector__tool` instead ([`ToolNames`]). A call may use either
//! form at any time: a connector's name holds neither a dot nor an underscore,
//! so both are unambiguous. Tools whose full name would not fit
//! `[A-Za-z0-9_.-]{1,128}` are not listed. The names `tollgate.*` are the
//! host's own.
//!
//! # Who calls, for what
//!
//! The principal comes from the bearer token (HTTP) or was fixed at start
//! (stdio), never from a message. A call is tied to a hand-off in one of two
//! ways, every field optional and text:
//!
//! | meaning | request `_meta` | argument |
//! |---|---|---|
//! | the case it belongs to | `dev.tollgate/case` | `_tollgate.case` |
//! | its workflow | `dev.tollgate/workflow` | `_tollgate.workflow` |
//! | what started it | `dev.tollgate/trigger` | `_tollgate.trigger` |
//! | where what it is about can be read | `dev.tollgate/context` | `_tollgate.context` |
//! | why this call | `dev.tollgate/reason` | `_tollgate.reason` |
//! | the caller's key for this request | `dev.tollgate/request-key` | `_tollgate.request_key` |
//! | whom the data is about | `dev.tollgate/subject` | `_tollgate.subject` |
//!
//! `_meta` is for programs; `_tollgate` is an extra property of every tool's
//! input schema for clients that let only the model speak. It is taken out
//! before the input reaches the host. Where both name a field, `_meta` wins: it
//! is written by the client program, not by a model that a document may have
//! talked into something. A connector cannot have an input property of its own
//! called `_tollgate`.
//!
//! # Answers
//!
//! `_meta` of every answer to a tool call carries what the host itself
//! establishes: `dev.tollgate/state`, `dev.tollgate/run`, `dev.tollgate/case`,
//! and `dev.tollgate/failure` on errors.
//!
//! - **Done**: `structuredContent` is the tool's output; the text is the same as
//!   JSON. An output that is not an object is put under `result`, because
//!   revisions before 2026-07-28 admit objects only.
//! - **Held, still open, or in doubt**: an ordinary answer, not an error. The
//!   text says what is waited for and what to do. `structuredContent` is
//!   `{"_tollgate": {state, run, case, message, pending}}`.
//! - **Failed or denied**: `isError` with the text `kind: message. hint`, and no
//!   structured content: clients validate that against the output schema even
//!   on errors.
//! - **No such tool**: a protocol error (`-32602`).
//!
//! A client that knows an output schema refuses an answer without structured
//! content, and one whose content does not fit. So the declared `outputSchema`
//! says what is true: `anyOf` the tool's own schema and the pending shape. The
//! tool's schema stands under `$defs/output` with its local references
//! rewritten. Declaring none would be easier, and would take the types away
//! from every ordinary call for the sake of the rare one.
//!
//! # Coming back
//!
//! A run is durable. `tollgate.run` reports any run of the caller's, and
//! `tollgate.wait` does so as soon as it is decided, also after the host was
//! restarted. A client that declares the extension
//! `io.modelcontextprotocol/tasks` gets a task instead of the pending answer,
//! with the run as its id; `tasks/get` is `tollgate.run` in the words of that
//! extension. `tasks/cancel` is acknowledged as that extension asks for, and
//! withdraws nothing: a held call ends by a person's decision or by its own
//! time-out. Tasks of revision 2025-11-25 are not offered; such clients use the
//! two tools.
//!
//! # The case is over
//!
//! `tollgate.close_case` says so: `completed`, `failed` or `escalated`. It is a claim.
//! The host makes the read that the workflow names and records whether the completion
//! is correct; a case whose calls were all refused does not become a completed one.
//!
//! An agent that works in workflows sees their tools and no others: one outside is
//! answered exactly as one that there is not.
//!
//! # What a client can not do
//!
//! Approve. This face has no such method, never asks through elicitation, and
//! reads neither `inputResponses` nor `requestState`. A pending answer carries
//! no credential.

mod answer;
mod caller;
mod closing;
pub(crate) mod exact;
mod host_tools;
mod names;
mod schema;
mod tasks;

use std::sync::Arc;

use axum::http::request::Parts;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, ErrorData, GetTaskParams,
    GetTaskResult, Implementation, JsonObject, ListToolsResult, PaginatedRequestParams,
    ServerCapabilities, ServerConfig, Tool, ToolAnnotations, UpdateTaskParams,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tollgate_policy::Effect;
use tollgate_runtime::{Principal, ToolCall, ToolInfo};

pub use names::ToolNames;

use crate::gatekeeper::{Gatekeeper, to_the_end};
use caller::Caller;
use host_tools::HostTool;

/// Longest message accepted, in bytes: the largest tool input by default, and
/// the same again for escapes and the envelope.
const MESSAGE_MAX_BYTES: usize = 2 * 1024 * 1024;

const INSTRUCTIONS: &str = "Tools of this server run behind a gate. Some calls are held until a \
    person approves: then the answer says so and names a run. Do not repeat a held call; look at \
    it later with `tollgate.run`, or wait with `tollgate.wait`. Only people approve, elsewhere; \
    there is no way to do so from here. Say why you make a call in `_tollgate.reason`.";

/// One MCP endpoint of a host.
#[derive(Clone)]
pub(crate) struct Mcp {
    gatekeeper: Arc<dyn Gatekeeper>,
    names: ToolNames,
    /// The caller where the transport itself tells (stdio). Over HTTP each
    /// request brings its own.
    fixed: Option<Principal>,
}

impl Mcp {
    /// Over HTTP: the principal is in each request's extensions.
    pub(crate) fn per_request(gatekeeper: Arc<dyn Gatekeeper>, names: ToolNames) -> Self {
        Self {
            gatekeeper,
            names,
            fixed: None,
        }
    }

    /// Over stdio: one principal for all.
    pub(crate) fn fixed(gatekeeper: Arc<dyn Gatekeeper>, principal: Principal) -> Self {
        Self {
            gatekeeper,
            names: ToolNames::default(),
            fixed: Some(principal),
        }
    }

    /// The HTTP service. It keeps no session, so any host may answer any request.
    pub(crate) fn http(
        self,
        allowed_hosts: Vec<String>,
    ) -> StreamableHttpService<Self, NeverSessionManager> {
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_allowed_hosts(allowed_hosts)
            .with_max_request_body_bytes(MESSAGE_MAX_BYTES);
        StreamableHttpService::new(
            move || Ok(self.clone()),
            Arc::new(NeverSessionManager::default()),
            config,
        )
    }

    /// Fails closed: a request that no wall gave a principal is not served.
    fn principal(&self, context: &RequestContext<RoleServer>) -> Result<Principal, ErrorData> {
        let stated = || {
            let parts = context.extensions.get::<Parts>()?;
            parts.extensions.get::<Principal>().cloned()
        };
        self.fixed.clone().or_else(stated).ok_or_else(|| {
            ErrorData::internal_error("this request has no principal; nothing was done", None)
        })
    }

    async fn call_connector(
        &self,
        who: Principal,
        (connector, tool): (String, String),
        caller: Caller,
        input: JsonObject,
    ) -> Result<answer::Answer, ErrorData> {
        let call = caller.into_call(connector, tool, Value::Object(input));
        let outcome = to_the_end(&self.gatekeeper, |host| async move {
            host.call(&who, call).await
        });
        match outcome.await {
            Ok(report) => Ok(answer::Answer::of_report(report)),
            Err(refusal) if refusal.is_not_found() => Err(unknown_tool(refusal.sentence())),
            Err(refusal) => Ok(answer::Answer::of_failure(&refusal.into())),
        }
    }
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("tollgate", env!("CARGO_PKG_VERSION")).with_title("Tollgate"),
            )
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let who = self.principal(&context)?;
        let tools = self.gatekeeper.tools(&who);
        let connectors = tools.iter().filter_map(|tool| described(tool, self.names));
        let host = HostTool::ALL.iter().map(|tool| tool.described(self.names));
        Ok(ListToolsResult::with_all_items(
            connectors.chain(host).collect(),
        ))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let who = self.principal(&context)?;
        let mut input = request.arguments.unwrap_or_default();
        let Some((connector, tool)) = names::split(&request.name) else {
            return Err(unknown_tool(format!("there is no tool `{}`", request.name)));
        };
        if connector == names::HOST {
            let tool = HostTool::named(tool)
                .ok_or_else(|| unknown_tool(format!("there is no tool `{}`", request.name)))?;
            return Ok(tool.answer(&self.gatekeeper, &who, &input).await.into());
        }
        let target = (connector.to_owned(), tool.to_owned());
        let caller = match Caller::take(&context.meta, &mut input) {
            Ok(caller) => caller,
            Err(failure) => return Ok(answer::Answer::of_failure(&failure).into_result().into()),
        };
        let knows_tasks = context
            .client_capabilities()
            .is_some_and(|client| client.supports_tasks());
        let answer = self.call_connector(who, target, caller, input).await?;
        Ok(answer.into_response(knows_tasks))
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let who = self.principal(&context)?;
        let report = tasks::report(&self.gatekeeper, &who, &request.task_id).await?;
        Ok(GetTaskResult::new(tasks::detailed(report)))
    }

    /// No task of ours ever asks for input, so an answer to it is acknowledged
    /// and ignored. In particular it can approve nothing.
    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let who = self.principal(&context)?;
        tasks::report(&self.gatekeeper, &who, &request.task_id).await?;
        Ok(())
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let who = self.principal(&context)?;
        tasks::report(&self.gatekeeper, &who, &request.task_id).await?;
        Ok(())
    }
}

fn unknown_tool(message: String) -> ErrorData {
    ErrorData::invalid_params(message, None)
}

/// One tool as MCP describes it, or nothing where its name would not fit.
fn described(info: &ToolInfo, names: ToolNames) -> Option<Tool> {
    let Some(name) = names.join(&info.connector, &info.name) else {
        tracing::warn!(
            connector = info.connector,
            tool = info.name,
            "a tool's name does not fit MCP; it is not listed"
        );
        return None;
    };
    let mut meta = JsonObject::new();
    meta.insert("dev.tollgate/effect".into(), json!(info.effect.as_str()));
    meta.insert("dev.tollgate/undoable".into(), json!(info.undoable));
    Some(
        Tool::new(name, description(info), schema::input(&info.input_schema))
            .with_title(info.title.clone())
            .with_raw_output_schema(schema::output(&info.output_schema))
            .with_annotations(annotations(info))
            .with_meta(meta.into()),
    )
}

/// The connector's words, and after them what the host adds of its own.
fn description(info: &ToolInfo) -> String {
    let added = match (info.effect, info.undoable) {
        (Effect::Read, _) => return info.description.clone(),
        (Effect::Write, true) => "Writes; can be taken back.",
        (Effect::Write, false) => "Writes.",
        (Effect::Irreversible, _) => "Cannot be taken back.",
    };
    format!(
        "{}\n\n{added} May be held until a person approves: then the answer names a run to look at later with tollgate.run.",
        info.description
    )
}

/// Hints, as the protocol calls them. `destructive` is said of everything that
/// cannot be taken back; `openWorld` of everything, since a connector exists to
/// reach other systems.
fn annotations(info: &ToolInfo) -> ToolAnnotations {
    let destructive = match info.effect {
        Effect::Read => false,
        Effect::Write => !info.undoable,
        Effect::Irreversible => true,
    };
    ToolAnnotations::with_title(info.title.clone())
        .read_only(info.effect == Effect::Read)
        .destructive(destructive)
        .idempotent(false)
        .open_world(true)
}

impl Caller {
    fn into_call(self, connector: String, tool: String, input: Value) -> ToolCall {
        ToolCall {
            connector,
            tool,
            input,
            case: self.case,
            workflow: self.workflow,
            trigger: self.trigger,
            context: self.context,
            reason: self.reason,
            request_key: self.request_key,
            subject: self.subject,
        }
    }
}
