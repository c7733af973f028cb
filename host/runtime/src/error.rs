//! What can go wrong, in three kinds kept apart: what a face shows to a caller
//! ([`CallError`], [`DecideError`]), what stops an operator ([`HostError`],
//! [`InstallError`]), and what ends one execution inside ([`Ending`], [`Stop`]).

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use tollgate_journal::JournalError;
use tollgate_policy::ManifestErrors;
use tollgate_store::{Rejected, StoreError};

use crate::api::Failure;
use crate::sandbox::SandboxError;

/// The journal could not be written or read. No record, no effect: the call
/// does not happen.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum JournalFault {
    /// The store refused or is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be made or opened.
    #[error("a record cannot be made or opened: {0}")]
    Record(String),
}

impl JournalFault {
    /// The condition that did not hold, where that is the reason.
    pub(crate) fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Store(error) => error.rejected(),
            Self::Record(_) => None,
        }
    }

    /// Whether it was kept is not known.
    fn is_unsettled(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unsettled { .. }))
    }

    /// Another host has the run.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self.rejected(), Some(Rejected::LeaseLost))
    }
}

impl From<JournalError> for JournalFault {
    fn from(error: JournalError) -> Self {
        Self::Record(error.to_string())
    }
}

/// Why a run's execution ends at an import call. It travels through the engine
/// as the import's error, so that the instance ends there and cleanly.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub(crate) enum Ending {
    #[error("held for approval {approval}")]
    Held { approval: String },
    #[error("call {position} (`{call}`) has an intent and no outcome")]
    InDoubt { position: u32, call: String },
    #[error("call {position} is not what the journal has: {difference}")]
    Diverged { position: u32, difference: String },
    #[error("the journal cannot be written: {0}")]
    Unrecorded(String),
    #[error("whether the call is recorded is not known: {0}")]
    Unsettled(String),
    #[error("the call was not admitted: {0}")]
    NotAdmitted(String),
    #[error("the run went on past its limit `{name}`")]
    OverBudget { name: &'static str, allowed: u64 },
    #[error("the same request is going on as {run}")]
    Repeats { run: String, input_digest: String },
    #[error("it is not known whether a call happened")]
    Doubt,
    #[error("call {position} (`{call}`) happened, as {by} found, and its answer is not known")]
    SettledDone {
        position: u32,
        call: String,
        by: String,
    },
    #[error("another host may work on this run now")]
    LeaseLost,
    #[error("the recorded calls end here")]
    ReplayedToEnd,
    #[error("the call cannot be recorded: {0}")]
    HostFault(String),
}

impl From<JournalFault> for Ending {
    fn from(fault: JournalFault) -> Self {
        match fault {
            // Trying again cannot help: it is too large, or a fault of ours.
            JournalFault::Record(why) => Self::HostFault(why),
            JournalFault::Store(error @ (StoreError::TooLarge { .. } | StoreError::Invalid(_))) => {
                Self::HostFault(error.to_string())
            }
            fault if fault.is_lease_lost() => Self::LeaseLost,
            fault if fault.is_unsettled() => Self::Unsettled(fault.to_string()),
            fault => Self::Unrecorded(fault.to_string()),
        }
    }
}

/// Why a guest gave no answer.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The door ended it.
    Ending(Ending),
    /// A limit of the sandbox: name in the manifest, allowed value.
    Limit(&'static str, u64),
    /// It trapped, with the engine's words.
    Trap(String),
}

/// Why a tool call did not become a run. Each says what the caller can do.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// There is no such connector or tool for this caller.
    #[error("there is no tool `{name}`")]
    UnknownTool {
        /// As the caller wrote it.
        name: String,
        /// The closest one there is.
        suggestion: Option<String>,
    },
    /// There is no such run, or not for this caller.
    #[error("there is no run `{0}`")]
    UnknownRun(String),
    /// There is no such workflow, or not for this caller.
    #[error("there is no workflow `{name}`")]
    UnknownWorkflow {
        /// As the caller wrote it.
        name: String,
        /// The closest one that the caller may work in.
        suggestion: Option<String>,
    },
    /// There is no such case, or not for this caller.
    #[error("there is no case `{0}`")]
    UnknownCase(String),
    /// The case takes no more runs.
    #[error("the case `{case}` is {state} and takes no more runs")]
    CaseClosed {
        /// The case.
        case: String,
        /// How it ended; `stopped` where that is on its way.
        state: String,
    },
    /// The input does not fit the tool's schema.
    #[error("{message}")]
    InvalidInput {
        /// JSON Pointer to the value at fault.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// A rule of the manifest denies the tool, or none allows it.
    #[error("{message}")]
    Denied {
        /// What was denied.
        message: String,
        /// What an operator could change.
        hint: Option<String>,
    },
    /// The same request key was used with another input.
    #[error("the request key `{0}` was used for another input")]
    KeyReused(String),
    /// The journal cannot be written or read: nothing is done without record.
    #[error("the journal is not available: {0}")]
    Unavailable(String),
    /// The journal went away while it was written: whether the request was recorded
    /// is not known, and so is whether a host goes on with it.
    #[error("it is not known whether the request was recorded: {0}")]
    Unsettled(String),
    /// The connector cannot be started.
    #[error("the connector cannot be started: {0}")]
    Connector(String),
    /// The operator's task, not a caller's.
    #[error("{0}")]
    NotAllowed(String),
    /// What the run was about is kept no longer.
    #[error("the values of run {0} were erased: its records and their proofs are all that is kept")]
    Erased(String),
}

impl CallError {
    /// Stable name of the kind, the same as in [`Failure::kind`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::UnknownTool { .. } => "unknown_tool",
            Self::UnknownRun(_) => "unknown_run",
            Self::UnknownWorkflow { .. } => "unknown_workflow",
            Self::UnknownCase(_) => "unknown_case",
            Self::CaseClosed { .. } => "case_closed",
            Self::InvalidInput { .. } => "invalid_input",
            Self::Denied { .. } => "denied",
            Self::KeyReused(_) => "key_reused",
            Self::Unavailable(_) => "unavailable",
            Self::Unsettled(_) => "unsettled",
            Self::Connector(_) => "connector_fault",
            Self::NotAllowed(_) => "not_allowed",
            Self::Erased(_) => "erased",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTool { suggestion, .. } | Self::UnknownWorkflow { suggestion, .. } => {
                suggestion
                    .as_ref()
                    .map(|name| format!("did you mean `{name}`?"))
            }
            Self::UnknownCase(_) => Some("list the cases, or open one".into()),
            Self::CaseClosed { .. } => Some("open a new case for new work".into()),
            Self::UnknownRun(_) => Some("runs are named in the answer to a call".into()),
            Self::InvalidInput { .. } => Some("change the input and call again".into()),
            Self::Denied { hint, .. } => hint.clone(),
            Self::KeyReused(_) => Some("use a new request key for a new request".into()),
            Self::Unavailable(_) => {
                Some("try again later; nothing was done for this request".into())
            }
            Self::Unsettled(_) => {
                Some("look at what is there before you call again; keep the request key".into())
            }
            Self::Connector(_) => Some("the operator has to look at the connector".into()),
            Self::NotAllowed(_) => None,
            Self::Erased(_) => Some("it cannot be replayed, resumed or taken back".into()),
        }
    }
}

impl From<JournalFault> for CallError {
    fn from(fault: JournalFault) -> Self {
        if fault.is_unsettled() {
            return Self::Unsettled(fault.to_string());
        }
        Self::Unavailable(fault.to_string())
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        JournalFault::from(error).into()
    }
}

impl From<&CallError> for Failure {
    fn from(error: &CallError) -> Self {
        Self {
            kind: error.kind().to_owned(),
            message: error.to_string(),
            hint: error.hint(),
            pointer: match error {
                CallError::InvalidInput { pointer, .. } => Some(pointer.clone()),
                _ => None,
            },
        }
    }
}

/// Why a decision was not taken. Nothing changed, except where it says otherwise.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecideError {
    /// There is no such approval or queue item in the person's tenant.
    #[error("there is no approval or queue item `{0}`")]
    NotFound(String),
    /// Agents and services never decide.
    #[error("only a person decides; this credential belongs to an agent or a service")]
    NotAPerson,
    /// Nobody decides on their own request.
    #[error("the requester cannot decide on the own request")]
    Requester,
    /// The manifest names others.
    #[error("only {0} may decide on this")]
    NotAnApprover(String),
    /// Somebody was faster, or it is over.
    #[error("it is {state} already{}", by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default())]
    AlreadyDecided {
        /// `approved`, `denied`, `expired`, `void` or `used`.
        state: String,
        /// Who decided.
        by: Option<String>,
    },
    /// The time to decide is over.
    #[error("the time to decide is over")]
    Expired,
    /// What would be sent is not what the person saw.
    #[error("the card has changed since you saw it")]
    Changed,
    /// A denial says why.
    #[error("a denial needs a reason")]
    ReasonMissing,
    /// Who wrote the input asked for it.
    #[error("you changed this input yourself, so somebody else must say yes")]
    Author,
    /// Who planted a drill knows what it is.
    #[error("you planted this yourself, so others must decide on it")]
    Planted,
    /// One person has one vote.
    #[error("the vote of {person} was given already, by {voter}")]
    AlreadyVoted {
        /// Whose vote.
        person: String,
        /// Who gave it.
        voter: String,
    },
    /// The person has a registered key, and the decision came without its signature.
    #[error("your decisions are signed with your key, and this one has no signature: run `{0}`")]
    SignatureMissing(String),
    /// The signature is not the person's over exactly this decision.
    #[error("the signature does not fit: {0}")]
    SignatureWrong(String),
    /// The same yes was given before, and taken back.
    #[error("this signed yes was given before, and serves once")]
    SignatureUsed,
    /// The request that carried it was taken before.
    #[error("this request was taken before, and serves once")]
    Repeated,
    /// There is no vote to take back.
    #[error("you have no vote on this")]
    NoVote,
    /// The call was made.
    #[error("the call was made under it already; it cannot be taken back this way")]
    AlreadyUsed,
    /// Somebody denied the same, and that stands.
    #[error("{by} denied the same in {run}, and that stands until {until}")]
    DeniedBefore {
        /// Who.
        by: String,
        /// In which run.
        run: String,
        /// RFC 3339.
        until: String,
    },
    /// An exception says why.
    #[error("this lets a call through that is outside of the usual ones: it needs a reason")]
    ExceptionReasonMissing,
    /// The run cannot be edited any more.
    #[error("the input cannot be changed: {0}")]
    NotEditable(String),
    /// The changed input cannot be used.
    #[error("the changed input cannot be used: {message}")]
    InputUnfit {
        /// JSON Pointer to the value at fault.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// A deputy cannot be named like this.
    #[error("this deputy cannot be named: {0}")]
    NoDeputy(String),
    /// The items cannot be decided on together.
    #[error("these cannot be decided on together: {0}")]
    NoBatch(String),
    /// The reply that a person gave is not one that the call can have.
    #[error("the reply does not fit the call: {0}")]
    ReplyUnfit(String),
    /// What a person wrote cannot be recorded.
    #[error("the note cannot be recorded: {0}")]
    NoteUnfit(String),
    /// The decision is recorded, and the run did not go on yet.
    #[error("the decision is recorded, and the run could not go on yet: {0}")]
    DecidedNotDone(String),
    /// The journal cannot be written or read.
    #[error("the journal is not available: {0}")]
    Unavailable(String),
    /// The journal went away while it was written: the decision may be recorded.
    #[error("it is not known whether the decision was recorded: {0}")]
    Unsettled(String),
}

impl DecideError {
    /// Stable, machine-readable name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "unknown_approval",
            Self::NotAPerson => "not_a_person",
            Self::Requester => "requester",
            Self::NotAnApprover(_) => "not_an_approver",
            Self::AlreadyDecided { .. } => "already_decided",
            Self::Expired => "expired",
            Self::Changed => "changed",
            Self::ReasonMissing => "reason_missing",
            Self::Author => "author",
            Self::Planted => "planted",
            Self::AlreadyVoted { .. } => "already_voted",
            Self::SignatureMissing(_) => "signature_missing",
            Self::SignatureWrong(_) => "signature_wrong",
            Self::SignatureUsed => "signature_used",
            Self::Repeated => "repeated",
            Self::NoVote => "no_vote",
            Self::AlreadyUsed => "already_used",
            Self::DeniedBefore { .. } => "denied_before",
            Self::ExceptionReasonMissing => "reason_missing",
            Self::NotEditable(_) => "not_editable",
            Self::InputUnfit { .. } => "invalid_input",
            Self::NoDeputy(_) => "no_deputy",
            Self::NoBatch(_) => "no_batch",
            Self::ReplyUnfit(_) => "reply_unfit",
            Self::NoteUnfit(_) => "note_unfit",
            Self::DecidedNotDone(_) => "decided_not_done",
            Self::Unavailable(_) => "unavailable",
            Self::Unsettled(_) => "unsettled",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound(_) => Some("list what is pending"),
            Self::NotAPerson => Some("sign in with a person's own token"),
            Self::Requester => Some("ask another approver"),
            Self::NotAnApprover(_) | Self::AlreadyDecided { .. } => None,
            Self::Expired => Some("the call has to be made again"),
            Self::Changed => Some("read the card again, then decide"),
            Self::ReasonMissing => Some("say why, for the requester and the record"),
            Self::Planted => Some("leave it to the approvers"),
            Self::Author => Some("ask another approver, or deny it"),
            Self::AlreadyVoted { .. } => {
                Some("another person has to vote; a deputy and who sent it are one vote")
            }
            Self::SignatureMissing(_) => Some(
                "pages and chats cannot sign; --key names the file with your private key, which stays on your machine",
            ),
            Self::SignatureWrong(_) => Some(
                "read the card again, and sign it with the key that is registered for you; nothing was decided",
            ),
            Self::SignatureUsed => Some("sign it anew, with a reason that says why after all"),
            Self::Repeated => Some("look at the card: it says what became of it"),
            Self::NoVote => Some("look at the card: it says who has voted"),
            Self::AlreadyUsed => Some("undo the run, where it can be taken back"),
            Self::DeniedBefore { .. } => {
                Some("deny this one too, or wait; changed facts belong into a changed input")
            }
            Self::ExceptionReasonMissing => Some("say why; it goes into the list of exceptions"),
            Self::NotEditable(_) => Some("deny it, and write what you propose into the reason"),
            Self::InputUnfit { .. } => Some("correct the input; nothing was changed"),
            Self::NoDeputy(_) => {
                Some("name a person of this tenant, for a group you are in, for at most 30 days")
            }
            Self::NoBatch(_) => Some("list the batch again, and decide on what it shows"),
            Self::ReplyUnfit(_) => {
                Some("leave the reply out, or give it as the record has replies")
            }
            Self::NoteUnfit(_) => Some("say it without the secret"),
            Self::DecidedNotDone(_) => {
                Some("do not decide again; the host goes on by itself when it can")
            }
            Self::Unavailable(_) => Some("try again; nothing was decided"),
            Self::Unsettled(_) => Some("look whether it is still pending before you decide again"),
        }
    }
}

impl From<JournalFault> for DecideError {
    fn from(fault: JournalFault) -> Self {
        if fault.is_unsettled() {
            return Self::Unsettled(fault.to_string());
        }
        Self::Unavailable(fault.to_string())
    }
}

impl From<StoreError> for DecideError {
    fn from(error: StoreError) -> Self {
        JournalFault::from(error).into()
    }
}

/// Why a credential does not establish a principal.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// No principal has this token, or it was revoked.
    #[error("the token is not known, or was revoked")]
    Unknown,
    /// The store cannot be read.
    #[error("credentials cannot be checked now: {0}")]
    Unavailable(String),
}

/// Why a host does not start or go on. The operator's business.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// A name that no principal or group can have.
    #[error("`{name}` cannot be the name of {what}; write {rule}")]
    Name {
        /// The name, made visible.
        name: String,
        /// What it should have named.
        what: &'static str,
        /// What such names are made of.
        rule: &'static str,
    },
    /// A trigger does not bring what a case of its workflow begins with.
    #[error("{0}")]
    TriggerUnfit(String),
    /// A key cannot be registered for somebody.
    #[error("the key cannot be registered: {0}")]
    KeyUnfit(&'static str),
    /// A name at a sign-in provider cannot be registered for somebody.
    #[error("the name at the sign-in provider cannot be registered: {0}")]
    NameUnfit(&'static str),
    /// A password cannot be somebody's.
    #[error(transparent)]
    Password(#[from] tollgate_identity::password::PasswordError),
    /// The keys in the home are not those that the store's values are sealed with.
    #[error(
        "the key ring in {path} is not the one this store was written with: copy the folder `keys` of a host that uses it"
    )]
    OtherKeyRing {
        /// The folder of the ring.
        path: PathBuf,
    },
    /// A folder or file of the host cannot be used.
    #[error("{path} cannot be used")]
    Home {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalFault),
    /// The sandbox does not start.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Whoever can guess a callback's secret decides.
    #[error(
        "the secret of the callback `{callback}` has fewer than {least} bytes: give it the one that the chat service made, or a random one"
    )]
    CallbackSecret {
        /// Which callback.
        callback: String,
        /// How many it must have.
        least: usize,
    },
    /// Two secrets have one name, or one has no origin.
    #[error(transparent)]
    Secrets(#[from] tollgate_secrets::SlotError),
}

/// Why a connector was not installed. Nothing changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InstallError {
    /// The manifest has mistakes.
    #[error("{0}")]
    Manifest(#[from] ManifestErrors),
    /// The bytes are no connector.
    #[error("{0}")]
    NotAConnector(String),
    /// The manifest pins another component.
    #[error("the manifest pins {pinned}, the component is {found}")]
    DigestMismatch {
        /// What the manifest says.
        pinned: String,
        /// What was given.
        found: String,
    },
    /// A manifest is recorded, and shown to whoever reviews it.
    #[error("the manifest has {found} in it; name its slot in a `credential` instead")]
    HasSecret {
        /// Which.
        found: tollgate_secrets::Found,
    },
    /// The component imports what the manifest does not grant.
    #[error("the component imports what the manifest does not grant:{}", missing.iter().map(|(import, line)| format!("\n  `{import}`: to grant it, add\n{}", line.lines().map(|line| format!("      {line}")).collect::<Vec<_>>().join("\n"))).collect::<String>())]
    NotGranted {
        /// Each import, and the lines that would grant it.
        missing: Vec<(String, String)>,
    },
    /// The manifest grants a capability that this host does not have. The operator
    /// removes the grant, or uses a host that was built with it.
    #[error(
        "the manifest grants the extension `{name}`, which this host does not have; {}",
        has(known)
    )]
    UnknownExtension {
        /// As the manifest names it.
        name: String,
        /// What the host has.
        known: Vec<&'static str>,
    },
    /// The keys of an extension's grant are not understood by it.
    #[error("the extension does not take [{place}]: {problem}")]
    ExtensionGrant {
        /// The table in the manifest.
        place: String,
        /// What is wrong, in the extension's words.
        problem: String,
    },
    /// A rule speaks of a function that the extension does not have, so it would
    /// never decide.
    #[error("rule `{rule}` is for `{call}`, and the extension has no such function")]
    UnknownExtensionCall {
        /// The rule.
        rule: String,
        /// What it names.
        call: String,
    },
    /// It does not compile, link or describe itself.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// A tool's description is not usable.
    #[error("tool `{tool}`: {problem}")]
    Tool {
        /// Which tool.
        tool: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalFault),
}

fn has(known: &[&str]) -> String {
    if known.is_empty() {
        "it has none".to_owned()
    } else {
        format!("it has `{}`", known.join("`, `"))
    }
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        Self::Journal(error.into())
    }
}
