//! What ends one execution inside the host.

use thiserror::Error;
use tollgate_store::StoreError;

use super::JournalFault;

/// Why a run's execution ends at an import call. It travels through the engine
/// as the import's error, so that the instance ends there and cleanly.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub(crate) enum Ending {
    #[error("held for approval {approval}")]
    Held { approval: String },
    #[error("call {position} (`{call}`) has an intent and no outcome")]
    InDoubt { position: u32, call: String },
    #[error("call {position} is not what the journal has: {difference}")]
    Diverged { position: u32, difference: String },
    #[error("the journal cannot be written: {0}")]
    Unrecorded(String),
    #[error("whether the call is recorded is not known: {0}")]
    Unsettled(String),
    #[error("the call was not admitted: {0}")]
    NotAdmitted(String),
    #[error("the run went on past its limit `{name}`")]
    OverBudget { name: &'static str, allowed: u64 },
    #[error("the same request is going on as {run}")]
    Repeats { run: String, input_digest: String },
    #[error("it is not known whether a call happened")]
    Doubt,
    #[error("call {position} (`{call}`) happened, as {by} found, and its answer is not known")]
    SettledDone {
        position: u32,
        call: String,
        by: String,
    },
    #[error("another host may work on this run now")]
    LeaseLost,
    #[error("the recorded calls end here")]
    ReplayedToEnd,
    #[error("the call cannot be recorded: {0}")]
    HostFault(String),
}

impl From<JournalFault> for Ending {
    fn from(fault: JournalFault) -> Self {
        match fault {
            // Trying again cannot help: it is too large, or a fault of ours.
            JournalFault::Record(why) => Self::HostFault(why),
            JournalFault::Store(error @ (StoreError::TooLarge { .. } | StoreError::Invalid(_))) => {
                Self::HostFault(error.to_string())
            }
            fault if fault.is_lease_lost() => Self::LeaseLost,
            fault if fault.is_unsettled() => Self::Unsettled(fault.to_string()),
            fault => Self::Unrecorded(fault.to_string()),
        }
    }
}

/// Why a guest gave no answer.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The door ended it.
    Ending(Ending),
    /// A limit of the sandbox: name in the manifest, allowed value.
    Limit(&'static str, u64),
    /// It trapped, with the engine's words.
    Trap(String),
}
