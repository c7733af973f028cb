//! Why a message is not sent.

use super::MailAddress;

/// Why a message is not sent. As with requests, it cannot be sent as it is, or it
/// is not granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailRefusal {
    /// No recipient at all.
    #[error("the message has no recipient; name one in `to`, `cc` or `bcc`")]
    NoRecipient,
    /// Not a plain address.
    #[error(
        "entry {index} of `{field}` is no plain address; write one such as name@example.com, without a name beside it"
    )]
    Address {
        /// The list or field.
        field: &'static str,
        /// Which one, counted from 1.
        index: usize,
    },
    /// The same address twice.
    #[error("`{address}` is a recipient twice; name everybody once")]
    Repeated {
        /// The address.
        address: MailAddress,
    },
    /// No pattern has this recipient.
    #[error("`{destination}` may not write to `{address}`")]
    RecipientNotGranted {
        /// The grant's name in the manifest.
        destination: String,
        /// The address.
        address: MailAddress,
    },
    /// More recipients than the grant has.
    #[error("the message has {found} recipients, more than the {max} that `{destination}` takes")]
    TooManyRecipients {
        /// The grant's name in the manifest.
        destination: String,
        /// How many.
        found: u64,
        /// The bound.
        max: u64,
    },
    /// Answers may not go there.
    #[error("answers to a message of `{destination}` may not go to `{address}`")]
    ReplyToNotGranted {
        /// The grant's name in the manifest.
        destination: String,
        /// The address.
        address: MailAddress,
    },
    /// HTML where only text is granted.
    #[error("`{destination}` sends plain text only")]
    HtmlNotGranted {
        /// The grant's name in the manifest.
        destination: String,
    },
    /// A file where none is granted.
    #[error("`{destination}` sends no attachments")]
    AttachmentNotGranted {
        /// The grant's name in the manifest.
        destination: String,
    },
    /// More bytes than the grant has.
    #[error("the message has {bytes} bytes, more than the {max} that `{destination}` takes")]
    TooLarge {
        /// The grant's name in the manifest.
        destination: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// A text that cannot stand in a header.
    #[error("`{field}` cannot be sent; {instead}")]
    Header {
        /// The field.
        field: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
    /// A file's name or type that cannot be sent.
    #[error("attachment {index} cannot be sent: {what}")]
    Attachment {
        /// Which one, counted from 1.
        index: usize,
        /// What is wrong, and what to write instead.
        what: &'static str,
    },
}

impl MailRefusal {
    /// Whether an operator could grant it.
    #[must_use]
    pub const fn is_denial(&self) -> bool {
        matches!(
            self,
            Self::RecipientNotGranted { .. }
                | Self::TooManyRecipients { .. }
                | Self::ReplyToNotGranted { .. }
                | Self::HtmlNotGranted { .. }
                | Self::AttachmentNotGranted { .. }
                | Self::TooLarge { .. }
        )
    }

    /// The manifest line that an operator who agrees could add or change.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let line = |destination: &str, line: String| {
            Some(format!("under [grant.mail.{destination}] write {line}"))
        };
        match self {
            Self::RecipientNotGranted {
                destination,
                address,
            } => line(destination, format!("to = [\"{address}\"]")),
            Self::TooManyRecipients {
                destination, found, ..
            } => line(destination, format!("max_recipients = {found}")),
            Self::ReplyToNotGranted {
                destination,
                address,
            } => line(destination, format!("reply_to = [\"{address}\"]")),
            Self::HtmlNotGranted { destination } => line(destination, "html = true".to_owned()),
            Self::AttachmentNotGranted { destination } => {
                line(destination, "attachments = true".to_owned())
            }
            Self::TooLarge {
                destination, bytes, ..
            } => line(
                destination,
                format!("max_size = \"{}KiB\"", bytes.div_ceil(1024)),
            ),
            _ => None,
        }
    }
}
