//! Mail leaves by SMTP (RFC 5321) to a server that the manifest names: the same
//! wall, TLS by the granted name, and an exact word on whether the message is out.
//!
//! lettre speaks the protocol. Its connection is used step by step, because only who
//! knows the step knows what the end of a connection means.

mod connect;
mod session;
mod stream;

use std::time::Duration;

use ipnet::IpNet;
pub use lettre::Address;
pub use lettre::address::Envelope;
use thiserror::Error;
use tokio::time::{Instant, timeout, timeout_at};
use tollgate_secrets::Secret;

use crate::{Egress, EgressError};
use session::Step;

/// Longest time for the end of a session.
const GOODBYE: Duration = Duration::from_secs(2);

/// A server that takes mail.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name, which TLS compares.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Special-purpose addresses that it may have all the same.
    pub addresses: Vec<IpNet>,
    /// Certificates (PEM) to trust instead of the platform's.
    pub roots: Option<Vec<u8>>,
    /// The name that this host gives for itself (EHLO).
    pub hello: String,
    /// Longest time to connect.
    pub connect_within: Duration,
    /// Longest time from here to the server's word on the message.
    pub within: Duration,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after `STARTTLS` (RFC 3207). A server that does not offer it is refused:
    /// somebody between could have removed the offer.
    StartTls,
    /// None. No login is sent this way.
    None,
}

/// A message and where it goes.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Sender and receivers, as the server is told them.
    pub envelope: Envelope,
    /// Headers and content, each line ended by CR LF.
    pub content: Vec<u8>,
}

/// Why a server has not taken a message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MailError {
    /// The message or the destination cannot be used as it is. Nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// The server's address may not be reached. Nothing was sent.
    #[error(transparent)]
    Forbidden(EgressError),
    /// There is no session, or it ended before the content. Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The server refused for good (5yz), in its own words. It has not taken the
    /// message.
    #[error("the mail server refused: {0}")]
    Rejected(String),
    /// The server cannot take it now (4yz), in its own words.
    #[error("the mail server cannot take it now: {0}")]
    Deferred(String),
    /// The content was sent, or a part of it, and the server's word is missing.
    #[error("{0}")]
    Unknown(String),
}

impl Egress {
    /// Sends one message, once, to all of its receivers or to none. Answers the
    /// server's own words on taking it.
    ///
    /// # Errors
    /// `Unknown` where the server may have taken it; with all others it has not.
    pub async fn send_mail(
        &self,
        to: &MailServer,
        mail: &Mail,
        login: Option<(&str, &Secret)>,
    ) -> Result<String, MailError> {
        check(to, mail, login.is_some())?;
        let deadline = Instant::now() + to.within;
        // What the time's end means depends on the step that it meets.
        let mut step = Step::Before;
        let sending = async {
            let mut connection = connect::connect(to, self.resolver()).await?;
            let answer = session::run(&mut connection, mail, login, &mut step).await;
            if answer.is_ok() {
                // The message's fate is known: the goodbye is not waited for.
                tokio::spawn(async move {
                    let _ = timeout(GOODBYE, connection.quit()).await;
                });
            }
            answer
        };
        match timeout_at(deadline, sending).await {
            Ok(answer) => answer,
            Err(_) => Err(step.lost("the time is over")),
        }
    }
}

fn check(to: &MailServer, mail: &Mail, login: bool) -> Result<(), MailError> {
    let invalid = |what: &str| Err(MailError::Invalid(what.to_owned()));
    if login && to.security == MailSecurity::None {
        return invalid("a login is sent by TLS only");
    }
    // lettre compares its own parse of names; TLS knows no dot at the end.
    if to.host.is_empty() || to.host.ends_with('.') {
        return invalid("the mail server's name is empty or ends with a dot");
    }
    // It is written into the EHLO line as it is.
    if to.hello.is_empty() || !to.hello.bytes().all(|byte| byte.is_ascii_graphic()) {
        return invalid("the name for EHLO is not one");
    }
    // The same for addresses, whatever made them.
    let senders = mail.envelope.from().into_iter();
    for address in senders.chain(mail.envelope.to()) {
        let text: &str = address.as_ref();
        if text.chars().any(|c| c.is_control() || c == '<' || c == '>') {
            return invalid("an address has characters that would end it");
        }
    }
    if !whole_lines(&mail.content) {
        return invalid("the message has a line end that is not CR LF");
    }
    Ok(())
}

/// Whether CR and LF only come together. Some servers take `LF . LF` for the end of
/// the content, and what follows for commands: a message could smuggle another one,
/// with a sender of its choice (CVE-2023-51764).
fn whole_lines(content: &[u8]) -> bool {
    let mut before = 0;
    for &byte in content {
        if (byte == b'\n') != (before == b'\r') {
            return false;
        }
        before = byte;
    }
    before != b'\r' && !content.contains(&0)
}
