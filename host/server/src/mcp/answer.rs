//! From what became of a call to what its client is told.

use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, JsonObject};
use serde_json::{Value, json};
use tollgate_runtime::{Failure, RunReport, RunState};

use super::tasks;
use crate::gatekeeper::joined;

/// One answer to a tool call.
pub(super) struct Answer {
    result: CallToolResult,
    /// The run that goes on, where one does.
    unfinished: Option<RunReport>,
}

impl Answer {
    /// Of a run, however far it has come.
    pub(super) fn of_report(report: RunReport) -> Self {
        match report.state {
            RunState::Open | RunState::Held | RunState::InDoubt => Self {
                result: pending(&report),
                unfinished: Some(report),
            },
            _ => Self {
                result: closed(report),
                unfinished: None,
            },
        }
    }

    /// Of a call that is no run, or of one that failed.
    pub(super) fn of_failure(failure: &Failure) -> Self {
        Self {
            result: failed(failure, JsonObject::new()),
            unfinished: None,
        }
    }

    /// As a plain answer.
    pub(super) fn into_result(self) -> CallToolResult {
        self.result
    }

    /// As a task where the client knows them and the run goes on.
    pub(super) fn into_response(self, knows_tasks: bool) -> CallToolResponse {
        match self.unfinished {
            Some(report) if knows_tasks => tasks::created(&report).into(),
            _ => self.result.into(),
        }
    }
}

/// A run that has ended, well or not.
pub(super) fn closed(report: RunReport) -> CallToolResult {
    let facts = facts(&report);
    match (report.output, report.failure) {
        (_, Some(failure)) => failed(&failure, facts),
        (Some(output), None) => done(output, facts),
        (None, None) => failed(&no_output(report.state), facts),
    }
}

fn done(output: Value, facts: JsonObject) -> CallToolResult {
    let output = match output {
        Value::Object(_) => output,
        other => json!({ "result": other }),
    };
    structured(output.to_string(), output, facts)
}

fn structured(text: String, content: Value, facts: JsonObject) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = Some(content);
    result.meta = Some(facts.into());
    result
}

/// A run's report as it is, for the host's own tools.
pub(super) fn report(report: &RunReport) -> CallToolResult {
    let content = json!(report);
    structured(content.to_string(), content, facts(report))
}

fn failed(failure: &Failure, mut facts: JsonObject) -> CallToolResult {
    facts.insert("dev.tollgate/failure".into(), json!(failure));
    let mut result = CallToolResult::error(vec![ContentBlock::text(sentence(failure))]);
    result.meta = Some(facts.into());
    result
}

/// `kind: message. hint`
fn sentence(failure: &Failure) -> String {
    let sentences = joined(&failure.message, failure.hint.as_deref());
    format!("{}: {sentences}", failure.kind)
}

fn no_output(state: RunState) -> Failure {
    Failure {
        kind: "failed".into(),
        message: format!("the run is {} and has no output", state.as_str()),
        hint: Some("Ask the operator to look at the run in the log.".into()),
        pointer: None,
    }
}

fn pending(report: &RunReport) -> CallToolResult {
    let message = message(report);
    let mut about = json!({
        "state": report.state,
        "run": report.run,
        "case": report.case,
        "message": message,
    });
    if let Some(pending) = &report.pending {
        about["pending"] = json!(pending);
    }
    structured(message, json!({ "_tollgate": about }), facts(report))
}

/// What is waited for, and what to do.
pub(super) fn message(report: &RunReport) -> String {
    let run = &report.run;
    let later = format!(
        "Do not repeat the call. Ask the tool tollgate.run with {{\"run\":\"{run}\"}} later, or wait with tollgate.wait."
    );
    match (report.state, &report.pending) {
        (RunState::Held, Some(pending)) => format!(
            "Held: {}. A person must approve this ({}) by {}; you cannot. {later}",
            pending.title.trim_end_matches('.'),
            pending.approvers.join(", "),
            pending.decide_by,
        ),
        (RunState::Held, None) => format!("Held until a person approves; you cannot. {later}"),
        (RunState::InDoubt, _) => format!(
            "In doubt: a step was begun and its outcome is not known, so it may have happened. A person must find out. {later}"
        ),
        _ => format!("Still running. {later}"),
    }
}

/// What the host itself establishes about a run.
fn facts(report: &RunReport) -> JsonObject {
    [
        ("dev.tollgate/state", report.state.as_str()),
        ("dev.tollgate/run", &report.run),
        ("dev.tollgate/case", &report.case),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), json!(value)))
    .collect()
}
