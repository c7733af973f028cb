//! How a run can fail. Each way has the name that a caller gets and the class that
//! says whose work it is; a new one does not compile without both.

use tollgate_policy::queue::FailureClass;

use crate::api::Failure;

/// How a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    InvalidInput,
    NotFound,
    Conflict,
    Denied,
    /// A person said no.
    Rejected,
    /// Nobody said yes in time, or what was approved was not done in time.
    Unanswered,
    Limited,
    Unavailable,
    InDoubt,
    Diverged,
    ConnectorFault,
    SecretBlocked,
    SettledDone,
    /// A write of a workflow in shadow: judged, and not done.
    Shadow,
    Failed,
}

impl FailureKind {
    /// The name in [`Failure::kind`].
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Denied => "denied",
            Self::Rejected | Self::Unanswered => "rejected",
            Self::Limited => "limited",
            Self::Unavailable => "unavailable",
            Self::InDoubt => "in_doubt",
            Self::Diverged => "diverged",
            Self::ConnectorFault => "connector_fault",
            Self::SecretBlocked => "secret_blocked",
            Self::SettledDone => "settled_done",
            Self::Shadow => "shadow",
            Self::Failed => "failed",
        }
    }

    /// Whose work it is, where it is somebody's.
    pub(crate) const fn class(self) -> Option<FailureClass> {
        Some(match self {
            Self::Shadow => return None,
            Self::InvalidInput => FailureClass::InvalidInput,
            Self::NotFound => FailureClass::NotFound,
            Self::Conflict => FailureClass::Conflict,
            Self::Denied => FailureClass::Denied,
            Self::Rejected => FailureClass::Rejected,
            Self::Unanswered => FailureClass::ApprovalExpired,
            Self::Limited => FailureClass::Limited,
            Self::Unavailable => FailureClass::Unavailable,
            Self::InDoubt => FailureClass::InDoubt,
            Self::Diverged => FailureClass::Diverged,
            Self::ConnectorFault => FailureClass::ConnectorFault,
            Self::SecretBlocked => FailureClass::SecretBlocked,
            Self::SettledDone => FailureClass::SettledDone,
            Self::Failed => FailureClass::Failed,
        })
    }

    /// The failure as a caller gets it.
    pub(crate) fn with(self, message: String, hint: Option<&str>) -> Failure {
        Failure {
            kind: self.as_str().to_owned(),
            message,
            hint: hint.map(str::to_owned),
            pointer: None,
        }
    }
}
