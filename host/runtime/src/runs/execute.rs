//! Carrying a run through the sandbox, and recording what came of it.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tollgate_journal::{Prepared, Stage};
use tollgate_policy::{UndoDecl, visible};
use tollgate_store::{ApprovalRow, Change, RunState as StoredState};

use super::screen::screened;
use super::{Lease, Run};
use crate::api::{Failure, RunReport, RunState};
use crate::connectors::Installed;
use crate::door::{Door, DoorSettings, OUTPUT, RecordedCall};
use crate::error::{CallError, Ending, JournalFault, Stop};
use crate::host::Inner;
use crate::journal::{About, Saying};
use crate::sandbox::guest::{CallParameters, GuestContext, GuestError, GuestFailure, GuestOutcome};
use crate::sandbox::instance::{Invocation, Returned};

/// What an execution starts from.
pub(crate) struct Start {
    pub(crate) about: About,
    pub(crate) opening: Vec<Prepared>,
    pub(crate) recorded: Vec<RecordedCall>,
    pub(crate) same_engine: bool,
    pub(crate) approval: Option<ApprovalRow>,
    /// Why a person denied it.
    pub(crate) denial: Option<String>,
    /// Whether an intent of the run is durable.
    pub(crate) committed: bool,
    /// Whether the store has a row for the run.
    pub(crate) known: bool,
}

/// What is recorded of an end beside its value.
struct Closing {
    state: RunState,
    fuel: u64,
    /// Whether the store has a row for the run.
    known: bool,
    /// Whether the run that this one takes back is taken back now.
    undone: bool,
}

/// How an execution ended, before it is recorded.
pub(crate) enum End {
    Done {
        output: Value,
        inverse: Option<Value>,
    },
    Failed(RunState, Failure),
    Held,
    InDoubt {
        position: u32,
        call: String,
    },
    /// Whether its last call happened is not known, and can be found out.
    Doubt,
    /// The journal cannot be written.
    Unrecorded(String),
    /// Whether its last intent, or that it is held, is recorded is not known.
    Unsettled(String),
    /// Another host may work on it.
    LeaseLost,
    /// The same request is going on as this run; nothing was recorded of this one.
    Repeats {
        run: String,
        input_digest: String,
    },
}

impl Inner {
    /// Execute a run from where its journal stands, and record the end.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        run: &Arc<Run>,
        installed: &Arc<Installed>,
        start: Start,
        lease: &Arc<Lease>,
    ) -> Result<RunReport, CallError> {
        let known = start.known;
        let door = self.opened_door(run, start, false, Some(Arc::clone(lease)));
        let (mut end, fuel) = match run.undoes.as_ref().filter(|undoes| undoes.by_host) {
            Some(undoes) => (self.put_back(run, &undoes.run, &door).await, 0),
            None => {
                let returned = self.run_guest(run, installed, &door).await;
                let fuel = returned.fuel;
                (self.end(run, installed, &door, returned), fuel)
            }
        };
        // An end that leaves a doubt behind would hide it.
        if matches!(end, End::Done { .. } | End::Failed(..))
            && let Some(position) = door.doubt_left()
        {
            let mut why = "the connector did not come to this call again".to_owned();
            if let End::Failed(_, failure) = &end {
                why = format!("{why}: {}", failure.message);
            }
            end = ended(door.not_made_again(position, &why).await);
        }
        if matches!(end, End::Doubt) && lease.paused_for().is_zero() {
            return match self.again(run, lease).await {
                // Its intent is recorded: it goes on when the store is back.
                Err(CallError::Unavailable(why) | CallError::Unsettled(why)) => {
                    Ok(left_open(run, &why))
                }
                gone_on => gone_on,
            };
        }
        self.finish(run, &door, end, fuel, known).await
    }

    /// The door of a replay.
    pub(crate) fn door(&self, run: &Arc<Run>, start: Start, replay_only: bool) -> Arc<Door> {
        self.opened_door(run, start, replay_only, None)
    }

    /// The door of one execution. Grants and rules are those in force now; a
    /// connector that is gone since grants nothing more than when it opened.
    fn opened_door(
        &self,
        run: &Arc<Run>,
        start: Start,
        replay_only: bool,
        lease: Option<Arc<Lease>>,
    ) -> Arc<Door> {
        let resumed = start.known;
        let now = self
            .connectors
            .get(&run.tenant, &run.connector)
            .map_or_else(
                || Arc::clone(&run.opened_under),
                |installed| Arc::clone(&installed.manifest),
            );
        // What is replayed is compared under the limits it ran under.
        let now = if replay_only {
            Arc::clone(&run.opened_under)
        } else {
            now
        };
        Door::new(DoorSettings {
            run: Arc::clone(run),
            about: start.about,
            deadline: Instant::now() + now.limits.deadline,
            manifest: now,
            journal: Arc::clone(&self.journal),
            backends: Arc::clone(&self.backends),
            recorded: start.recorded,
            same_engine: start.same_engine,
            replay_only,
            resumed,
            opening: start.opening,
            approval: start.approval,
            denial: start.denial,
            committed: start.committed,
            lease,
        })
    }

    pub(crate) async fn run_guest(
        &self,
        run: &Run,
        installed: &Installed,
        door: &Arc<Door>,
    ) -> Returned {
        let limits = door.limits().clone();
        self.sandbox
            .call(
                &installed.ready,
                Invocation {
                    deadline: Instant::now() + limits.deadline,
                    door: Arc::clone(door),
                    limits,
                    parameters: parameters(run),
                },
            )
            .await
    }

    pub(crate) fn end(
        &self,
        run: &Run,
        installed: &Installed,
        door: &Door,
        returned: Returned,
    ) -> End {
        // A call that could not tell the guest of its refusal left this behind:
        // what the guest made of it does not count.
        if let (Ok(_), Some(ending)) = (&returned.result, door.ending()) {
            return ended(ending);
        }
        match returned.result {
            Ok((Ok(outcome),)) => done(run, installed, door, outcome),
            Ok((Err(error),)) => failed(door, error),
            Err(Stop::Ending(ending)) => ended(ending),
            Err(Stop::Limit(name, allowed)) => limited(name, allowed),
            Err(Stop::Trap(trap)) => End::Failed(
                RunState::Failed,
                failure(
                    "connector_fault",
                    match door.panic() {
                        Some(words) => format!("the connector panicked: {words}"),
                        None => format!("the connector trapped: {}", first_line(&trap)),
                    },
                    Some("report it to the connector's author; the run's log has the details"),
                ),
            ),
        }
    }

    async fn finish(
        self: &Arc<Self>,
        run: &Arc<Run>,
        door: &Door,
        end: End,
        fuel: u64,
        known: bool,
    ) -> Result<RunReport, CallError> {
        let (end, found) = screened(door, end);
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
                let ending = Closing {
                    state: RunState::Done,
                    fuel,
                    known,
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
            End::Failed(state, failure) => {
                let saying = Saying::new(Stage::RunClosed)
                    .json("failure", &json!(failure))
                    .maybe("withheld", found.map(|_| OUTPUT));
                let ending = Closing {
                    state,
                    fuel,
                    known,
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
            .fact("fuel", ending.fuel)
            .fact("calls", calls)
            .maybe("replayed", (replayed > 0).then_some(replayed));
        fail::fail_point!("run::before_close");
        let mut closed = self.journal.record(door.about(), saying)?;
        closed.closing = Some(closing);
        let mut last = vec![closed];
        let mut changes = Vec::new();
        let now = self.journal.now_ms();
        if ending.known || door.committed() {
            let row = run.row(stored(ending.state), None, now);
            changes.push(Change::PutRun(Box::new(row)));
        }
        if let Some(undoes) = run.undoes.as_ref().filter(|_| ending.undone) {
            let (record, change) = self.taken_back(run, &undoes.run, now).await?;
            last.push(record);
            changes.extend(change);
        }
        door.flush(last, changes).await?;
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

fn left_open(run: &Run, why: &str) -> RunReport {
    tracing::error!(run = %run.run, why, "a run could not be recorded to its end");
    RunReport::of(run, RunState::Open)
}

pub(crate) fn in_doubt_failure(position: u32, call: &str) -> Failure {
    failure(
        "in_doubt",
        format!("it is not known whether call {position} (`{call}`) happened"),
        Some("do not repeat it; a person has to look at the other system and decide"),
    )
}

fn parameters(run: &Run) -> CallParameters {
    (
        GuestContext {
            tenant: run.tenant.clone(),
            case_id: run.case.clone(),
            run: run.run.clone(),
            principal: run.principal.clone(),
            undoes: run.undoes.as_ref().map(|undoes| undoes.run.clone()),
        },
        run.tool.name.clone(),
        run.input_text.clone(),
    )
}

/// A guest's answer, if it is what its schema promises.
fn done(run: &Run, installed: &Installed, door: &Door, outcome: GuestOutcome) -> End {
    let fault = |message: String| {
        End::Failed(
            RunState::Failed,
            failure(
                "connector_fault",
                message,
                Some("report it to the connector's author"),
            ),
        )
    };
    let limit = door.limits().output_bytes;
    if outcome.output.len() as u64 > limit {
        return fault(format!(
            "the connector's output has {} bytes, the limit is {limit}",
            outcome.output.len()
        ));
    }
    let output: Value = match serde_json::from_str(&outcome.output) {
        Ok(output) => output,
        Err(error) => return fault(format!("the connector's output is no JSON: {error}")),
    };
    if let Some(tool) = installed.tool(&run.tool.name)
        && !tool.output.is_valid(&output)
        && let Some(error) = tool.output.iter_errors(&output).next()
    {
        return fault(format!(
            "the connector's output does not fit its schema: {error}"
        ));
    }
    let inverse = match outcome.inverse {
        None => None,
        // An inverse is called under the same grant, and still only the one that
        // an operator could read in the tool's description.
        Some(inverse) if run.tool.undo != UndoDecl::Inverse(inverse.tool.clone()) => {
            return fault(format!(
                "the connector's inverse `{}` is not the one its tool declares",
                visible(&inverse.tool)
            ));
        }
        Some(inverse) => match serde_json::from_str::<Value>(&inverse.input) {
            Ok(input) => Some(json!({ "tool": inverse.tool, "input": input })),
            Err(error) => return fault(format!("the connector's inverse is no JSON: {error}")),
        },
    };
    End::Done { output, inverse }
}

fn failed(door: &Door, error: GuestError) -> End {
    let of = |kind: &str, GuestFailure { message, hint }: GuestFailure| Failure {
        kind: kind.to_owned(),
        message,
        hint,
        pointer: None,
    };
    let failure = match error {
        GuestError::UnknownTool(name) => failure(
            "connector_fault",
            format!("the connector does not know its own tool `{name}`"),
            None,
        ),
        GuestError::InvalidInput(bad) => Failure {
            kind: "invalid_input".into(),
            message: bad.message,
            hint: Some("change the input and call again".into()),
            pointer: Some(bad.pointer),
        },
        GuestError::NotFound(failure) => of("not_found", failure),
        GuestError::Conflict(failure) => of("conflict", failure),
        GuestError::Denied(failure) => {
            let kind = if door.rejected() {
                "rejected"
            } else {
                "denied"
            };
            return End::Failed(RunState::Denied, of(kind, failure));
        }
        GuestError::Limited(failure) => of("limited", failure),
        GuestError::Unavailable(failure) => of("unavailable", failure),
        GuestError::Failed(failure) => of("failed", failure),
    };
    let state = if door.rejected() {
        RunState::Denied
    } else {
        RunState::Failed
    };
    End::Failed(state, failure)
}

fn limited(name: &str, allowed: u64) -> End {
    End::Failed(
        RunState::Failed,
        failure(
            "limited",
            format!("the connector reached its limit `{name}` of {allowed}"),
            Some("ask for less, or have the operator raise the limit in the manifest"),
        ),
    )
}

pub(crate) fn ended(ending: Ending) -> End {
    match ending {
        Ending::OverBudget { name, allowed } => limited(name, allowed),
        Ending::Held { .. } => End::Held,
        Ending::InDoubt { position, call } => End::InDoubt { position, call },
        Ending::Unrecorded(why) => End::Unrecorded(why),
        Ending::Unsettled(why) => End::Unsettled(why),
        Ending::Repeats { run, input_digest } => End::Repeats { run, input_digest },
        Ending::Doubt => End::Doubt,
        Ending::LeaseLost => End::LeaseLost,
        ending @ Ending::SettledDone { .. } => End::Failed(
            RunState::Failed,
            failure(
                "settled_done",
                format!("{ending}: the run cannot go on"),
                Some("look at the other system; call again only for what is still missing there"),
            ),
        ),
        Ending::Diverged {
            position,
            difference,
        } => End::Failed(
            RunState::Failed,
            failure(
                "diverged",
                format!("call {position} is not what was recorded: {difference}; nothing was sent"),
                Some("the component or its journal was exchanged; the operator has to look"),
            ),
        ),
        other => End::Failed(RunState::Failed, failure("failed", other.to_string(), None)),
    }
}

pub(crate) fn failure(kind: &str, message: String, hint: Option<&str>) -> Failure {
    Failure {
        kind: kind.to_owned(),
        message,
        hint: hint.map(str::to_owned),
        pointer: None,
    }
}

/// The engine's words for a trap, without the stack under them.
fn first_line(trap: &str) -> &str {
    trap.rsplit("wasm trap: ")
        .next()
        .unwrap_or(trap)
        .lines()
        .next()
        .unwrap_or(trap)
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
    }
}
