//! What a desk can do, and which one is meant.

use tollgate_sdk::prelude::*;

use crate::page::{Page, Window};
use crate::request_tracker::RequestTracker;
use crate::ticket::{Audience, Entry, Ticket, Values};

/// The destination of every request, `[grant.http.desk]`.
pub(crate) const DESTINATION: &str = "desk";

/// Which API the desk speaks: `kind` under `[config]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// Request Tracker 5, REST2.
    RequestTracker,
}

/// What is looked for. Everything that is given must fit.
#[derive(Debug, Default)]
pub(crate) struct Search<'a> {
    pub(crate) text: Option<&'a str>,
    pub(crate) status: &'a [String],
    pub(crate) queue: Option<&'a str>,
    pub(crate) assignee: Option<&'a str>,
    pub(crate) requester: Option<&'a str>,
    pub(crate) updated_since: Option<&'a str>,
    pub(crate) fields: &'a [(String, String)],
}

/// A message that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// What it says.
    pub(crate) text: &'a str,
    /// Whom it is for.
    pub(crate) audience: Audience,
    /// What it is found by later.
    pub(crate) key: Option<&'a str>,
}

/// A ticket that is to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) subject: &'a str,
    pub(crate) text: &'a str,
    pub(crate) queue: Option<&'a str>,
    pub(crate) requester: Option<&'a str>,
    pub(crate) values: &'a Values,
    /// What it is found by later.
    pub(crate) key: Option<&'a str>,
}

/// One kind of desk.
pub(crate) trait Desk {
    /// What it is called, for messages.
    fn name(&self) -> &'static str;

    /// Tickets, newest first.
    fn search(&self, search: &Search<'_>, window: Window<'_>) -> Result<Page<Ticket>, ToolError>;

    /// One ticket.
    fn ticket(&self, id: &str) -> Result<Ticket, ToolError>;

    /// Fills in what takes another request, for a caller who looks at one ticket.
    fn complete(&self, _ticket: &mut Ticket) -> Result<(), ToolError> {
        Ok(())
    }

    /// What was said on a ticket, oldest first.
    fn entries(&self, id: &str, window: Window<'_>) -> Result<Page<Entry>, ToolError>;

    /// The entry that was written under a key.
    fn entry_by_key(&self, ticket: &Ticket, key: &str) -> Result<Option<String>, ToolError>;

    /// Writes a message to a ticket, if it still is as it was read. Answers the
    /// entry's id where the desk tells it.
    fn write(&self, ticket: &Ticket, message: Message<'_>) -> Result<Option<String>, ToolError>;

    /// Writes values, if the ticket still is as it was read. Answers what the
    /// desk said about it: words, never proof.
    fn update(&self, ticket: &Ticket, values: &Values) -> Result<Vec<String>, ToolError>;

    /// The ticket that was made under the draft's key, where it has one.
    fn by_key(&self, draft: &Draft<'_>) -> Result<Option<String>, ToolError>;

    /// Open tickets with the draft's subject and requester.
    fn same(&self, draft: &Draft<'_>) -> Result<Vec<String>, ToolError>;

    /// Makes a ticket. Answers its id.
    fn create(&self, draft: &Draft<'_>) -> Result<String, ToolError>;

    /// Takes an entry off a ticket, or puts it back. Answers whether anything
    /// changed.
    fn attach(&self, _ticket: &str, _entry: &str, _attached: bool) -> Result<bool, ToolError> {
        Err(ToolError::denied(format!(
            "{} keeps every comment: its API has no request that takes one off a ticket",
            self.name()
        ))
        .hint("write another comment that corrects it"))
    }
}

/// The desk that the operator named.
pub(crate) fn open() -> Result<Box<dyn Desk>, ToolError> {
    Ok(match config::require("kind")? {
        Kind::RequestTracker => Box::new(RequestTracker::open()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_written_with_hyphens() {
        for (text, kind) in [
            ("\"request-tracker\"", Some(Kind::RequestTracker)),
            ("\"jira\"", None),
        ] {
            assert_eq!(serde_json::from_str::<Kind>(text).ok(), kind);
        }
    }
}
