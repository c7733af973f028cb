//! `[[mail]]`: one message that a mail server is given, what must be in it, and
//! what the server makes of it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One message. They come in the scenario's order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectMail {
    /// The destination, where several have servers; any of them by default.
    pub(crate) destination: Option<String>,
    /// Everybody whom the server is told to give it to, blind copies included, in
    /// any order.
    pub(crate) to: Option<Vec<String>>,
    /// The subject, decoded; `*` is any text.
    pub(crate) subject: Option<String>,
    /// The text, decoded; `*` is any text.
    pub(crate) text: Option<String>,
    /// The HTML, decoded; `*` is any text.
    pub(crate) html: Option<String>,
    /// Headers that must be there, decoded; `*` in a value is any text.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// The content of each file, by its name; `*` is any text.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// What the server does instead of taking it.
    pub(crate) fault: Option<MailFault>,
    /// The server's words: `CODE text`. Usual ones by default.
    pub(crate) answer: Option<String>,
}

/// What a mail server does instead of taking a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailFault {
    /// A recipient is refused for good (550).
    RejectRecipient,
    /// It cannot take a message now (451).
    Defer,
    /// The content is refused for good (554), after all of it came.
    RejectContent,
    /// The connection ends before the content.
    Close,
    /// The whole content is read, and the connection ends without a word.
    CloseAfterContent,
}
