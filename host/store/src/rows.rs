//! What the store hands back. Rows hold text and opaque bytes; what is sensitive
//! in them was sealed by the caller and is never looked into here.

use serde::{Deserialize, Serialize};
use tollgate_journal::{Blob, Hash, Tenant};

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

mod work;

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

/// A held call and the decision on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Whose approval.
    pub tenant: Tenant,
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
    /// When the call was made under it.
    pub consumed_ms: Option<u64>,
    /// How many different people must say yes.
    pub quorum: u32,
    /// Those who may not say yes beside the requester: they wrote the input.
    pub excluded: Vec<String>,
    /// Who said yes so far. Kept by the store; of a new row it is empty.
    pub votes: Vec<VoteRow>,
    /// Digest of what a denial stands for: case, connector, tool and input.
    pub asked: String,
    /// How long a denial stands.
    pub deny_stands_ms: u64,
    /// Until when it does. Set by the denial.
    pub denied_until_ms: Option<u64>,
    /// Whether it is one for calls outside of the usual ones, counted and listed.
    pub exception: bool,
    /// The rendered card, sealed by the host.
    pub card: Option<Vec<u8>>,
}

/// One person's yes to a held call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoteRow {
    /// Who said it.
    pub voter: String,
    /// Whose deputy that person was in saying it.
    pub on_behalf: Option<String>,
    /// When, by the store's clock.
    pub at_ms: u64,
}

/// A person decides for another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationRow {
    /// Whose.
    pub tenant: Tenant,
    /// Its identifier.
    pub id: String,
    /// Who gave it.
    pub delegator: String,
    /// Who decides instead.
    pub deputy: String,
    /// As what: `group:…`, or `person:…` with the delegator's own name.
    pub approver: String,
    /// From when, Unix milliseconds.
    pub from_ms: u64,
    /// Until when.
    pub until_ms: u64,
    /// When it was given.
    pub created_ms: u64,
    /// When it was taken back, if it was.
    pub ended_ms: Option<u64>,
    /// By whom.
    pub ended_by: Option<String>,
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

/// Who acts.
#[derive(Clone, PartialEq, Eq)]
pub struct PrincipalRow {
    /// Its identifier, unique in the tenant.
    pub id: String,
    /// Whose principal.
    pub tenant: Tenant,
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
    /// The Ed25519 public key that its decisions are signed with, where one is
    /// registered. A row that is put without one leaves the known one: a new token
    /// must not take the need for a signature away.
    pub public_key: Option<[u8; 32]>,
    /// Who a person is at a provider of OpenID Connect, where they sign in there. A
    /// row that is put without one leaves the known one.
    pub oidc: Option<OidcName>,
    /// The hash of a person's password, with its parameters and its salt (a PHC
    /// string). A row that is put without one leaves the known one.
    pub password: Option<String>,
}

/// Who somebody is at a provider of OpenID Connect. A name is one of its issuer's: the
/// same name at another provider is somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcName {
    /// Who says so.
    pub issuer: String,
    /// The name there.
    pub subject: String,
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
            .field("public_key", &self.public_key.map(hex::encode))
            .field("oidc", &self.oidc)
            .field("password", &self.password.as_ref().map(|_| "[masked]"))
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
    /// Sealed values, where there are any that were not erased or pruned.
    pub sealed: Option<Vec<u8>>,
    /// The large values that the sealed ones refer to, as far as they are kept.
    pub blobs: Vec<Blob>,
}

/// What a run that ended came to: found by its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRun {
    /// Place of the record `run.closed`.
    pub place: u64,
    /// The run.
    pub run: String,
    /// When it ended, Unix milliseconds.
    pub at_ms: u64,
    /// `connector.tool`.
    pub tool: String,
    /// How it ended: `done`, `failed`, `denied`.
    pub outcome: String,
    /// Its workflow.
    pub workflow: Option<String>,
}

/// Which ended runs to list. Everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct ClosedFilter {
    /// `connector.tool`.
    pub tool: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Its workflow.
    pub workflow: Option<String>,
    /// Ended at or after this, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Ended before this, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only those that ended before this place: the last page's last one.
    pub before: Option<u64>,
    /// At most so many; newest first.
    pub limit: Option<u32>,
}

states! {
    /// Where an item of a queue stands.
    QueueState {
        /// A person has to look.
        Open = "open",
        /// A person decided.
        Resolved = "resolved",
    }
}

/// Work that a person has to do: a call in doubt, what a connector handed over, a
/// run that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRow {
    /// Whose.
    pub tenant: Tenant,
    /// Its identifier.
    pub id: String,
    /// The queue's name.
    pub queue: String,
    /// What kind of work: the class of the failure, e.g. `in_doubt`.
    pub kind: String,
    /// The run; empty where there is none.
    pub run: String,
    /// Its hand-off.
    pub case: String,
    /// The connector's installed name.
    pub connector: String,
    /// The tool.
    pub tool: String,
    /// Who asked for the run. Never the one who resolves.
    pub principal: String,
    /// Which import call of the run, counted from 0.
    pub position: u32,
    /// Where it stands.
    pub state: QueueState,
    /// When it was put there, Unix milliseconds.
    pub created_ms: u64,
    /// Leaf hash of the record that tells why it is there.
    pub record: Option<Hash>,
    /// Who resolved it.
    pub resolved_by: Option<String>,
    /// When, Unix milliseconds.
    pub resolved_ms: Option<u64>,
    /// How: `done`, `not_done`.
    pub resolution: Option<String>,
    /// What makes another failure the same as this one; nothing where each is an item
    /// of its own.
    pub fold: Option<String>,
    /// How often it happened.
    pub times: u64,
    /// When last, Unix milliseconds.
    pub last_ms: u64,
}

/// Whether a failure is one that waits already, and whether there is room for more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueuePlace {
    /// The open item that such failures are counted in.
    pub same: Option<String>,
    /// The tenant has as many open items as it may have.
    pub is_full: bool,
}

states! {
    /// Where a delivery stands.
    DeliveryState {
        /// It is to be tried, or tried again.
        Pending = "pending",
        /// It arrived.
        Delivered = "delivered",
        /// It was tried in vain for the last time.
        Dead = "dead",
        /// What it was about is over, and it was not sent.
        NotNeeded = "not_needed",
    }
}

/// One sending of one item to where its owner looks, or of one pending approval to
/// where those look who decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRow {
    /// Whose.
    pub tenant: Tenant,
    /// The item, or the approval.
    pub item: String,
    /// The delivery's name in the settings: `queue/delivery`, or of an approval
    /// `notify:name`.
    pub name: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// Not tried before, Unix milliseconds by the store's clock. A new one is due at
    /// once: never what a caller says.
    pub due_ms: u64,
    /// Which host tries it now.
    pub claimed_by: Option<String>,
    /// Until when nobody else does, by the store's clock.
    pub claimed_until_ms: u64,
    /// The run of the last try that became one.
    pub run: Option<String>,
}

/// A signed checkpoint of a tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Whose tree.
    pub tenant: Tenant,
    /// How many records it covers.
    pub count: u64,
    /// Their root.
    pub root: Hash,
    /// When it was signed, Unix milliseconds.
    pub at_ms: u64,
    /// The signed note, with witnesses' cosignatures where there are some.
    pub note: String,
}

/// A complete tile of a tenant's tree, as in <https://c2sp.org/tlog-tiles>: 256
/// hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileRow {
    /// Its level: 0 has the leaf hashes.
    pub level: u8,
    /// Its number in the level.
    pub index: u64,
    /// 256 hashes of 32 bytes.
    pub hashes: Vec<u8>,
}

/// Which sealed values to destroy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erasure {
    /// Everything sealed under a subject's key, and the key.
    Subject(String),
    /// The values of one run; its subject's key stays.
    Run(String),
    /// The values of records in these places whose run is not active: from
    /// (included) to (excluded).
    Places(u64, u64),
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

/// A tenant's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub tenant: Tenant,
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
    /// Sealed under this subject's key.
    pub subject: Option<String>,
    /// Made at or after this, Unix milliseconds. Hosts' clocks differ: a record
    /// is found by its own time, wherever it stands.
    pub since_ms: Option<u64>,
    /// Made before this, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// After this place; `None` begins with the first record.
    pub after_seq: Option<u64>,
    /// At most so many; `None` means as many as one answer may have.
    pub limit: Option<u32>,
    /// Newest first; `after_seq` then means before it.
    pub newest_first: bool,
    /// Leave the sealed values out.
    pub leaves_only: bool,
}
