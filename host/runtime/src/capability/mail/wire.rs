//! Messages and receipts as guests see them. Mirrors `wit/mail.wit`.

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::door::Refusal;

/// A file that goes with a message.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    #[component(name = "content-type")]
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// One message.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Message {
    pub(crate) to: Vec<String>,
    pub(crate) cc: Vec<String>,
    pub(crate) bcc: Vec<String>,
    #[component(name = "reply-to")]
    pub(crate) reply_to: Option<String>,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: Option<String>,
    pub(crate) attachments: Vec<Attachment>,
    #[component(name = "in-reply-to")]
    pub(crate) in_reply_to: Option<String>,
}

/// What the server took.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Receipt {
    #[component(name = "message-id")]
    pub(crate) message_id: String,
    pub(crate) answer: String,
}

/// Why a message was not sent.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MailFailure {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "invalid-message")]
    InvalidMessage(String),
    #[component(name = "unreachable")]
    Unreachable(String),
    #[component(name = "rejected")]
    Rejected(String),
    #[component(name = "deferred")]
    Deferred(String),
    #[component(name = "busy")]
    Busy(u32),
}
