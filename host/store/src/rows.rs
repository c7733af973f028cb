//! What the store hands back. Rows hold text and opaque bytes; what is sensitive
//! in them was sealed by the caller and is never looked into here.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

use crate::StoreError;

macro_rules! states {
    ($(#[$outer:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $kind { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl $kind {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$($kind::$name,)*];

            /// The stored and shown name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($kind::$name => $text,)* }
            }

            pub(crate) fn from_stored(text: &str) -> Result<Self, StoreError> {
                match text {
                    $($text => Ok($kind::$name),)*
                    other => Err(StoreError::corrupt(format!(
                        concat!("unknown ", stringify!($kind), " `{}`"), other
                    ))),
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $kind {
            type Err = StoreError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_stored(text)
            }
        }
    };
}

mod approvals;
mod principals;
mod queues;
mod records;
mod tree;
mod work;

pub use approvals::{ApprovalRow, ApprovalState, DelegationRow, VoteRow};
pub use principals::{OidcName, PrincipalKind, PrincipalRow};
pub use queues::{DeliveryRow, DeliveryState, QueuePlace, QueueRow, QueueState};
pub use records::{ClosedFilter, ClosedRun, Erasure, RecordFilter, StoredRecord};
pub use tree::{CheckpointRow, Head, TileRow};
pub use work::{CaseFilter, CaseRow, CaseRun, CaseState, WorkflowRow};

states! {
    /// Where a run stands.
    RunState {
        /// It is being worked on.
        Open = "open",
        /// It waits for a person.
        Held = "held",
        /// Whether its last call happened is not known.
        InDoubt = "in_doubt",
        /// It ended with an output.
        Done = "done",
        /// It ended with an error.
        Failed = "failed",
        /// An approver or a rule ended it.
        Denied = "denied",
        /// It was done and then taken back.
        Undone = "undone",
        /// It was held, and a person changed its input: another run goes on.
        Edited = "edited",
    }
}

impl RunState {
    /// The run is not over: a repeated call returns it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, RunState::Open | RunState::Held | RunState::InDoubt)
    }
}

/// The projection of a run that holds, writes or is in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Whose run.
    pub tenant: Tenant,
    /// Its identifier.
    pub run: String,
    /// Its hand-off.
    pub case: String,
    /// Its workflow.
    pub workflow: Option<String>,
    /// Who asked for it.
    pub principal: String,
    /// The connector's installed name.
    pub connector: String,
    /// The tool.
    pub tool: String,
    /// The manifest it runs under.
    pub manifest_digest: String,
    /// The component it runs.
    pub component: String,
    /// Digest of the canonical input.
    pub input_digest: String,
    /// The key that the caller gave, if any.
    pub request_key: Option<String>,
    /// Digest of what makes two requests the same. At most one active run of a
    /// tenant has it.
    pub same: String,
    /// Of a row that is to be put: [`Looked::count`] of the look that found no equal
    /// request. An equal run that ended since then is refused like an active one.
    /// `None`: nobody looked, only active ones count. Never read back.
    pub looked_at: Option<u64>,
    /// Where it stands.
    pub state: RunState,
    /// The approval it waits for, or last waited for.
    pub approval: Option<String>,
    /// When it opened, Unix milliseconds.
    pub opened_ms: u64,
    /// When this row last changed, Unix milliseconds.
    pub updated_ms: u64,
    /// Which host works on it.
    pub lease_owner: Option<String>,
    /// Until when, Unix milliseconds by the store's clock. Of a row that is new
    /// only how long after `updated_ms` it is counts: the store gives a lease of
    /// that length from its own time on.
    pub lease_until_ms: u64,
    /// Fencing token: one more each time the lease passes to a host. A write
    /// under an older one is refused.
    pub lease_token: u64,
    /// Sealed result or input, as the host needs it to go on.
    pub sealed: Option<Vec<u8>>,
}

/// What a store has of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The run that a repeated request returns.
    pub first: Option<RunRow>,
    /// How many records the tenant had at that moment. It tells what ended since
    /// from what ended before, which the clocks of several hosts cannot.
    pub count: u64,
}

/// A lease that was prolonged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Whose run.
    pub tenant: Tenant,
    /// The run.
    pub run: String,
    /// The fencing token of the lease that now lasts longer.
    pub token: u64,
}

/// An installed connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRow {
    /// Whose connector.
    pub tenant: Tenant,
    /// Its installed name.
    pub name: String,
    /// The manifest as the operator wrote it.
    pub manifest_text: String,
    /// The pinned component.
    pub component_digest: String,
    /// When it was installed or replaced, Unix milliseconds.
    pub installed_ms: u64,
}

/// A value of a connector's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// The value.
    pub value: Vec<u8>,
    /// Changes with every write.
    pub version: String,
}

/// Something that others may wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose; of nobody where [`Missed`](EventKind::Missed) is said. What is heard
    /// here is a hint and names no tenant to a store.
    pub tenant: String,
    /// What.
    pub what: EventKind,
}

/// What an event tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A run's row changed.
    Run(String),
    /// An approval was decided: its identifier.
    Approval(String),
    /// A connector was installed or removed.
    Connector(String),
    /// An item of a queue changed: its identifier.
    Queue(String),
    /// A case ended: its name.
    Case(String),
    /// A workflow was installed or removed.
    Workflow(String),
    /// Events may have been missed (the connection was lost): look at everything.
    Missed,
}
