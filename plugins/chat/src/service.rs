//! What a chat service can do, and which one is meant.

use tollgate_sdk::prelude::*;

use crate::granted::Granted;
use crate::matrix::Matrix;
use crate::message::{Author, Channel, Draft, Message, Page, Person, Window};
use crate::slack::Slack;

/// The destination of every request, `[grant.http.chat]`.
pub(crate) const DESTINATION: &str = "chat";

/// Which API is spoken: `kind` under `[config]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Slack, Web API.
    Slack,
    /// Matrix, client-server API v3.
    Matrix,
}

/// Who is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sought<'a> {
    /// By the address of an account.
    Email(&'a str),
    /// By a part of a name, among those who are in these channels.
    Name(&'a str, &'a [Granted]),
}

/// What came of looking for people.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) people: Vec<Person>,
    /// Whether there are more than are named.
    pub(crate) has_more: bool,
}

/// One kind of chat service.
pub(crate) trait Service {
    /// The channels of these that the service knows and its account is in.
    fn channels(&self, granted: &[Granted]) -> Result<Vec<Channel>, ToolError>;

    /// Messages, newest first; of a thread where one is named.
    fn history(
        &self,
        channel: &str,
        thread: Option<&str>,
        window: Window<'_>,
    ) -> Result<Page<Message>, ToolError>;

    /// People.
    fn find(&self, sought: Sought<'_>) -> Result<Found, ToolError>;

    /// One message; nothing where there is none, or none any more.
    fn message(&self, channel: &str, id: &str) -> Result<Option<Message>, ToolError>;

    /// Who we are.
    fn own(&self) -> Result<Author, ToolError>;

    /// A text in which no word wakes up everybody, unless that is allowed, as the
    /// service wants it.
    fn written(&self, text: &str, mass_mentions: bool) -> String;

    /// Whether a message can have something to press.
    fn has_buttons(&self) -> bool;

    /// Posts a message. Answers its id and its text as the service has it.
    fn post(&self, channel: &str, draft: &Draft<'_>) -> Result<(String, String), ToolError>;

    /// Deletes a message.
    fn delete(&self, channel: &str, id: &str) -> Result<(), ToolError>;
}

/// The service that the operator named.
pub(crate) fn open() -> Result<Box<dyn Service>, ToolError> {
    Ok(match config::require("kind")? {
        Kind::Slack => Box::new(Slack),
        Kind::Matrix => Box::new(Matrix),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_in_lower_case() {
        for (text, kind) in [
            ("\"slack\"", Some(Kind::Slack)),
            ("\"matrix\"", Some(Kind::Matrix)),
            ("\"irc\"", None),
        ] {
            assert_eq!(serde_json::from_str::<Kind>(text).ok(), kind);
        }
    }
}
