//! How an execution ended, told by what the guest returned or what stopped it.

use serde_json::{Value, json};
use tollgate_policy::{Limits, visible};

use crate::api::{Failure, RunState};
use crate::connectors::Installed;
use crate::door::Door;
use crate::error::{Ending, Stop};
use crate::failure::FailureKind;
use crate::host::Inner;
use crate::runs::Run;
use crate::sandbox::guest::{GuestError, GuestFailure, GuestOutcome};
use crate::sandbox::instance::Returned;

/// How an execution ended, before it is recorded.
pub(crate) enum End {
    Done {
        output: Value,
        inverse: Option<Value>,
    },
    /// The run's state, how it failed, and the same for the caller.
    Failed(RunState, FailureKind, Failure),
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
            Err(Stop::Trap(trap)) => broken(
                match door.panic() {
                    Some(words) => format!("the connector panicked: {words}"),
                    None => format!("the connector trapped: {}", first_line(&trap)),
                },
                "report it to the connector's author; the run's log has the details",
            ),
        }
    }
}

pub(crate) fn in_doubt_failure(position: u32, call: &str) -> Failure {
    FailureKind::InDoubt.with(
        format!("it is not known whether call {position} (`{call}`) happened"),
        Some("do not repeat it; a person has to look at the other system and decide"),
    )
}

/// A guest's answer, if it is what its schema promises.
pub(super) fn done(run: &Run, installed: &Installed, door: &Door, outcome: GuestOutcome) -> End {
    let fault = |message: String| broken(message, "report it to the connector's author");
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
        Some(inverse) if run.tool.undo.tool() != Some(inverse.tool.as_str()) => {
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

/// A connector that broke its contract.
fn broken(message: String, hint: &str) -> End {
    let kind = FailureKind::ConnectorFault;
    End::Failed(RunState::Failed, kind, kind.with(message, Some(hint)))
}

fn failed(door: &Door, error: GuestError) -> End {
    let no = door.rejected();
    let of = |kind: FailureKind, GuestFailure { message, hint }: GuestFailure| {
        let failure = Failure {
            hint,
            ..kind.with(message, None)
        };
        (kind, failure)
    };
    let mut state = match no {
        Some(_) => RunState::Denied,
        None => RunState::Failed,
    };
    let (kind, failure) = match error {
        GuestError::UnknownTool(name) => {
            let kind = FailureKind::ConnectorFault;
            let message = format!("the connector does not know its own tool `{name}`");
            (kind, kind.with(message, None))
        }
        GuestError::InvalidInput(bad) => {
            let kind = FailureKind::InvalidInput;
            let failure = Failure {
                pointer: Some(bad.pointer),
                ..kind.with(bad.message, Some("change the input and call again"))
            };
            (kind, failure)
        }
        GuestError::NotFound(failure) => of(FailureKind::NotFound, failure),
        GuestError::Conflict(failure) => of(FailureKind::Conflict, failure),
        GuestError::Denied(failure) => {
            state = RunState::Denied;
            of(no.unwrap_or(FailureKind::Denied), failure)
        }
        GuestError::Limited(failure) => of(FailureKind::Limited, failure),
        GuestError::Unavailable(failure) => of(FailureKind::Unavailable, failure),
        GuestError::Failed(failure) => of(FailureKind::Failed, failure),
    };
    // Whatever the connector made of a no: the run ended for it.
    End::Failed(state, kind_of_no(no, kind), failure)
}

/// Whose work a failure is after a no: that of who follows up on the no.
fn kind_of_no(no: Option<FailureKind>, kind: FailureKind) -> FailureKind {
    match kind {
        FailureKind::ConnectorFault => kind,
        _ => no.unwrap_or(kind),
    }
}

/// How a run ends that its deadline stopped.
pub(crate) fn timed_out(limits: &Limits) -> End {
    limited("deadline", limits.deadline.as_secs())
}

fn limited(name: &str, allowed: u64) -> End {
    let kind = FailureKind::Limited;
    End::Failed(
        RunState::Failed,
        kind,
        kind.with(
            format!("the connector reached its limit `{name}` of {allowed}"),
            Some("ask for less, or have the operator raise the limit in the manifest"),
        ),
    )
}

/// How a run ends that the door ended. Without a rest: whoever adds an ending says
/// here whose work it is.
pub(crate) fn ended(ending: Ending) -> End {
    let failed = |kind: FailureKind, message: String, hint: Option<&str>| {
        End::Failed(RunState::Failed, kind, kind.with(message, hint))
    };
    match ending {
        Ending::OverBudget { name, allowed } => limited(name, allowed),
        Ending::Held { .. } => End::Held,
        Ending::InDoubt { position, call } => End::InDoubt { position, call },
        Ending::Unrecorded(why) => End::Unrecorded(why),
        Ending::Unsettled(why) => End::Unsettled(why),
        Ending::Repeats { run, input_digest } => End::Repeats { run, input_digest },
        Ending::Doubt => End::Doubt,
        Ending::LeaseLost => End::LeaseLost,
        ending @ Ending::SettledDone { .. } => failed(
            FailureKind::SettledDone,
            format!("{ending}: the run cannot go on"),
            Some("look at the other system; call again only for what is still missing there"),
        ),
        Ending::Diverged {
            position,
            difference,
        } => failed(
            FailureKind::Diverged,
            format!("call {position} is not what was recorded: {difference}; nothing was sent"),
            Some("the component or its journal was exchanged; the operator has to look"),
        ),
        ending @ (Ending::NotAdmitted(_) | Ending::ReplayedToEnd | Ending::HostFault(_)) => {
            failed(FailureKind::Failed, ending.to_string(), None)
        }
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
