//! The stages of an execution that a record can tell of. The list is closed: a
//! reader that meets a stage it does not know is older than the journal, and
//! says so instead of guessing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::JournalError;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// What a record tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Stage {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Stage {
            /// Every stage, in the order of their codes.
            pub const ALL: &'static [Stage] = &[$(Stage::$name,)*];

            /// The name that a leaf carries.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Stage::$name => $text,)* }
            }

            /// A small number for stores. It never changes for a stage.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Stage::$name => $code,)* }
            }

            /// The stage of a code.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Stage> {
                match code { $($code => Some(Stage::$name),)* _ => None }
            }
        }
    };
}

stages! {
    /// A hand-off began.
    CaseOpened = 1, "case.opened";
    /// A tool call began.
    RunOpened = 2, "run.opened";
    /// A rule or a missing grant refused a call.
    CallDenied = 3, "call.denied";
    /// A call waits for a person.
    ApprovalRequested = 4, "approval.requested";
    /// A person decided, or the time to decide passed.
    ApprovalDecided = 5, "approval.decided";
    /// A call is about to be made. Durable before the effect.
    CallIntent = 6, "call.intent";
    /// What a call answered.
    CallOutcome = 7, "call.outcome";
    /// Whether a call happened is not known.
    CallInDoubt = 8, "call.in_doubt";
    /// An undo is about to be made.
    UndoPlanned = 9, "undo.planned";
    /// What an undo did.
    UndoDone = 10, "undo.done";
    /// A limit of the run was reached.
    LimitHit = 11, "limit.hit";
    /// A live secret was found where it must not be, and stopped there.
    SecretBlocked = 12, "secret.blocked";
    /// Work went to a queue of people.
    Handoff = 13, "handoff";
    /// A manifest was installed, replaced or removed.
    ManifestChanged = 14, "manifest.changed";
    /// A person let a call through outside of the usual ones, and said why.
    Exception = 15, "exception";
    /// A tool call ended.
    RunClosed = 16, "run.closed";
    /// A hand-off ended.
    CaseClosed = 17, "case.closed";
    /// A call in doubt is about to be made again, in a way that cannot double it.
    /// Durable before the effect.
    CallResent = 18, "call.resent";
    /// A person said what became of a call in doubt.
    CallSettled = 19, "call.settled";
    /// Sealed values of a subject were destroyed.
    ValuesErased = 20, "values.erased";
    /// Sealed values were destroyed by the retention rule.
    ValuesPruned = 21, "values.pruned";
    /// An outside witness signed a checkpoint.
    CheckpointAnchored = 22, "checkpoint.anchored";
    /// A person said what became of work that a connector handed over.
    HandoffResolved = 23, "handoff.resolved";
    /// A workflow was installed, replaced or removed.
    WorkflowChanged = 24, "workflow.changed";
    /// One of several people that an approval asks for said yes.
    ApprovalVoted = 26, "approval.voted";
    /// A person took a vote or an approval back before it was used.
    ApprovalRevoked = 27, "approval.revoked";
    /// A person named a deputy, or took that back.
    DelegationChanged = 28, "delegation.changed";
    /// An item of a queue reached its owner elsewhere.
    QueueDelivered = 30, "queue.delivered";
    /// An item of a queue could not be brought to its owner.
    QueueDeliveryFailed = 31, "queue.delivery_failed";
    /// A budget of a rule was used up.
    BudgetReached = 32, "budget.reached";
    /// A person changed the input of a held run, which goes on as another one.
    RunEdited = 33, "run.edited";
    /// A request was none: an operator had planted it to see whether it is noticed.
    /// It says what people decided. The request's sealed nature said so from its begin.
    DrillDecided = 34, "drill.decided";
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = JournalError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Stage::ALL
            .iter()
            .copied()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| JournalError::UnknownStage(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_survives_its_name_and_its_code() {
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse::<Stage>().ok(), Some(*stage));
            assert_eq!(Stage::from_code(stage.code()), Some(*stage));
        }
        assert!("call.made".parse::<Stage>().is_err());
        assert_eq!(Stage::from_code(0), None);
    }
}
