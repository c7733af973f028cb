//! One message in a session, step by step.

use std::error::Error as _;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use tollgate_secrets::Secret;

use super::{Mail, MailError};
use crate::failure;

/// Longest words of a server that are kept.
const MAX_WORDS: usize = 512;

/// How far a message is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// No content was sent: the server has nothing to take.
    Before,
    /// Content is being sent, or was.
    Content,
}

impl Step {
    /// What it means when the connection or the time ends here.
    pub(crate) fn lost(&self, reason: &str) -> MailError {
        match self {
            Self::Before => MailError::Unreachable(reason.to_owned()),
            Self::Content => MailError::Unknown(format!(
                "the message was sent, and the server's word is missing: {reason}"
            )),
        }
    }
}

pub(crate) async fn run(
    connection: &mut AsyncSmtpConnection,
    mail: &Mail,
    login: Option<(&str, &Secret)>,
    step: &mut Step,
) -> Result<String, MailError> {
    if let Some((user, secret)) = login {
        log_in(connection, user, secret).await?;
    }
    let options = options(connection, mail)?;
    let from = MailFrom::new(mail.envelope.from().cloned(), options);
    let answer = connection.command(from).await;
    completed(answer, step)?;
    // One refused receiver ends it: half of the receivers is nothing that could be
    // told, or sent again.
    for receiver in mail.envelope.to() {
        let answer = connection
            .command(Rcpt::new(receiver.clone(), Vec::new()))
            .await;
        completed(answer, step)?;
    }
    let answer = connection
        .command(Data)
        .await
        .map_err(|error| refused(&error, step))?;
    if !answer.has_code(354) {
        return Err(step.lost("the mail server gave another answer to DATA than 354"));
    }
    *step = Step::Content;
    let answer = connection.message(&mail.content).await;
    completed(answer, step)
}

async fn log_in(
    connection: &mut AsyncSmtpConnection,
    user: &str,
    secret: &Secret,
) -> Result<(), MailError> {
    let password = std::str::from_utf8(secret.expose())
        .map_err(|_| MailError::Invalid("the password is not text".to_owned()))?;
    let credentials = Credentials::new(user.to_owned(), password.to_owned());
    let answer = connection
        .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
        .await;
    completed(answer, &Step::Before).map(drop)
}

/// What the message needs of the server (RFC 6152, RFC 6531).
fn options(connection: &AsyncSmtpConnection, mail: &Mail) -> Result<Vec<MailParameter>, MailError> {
    let offers = |extension| connection.server_info().supports_feature(extension);
    let mut options = Vec::new();
    let senders = mail.envelope.from().into_iter();
    let mut addresses = senders.chain(mail.envelope.to());
    if !addresses.all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        if !offers(Extension::SmtpUtfEight) {
            return Err(MailError::Invalid(
                "an address is not ASCII, and the mail server takes only those".to_owned(),
            ));
        }
        options.push(MailParameter::SmtpUtfEight);
    }
    if !mail.content.is_ascii() {
        if !offers(Extension::EightBitMime) {
            return Err(MailError::Invalid(
                "the message is not ASCII, and the mail server takes only those".to_owned(),
            ));
        }
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(options)
}

/// The server's words, if it says that a command is done.
fn completed(answer: Result<Response, smtp::Error>, step: &Step) -> Result<String, MailError> {
    let answer = answer.map_err(|error| refused(&error, step))?;
    if answer.code().severity != Severity::PositiveCompletion {
        return Err(step.lost("the mail server gave an answer to something else"));
    }
    let lines: Vec<&str> = answer.message().collect();
    Ok(words(&format!("{} {}", answer.code(), lines.join(" "))))
}

/// An error of lettre's as ours. Its text is not used, but for the server's words.
pub(crate) fn refused(error: &smtp::Error, step: &Step) -> MailError {
    let said = || {
        let code = error.status().map(|code| code.to_string());
        let text = error.source().map(ToString::to_string);
        words(&format!(
            "{} {}",
            code.unwrap_or_default(),
            text.unwrap_or_default()
        ))
    };
    if error.is_permanent() {
        return MailError::Rejected(said());
    }
    if error.is_transient() {
        return MailError::Deferred(said());
    }
    let reason = failure::reason(error);
    step.lost(reason.as_deref().unwrap_or(if error.is_client() {
        "the mail server offers nothing that fits"
    } else {
        "the connection failed"
    }))
}

/// A server's words: short, on one line, without control characters.
fn words(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_WORDS)
        .collect::<String>()
        .trim()
        .to_owned()
}
