//! Work happens inside its workflow: what is outside does not exist for its agents,
//! a case ends and never just fades away, and scope grows by a step that was read.

mod boundary;
mod cases;
mod modes;
mod samples;
mod versions;

use serde_json::{Value, json};
use tollgate_runtime::{
    CallError, CaseClaim, CaseReport, LogFilter, LogLine, NewCase, Principal, PrincipalKind,
    Resolution, RunReport, ToolCall, WorkflowError, WorkflowPlan,
};
use tollgate_tests::named;

use crate::house::{House, agent, call, mira, principal};

/// A workflow in which `agent-7` counts.
const COUNTING: &str = r#"
name = "counting"
owner = "group:boss"
purpose = "Count what comes."
handoff = "data_entry"
starts = ["person", "agent"]
agents = ["agent-7"]
queue = "counting-failures"
mode = "normal"

[inputs.key]
type = "string"
pattern = "[a-z]+"
max = 20

[inputs.day]
type = "date"
required = false

[tools]
hostile = ["echo", "increment", "send", "try_kv", "panics"]

[stop]
runs = 6
duration = "1h"
failures = 2
denials = 2

[done_when]
tool = "hostile.config_value"
input = { key = { from = "key" } }
output = { value = { eq = "counted" } }
"#;

/// The same with other words.
fn counting(from: &str, to: &str) -> String {
    assert!(COUNTING.contains(from), "{from}");
    COUNTING.replacen(from, to, 1)
}

impl House {
    async fn with_workflow(text: &str) -> Self {
        let house = House::hostile("", "[config]\nn = \"counted\"\n").await;
        house.workflow(text).await;
        house
    }

    async fn workflow(&self, text: &str) -> WorkflowPlan {
        self.try_workflow(text, false)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_workflow(&self, text: &str, unbind: bool) -> Result<WorkflowPlan, WorkflowError> {
        let host = &self.host;
        host.install_workflow("workflow.toml", text, "ops", unbind)
            .await
    }

    async fn by(&self, who: Principal, call: ToolCall) -> Result<RunReport, CallError> {
        self.host.call(&who, call).await
    }

    /// A person says what became of an item.
    async fn settle(&self, item: &str, resolution: Resolution, note: &str) {
        let noor = principal("noor", PrincipalKind::Person, &["boss"]);
        let settled = self.host.resolve(&noor, item, resolution, note, None).await;
        settled.unwrap();
    }

    /// A call in a case.
    async fn in_case(&self, case: &str, tool: &str, input: Value) -> Result<RunReport, CallError> {
        self.host.call(&agent(), of_case(case, tool, input)).await
    }

    async fn opened(&self, who: &Principal, inputs: Value) -> Result<CaseReport, CallError> {
        let new = NewCase {
            workflow: "counting".to_owned(),
            inputs: inputs.as_object().unwrap().clone(),
            ..NewCase::default()
        };
        self.host.open_case(who, new).await
    }

    async fn said(
        &self,
        who: &Principal,
        case: &str,
        state: &str,
    ) -> Result<CaseReport, CallError> {
        let claim = CaseClaim {
            state: state.to_owned(),
            note: Some("that is it".to_owned()),
        };
        self.host.close_case(who, case, claim).await
    }

    async fn case(&self, case: &str) -> CaseReport {
        self.host.case(&mira(), case).await.unwrap()
    }

    async fn records_of(&self, stage: &str) -> Vec<LogLine> {
        let filter = LogFilter {
            limit: Some(10_000),
            ..LogFilter::default()
        };
        let lines = self.host.log(&named("default"), filter).await.unwrap();
        lines
            .into_iter()
            .filter(|line| line.stage == stage)
            .collect()
    }
}

fn of_case(case: &str, tool: &str, input: Value) -> ToolCall {
    ToolCall {
        case: Some(case.to_owned()),
        ..call("hostile", tool, input)
    }
}

fn other_agent() -> Principal {
    principal("agent-8", PrincipalKind::Agent, &[])
}

fn key(name: &str) -> Value {
    json!({ "key": name })
}
