//! Runs as tasks of the extension `io.modelcontextprotocol/tasks`. There is no
//! table of tasks: a task is a run, so it is as durable as the journal, and who
//! may see it is decided where it is decided for runs.

use std::sync::Arc;

use rmcp::model::{
    CreateTaskResult, DetailedTask, ErrorData, JsonObject, Task, TaskPayload, TaskStatus,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tollgate_runtime::{Principal, RunReport, RunState};

use super::answer;
use crate::gatekeeper::Gatekeeper;

/// How often a client should ask, in milliseconds. People decide in minutes.
const POLL_INTERVAL_MS: u64 = 5_000;

/// The run behind a task.
pub(super) async fn report(
    gatekeeper: &Arc<dyn Gatekeeper>,
    who: &Principal,
    task: &str,
) -> Result<RunReport, ErrorData> {
    gatekeeper.run(who, task).await.map_err(|refusal| {
        if refusal.is_not_found() {
            ErrorData::invalid_params(refusal.sentence(), None)
        } else {
            ErrorData::internal_error(refusal.sentence(), None)
        }
    })
}

/// The answer to a call that goes on.
pub(super) fn created(report: &RunReport) -> CreateTaskResult {
    CreateTaskResult::new(task(report))
}

/// The state of a task, with its result once there is one. A failed tool call
/// is a completed task whose result says `isError`: `failed` is for requests
/// that the protocol itself could not carry.
pub(super) fn detailed(report: RunReport) -> DetailedTask {
    let task = task(&report);
    let payload = match report.state {
        RunState::Open | RunState::Held | RunState::InDoubt => TaskPayload::Working,
        _ => TaskPayload::Completed {
            result: result(report),
        },
    };
    DetailedTask::new(task, payload)
}

fn result(report: RunReport) -> JsonObject {
    match serde_json::to_value(answer::closed(report)) {
        Ok(Value::Object(result)) => result,
        _ => JsonObject::new(),
    }
}

fn task(report: &RunReport) -> Task {
    let opened = opened_at(&report.run).unwrap_or_else(now);
    let mut task = Task::new(&report.run, TaskStatus::Working, &opened, &opened)
        .with_poll_interval_ms(POLL_INTERVAL_MS);
    if matches!(
        report.state,
        RunState::Open | RunState::Held | RunState::InDoubt
    ) {
        task = task.with_status_message(answer::message(report));
    }
    task
}

/// A run's name ends in a version 7 UUID (RFC 9562): its first 48 bits are the
/// time in milliseconds.
fn opened_at(run: &str) -> Option<String> {
    let run = run.replace('-', "");
    let uuid = run.get(run.len().checked_sub(32)?..)?;
    let is_v7 = uuid.as_bytes().get(12) == Some(&b'7');
    let at_ms = i128::from(u64::from_str_radix(uuid.get(..12)?, 16).ok()?);
    let at = OffsetDateTime::from_unix_timestamp_nanos(at_ms * 1_000_000).ok()?;
    is_v7.then(|| at.format(&Rfc3339).ok()).flatten()
}

fn now() -> String {
    OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_else(|_| "1970-01-01T00:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_tells_when_its_run_was_opened() {
        let at = opened_at("run-017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
        assert_eq!(at.as_deref(), Some("2022-02-22T19:22:22Z"));
        assert_eq!(opened_at("r-1"), None);
        assert_eq!(opened_at(&"ü".repeat(33)), None);
        assert_eq!(opened_at("run-017f22e2-79b0-4cc3-98c4-dc0c0c07398f"), None);
    }
}
