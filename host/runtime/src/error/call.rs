//! What a caller is told when a tool call does not become a run.

use thiserror::Error;
use tollgate_store::StoreError;

use super::JournalFault;
use crate::api::Failure;

/// Why a tool call did not become a run. Each says what the caller can do.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such connector or tool for this caller.
    #[error("there is no tool `{name}`")]
    UnknownTool {
        /// As the caller wrote it.
        name: String,
        /// The closest one there is.
        suggestion: Option<String>,
    },
    /// There is no such run, or not for this caller.
    #[error("there is no run `{0}`")]
    UnknownRun(String),
    /// There is no such workflow, or not for this caller.
    #[error("there is no workflow `{name}`")]
    UnknownWorkflow {
        /// As the caller wrote it.
        name: String,
        /// The closest one that the caller may work in.
        suggestion: Option<String>,
    },
    /// There is no such case, or not for this caller.
    #[error("there is no case `{0}`")]
    UnknownCase(String),
    /// The case takes no more runs.
    #[error("the case `{case}` is {state} and takes no more runs")]
    CaseClosed {
        /// The case.
        case: String,
        /// How it ended; `stopped` where that is on its way.
        state: String,
    },
    /// The input does not fit the tool's schema.
    #[error("{message}")]
    InvalidInput {
        /// JSON Pointer to the value at fault.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// A rule of the manifest denies the tool, or none allows it.
    #[error("{message}")]
    Denied {
        /// What was denied.
        message: String,
        /// What an operator could change.
        hint: Option<String>,
    },
    /// The same request key was used with another input.
    #[error("the request key `{0}` was used for another input")]
    KeyReused(String),
    /// The journal cannot be written or read: nothing is done without record.
    #[error("the journal is not available: {0}")]
    Unavailable(String),
    /// The journal went away while it was written: whether the request was recorded
    /// is not known, and so is whether a host goes on with it.
    #[error("it is not known whether the request was recorded: {0}")]
    Unsettled(String),
    /// The connector cannot be started.
    #[error("the connector cannot be started: {0}")]
    Connector(String),
    /// The operator's task, not a caller's.
    #[error("{0}")]
    NotAllowed(String),
    /// What the run was about is kept no longer.
    #[error("the values of run {0} were erased: its records and their proofs are all that is kept")]
    Erased(String),
}

impl CallError {
    /// Stable name of the kind, the same as in [`Failure::kind`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownTool { .. } => "unknown_tool",
            Self::UnknownRun(_) => "unknown_run",
            Self::UnknownWorkflow { .. } => "unknown_workflow",
            Self::UnknownCase(_) => "unknown_case",
            Self::CaseClosed { .. } => "case_closed",
            Self::InvalidInput { .. } => "invalid_input",
            Self::Denied { .. } => "denied",
            Self::KeyReused(_) => "key_reused",
            Self::Unavailable(_) => "unavailable",
            Self::Unsettled(_) => "unsettled",
            Self::Connector(_) => "connector_fault",
            Self::NotAllowed(_) => "not_allowed",
            Self::Erased(_) => "erased",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTool { suggestion, .. } | Self::UnknownWorkflow { suggestion, .. } => {
                suggestion
                    .as_ref()
                    .map(|name| format!("did you mean `{name}`?"))
            }
            Self::UnknownCase(_) => Some("list the cases, or open one".into()),
            Self::CaseClosed { .. } => Some("open a new case for new work".into()),
            Self::UnknownRun(_) => Some("runs are named in the answer to a call".into()),
            Self::InvalidInput { .. } => Some("change the input and call again".into()),
            Self::Denied { hint, .. } => hint.clone(),
            Self::KeyReused(_) => Some("use a new request key for a new request".into()),
            Self::Unavailable(_) => {
                Some("try again later; nothing was done for this request".into())
            }
            Self::Unsettled(_) => {
                Some("look at what is there before you call again; keep the request key".into())
            }
            Self::Connector(_) => Some("the operator has to look at the connector".into()),
            Self::NotAllowed(_) => None,
            Self::Erased(_) => Some("it cannot be replayed, resumed or taken back".into()),
        }
    }
}

impl From<JournalFault> for CallError {
    fn from(fault: JournalFault) -> Self {
        if fault.is_unsettled() {
            return Self::Unsettled(fault.to_string());
        }
        Self::Unavailable(fault.to_string())
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        JournalFault::from(error).into()
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        Self {
            kind: error.kind().to_owned(),
            message: error.to_string(),
            hint: error.hint(),
            pointer: match error {
                CallError::InvalidInput { pointer, .. } => Some(pointer.clone()),
                _ => None,
            },
        }
    }
}
