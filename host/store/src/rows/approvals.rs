//! Held calls, who said yes to them, and who decides for whom.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

use crate::StoreError;

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
