//! Taking a run back, at two levels. Where the connector returned an inverse
//! call, that is made: it fits records that others change too (remove the row
//! that was added, wherever it is now). Else the host puts back what each write
//! replaced, in reverse order, if and only if what is there is still what the
//! write left; at the first one that is not, it stops and reports the three
//! values. Either is a run of its own: through the door, under rules, in the
//! journal, and it can be held.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_journal::{Prepared, Stage};
use tollgate_store::{Change, RunState as StoredState};

use crate::api::{
    Conflict, Principal, PrincipalKind, RunReport, RunState, ToolCall, UndoReport, UndoStep,
};
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::capability::{files, handoff, http, kv, sql};
use crate::door::{Door, RecordedCall, WRITTEN};
use crate::error::{CallError, Ending, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;
use crate::runs::{End, Rebuilt, Request, Run, Undoes, ended, failure};

/// A recorded write, as a restore would take it back.
struct Step {
    position: u32,
    call: String,
    restoring: Option<Restoring>,
}

impl Step {
    fn action(&self) -> String {
        match &self.restoring {
            Some(restoring) => format!(
                "put back what `{}` replaced on `{}`",
                self.call, restoring.destination
            ),
            None => format!("`{}` cannot be taken back: nothing was captured", self.call),
        }
    }

    fn report(&self, outcome: &str) -> UndoStep {
        UndoStep {
            position: Some(self.position),
            action: self.action(),
            outcome: outcome.to_owned(),
            conflict: None,
        }
    }
}

impl Inner {
    /// Take a run back, or say what that would do.
    pub(crate) async fn undo(
        self: &Arc<Self>,
        who: &Principal,
        run: &str,
        plan_only: bool,
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
                self.undo_by_connector(who, &rebuilt, &inverse, plan_only)
                    .await
            }
            None => self.undo_by_host(who, &rebuilt, plan_only).await,
        }
    }

    async fn undo_by_connector(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        inverse: &Value,
        plan_only: bool,
    ) -> Result<UndoReport, CallError> {
        let original = &rebuilt.run;
        let tool = inverse["tool"].as_str().unwrap_or_default().to_owned();
        let step = |outcome: &str| UndoStep {
            position: None,
            action: format!(
                "call `{}.{tool}` with {}",
                original.connector, inverse["input"]
            ),
            outcome: outcome.to_owned(),
            conflict: None,
        };
        if plan_only {
            return Ok(summary(
                &original.run,
                "planned",
                vec![step("planned")],
                None,
            ));
        }
        let call = undo_call(original, tool.clone(), inverse["input"].clone());
        let undoes = Undoes {
            run: original.run.clone(),
            by_host: false,
        };
        let request = Request {
            accepted: None,
            call,
            undoes: Some(undoes),
        };
        let report = match self.call(who, request).await {
            // Somebody else's undo of the same run was faster.
            Err(CallError::NotAllowed(_)) => {
                return Ok(summary(&original.run, "nothing", Vec::new(), None));
            }
            report => report?,
        };
        let outcome = outcome_of(&report);
        Ok(summary(
            &original.run,
            outcome,
            vec![step(outcome)],
            Some(report),
        ))
    }

    async fn undo_by_host(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        plan_only: bool,
    ) -> Result<UndoReport, CallError> {
        let original = &rebuilt.run;
        let steps = steps(&rebuilt.recorded());
        if steps.is_empty() {
            return Ok(summary(&original.run, "nothing", Vec::new(), None));
        }
        if steps.iter().any(|step| step.restoring.is_none()) {
            let steps = steps
                .iter()
                .map(|step| {
                    step.report(if step.restoring.is_some() {
                        "not_needed"
                    } else {
                        "irreversible"
                    })
                })
                .collect();
            return Ok(summary(&original.run, "irreversible", steps, None));
        }
        if plan_only {
            let steps = steps.iter().map(|step| step.report("planned")).collect();
            return Ok(summary(&original.run, "planned", steps, None));
        }
        let undoes = Undoes {
            run: original.run.clone(),
            by_host: true,
        };
        let call = undo_call(original, original.tool.name.clone(), original.input.clone());
        let request = Request {
            accepted: None,
            call,
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
        let steps = match serde_json::from_value::<Vec<UndoStep>>(done["steps"].clone()) {
            Ok(steps) => steps,
            Err(_) => steps.iter().map(|step| step.report("planned")).collect(),
        };
        let outcome = if report.state == RunState::Done {
            done["outcome"].as_str().unwrap_or("undone").to_owned()
        } else {
            outcome_of(&report).to_owned()
        };
        Ok(summary(&original.run, &outcome, steps, Some(report)))
    }

    /// Execute an undo by the host: the restores, last write first, through the
    /// door. Repeated from the journal when it was held or interrupted.
    pub(crate) async fn put_back(&self, run: &Run, of: &str, door: &Arc<Door>) -> End {
        let records = match self.journal.run_records(&run.tenant, of).await {
            Ok(records) => records,
            Err(fault) => return ended(fault.into()),
        };
        let recorded = crate::door::recorded_calls(&records);
        let mut reports = Vec::new();
        let mut outcome = "undone";
        for step in steps(&recorded) {
            if outcome != "undone" {
                reports.push(step.report("not_needed"));
                continue;
            }
            let Some(restoring) = step.restoring.clone() else {
                outcome = "irreversible";
                reports.push(step.report("irreversible"));
                continue;
            };
            fail::fail_point!("undo::before_step");
            let restored = restore(door, &step.call, restoring.clone()).await;
            fail::fail_point!("undo::after_step");
            match restored {
                Err(ending) => return ended(ending),
                Ok(Ok(())) => reports.push(step.report("undone")),
                Ok(Err(RestoreFailure::Conflict(now))) => {
                    outcome = "conflict";
                    reports.push(UndoStep {
                        conflict: Some(Conflict {
                            before: restoring.before,
                            written: restoring.written,
                            now,
                        }),
                        ..step.report("conflict")
                    });
                }
                Ok(Err(RestoreFailure::Refused(refusal))) => {
                    return End::Failed(
                        RunState::Denied,
                        failure("denied", format!("the undo was refused: {refusal:?}"), None),
                    );
                }
                Ok(Err(RestoreFailure::Failed(why))) => {
                    return End::Failed(RunState::Failed, failure("failed", why, None));
                }
            }
        }
        End::Done {
            output: json!({ "outcome": outcome, "steps": reports }),
            inverse: None,
        }
    }

    /// What is recorded about the run that was taken back.
    pub(crate) async fn taken_back(
        &self,
        undo: &Run,
        of: &str,
        now: u64,
    ) -> Result<(Prepared, Option<Change>), JournalFault> {
        let row = self.journal.store.run(&undo.tenant, of).await?;
        let mut about = self.about(undo).await?;
        about.run = Some(of.to_owned());
        if let Some(row) = &row {
            about.case.clone_from(&row.case);
        }
        let saying = Saying::new(Stage::UndoDone).fact("by", undo.run.as_str());
        let change = row.map(|mut row| {
            row.state = StoredState::Undone;
            row.updated_ms = now;
            Change::PutRun(Box::new(row))
        });
        Ok((self.journal.record(&about, saying)?, change))
    }
}

/// The writes of a run, last first. One that was refused, or that changed
/// nothing, needs no undo; one that a person found to have happened cannot be
/// taken back by a machine, which does not know what it left.
fn steps(recorded: &[RecordedCall]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (position, call) in recorded.iter().enumerate() {
        let said = call.settled.as_ref().map(|settled| settled.happened);
        let is_withheld = call.withheld.as_deref() == Some(WRITTEN);
        let is_unwritten = call.written.is_none() && !is_withheld;
        let unchanged = call.reply.is_some() && is_unwritten && said != Some(true);
        if !call.intent || unchanged || said == Some(false) {
            continue;
        }
        let restoring = match (&call.prior, &call.written) {
            (Some(before), Some(written)) => Some(Restoring {
                destination: call.destination.clone(),
                before: before.clone(),
                written: written.clone(),
            }),
            _ => None,
        };
        steps.push(Step {
            position: u32::try_from(position).unwrap_or(u32::MAX),
            call: call.call.clone(),
            restoring,
        });
    }
    steps.reverse();
    steps
}

async fn restore(door: &Door, call: &str, restoring: Restoring) -> Result<Restored, Ending> {
    match call.split('.').next() {
        Some("files") => door.pass::<files::Restore>(restoring, None).await,
        Some("handoff") => door.pass::<handoff::Restore>(restoring, None).await,
        Some("http") => door.pass::<http::Restore>(restoring, None).await,
        Some("kv") => door.pass::<kv::Restore>(restoring, None).await,
        Some("sql") => door.pass::<sql::Restore>(restoring, None).await,
        _ => match door.extensions().restore(call) {
            Some(restore) => restore(door, restoring).await,
            None => Ok(Err(RestoreFailure::Failed(format!(
                "`{call}` has no way back"
            )))),
        },
    }
}

fn undo_call(original: &Run, tool: String, input: Value) -> ToolCall {
    ToolCall {
        connector: original.connector.clone(),
        tool,
        input,
        case: original.named_case().map(str::to_owned),
        workflow: original.workflow.clone(),
        trigger: None,
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
