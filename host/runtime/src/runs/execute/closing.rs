//! Recording the end of a run, and reporting it.

use std::sync::Arc;

use serde_json::json;
use tollgate_journal::Stage;
use tollgate_policy::queue::FailureClass;
use tollgate_store::{Change, RunState as StoredState};

use super::ending::{End, in_doubt_failure};
use crate::api::{RunReport, RunState};
use crate::door::{Door, OUTPUT};
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;
use crate::runs::Run;
use crate::runs::screen::screened;
use crate::undo::Taken;

/// What an execution took, and what it took back.
pub(super) struct Spent {
    pub(super) fuel: u64,
    /// Whether the store has a row for the run.
    pub(super) known: bool,
    /// The calls of another run that the host put back.
    pub(super) taken: Vec<Taken>,
}

/// What is recorded of an end beside its value.
struct Closing {
    state: RunState,
    /// Whose work it is, where it is somebody's.
    class: Option<FailureClass>,
    spent: Spent,
    /// Whether the run that this one takes back is taken back now.
    undone: bool,
}

impl Inner {
    pub(super) async fn finish(
        self: &Arc<Self>,
        run: &Arc<Run>,
        door: &Door,
        end: End,
        spent: Spent,
    ) -> Result<RunReport, CallError> {
        let (end, found) = screened(door, end).await;
        if let Some(found) = &found
            && let Err(ending) = door.note_withheld(OUTPUT, found)
        {
            return unrecorded(run, door, CallError::Unavailable(ending.to_string()));
        }
        match end {
            End::Held => {
                // It is held, also when the store does not answer right now.
                let report = self.report(&run.tenant, &run.run).await;
                Ok(report.unwrap_or_else(|_| RunReport::of(run, RunState::Held)))
            }
            End::Repeats {
                run: first,
                input_digest,
            } => self.repeated(run, &first, &input_digest).await,
            End::InDoubt { position, call } => Ok(RunReport {
                failure: Some(in_doubt_failure(position, &call)),
                ..RunReport::of(run, RunState::InDoubt)
            }),
            // Somebody else says what becomes of it.
            End::LeaseLost | End::Doubt => {
                let report = self.report(&run.tenant, &run.run).await;
                Ok(report.unwrap_or_else(|_| RunReport::of(run, RunState::Open)))
            }
            End::Unrecorded(why) => unrecorded(run, door, CallError::Unavailable(why)),
            // The store may have its row: then a host goes on with it.
            End::Unsettled(why) => Ok(left_open(run, &why)),
            End::Done { output, inverse } => {
                let mut saying = Saying::new(Stage::RunClosed).json("output", &output);
                if let Some(inverse) = &inverse {
                    saying = saying.json("inverse", inverse);
                }
                // What is done, and not as somebody must believe.
                let conflict = run.undoes.is_some() && output["outcome"] == "conflict";
                let class = match (door.blocked(), conflict) {
                    (true, _) => Some(FailureClass::SecretBlocked),
                    (false, true) => Some(FailureClass::Conflict),
                    (false, false) => None,
                };
                let ending = Closing {
                    state: RunState::Done,
                    class,
                    spent,
                    undone: run
                        .undoes
                        .as_ref()
                        .is_some_and(|undoes| !undoes.by_host || output["outcome"] == "undone"),
                };
                if let Err(fault) = self.close(run, door, saying, ending).await {
                    return self.unclosed(run, door, fault).await;
                }
                Ok(RunReport {
                    output: Some(output),
                    ..RunReport::of(run, RunState::Done)
                })
            }
            End::Failed(state, kind, failure) => {
                let saying = Saying::new(Stage::RunClosed)
                    .json("failure", &json!(failure))
                    .maybe("withheld", found.map(|_| OUTPUT));
                let ending = Closing {
                    state,
                    class: match door.blocked() {
                        true => Some(FailureClass::SecretBlocked),
                        false => kind.class(),
                    },
                    spent,
                    undone: false,
                };
                if let Err(fault) = self.close(run, door, saying, ending).await {
                    return self.unclosed(run, door, fault).await;
                }
                Ok(RunReport {
                    failure: Some(failure),
                    ..RunReport::of(run, state)
                })
            }
        }
    }

    /// The end of a run could not be recorded.
    async fn unclosed(
        &self,
        run: &Arc<Run>,
        door: &Door,
        fault: JournalFault,
    ) -> Result<RunReport, CallError> {
        if fault.is_lease_lost() {
            let report = self.report(&run.tenant, &run.run).await;
            return Ok(report.unwrap_or_else(|_| RunReport::of(run, RunState::Open)));
        }
        unrecorded(run, door, fault.into())
    }

    /// Record the end of a run with everything that is still buffered. The
    /// answer leaves the host only after this.
    async fn close(
        self: &Arc<Self>,
        run: &Arc<Run>,
        door: &Door,
        saying: Saying,
        ending: Closing,
    ) -> Result<(), JournalFault> {
        let (calls, replayed) = door.calls();
        let closing = run.closing(ending.state);
        let saying = saying
            .fact("tool", closing.tool.as_str())
            .fact("state", closing.outcome.as_str())
            .fact("fuel", ending.spent.fuel)
            .fact("calls", calls)
            .maybe("replayed", (replayed > 0).then_some(replayed))
            .maybe("shadow", door.shadow());
        let filing = match ending.class {
            Some(class) => self.filing_of(class, run).await?,
            None => None,
        };
        let saying = match &filing {
            Some(filing) => filing.facts(saying),
            None => saying,
        };
        fail::fail_point!("run::before_close");
        let mut closed = self.journal.record(door.about(), saying)?;
        closed.closing = Some(closing);
        let now = self.journal.now_ms();
        let hash = closed.hash;
        let mut last = vec![closed];
        let mut changes: Vec<Change> = filing
            .map(|filing| filing.changes(&**run, hash, now))
            .unwrap_or_default();
        if ending.spent.known || door.committed() {
            let row = run.row(stored(ending.state), None, now);
            changes.push(Change::PutRun(Box::new(row)));
        }
        let taken = &ending.spent.taken;
        let took = ending.undone || !taken.is_empty();
        if let Some(undoes) = run.undoes.as_ref().filter(|_| took) {
            let (record, change) = self
                .taken_back(run, &undoes.run, taken, ending.undone, now)
                .await?;
            last.push(record);
            changes.extend(change);
        }
        // What was only judged is no denial of anybody's.
        changes.extend(
            run.leaving(ending.state)
                .filter(|_| door.shadow().is_none()),
        );
        door.flush(last, changes).await?;
        self.settle_case(run, ending.state).await;
        fail::fail_point!("run::after_close");
        Ok(())
    }
}

/// The journal could not be written. Nothing was done if no intent of the run is
/// durable; else the run stays open under its name, so that the same request
/// finds it instead of doing the work twice, and is taken up when the store is
/// back.
fn unrecorded(run: &Run, door: &Door, error: CallError) -> Result<RunReport, CallError> {
    if door.committed() {
        return Ok(left_open(run, &error.to_string()));
    }
    Err(error)
}

pub(super) fn left_open(run: &Run, why: &str) -> RunReport {
    tracing::error!(run = %run.run, why, "a run could not be recorded to its end");
    RunReport::of(run, RunState::Open)
}

pub(crate) fn stored(state: RunState) -> StoredState {
    match state {
        RunState::Open => StoredState::Open,
        RunState::Held => StoredState::Held,
        RunState::InDoubt => StoredState::InDoubt,
        RunState::Done => StoredState::Done,
        RunState::Failed => StoredState::Failed,
        RunState::Denied => StoredState::Denied,
        RunState::Undone => StoredState::Undone,
        RunState::Edited => StoredState::Edited,
    }
}
