//! What came of a callback, and what is said of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::error::DecideError;

/// What a verified callback came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalledBack {
    /// A decision was taken, as its program is told.
    Taken(CallbackReport),
    /// Who pressed a button in Slack is told this, whatever came of it. It has no
    /// markup in it.
    Told(String),
}

/// A decision that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackReport {
    /// The approval.
    pub approval: String,
    /// `approved` or `denied`.
    pub decision: String,
    /// What it means for the call.
    pub outcome: CallbackOutcome,
    /// How many have said yes; nothing where that is not looked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
    /// How many have to.
    pub quorum: u32,
}

/// What a decision means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackOutcome {
    /// It goes on, or is refused.
    Decided,
    /// More people have to say yes.
    Voted,
    /// It was a drill: nothing was asked for, and nothing was done.
    Drill,
    /// This very request was taken before; nothing was done again.
    Repeated,
}

/// Why no decision was taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallbackError {
    /// There is no such callback, or its sender did not sign this, or too long ago.
    /// Which one is not said: it would tell a stranger what there is.
    #[error("this callback is not verified")]
    Unverified,
    /// It says nothing that can be taken for a decision.
    #[error("{message}")]
    Malformed {
        /// JSON Pointer into the payload.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// There were too many.
    #[error("this callback has had its requests for now")]
    Limited {
        /// When to come again.
        after: Duration,
    },
    /// The account is not one of those that decide.
    #[error("this account is nobody's who decides here")]
    UnknownPerson,
    /// The operator has not allowed it.
    #[error("{0}")]
    NotByCallback(&'static str),
    /// The person may not, or it is not what was announced, or it is over.
    #[error(transparent)]
    Refused(#[from] DecideError),
}

impl CallbackError {
    /// Stable, machine-readable name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unverified => "not_verified",
            Self::Malformed { .. } => "malformed",
            Self::Limited { .. } => "limited",
            Self::UnknownPerson => "unknown_person",
            Self::NotByCallback(_) => "not_by_callback",
            Self::Refused(error) => error.kind(),
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unverified => None,
            Self::Malformed { .. } => Some("see the template of the announcement"),
            Self::Limited { .. } => Some("try again in a moment"),
            Self::UnknownPerson => {
                Some("sign in to decide, or ask the operator to name your account in `people`")
            }
            Self::NotByCallback(_) => Some("sign in to decide"),
            Self::Refused(error) => error.hint(),
        }
    }
}

impl From<tollgate_store::StoreError> for CallbackError {
    fn from(error: tollgate_store::StoreError) -> Self {
        DecideError::from(error).into()
    }
}

/// What who pressed a button is told.
pub(super) fn words(taken: &Result<CallbackReport, CallbackError>) -> String {
    let said = match taken {
        Ok(report) => match (report.outcome, report.decision.as_str(), report.votes) {
            (CallbackOutcome::Repeated, ..) => "This was taken before.".to_owned(),
            (CallbackOutcome::Voted, _, Some(votes)) => {
                format!("Your yes counts: {votes} of {}.", report.quorum)
            }
            (CallbackOutcome::Voted, ..) => "Your yes counts.".to_owned(),
            (CallbackOutcome::Drill, "denied", _) => {
                "This was a drill, and you denied it: well seen.".to_owned()
            }
            (CallbackOutcome::Drill, ..) => {
                "This was a drill: nobody should approve it. Nothing was done.".to_owned()
            }
            (CallbackOutcome::Decided, "denied", _) => "Denied.".to_owned(),
            (CallbackOutcome::Decided, ..) => "Approved: the call goes on.".to_owned(),
        },
        Err(error) => match error.hint() {
            Some(hint) => format!("Nothing was decided: {error}. Next: {hint}."),
            None => format!("Nothing was decided: {error}."),
        },
    };
    escaped(&said)
}

/// A name among the words is no markup of Slack's ("Formatting message text").
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcome: CallbackOutcome, decision: &str) -> CallbackReport {
        CallbackReport {
            approval: "apr-1".to_owned(),
            decision: decision.to_owned(),
            outcome,
            votes: Some(1),
            quorum: 2,
        }
    }

    #[test]
    fn who_pressed_a_button_is_told_what_came_of_it_and_what_to_do() {
        let said = |outcome, decision| words(&Ok(report(outcome, decision)));
        assert_eq!(
            said(CallbackOutcome::Voted, "approved"),
            "Your yes counts: 1 of 2."
        );
        assert_eq!(said(CallbackOutcome::Decided, "denied"), "Denied.");
        assert_eq!(
            said(CallbackOutcome::Repeated, "denied"),
            "This was taken before."
        );
        let changed = words(&Err(DecideError::Changed.into()));
        assert_eq!(
            changed,
            "Nothing was decided: the card has changed since you saw it. Next: read the card \
             again, then decide."
        );
    }

    #[test]
    fn a_name_makes_no_markup() {
        let by = Some("<!channel>".to_owned());
        let state = "denied".to_owned();
        let said = words(&Err(DecideError::AlreadyDecided { state, by }.into()));
        assert!(
            said.contains("&lt;!channel&gt;") && !said.contains('<'),
            "{said}"
        );
    }
}
