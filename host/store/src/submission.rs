//! What goes in by the one write path. A submission is all or nothing: when a
//! condition of one of its changes does not hold, none of its records and
//! changes are kept, and others in the same transaction are untouched.

use sha2::{Digest as _, Sha256};
use tollgate_journal::{Prepared, Tenant};

use crate::{
    ApprovalRow, CaseRow, CaseRun, CaseState, CheckpointRow, ConnectorRow, DelegationRow,
    DeliveryRow, DeliveryState, Erasure, PrincipalRow, QueueRow, RunRow, TileRow, WorkflowRow,
};

/// Most records of one submission. A transaction takes several of these, so one
/// caller cannot make all others wait long.
pub const SUBMISSION_RECORDS_MAX: usize = 1_000;

/// Most bytes of one submission: four of the largest sealed values. What is
/// larger belongs into more than one step of a run.
pub const SUBMISSION_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Records and the changes that are true together with them.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Whose. Every record must be this tenant's.
    pub tenant: Tenant,
    /// In order.
    pub records: Vec<Prepared>,
    /// In order; each sees those before it.
    pub changes: Vec<Change>,
}

/// What must be true of a key for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Anything,
    /// The key does not exist.
    Absent,
    /// The key's version is this.
    Version(String),
}

/// A decision on a held call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The call may be made.
    Approved,
    /// It may not. Why is in the journal, sealed: a person's words.
    Denied,
}

/// What a try of a delivery came to. Times count from the store's now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// It arrived.
    Delivered,
    /// It did not; it is tried again after this time.
    Again {
        /// Milliseconds.
        after_ms: u64,
    },
    /// It goes on by itself; it is looked at again after this time. No new try.
    Waits {
        /// Milliseconds.
        after_ms: u64,
    },
    /// It did not, and is not tried again.
    Dead,
    /// There is nothing to send any more. No new try.
    NotNeeded,
}

/// Whose deputy a person decides as. The delegation must be in force by the
/// store's clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalf {
    /// Who gave it.
    pub delegator: String,
    /// Its identifier.
    pub delegation: String,
}

/// One change beside the journal, with the condition under which it happens.
/// All happen inside the submission's tenant.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Change {
    /// Insert or replace the projection of a run. Refused with
    /// [`RunExists`](crate::Rejected::RunExists) when it is new and active and
    /// another active run has the same [`same`](RunRow::same). The lease is not
    /// part of it: it is set at insertion (for `lease_until_ms` by the store's
    /// clock), cleared when the run is no longer open, and else changed only by
    /// [`Store::claim_run`](crate::Store::claim_run) and its kin.
    PutRun(Box<RunRow>),
    /// Only a condition: `owner` still holds the run's lease, by the store's
    /// clock. Put it beside an intent, so that a host which lost the run sends
    /// nothing.
    HoldsRun {
        /// The run.
        run: String,
        /// Which host.
        owner: String,
        /// The fencing token it got with the lease.
        token: u64,
    },
    /// Give a run's lease back. No error when somebody else has it.
    ReleaseRun {
        /// The run.
        run: String,
        /// Which host.
        owner: String,
        /// The fencing token it got with the lease.
        token: u64,
    },
    /// A new approval, pending.
    PutApproval(Box<ApprovalRow>),
    /// One more yes to a pending approval, before its decide-by, that does not
    /// reach the quorum. Refused with [`VotesChanged`](crate::Rejected::VotesChanged)
    /// when it would: then it is a [`DecideApproval`](Change::DecideApproval).
    VoteApproval {
        /// The approval.
        id: String,
        /// Who votes. Never the requester, and nobody twice.
        by: String,
        /// For whom, where it is a deputy.
        on_behalf: Option<OnBehalf>,
        /// The caller's time; the later of it and the store's clock counts.
        at_ms: u64,
    },
    /// Take a yes back, of a pending approval or of one that was not used yet: the
    /// approval is pending then. Who voted may, and who was voted for.
    RevokeVote {
        /// The approval.
        id: String,
        /// Whose.
        by: String,
    },
    /// A person names a deputy.
    PutDelegation(Box<DelegationRow>),
    /// A delegation ends before its time. Refused when it has ended.
    EndDelegation {
        /// The delegation.
        id: String,
        /// Who ended it.
        by: String,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
    /// Decide a pending approval, before its decide-by: the yes that reaches the
    /// quorum, or a no.
    DecideApproval {
        /// The approval.
        id: String,
        /// What was decided.
        decision: Verdict,
        /// Who decided. Never the requester.
        by: String,
        /// For whom, where it is a deputy.
        on_behalf: Option<OnBehalf>,
        /// The caller's time; the later of it and the store's clock counts.
        at_ms: u64,
    },
    /// Use an approval, before its execute-by, for exactly what was approved. The
    /// votes are counted again, and a denial of the same that stands is a refusal.
    ConsumeApproval {
        /// The approval.
        id: String,
        /// Digest of the binding, computed anew from what is about to be sent.
        digest: String,
        /// The caller's time; the later of it and the store's clock counts.
        at_ms: u64,
    },
    /// End a pending or approved approval whose time has passed.
    ExpireApproval {
        /// The approval.
        id: String,
        /// The caller's time; the *earlier* of it and the store's clock counts.
        at_ms: u64,
    },
    /// End a pending or approved approval before its time: what it was asked for is
    /// over. It counts as expired from then on, so its run goes on with that answer.
    WithdrawApproval {
        /// The approval.
        id: String,
    },
    /// End a pending or approved approval: what was to be approved changed.
    VoidApproval {
        /// The approval.
        id: String,
    },
    /// A condition, and the next turn: nobody took from the budget since it was taken
    /// from `seen` times. Refused with [`BudgetMoved`](crate::Rejected::BudgetMoved).
    /// Put it beside the record that takes; of two hosts that counted the same amounts,
    /// one takes and the other counts again.
    TakeFromBudget {
        /// The budget.
        budget: String,
        /// How often was taken from it, read before its amounts were.
        seen: u64,
    },
    /// A condition: the queue has fewer open items than this, or has this one already.
    /// Refused with [`QueueFull`](crate::Rejected::QueueFull). Counted in the same
    /// transaction as what it stands before: of two hosts at the last place one gets it.
    QueueHasRoom {
        /// The queue.
        queue: String,
        /// The item that is to be put.
        id: String,
        /// Most open items.
        most: u64,
    },
    /// New work for people.
    PutQueueItem(Box<QueueRow>),
    /// What an item tells of happened again. Counted also where somebody resolved it a
    /// moment ago: the record names it.
    RepeatQueueItem {
        /// The item.
        id: String,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
    /// A person decided on an open item. Refused with
    /// [`AlreadyResolved`](crate::Rejected::AlreadyResolved), and with
    /// [`OwnRequest`](crate::Rejected::OwnRequest) for who asked for the run.
    ResolveQueueItem {
        /// The item.
        id: String,
        /// How: `done`, `not_done`.
        resolution: String,
        /// Who.
        by: String,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
    /// A new delivery of an item or of an approval, due at once. One that is there stays as it is.
    PutDelivery(Box<DeliveryRow>),
    /// Take a due delivery for so long by the store's clock. Refused with
    /// [`DeliveryTaken`](crate::Rejected::DeliveryTaken) while another host has it,
    /// when it is not due, and when it is not at this try any more: of two hosts
    /// that found it due, one has it.
    ClaimDelivery {
        /// The item.
        item: String,
        /// The delivery.
        name: String,
        /// Tries before this one.
        attempts: u32,
        /// Which host.
        owner: String,
        /// Milliseconds.
        for_ms: u64,
    },
    /// Say what a try came to. Refused with
    /// [`DeliveryTaken`](crate::Rejected::DeliveryTaken) when it is not at this try
    /// any more: its end is told once.
    SettleDelivery {
        /// The item.
        item: String,
        /// The delivery.
        name: String,
        /// Tries before this one.
        attempts: u32,
        /// What it came to.
        tried: Tried,
        /// The run of this try, where it became one.
        run: Option<String>,
    },
    /// A signed checkpoint, or one with more signatures than before.
    PutCheckpoint(Box<CheckpointRow>),
    /// Complete tiles of the tree. One that is there already must be the same.
    PutTiles(Vec<TileRow>),
    /// Destroy sealed values, large values that nothing refers to any more, and
    /// with a subject its key, its runs' and its approvals' sealed parts.
    Erase(Erasure),
    /// Write a value.
    SetKv {
        /// The connector's installed name.
        connector: String,
        /// The store's name in the manifest.
        store: String,
        /// The key.
        key: String,
        /// The value.
        value: Vec<u8>,
        /// The new version: see [`kv_version`]. The caller makes it, so that
        /// the record of the write can carry it in the same submission.
        version: String,
        /// What must be true of the key.
        expected: Expected,
        /// Most bytes of keys and values in this store.
        quota: u64,
    },
    /// Remove a key. One that is not there is no error, unless a version was
    /// expected.
    DeleteKv {
        /// The connector's installed name.
        connector: String,
        /// The store's name in the manifest.
        store: String,
        /// The key.
        key: String,
        /// What must be true of the key.
        expected: Expected,
    },
    /// Install or replace a connector.
    PutConnector(Box<ConnectorRow>),
    /// Remove a connector. Its runs and records stay.
    RemoveConnector {
        /// Its installed name.
        name: String,
    },
    /// Install or replace a workflow.
    PutWorkflow(Box<WorkflowRow>),
    /// Remove a workflow. Its cases and records stay.
    RemoveWorkflow {
        /// Its name.
        name: String,
    },
    /// Open a case. Refused with [`CaseExists`](crate::Rejected::CaseExists) where
    /// one of that name was opened before, open or not.
    OpenCase(Box<CaseRow>),
    /// One more run of a case. Refused with
    /// [`CaseNotOpen`](crate::Rejected::CaseNotOpen) where it has ended, its time has
    /// passed, a stop condition is met, or it had all its runs.
    EnterCase {
        /// The case.
        case: String,
        /// The caller's time; the later of it and the store's clock counts.
        at_ms: u64,
    },
    /// What a run of a case came to. A case that is not there, or has ended, is no
    /// error: the run has ended in any case.
    LeaveCase {
        /// The case.
        case: String,
        /// What it came to.
        run: CaseRun,
    },
    /// End a case. Refused with [`CaseNotOpen`](crate::Rejected::CaseNotOpen) where it
    /// has ended already; only a completed one may still become undone.
    CloseCase {
        /// The case.
        case: String,
        /// How.
        state: CaseState,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
    /// Keep a component. Components are shared by digest and never change.
    PutComponent {
        /// Digest of `bytes`.
        digest: String,
        /// The component.
        bytes: Vec<u8>,
    },
    /// Keep a subject's wrapped key. Refused with
    /// [`SubjectKeyExists`](crate::Rejected::SubjectKeyExists) when there is
    /// another: read that one instead. See
    /// [`Store::ensure_subject_key`](crate::Store::ensure_subject_key).
    PutSubjectKey {
        /// The subject.
        subject: String,
        /// The wrapped key.
        wrapped: Vec<u8>,
    },
    /// A new principal, or new name, kind, groups and token of a known one.
    PutPrincipal(Box<PrincipalRow>),
    /// A principal's token stops to count, and with it every other way to sign in.
    RevokePrincipal {
        /// The principal.
        id: String,
        /// When, Unix milliseconds.
        at_ms: u64,
    },
    /// A person has this password from now on.
    SetPassword {
        /// The principal: a person whose token counts.
        id: String,
        /// The hash, as in [`PrincipalRow::password`].
        password: String,
        /// Only where this is the hash now: it is hashed anew, and somebody may have
        /// set another one since it was read.
        instead_of: Option<String>,
    },
}

impl Tried {
    /// State, tries and milliseconds until it is due, after `attempts` tries before.
    pub(crate) const fn becomes(self, attempts: u32) -> (DeliveryState, u32, u64) {
        let tries = attempts.saturating_add(1);
        match self {
            Self::Delivered => (DeliveryState::Delivered, tries, 0),
            Self::Again { after_ms } => (DeliveryState::Pending, tries, after_ms),
            Self::Waits { after_ms } => (DeliveryState::Pending, attempts, after_ms),
            Self::Dead => (DeliveryState::Dead, tries, 0),
            Self::NotNeeded => (DeliveryState::NotNeeded, attempts, 0),
        }
    }
}

/// What an accepted submission became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Place of the first record in the tenant's tree, counted from 0; where
    /// the next record will be when there was none.
    pub first_seq: u64,
    /// How many records.
    pub count: u64,
}

impl Change {
    /// Rough size, for the bounds of a transaction.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Change::PutRun(row) => row.sealed.as_ref().map_or(0, Vec::len),
            Change::PutApproval(row) => row.card.as_ref().map_or(0, Vec::len),
            Change::SetKv { value, .. } => value.len(),
            Change::PutConnector(row) => row.manifest_text.len(),
            Change::PutWorkflow(row) => row.text.len(),
            Change::PutComponent { bytes, .. } => bytes.len(),
            Change::PutTiles(tiles) => tiles.iter().map(|tile| tile.hashes.len()).sum(),
            _ => 0,
        }
    }
}

impl Submission {
    /// Rough size, for the bounds of a transaction.
    pub(crate) fn bytes(&self) -> usize {
        let records = self.records.iter();
        records.map(Prepared::bytes).sum::<usize>()
            + self.changes.iter().map(Change::bytes).sum::<usize>()
    }
}

/// The version of a value written by call `position` of `run`. Two writes of
/// equal bytes get different versions, so that "unchanged since" cannot be
/// fooled by writing the old value back (ABA).
#[must_use]
pub fn kv_version(value: &[u8], run: &str, position: u32) -> String {
    let mut hash = Sha256::new();
    hash.update(b"tollgate kv version v1\0");
    hash.update((run.len() as u64).to_be_bytes());
    hash.update(run.as_bytes());
    hash.update(position.to_be_bytes());
    hash.update(value);
    hex::encode(&hash.finalize()[..16])
}
