//! What the store hands back. Rows hold text and opaque bytes; what is sensitive
//! in them was sealed by the caller and is never looked into here.

use serde::{Deserialize, Serialize};
use tollgate_journal::Hash;

use crate::StoreError;

macro_rules! states {
    ($(#[$outer:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $kind { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl $kind {
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
    }
}

impl RunState {
    /// The run is not over: a repeated call returns it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, RunState::Open | RunState::Held | RunState::InDoubt)
    }
}

states! {
    /// Where an approval stands.
    ApprovalState {
        /// Nobody decided yet.
        Pending = "pending",
        /// A person allowed the call; it was not made yet.
        Approved = "approved",
        /// A person denied the call.
        Denied = "denied",
        /// The call was made under it. An approval serves once.
        Consumed = "consumed",
        /// What was to be approved changed.
        Voided = "voided",
        /// The time to decide or to execute passed.
        Expired = "expired",
    }
}

states! {
    /// What a principal is.
    PrincipalKind {
        /// A human being. Only people approve.
        Person = "person",
        /// An agent.
        Agent = "agent",
        /// A program that is no agent.
        Service = "service",
        /// Who runs the host.
        Operator = "operator",
    }
}

/// The projection of a run that holds, writes or is in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRow {
    /// Whose run.
    pub tenant: String,
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
    /// Until when, Unix milliseconds.
    pub lease_until_ms: u64,
    /// Sealed result or input, as the host needs it to go on.
    pub sealed: Option<Vec<u8>>,
}

/// A held call and the decision on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Whose approval.
    pub tenant: String,
    /// Its identifier.
    pub id: String,
    /// The held run.
    pub run: String,
    /// Its hand-off.
    pub case: String,
    /// The connector's installed name.
    pub connector: String,
    /// The tool.
    pub tool: String,
    /// Who asked. Never the one who decides.
    pub principal: String,
    /// Which import call of the run, counted from 0.
    pub position: u32,
    /// The manifest's approval that applies, e.g. `finance`.
    pub approval: String,
    /// The rule that asked for it.
    pub rule: String,
    /// Who may decide: `group:…`, `person:…`.
    pub approvers: Vec<String>,
    /// Digest of the binding: what exactly is approved.
    pub digest: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: u64,
    /// A decision after this is refused.
    pub decide_by_ms: u64,
    /// How long after the decision the call may be made.
    pub execute_within_ms: u64,
    /// The call after this is refused. Set by the decision.
    pub execute_by_ms: Option<u64>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When, by the store's clock.
    pub decided_ms: Option<u64>,
    /// Why it was denied or voided.
    pub reason: Option<String>,
    /// When the call was made under it.
    pub consumed_ms: Option<u64>,
    /// The rendered card, sealed by the host.
    pub card: Option<Vec<u8>>,
}

/// An installed connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRow {
    /// Whose connector.
    pub tenant: String,
    /// Its installed name.
    pub name: String,
    /// The manifest as the operator wrote it.
    pub manifest_text: String,
    /// The pinned component.
    pub component_digest: String,
    /// When it was installed or replaced, Unix milliseconds.
    pub installed_ms: u64,
}

/// Who acts.
#[derive(Clone, PartialEq, Eq)]
pub struct PrincipalRow {
    /// Its identifier, unique in the tenant.
    pub id: String,
    /// Whose principal.
    pub tenant: String,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// Groups it belongs to.
    pub groups: Vec<String>,
    /// Keyed hash of its token; the token itself is nowhere.
    pub token_hash: [u8; 32],
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// When its token stopped to count, if it did.
    pub revoked_ms: Option<u64>,
}

impl std::fmt::Debug for PrincipalRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrincipalRow")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("groups", &self.groups)
            .field("token_hash", &"[masked]")
            .field("created_ms", &self.created_ms)
            .field("revoked_ms", &self.revoked_ms)
            .finish()
    }
}

/// A value of a connector's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KvEntry {
    /// The value.
    pub value: Vec<u8>,
    /// Changes with every write.
    pub version: String,
}

/// One record as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the tenant's tree, counted from 0.
    pub seq: u64,
    /// Canonical JSON.
    pub leaf: Vec<u8>,
    /// RFC 6962 leaf hash, as stored.
    pub hash: Hash,
    /// Sealed values, where there are any.
    pub sealed: Option<Vec<u8>>,
}

/// A tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub tenant: String,
    /// How many records.
    pub count: u64,
    /// RFC 6962 root.
    pub root: Hash,
}

/// Which records to read. Everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct RecordFilter {
    /// Of this run.
    pub run: Option<String>,
    /// Of this hand-off. Without `run` this looks through all of the tenant's
    /// records: an index would make every append pay for a rare question.
    pub case: Option<String>,
    /// Of this stage.
    pub stage: Option<tollgate_journal::Stage>,
    /// After this place; `None` begins with the first record.
    pub after_seq: Option<u64>,
    /// At most so many; `None` means as many as one answer may have.
    pub limit: Option<u32>,
    /// Newest first; `after_seq` then means before it.
    pub newest_first: bool,
    /// Leave the sealed values out.
    pub leaves_only: bool,
}

/// What a repeated call has in common with the first one.
#[derive(Debug, Clone, Copy)]
pub struct RunKey<'a> {
    /// Whose run.
    pub tenant: &'a str,
    /// Who asks.
    pub principal: &'a str,
    /// The hand-off.
    pub case: &'a str,
    /// The connector's installed name.
    pub connector: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// The key that the caller gave, if any.
    pub request_key: Option<&'a str>,
    /// Digest of the canonical input.
    pub input_digest: &'a str,
}
