//! How a tool fails. Each case tells a caller what it can do next; a message
//! alone would make an agent guess, and guess again.

use std::fmt;

use crate::Refusal;
use crate::bindings::exports::tollgate::connector::tools as wire;

/// Why a tool gave no output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToolError {
    /// The input does not fit, beyond what the schema can say: change it.
    InvalidInput {
        /// JSON Pointer (RFC 6901) to the value at fault; empty for the whole.
        pointer: String,
        /// What is wrong with it.
        message: String,
    },
    /// What was named does not exist.
    NotFound(Failure),
    /// What was to be changed is not as expected: read it again.
    Conflict(Failure),
    /// The connector may not do this here; asking again does not help.
    Denied(Failure),
    /// A limit of this run is reached: ask for less.
    Limited(Failure),
    /// The other system does not answer now: try later.
    Unavailable(Failure),
    /// Anything else.
    Failed(Failure),
}

/// One sentence of what happened and, where it helps, what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened, to what.
    pub message: String,
    /// What the caller can do next.
    pub hint: Option<String>,
}

impl ToolError {
    /// The input does not fit. `pointer` is a JSON Pointer, for example
    /// `/rows/3/name`.
    pub fn invalid_input(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::InvalidInput {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// What was named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::NotFound(Failure::new(message))
    }

    /// What was to be changed is not as expected.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(Failure::new(message))
    }

    /// The connector may not do this here.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::Denied(Failure::new(message))
    }

    /// A limit is reached.
    pub fn limited(message: impl Into<String>) -> Self {
        Self::Limited(Failure::new(message))
    }

    /// The other system does not answer now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable(Failure::new(message))
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(message))
    }

    /// Adds what the caller can do next. An invalid input carries it in its
    /// message.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        match &mut self {
            Self::InvalidInput { message, .. } => {
                message.push_str("; ");
                message.push_str(&hint);
            }
            Self::NotFound(failure)
            | Self::Conflict(failure)
            | Self::Denied(failure)
            | Self::Limited(failure)
            | Self::Unavailable(failure)
            | Self::Failed(failure) => failure.hint = Some(hint),
        }
        self
    }

    /// What happened.
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidInput { message, .. } => message,
            Self::NotFound(failure)
            | Self::Conflict(failure)
            | Self::Denied(failure)
            | Self::Limited(failure)
            | Self::Unavailable(failure)
            | Self::Failed(failure) => &failure.message,
        }
    }
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hinted(message: impl Into<String>, hint: Option<String>) -> Self {
        Self {
            message: message.into(),
            hint,
        }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message())
    }
}

impl std::error::Error for ToolError {}

impl From<Refusal> for ToolError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Denied(denial) => Self::Denied(Failure::hinted(message, denial.hint)),
            Refusal::Limited(_) => Self::limited(message).hint("ask for less in one call"),
            Refusal::Rejected(_) => Self::denied(message),
        }
    }
}

impl From<ToolError> for wire::ToolError {
    fn from(error: ToolError) -> Self {
        match error {
            ToolError::InvalidInput { pointer, message } => {
                Self::InvalidInput(wire::BadInput { pointer, message })
            }
            ToolError::NotFound(failure) => Self::NotFound(failure.into()),
            ToolError::Conflict(failure) => Self::Conflict(failure.into()),
            ToolError::Denied(failure) => Self::Denied(failure.into()),
            ToolError::Limited(failure) => Self::Limited(failure.into()),
            ToolError::Unavailable(failure) => Self::Unavailable(failure.into()),
            ToolError::Failed(failure) => Self::Failed(failure.into()),
        }
    }
}

impl From<Failure> for wire::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            message: failure.message,
            hint: failure.hint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Denial, Limit, Rejection};

    #[test]
    fn a_denial_keeps_the_hint_of_the_host() {
        let denial = Denial {
            reason: "table `customers` is not granted".into(),
            rule: None,
            hint: Some("add it to the manifest".into()),
        };
        let ToolError::Denied(failure) = ToolError::from(Refusal::Denied(denial)) else {
            panic!("a denial stays a denial");
        };
        assert_eq!(failure.message, "table `customers` is not granted");
        assert_eq!(failure.hint.as_deref(), Some("add it to the manifest"));
    }

    #[test]
    fn a_limit_is_named_with_its_value() {
        let error = ToolError::from(Refusal::Limited(Limit {
            name: "calls".into(),
            allowed: 9,
        }));
        assert!(matches!(error, ToolError::Limited(_)));
        assert_eq!(
            error.message(),
            "the limit `calls` of this run, 9, is reached"
        );
    }

    #[test]
    fn a_rejection_is_final() {
        let error = ToolError::from(Refusal::Rejected(Rejection {
            reason: "twice".into(),
        }));
        assert!(matches!(error, ToolError::Denied(_)));
        assert_eq!(
            error.message(),
            "an approver decided against this call: twice"
        );
    }

    #[test]
    fn a_hint_is_never_lost() {
        let error = ToolError::invalid_input("/a", "is odd").hint("send an even number");
        assert_eq!(error.message(), "is odd; send an even number");
    }
}
