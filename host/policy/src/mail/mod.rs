//! Which messages a connector may send, as plain data. The manifest's
//! `[grant.mail.NAME]`:
//!
//! ```toml
//! [grant.mail.office]
//! server = "smtp.example:587"
//! tls = "starttls"                     # or "implicit"; "none" only with addresses
//! from = "desk@example.com"            # the sender; no connector chooses it
//! to = ["*@example.com", "billing@partner.example"]
//! attachments = true
//!
//! [grant.mail.office.credential]
//! secret = "smtp-password"             # a slot of the host's settings
//! user = "desk@example.com"
//! ```
//!
//! A message that has left cannot be called back: sending is irreversible, and
//! nothing in a manifest lowers that.

mod address;
mod judge;
mod refusal;
#[cfg(test)]
mod tests;

use std::time::Duration;

use ipnet::IpNet;

pub use address::{AddressPattern, MailAddress};
pub use judge::{JudgedMail, MailAttachment, MailRequest};
pub use refusal::MailRefusal;

/// A named mail server, and whom it may write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailGrant {
    /// The name that guests use.
    pub name: String,
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// Special-purpose addresses that the server may have all the same.
    pub addresses: Vec<IpNet>,
    /// A PEM file with the certificates to trust instead of the platform's.
    pub roots: Option<String>,
    /// The sender.
    pub from: MailAddress,
    /// Where answers may go beside the sender.
    pub reply_to: Vec<MailAddress>,
    /// Who may be written to.
    pub to: Vec<AddressPattern>,
    /// Whether anyone may be written to.
    pub anyone: bool,
    /// Most recipients of one message, copies included.
    pub max_recipients: u64,
    /// Most bytes of one message: texts and attachments before they are encoded.
    pub max_size: u64,
    /// Whether messages may carry files.
    pub attachments: bool,
    /// Whether messages may carry HTML.
    pub html: bool,
    /// Most messages in a time.
    pub rate: Option<(u32, Duration)>,
    /// The login, where the server wants one.
    pub credential: Option<MailLogin>,
}

/// How the connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// By STARTTLS (RFC 3207). A server that does not offer it gets no message.
    StartTls,
    /// From the first byte on (RFC 8314).
    Implicit,
    /// Not at all. For servers at listed addresses only.
    None,
}

/// A login (RFC 4954).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailLogin {
    /// The slot of the password in the host's settings.
    pub secret: String,
    /// The user's name.
    pub user: String,
}

impl MailTls {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::StartTls, Self::Implicit, Self::None];

    /// The name used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Implicit => "implicit",
            Self::None => "none",
        }
    }
}

impl MailGrant {
    /// What an approval is bound to: the server, the sender and the login's slot.
    /// No address.
    #[must_use]
    pub fn identity(&self) -> String {
        let (host, port, tls, from) = (&self.host, self.port, self.tls.as_str(), &self.from);
        let login = self.credential.as_ref().map_or_else(String::new, |login| {
            format!(" with {} as login of user {:?}", login.secret, login.user)
        });
        format!("smtp:{host}:{port} by {tls} from {from}{login}")
    }
}
