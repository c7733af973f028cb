//! The host's own tools: how any client comes back to a run. They read, so
//! they open no run of their own.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use tollgate_runtime::{Failure, Principal};

use super::answer::{self, Answer};
use super::names::{HOST, ToolNames};
use crate::gatekeeper::Gatekeeper;
use crate::rest::WAIT_MAX_S;

/// Waiting time where the caller names none, in seconds. Below the half minute
/// after which many clients give up a request.
const WAIT_DEFAULT_S: u64 = 20;

/// A tool that every client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostTool {
    Run,
    Wait,
    CloseCase,
}

impl HostTool {
    pub(super) const ALL: [Self; 3] = [Self::Run, Self::Wait, Self::CloseCase];

    /// The one with this name behind `tollgate.`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Wait => "wait",
            Self::CloseCase => "close_case",
        }
    }

    /// As the list of tools shows it.
    pub(super) fn described(self, names: ToolNames) -> Tool {
        let name = names.join(HOST, self.name()).unwrap_or_default();
        let (title, description) = match self {
            Self::Run => (
                "Look at a run",
                "How far an earlier tool call has come: its state, and its output or failure. Works for held calls, also after a restart.",
            ),
            Self::Wait => (
                "Wait for a run",
                "Like tollgate.run, but waits until the run is decided and ended, or the time is over.",
            ),
            Self::CloseCase => return super::closing::described(name),
        };
        let annotations = ToolAnnotations::with_title(title)
            .read_only(true)
            .destructive(false)
            .idempotent(true)
            .open_world(false);
        Tool::new(name, description, Arc::new(self.input()))
            .with_title(title)
            .with_raw_output_schema(Arc::new(output()))
            .with_annotations(annotations)
    }

    /// Its answer.
    pub(super) async fn answer(
        self,
        gatekeeper: &Arc<dyn Gatekeeper>,
        who: &Principal,
        input: &JsonObject,
    ) -> CallToolResult {
        if self == Self::CloseCase {
            return super::closing::answer(gatekeeper, who, input).await;
        }
        let asked = match self.asked(input) {
            Ok(asked) => asked,
            Err(failure) => return Answer::of_failure(&failure).into_result(),
        };
        let report = match asked {
            (run, None) => gatekeeper.run(who, run).await,
            (run, Some(time)) => gatekeeper.wait(who, run, time).await,
        };
        match report {
            Ok(report) => answer::report(&report),
            Err(refusal) => Answer::of_failure(&refusal.into()).into_result(),
        }
    }

    fn asked(self, input: &JsonObject) -> Result<(&str, Option<Duration>), Failure> {
        let run = input
            .get("run")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("/run", "the name of a run is missing"))?;
        if self == Self::Run {
            return Ok((run, None));
        }
        let seconds = match input.get("seconds") {
            None => WAIT_DEFAULT_S,
            Some(value) => value
                .as_u64()
                .filter(|seconds| *seconds <= WAIT_MAX_S)
                .ok_or_else(|| invalid("/seconds", "not a whole number from 0 to 60"))?,
        };
        Ok((run, Some(Duration::from_secs(seconds))))
    }

    fn input(self) -> JsonObject {
        let mut properties = JsonObject::new();
        let run = json!({"type": "string", "description": "The run that an answer named."});
        properties.insert("run".into(), run);
        if self == Self::Wait {
            let seconds = json!({
                "type": "integer", "minimum": 0, "maximum": WAIT_MAX_S, "default": WAIT_DEFAULT_S,
            });
            properties.insert("seconds".into(), seconds);
        }
        object(&json!({"type": "object", "properties": properties, "required": ["run"]}))
    }
}

fn invalid(pointer: &str, message: &str) -> Failure {
    Failure {
        kind: "invalid_input".into(),
        message: message.into(),
        hint: Some("Give the `run` that the answer to your call named.".into()),
        pointer: Some(pointer.into()),
    }
}

/// JSON Schema of a run's report.
fn output() -> JsonObject {
    object(&json!({
        "type": "object",
        "properties": {
            "run": {"type": "string"},
            "case": {"type": "string"},
            "connector": {"type": "string"},
            "tool": {"type": "string"},
            "principal": {"type": "string"},
            "state": {
                "enum": [
                    "open", "held", "in_doubt", "done", "failed", "denied", "undone", "edited",
                ],
            },
            "continued_as": {
                "type": "string",
                "description": "Of an edited run: the one that goes on with the changed input.",
            },
            "output": {"description": "The tool's output, once done."},
            "failure": {
                "type": "object",
                "properties": {
                    "kind": {"type": "string"},
                    "message": {"type": "string"},
                    "hint": {"type": "string"},
                    "pointer": {"type": "string"},
                },
                "required": ["kind", "message"],
            },
            "pending": {
                "type": "object",
                "properties": {
                    "approval": {"type": "string"},
                    "approvers": {"type": "array", "items": {"type": "string"}},
                    "decide_by": {"type": "string"},
                    "title": {"type": "string"},
                },
            },
        },
        "required": ["run", "case", "connector", "tool", "principal", "state"],
    }))
}

fn object(value: &Value) -> JsonObject {
    value.as_object().cloned().unwrap_or_default()
}
