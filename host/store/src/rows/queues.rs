//! Work for people, and sending it to where they look.

use serde::{Deserialize, Serialize};
use tollgate_journal::{Hash, Tenant};

use crate::StoreError;

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
