//! Taking a run back, at two levels. Where the connector returned an inverse
//! call, that is made: it fits records that others change too (remove the row
//! that was added, wherever it is now). Else the host puts back what each write
//! replaced, in reverse order, if and only if what is there is still what the
//! write left; at the first one that is not, it stops and reports the three
//! values. Either is a run of its own: through the door, under rules, in the
//! journal, and it can be held. Undoing again goes on where it stopped.
//!
//! - `step`: the calls of a run, as an undo goes through them.
//! - `plan`: what an undo would do; `overlay`: what later steps leave for earlier ones.
//! - `execute`: doing it; `fields`: member by member, where that is asked for.
//! - `account`: what earlier undos did, so that nothing is put back twice.
//! - `shown`: what of the three values is shown.

mod account;
mod execute;
mod fields;
mod overlay;
mod plan;
mod shown;
mod step;

use std::sync::Arc;
use tollgate_journal::Tenant;

use serde_json::Value;
use tollgate_policy::UndoDecl;

pub(crate) use account::Taken;
use step::{Step, steps};

use crate::api::{
    Principal, PrincipalKind, RunReport, RunState, ToolCall, UndoOptions, UndoReport, UndoStep,
};
use crate::capability::restore::Restored;
use crate::door::recorded_calls;
use crate::error::CallError;
use crate::host::Inner;
use crate::runs::{Rebuilt, Request, Run, Undoes};
use crate::time;

/// Who takes a run back.
#[derive(Clone, Copy)]
enum By<'a> {
    /// The host, which puts back captured values.
    Host,
    /// The connector's tool, with this input.
    Tool(&'a str, &'a Value),
}

impl Inner {
    /// Take a run back, or say what that would do.
    pub(crate) async fn undo(
        self: &Arc<Self>,
        who: &Principal,
        run: &str,
        options: UndoOptions,
    ) -> Result<UndoReport, CallError> {
        let rebuilt = self.rebuild(&who.tenant, run).await?;
        if who.kind != PrincipalKind::Person && rebuilt.run.principal != who.name {
            return Err(CallError::UnknownRun(run.to_owned()));
        }
        let report = self.report(&who.tenant, run).await?;
        if report.state == RunState::Undone {
            return Ok(summary(run, "nothing", Vec::new(), None));
        }
        if matches!(
            report.state,
            RunState::Open | RunState::Held | RunState::InDoubt
        ) {
            return Err(CallError::NotAllowed(format!(
                "the run is {}; only one that has ended can be taken back",
                report.state.as_str()
            )));
        }
        let inverse = rebuilt
            .closing()
            .and_then(|closing| closing.json("inverse"));
        match inverse {
            Some(inverse) => {
                self.undo_by_connector(who, &rebuilt, &inverse, options)
                    .await
            }
            None => self.undo_by_host(who, &rebuilt, options).await,
        }
    }

    async fn undo_by_connector(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        inverse: &Value,
        options: UndoOptions,
    ) -> Result<UndoReport, CallError> {
        let original = &rebuilt.run;
        let tool = inverse["tool"].as_str().unwrap_or_default();
        let step = inverse_step(rebuilt, tool, &inverse["input"]);
        let closed = inverse_until(rebuilt).is_some_and(|until| until < self.journal.now_ms());
        if closed {
            let step = UndoStep {
                outcome: "window_closed".to_owned(),
                ..step
            };
            return Ok(summary(&original.run, "window_closed", vec![step], None));
        }
        if options.plan {
            return self
                .plan_by_connector(who, rebuilt, step, (tool, &inverse["input"]))
                .await;
        }
        let compensates = matches!(original.tool.undo, UndoDecl::Compensate(_));
        let undoes = Undoes {
            run: original.run.clone(),
            by_host: false,
            fields: false,
            compensates,
        };
        let request = Request {
            accepted: None,
            call: undo_call(original, tool.to_owned(), inverse["input"].clone()),
            undoes: Some(undoes),
        };
        let report = match self.call(who, request).await {
            // Somebody else's undo of the same run was faster.
            Err(CallError::NotAllowed(_)) => {
                return Ok(summary(&original.run, "nothing", Vec::new(), None));
            }
            report => report?,
        };
        let outcome = match outcome_of(&report) {
            "undone" if compensates => "compensated",
            outcome => outcome,
        };
        let step = UndoStep {
            outcome: outcome.to_owned(),
            note: report
                .failure
                .as_ref()
                .map(|failure| failure.message.clone()),
            ..step
        };
        Ok(summary(&original.run, outcome, vec![step], Some(report)))
    }

    async fn undo_by_host(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        options: UndoOptions,
    ) -> Result<UndoReport, CallError> {
        let original = &rebuilt.run;
        let taken = self.taken_of(&original.tenant, &rebuilt.records).await?;
        let steps = steps(&rebuilt.recorded(), &taken);
        let Some(first) = steps.iter().find(|step| step.settled().is_none()) else {
            let steps = steps
                .iter()
                .map(|step| step.report(step.settled().unwrap_or("undone")));
            return Ok(summary(&original.run, "nothing", steps.collect(), None));
        };
        if options.plan {
            return self.plan_by_host(who, rebuilt, &steps, options).await;
        }
        // It would stop before it began.
        if let Some(obstacle) = first.obstacle(self.journal.now_ms()) {
            let reports = stopped_at(&steps, first.position, obstacle);
            return Ok(summary(&original.run, obstacle, reports, None));
        }
        let undoes = Undoes {
            run: original.run.clone(),
            by_host: true,
            fields: options.fields,
            compensates: false,
        };
        let request = Request {
            accepted: None,
            call: undo_call(original, original.tool.name.clone(), original.input.clone()),
            undoes: Some(undoes),
        };
        let report = match self.call(who, request).await {
            // Somebody else's undo of the same run was faster.
            Err(CallError::NotAllowed(_)) => {
                return Ok(summary(&original.run, "nothing", Vec::new(), None));
            }
            report => report?,
        };
        let done = report.output.clone().unwrap_or(Value::Null);
        if report.state == RunState::Done || report.state == RunState::Undone {
            let steps = serde_json::from_value(done["steps"].clone()).unwrap_or_default();
            let outcome = done["outcome"].as_str().unwrap_or("undone").to_owned();
            return Ok(summary(&original.run, &outcome, steps, Some(report)));
        }
        let outcome = outcome_of(&report);
        let steps = self
            .so_far(&original.tenant, &steps, &report, outcome)
            .await?;
        Ok(summary(&original.run, outcome, steps, Some(report)))
    }

    /// The account of an undo that is not over, or was not carried to its end: each
    /// restore is one call of its run.
    async fn so_far(
        &self,
        tenant: &Tenant,
        steps: &[Step],
        report: &RunReport,
        outcome: &str,
    ) -> Result<Vec<UndoStep>, CallError> {
        let records = self.journal.run_records(tenant, &report.run).await?;
        let recorded = recorded_calls(&records);
        let done = recorded.iter().take_while(|call| {
            let reply = call.reply.as_deref().unwrap_or_default();
            matches!(serde_json::from_slice::<Restored>(reply), Ok(Ok(())))
        });
        let mut done = done.count();
        let mut stopped = false;
        let account = steps.iter().map(|step| {
            let outcome = match step.settled() {
                Some(settled) => settled,
                None if done > 0 => {
                    done -= 1;
                    "undone"
                }
                None if stopped => "not_reached",
                None => {
                    stopped = true;
                    outcome
                }
            };
            step.report(outcome)
        });
        Ok(account.collect())
    }
}

/// An account that stopped at one call before anything was done.
fn stopped_at(steps: &[Step], position: u32, why: &str) -> Vec<UndoStep> {
    let report = |step: &Step| match step.settled() {
        Some(settled) => step.report(settled),
        None if step.position == position => step.report(why),
        None => step.report("not_reached"),
    };
    steps.iter().map(report).collect()
}

/// The inverse call, as a step.
fn inverse_step(rebuilt: &Rebuilt, tool: &str, input: &Value) -> UndoStep {
    let original = &rebuilt.run;
    let recorded = rebuilt.recorded();
    let written = recorded.iter().enumerate().filter(|(_, call)| call.intent);
    UndoStep {
        action: format!("call `{}.{tool}` with {input}", original.connector),
        outcome: "planned".to_owned(),
        way: Some(original.tool.undo.as_str().to_owned()),
        until: inverse_until(rebuilt).map(time::rfc3339),
        precondition: original.tool.terms.precondition.clone(),
        covers: written
            .rev()
            .filter_map(|(index, _)| u32::try_from(index).ok())
            .collect(),
        ..UndoStep::default()
    }
}

/// Until when the inverse is offered: as long as for each of its calls.
fn inverse_until(rebuilt: &Rebuilt) -> Option<u64> {
    let recorded = rebuilt.recorded();
    recorded.iter().filter_map(|call| call.undo_until).min()
}

fn undo_call(original: &Run, tool: String, input: Value) -> ToolCall {
    ToolCall {
        connector: original.connector.clone(),
        tool,
        input,
        case: original.named_case().map(str::to_owned),
        workflow: original.workflow.clone(),
        trigger: None,
        context: original.context.clone(),
        reason: Some(format!("takes back {}", original.run)),
        request_key: Some(format!("undo/{}", original.run)),
        subject: None,
    }
}

fn outcome_of(report: &RunReport) -> &'static str {
    match report.state {
        RunState::Done | RunState::Undone => "undone",
        RunState::Held | RunState::Open => "held",
        RunState::InDoubt => "in_doubt",
        RunState::Failed | RunState::Denied | RunState::Edited => match report.failure.as_ref() {
            Some(failure) if failure.kind == "conflict" => "conflict",
            _ => "failed",
        },
    }
}

fn summary(
    run: &str,
    outcome: &str,
    steps: Vec<UndoStep>,
    undo_run: Option<RunReport>,
) -> UndoReport {
    UndoReport {
        run: run.to_owned(),
        undo_run,
        outcome: outcome.to_owned(),
        steps,
    }
}
