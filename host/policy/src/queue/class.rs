//! The ways in which work fails that a person must know of. The list is closed: what
//! ends a run, a case or a task of the host is mapped to one of these by a `match`
//! without a rest, so that a new ending does not compile until somebody has said
//! whose it is.

use std::fmt;
use std::str::FromStr;

use crate::visible;

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// How work failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FailureClass { $($(#[$doc])* $name,)* }

        impl FailureClass {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in settings, records and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

classes! {
    /// Whether a call happened is not known.
    InDoubt = "in_doubt",
    /// A connector handed work over to people.
    Escalation = "escalation",
    /// A rule or a missing grant said no.
    Denied = "denied",
    /// A person said no.
    Rejected = "rejected",
    /// Nobody decided in time, or what was approved was not done in time.
    ApprovalExpired = "approval_expired",
    /// Something there was not as expected: somebody else had changed it.
    Conflict = "conflict",
    /// What was asked for is not there.
    NotFound = "not_found",
    /// The connector did not take its input.
    InvalidInput = "invalid_input",
    /// A limit was reached: of the run, a queue, a rate.
    Limited = "limited",
    /// Another system was not there.
    Unavailable = "unavailable",
    /// The connector broke its contract.
    ConnectorFault = "connector_fault",
    /// A live secret was found where it must not be, and stopped there.
    SecretBlocked = "secret_blocked",
    /// A run did not repeat what its journal has.
    Diverged = "diverged",
    /// A call happened whose answer is lost, and its run could not go on.
    SettledDone = "settled_done",
    /// A run ended because its values were destroyed.
    Erased = "erased",
    /// A run failed otherwise.
    Failed = "failed",
    /// A case was not finished in its time.
    CaseExpired = "case_expired",
    /// A case ended without what it was opened for.
    CaseFailed = "case_failed",
    /// An item did not reach where its owner looks: a dead letter.
    DeliveryFailed = "delivery_failed",
    /// Something that the host does by itself failed.
    HostTask = "host_task",
}

impl FailureClass {
    /// Whether an operator may say that nobody needs to know. These are answers that
    /// an agent gets, understands and acts on; everything else is somebody's work.
    #[must_use]
    pub const fn may_be_nobodys(self) -> bool {
        matches!(self, Self::Denied | Self::NotFound | Self::InvalidInput)
    }
}

impl FailureClass {
    /// Whether an agent can bring it about as often as it likes by asking: such
    /// failures of the same work are one item with a count.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        match self {
            Self::Denied | Self::NotFound | Self::InvalidInput | Self::Limited => true,
            Self::InDoubt
            | Self::Escalation
            | Self::Rejected
            | Self::ApprovalExpired
            | Self::Conflict
            | Self::Unavailable
            | Self::ConnectorFault
            | Self::SecretBlocked
            | Self::Diverged
            | Self::SettledDone
            | Self::Erased
            | Self::Failed
            | Self::CaseExpired
            | Self::CaseFailed
            | Self::DeliveryFailed
            | Self::HostTask => false,
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for FailureClass {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|class| class.as_str() == text);
        found.copied().ok_or_else(|| {
            let near = Self::ALL
                .iter()
                .filter(|class| class.as_str().contains(text) || text.contains(class.as_str()))
                .map(|class| class.as_str());
            let near: Vec<&str> = near.filter(|_| !text.is_empty()).collect();
            let known: Vec<&str> = Self::ALL.iter().map(|class| class.as_str()).collect();
            let offered = if near.is_empty() { known } else { near };
            format!(
                "`{}` is no class of failure; there is `{}`",
                visible(text),
                offered.join("`, `")
            )
        })
    }
}
