//! Mail through servers that the manifest names. The sender is the manifest's;
//! sending is always irreversible.

use crate::bindings::tollgate::connector::mail as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::mail::{Attachment, Message, Receipt};

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The message cannot be sent as it is.
    #[error("the message cannot be sent: {0}")]
    InvalidMessage(String),
    /// The server cannot be reached; nothing was sent.
    #[error("the mail server cannot be reached: {0}")]
    Unreachable(String),
    /// The server refused it for good.
    #[error("the mail server refused the message: {0}")]
    Rejected(String),
    /// The server cannot take it now.
    #[error("the mail server cannot take the message now: {0}")]
    Deferred(String),
    /// The destination's own rate is used up: try again after so many seconds.
    #[error("too many messages; try again in {0} s")]
    Busy(u32),
}

/// Sends one message.
///
/// # Errors
/// The host refused the call, or the server did not take the message.
pub fn send(destination: &str, message: &Message) -> Result<Receipt, Error> {
    Ok(wire::send(destination, message)?)
}

from_wire!(
    InvalidMessage(why),
    Unreachable(why),
    Rejected(why),
    Deferred(why),
    Busy(seconds)
);

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::InvalidMessage(_) => Self::invalid_input("", message),
            Error::Rejected(_) => Self::denied(message).hint("check the addresses"),
            Error::Unreachable(_) | Error::Deferred(_) | Error::Busy(_) => {
                Self::unavailable(message).hint("nothing was sent; try later")
            }
        }
    }
}
