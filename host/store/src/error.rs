//! What can go wrong, whose fault it is, and what to do next. Errors are `Clone`
//! because one failed transaction answers every submission in it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{ApprovalState, RunState};

/// Why a condition of a submission did not hold. Nothing of it was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// No approval of that identifier in the tenant.
    #[error("there is no approval `{0}` in this tenant")]
    NoSuchApproval(String),
    /// An approval of that identifier exists.
    #[error("there is already an approval `{0}`")]
    ApprovalExists(String),
    /// It is pending no longer.
    #[error("the approval is {state} already: nothing was changed")]
    AlreadyDecided {
        /// Where it stands.
        state: ApprovalState,
        /// Who decided, where somebody did.
        by: Option<String>,
    },
    /// The time to decide or to execute has passed.
    #[error("the approval's time ended at {limit_ms} ms, and it is {now_ms} ms: ask anew")]
    Expired {
        /// When it ended, Unix milliseconds.
        limit_ms: u64,
        /// The time that counted, Unix milliseconds.
        now_ms: u64,
    },
    /// Its time has not passed yet.
    #[error("the approval's time lasts until {limit_ms} ms")]
    NotExpired {
        /// When it ends, Unix milliseconds.
        limit_ms: u64,
    },
    /// Nobody approved it.
    #[error("the approval is {state}, not approved: the call must wait or end")]
    NotApproved {
        /// Where it stands.
        state: ApprovalState,
    },
    /// What is about to be sent is not what was approved.
    #[error("what is about to be sent is not what was approved: ask anew")]
    DigestMismatch,
    /// A call was made under it before.
    #[error("the approval was used already: it serves once")]
    AlreadyConsumed,
    /// Who asked may not decide.
    #[error("the requester cannot decide on the own request: another person must")]
    OwnRequest,
    /// This person's yes is there already, or a deputy gave it.
    #[error("the vote of `{person}` was given by `{voter}` already: one person has one vote")]
    AlreadyVoted {
        /// Whose vote.
        person: String,
        /// Who gave it.
        voter: String,
    },
    /// Whether this yes decides is not what the caller believed.
    #[error("there are {votes} of {quorum} votes now: look again")]
    VotesChanged {
        /// How many there are.
        votes: u32,
        /// How many it needs.
        quorum: u32,
    },
    /// This person has no yes there to take back.
    #[error("`{0}` has no vote on this approval: nothing was taken back")]
    NoVote(String),
    /// The votes are fewer than the approval needs.
    #[error("the approval has {votes} of {quorum} votes: the call must wait or end")]
    QuorumMissing {
        /// How many there are.
        votes: u32,
        /// How many it needs.
        quorum: u32,
    },
    /// The same was denied, and that stands.
    #[error("the same was denied as `{approval}`, and that stands: nothing is sent")]
    DenialStands {
        /// The denied approval.
        approval: String,
    },
    /// There is no such delegation, or it is not in force.
    #[error("the delegation `{0}` is not in force: its time is over, or it was taken back")]
    NoDelegation(String),
    /// A delegation of that identifier exists.
    #[error("there is already a delegation `{0}`")]
    DelegationExists(String),
    /// No run of that identifier in the tenant.
    #[error("there is no run `{0}` in this tenant")]
    NoSuchRun(String),
    /// The same call is being made already.
    #[error("the same call is {state} already as run `{run}`: use that one")]
    RunExists {
        /// The first run.
        run: String,
        /// Where it stands.
        state: RunState,
        /// Digest of its canonical input.
        input_digest: String,
    },
    /// Another host works on the run.
    #[error("the run is worked on by `{owner}` until {until_ms} ms")]
    Leased {
        /// Which host.
        owner: String,
        /// Until when, Unix milliseconds.
        until_ms: u64,
    },
    /// This host does not hold the run any more.
    #[error("this host does not hold the run's lease any more: stop working on it")]
    LeaseLost,
    /// There is no such item in a queue of the tenant.
    #[error("there is no queue item `{0}` in this tenant")]
    NoSuchQueueItem(String),
    /// Somebody else took from the budget since it was looked at.
    #[error("the budget `{0}` was taken from in the meantime: look again at what is left")]
    BudgetMoved(String),
    /// As many items are open as may be.
    #[error("the queue `{queue}` has {most} open items already: people must end some first")]
    QueueFull {
        /// The queue.
        queue: String,
        /// Most open items.
        most: u64,
    },
    /// Another host has this delivery, or has ended this try of it.
    #[error("the delivery `{name}` of `{item}` is another host's, or past this try")]
    DeliveryTaken {
        /// The item.
        item: String,
        /// The delivery.
        name: String,
    },
    /// Somebody resolved it before.
    #[error("{by} resolved it already as {resolution}: nothing was changed")]
    AlreadyResolved {
        /// Who.
        by: String,
        /// How.
        resolution: String,
    },
    /// A tile is not the one that was stored before.
    #[error("tile {index} of level {level} differs from the stored one: the records were changed")]
    TileDiffers {
        /// Its level.
        level: u8,
        /// Its number.
        index: u64,
    },
    /// A checkpoint is not of this journal, or not the one stored before for the
    /// same count.
    #[error(
        "the checkpoint of {count} records is not of this journal: a log has one root for a count"
    )]
    CheckpointDiffers {
        /// How many records it covers.
        count: u64,
    },
    /// The key is not as expected.
    #[error("the key is not as expected: read it again")]
    VersionConflict {
        /// Its version now, where it exists.
        current: Option<String>,
    },
    /// The store is full.
    #[error("the store would hold {needed} bytes, more than its quota of {allowed}")]
    QuotaReached {
        /// What it would hold.
        needed: u64,
        /// The quota.
        allowed: u64,
    },
    /// The subject has another key.
    #[error("the subject `{0}` has a key already: use that one")]
    SubjectKeyExists(String),
    /// No principal of that identifier in the tenant.
    #[error("there is no principal `{0}` in this tenant")]
    NoSuchPrincipal(String),
    /// Another principal has this token, or this name at a provider of OpenID Connect.
    #[error("the token of principal `{0}`, or the name at a provider, is another principal's")]
    TokenTaken(String),
    /// No connector of that name in the tenant.
    #[error("there is no connector `{0}` in this tenant")]
    NoSuchConnector(String),
    /// No workflow of that name in the tenant.
    #[error("there is no workflow `{0}` in this tenant")]
    NoSuchWorkflow(String),
    /// A case of that name was opened before.
    #[error("there is already a case `{0}`")]
    CaseExists(String),
    /// The case takes no more runs, or has ended already.
    #[error("the case `{case}` is {state} and has had {runs} runs: nothing was changed")]
    CaseNotOpen {
        /// The case.
        case: String,
        /// Where it stands; `open` where it had all its runs, or its time passed.
        state: crate::CaseState,
        /// How many runs it had.
        runs: u64,
    },
    /// No case of that name in the tenant.
    #[error("there is no case `{0}` in this tenant")]
    NoSuchCase(String),
}

impl Rejected {
    pub(crate) fn delivery_taken(item: &str, name: &str) -> Self {
        Self::DeliveryTaken {
            item: item.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Why the database cannot be used now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// No room on the disk, or the size limit is reached.
    Full,
    /// The file cannot be written.
    ReadOnly,
    /// The file was moved, removed or replaced while in use.
    Gone,
    /// Another process has held the write lock for too long.
    Busy,
    /// The disk or the connection failed.
    Io,
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Unavailable::Full => "the disk or the size limit is full; make room",
            Unavailable::ReadOnly => "the file is read-only; make it writable",
            Unavailable::Gone => "the file was moved, removed or replaced; put it back or restart",
            Unavailable::Busy => "another process holds its lock; end that one",
            Unavailable::Io => "the disk or the connection failed; look at the system's log",
        })
    }
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A condition did not hold. Caller's business; only this submission is
    /// affected.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The database cannot be written or read now. Nothing was kept. The
    /// operator's business; the next call tries afresh.
    #[error(
        "the store at {path} cannot be used ({why}): nothing was recorded, so nothing was done"
    )]
    Unavailable {
        /// Why.
        why: Unavailable,
        /// Which file.
        path: PathBuf,
        /// What the database said.
        #[source]
        source: Option<Arc<sqlx::Error>>,
    },
    /// The connection broke in the middle of a commit, and the database could not
    /// be asked whether it happened. The operator's business; whoever goes on
    /// later looks first at what was recorded.
    #[error("the store at {path} went away during a commit: whether it was kept is not known yet")]
    Unsettled {
        /// Which database.
        path: PathBuf,
    },
    /// The file was written by a newer program. The operator's business.
    #[error(
        "the store at {path} has schema {found}, this program knows up to {known}: use a newer tollgate"
    )]
    SchemaTooNew {
        /// Which file.
        path: PathBuf,
        /// The newest migration in the file.
        found: i64,
        /// The newest migration in this program.
        known: i64,
    },
    /// A submission over the bounds. Caller's fault.
    #[error("a submission of {records} records and {bytes} bytes is over the bounds: divide it")]
    TooLarge {
        /// How many records.
        records: usize,
        /// How many bytes.
        bytes: usize,
    },
    /// A submission that mixes tenants, or a number out of range. Caller's fault.
    #[error("the submission cannot be stored: {0}")]
    Invalid(String),
    /// What is stored is not what the store writes: changed by somebody else, or
    /// damaged. The operator's business: `tollgate verify`.
    #[error(
        "the store holds something it did not write ({0}): it was changed or damaged; verify it"
    )]
    Corrupt(String),
    /// The database refused for another reason: a fault of Tollgate.
    #[error("the database refused a statement: this is a fault in tollgate, please report it")]
    Database(#[source] Arc<sqlx::Error>),
    /// Where the store should be cannot be understood, or a store cannot be there.
    /// The operator's business.
    #[error("the store's location cannot be used: {0}")]
    Location(String),
    /// The store was closed. Caller's fault.
    #[error("the store is closed")]
    Closed,
    /// The key ring's file cannot be used. The operator's business.
    #[error("the key ring {path} cannot be used: {what}")]
    KeyRing {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        StoreError::Corrupt(what.into())
    }

    /// The condition that did not hold, where that is the reason.
    #[must_use]
    pub fn rejected(&self) -> Option<&Rejected> {
        match self {
            StoreError::Rejected(rejected) => Some(rejected),
            _ => None,
        }
    }

    /// Nothing can be recorded now, for any caller.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self,
            StoreError::Unavailable { .. } | StoreError::Unsettled { .. }
        )
    }
}
