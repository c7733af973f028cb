//! What a person is told when a decision is not taken.

use thiserror::Error;
use tollgate_store::StoreError;

use super::JournalFault;

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
