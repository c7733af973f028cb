//! Executing an undo by the host: the restores, last write first, through the door.
//! Repeated from the journal when it was held or interrupted.

use std::sync::Arc;

use serde_json::json;

use super::account::Taken;
use super::fields::merge;
use super::shown;
use super::step::{Step, steps};
use crate::api::{RunState, UndoField, UndoStep};
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::capability::{files, handoff, http, kv, sql};
use crate::door::{Door, Foreseen, Seen, recorded_calls};
use crate::error::Ending;
use crate::failure::FailureKind;
use crate::host::Inner;
use crate::runs::{End, Run, Undoes, ended};

impl Inner {
    /// Put back what the writes of a run replaced, up to the first one that cannot
    /// be: how the run ends, and what was taken back.
    pub(crate) async fn put_back(
        &self,
        run: &Run,
        undoes: &Undoes,
        door: &Arc<Door>,
    ) -> (End, Vec<Taken>) {
        let found = async {
            let records = self.journal.run_records(&run.tenant, &undoes.run).await?;
            let taken = self.taken_of(&run.tenant, &records).await?;
            Ok(steps(&recorded_calls(&records), &taken))
        };
        let steps = match found.await {
            Ok(steps) => steps,
            Err(fault) => {
                let fault: crate::error::JournalFault = fault;
                return (ended(fault.into()), Vec::new());
            }
        };
        let mut account = Account::default();
        let end = self
            .put_back_each(run, undoes, door, &steps, &mut account)
            .await;
        let end = end.unwrap_or_else(|| {
            let outcome = account.stopped.unwrap_or(account.outcome());
            End::Done {
                output: json!({ "outcome": outcome, "steps": account.reports }),
                inverse: None,
            }
        });
        (end, account.taken)
    }

    /// The end of the run where that is no account.
    async fn put_back_each(
        &self,
        run: &Run,
        undoes: &Undoes,
        door: &Arc<Door>,
        steps: &[Step],
        account: &mut Account,
    ) -> Option<End> {
        for step in steps {
            if let Some(settled) = step.settled() {
                account.reports.push(step.report(settled));
                continue;
            }
            if account.stopped.is_some() {
                account.reports.push(step.report("not_reached"));
                continue;
            }
            // Judged by when it was asked for: a person may take their time.
            let obstacle = step.obstacle(run.opened_ms);
            let (Some(restoring), None) = (&step.restoring, obstacle) else {
                account.stop(obstacle.unwrap_or("irreversible"), step);
                continue;
            };
            let chosen = if undoes.fields {
                by_fields(door, step, restoring).await
            } else {
                Ok((restoring.clone(), Vec::new()))
            };
            let (restoring, fields) = match chosen {
                Ok(chosen) => chosen,
                Err(ending) => return Some(ended(ending)),
            };
            fail::fail_point!("undo::before_step");
            let restored = restore(door, &step.call, restoring.clone()).await;
            fail::fail_point!("undo::after_step");
            let manifest = door.manifest();
            match restored {
                Err(ending) => return Some(ended(ending)),
                Ok(Ok(())) => {
                    let fields = shown::fields(manifest, &step.call, &restoring, fields);
                    account.did(step, fields, run);
                }
                Ok(Err(RestoreFailure::Conflict(now))) => {
                    let three = shown::conflict(manifest, &step.call, &restoring, now);
                    account.stopped = Some("conflict");
                    account.reports.push(UndoStep {
                        conflict: Some(three),
                        ..step.report("conflict")
                    });
                }
                Ok(Err(RestoreFailure::Refused(refusal))) => {
                    let kind = FailureKind::Denied;
                    let why = format!("the undo was refused: {refusal:?}");
                    return Some(End::Failed(RunState::Denied, kind, kind.with(why, None)));
                }
                Ok(Err(RestoreFailure::Failed(why))) => {
                    let kind = FailureKind::Failed;
                    return Some(End::Failed(RunState::Failed, kind, kind.with(why, None)));
                }
            }
        }
        None
    }
}

/// What was done so far.
#[derive(Default)]
struct Account {
    reports: Vec<UndoStep>,
    taken: Vec<Taken>,
    /// Why it went no further.
    stopped: Option<&'static str>,
}

impl Account {
    fn stop(&mut self, why: &'static str, step: &Step) {
        self.stopped = Some(why);
        self.reports.push(step.report(why));
    }

    fn did(&mut self, step: &Step, fields: Vec<UndoField>, run: &Run) {
        let report = step.done(fields);
        self.taken.push(Taken {
            position: step.position,
            by: run.run.clone(),
            // Each restore is one call of the undo's run, in this order.
            at: u32::try_from(self.taken.len()).unwrap_or(u32::MAX),
            partly: report.outcome == "partly",
        });
        self.reports.push(report);
    }

    /// What it came to where nothing stopped it.
    fn outcome(&self) -> &'static str {
        let partly = self.reports.iter().any(|step| step.outcome == "partly");
        if partly { "partly" } else { "undone" }
    }
}

/// The restore of those members that are still what the write left. Where the run
/// goes on, with the values that it recorded then.
async fn by_fields(
    door: &Door,
    step: &Step,
    restoring: &Restoring,
) -> Result<(Restoring, Vec<UndoField>), Ending> {
    let whole = || (restoring.clone(), Vec::new());
    let now = match door.recorded_next() {
        Some(arguments) => arguments["written"].clone(),
        None => match foresee(door, &step.call, restoring.clone()).await?.seen {
            Seen::Changed(now) => now,
            Seen::Unchanged(_) | Seen::Unclear(_) | Seen::Refused(_) => return Ok(whole()),
        },
    };
    if now == restoring.written {
        return Ok(whole());
    }
    Ok(match merge(&step.call, restoring, &now) {
        Some(merged) => (merged.restoring(restoring), merged.fields),
        None => whole(),
    })
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

/// What would become of that.
pub(super) async fn foresee(
    door: &Door,
    call: &str,
    restoring: Restoring,
) -> Result<Foreseen, Ending> {
    match call.split('.').next() {
        Some("files") => door.foresee::<files::Restore>(restoring).await,
        Some("handoff") => door.foresee::<handoff::Restore>(restoring).await,
        Some("http") => door.foresee::<http::Restore>(restoring).await,
        Some("kv") => door.foresee::<kv::Restore>(restoring).await,
        Some("sql") => door.foresee::<sql::Restore>(restoring).await,
        _ => match door.extensions().foresee(call) {
            Some(foresee) => foresee(door, restoring).await,
            None => Ok(Foreseen::refused(format!("`{call}` has no way back"))),
        },
    }
}
