//! Notes for colleagues and replies to people outside.
//!
//! Neither can be called back. A note stays in the ticket's history in all three
//! desks, so both tools declare themselves irreversible; an operator may allow
//! notes by a rule, and lets a person read replies.

use tollgate_sdk::prelude::*;

use crate::desk::{self, Message};
use crate::text;
use crate::ticket::Audience;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Comment {
    /// The ticket's number.
    #[schemars(length(min = 1, max = 20))]
    ticket: String,
    /// The note as plain text.
    #[schemars(length(min = 1, max = 8000))]
    text: String,
    /// The version of the ticket that you have read; where it has changed since,
    /// nothing is written.
    #[serde(default)]
    version: Option<String>,
    /// A key of your own, 8 to 64 of letters, digits, `-`, `_` and `.`. When the
    /// ticket has a note under this key, nothing is written and that one is
    /// named: so a call whose answer was lost can be made again. Zendesk keeps no
    /// key; give `version` there.
    #[serde(default)]
    key: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reply {
    /// The ticket's number.
    #[schemars(length(min = 1, max = 20))]
    ticket: String,
    /// What the people who asked will read, as plain text.
    #[schemars(length(min = 1, max = 8000))]
    text: String,
    /// The version of the ticket that you have read. A reply changes it, so that
    /// the same call made twice is refused the second time.
    #[schemars(length(min = 1, max = 200))]
    version: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Written {
    /// The ticket's number.
    ticket: String,
    /// The entry's number, where the desk tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// Whether it was written now; false where it was there under its key.
    is_new: bool,
}

/// Writes a note that staff can see and the people who asked cannot. It stays in
/// the ticket's history and cannot be deleted.
#[tool(title = "Write internal note", effect = "irreversible")]
pub(crate) fn comment(input: Comment) -> Result<Written, ToolError> {
    let desk = desk::open()?;
    let message = Message {
        text: text::message("/text", &input.text)?,
        audience: Audience::Internal,
        key: input
            .key
            .as_deref()
            .map(|key| text::key("/key", key))
            .transpose()?,
    };
    let ticket = desk.ticket(text::id("/ticket", &input.ticket)?)?;
    // The key comes first: the note that a lost call wrote has changed the version.
    if let Some(key) = message.key
        && let Some(comment) = desk.entry_by_key(&ticket, key)?
    {
        return Ok(Written {
            ticket: ticket.id,
            comment: Some(comment),
            is_new: false,
        });
    }
    ticket.must_be(input.version.as_deref())?;
    let comment = desk.write(&ticket, message)?;
    Ok(Written {
        ticket: ticket.id,
        comment,
        is_new: true,
    })
}

/// Sends a reply to the people who asked, by the desk's own mail. It cannot be
/// called back, so a person may have to approve it first. Read the ticket and
/// its comments before, and give the version that you have read.
#[tool(title = "Reply to requester", effect = "irreversible")]
pub(crate) fn reply(input: Reply) -> Result<Written, ToolError> {
    let desk = desk::open()?;
    let message = Message {
        text: text::message("/text", &input.text)?,
        audience: Audience::Public,
        // A key would stand in the subject of the mail.
        key: None,
    };
    let ticket = desk.ticket(text::id("/ticket", &input.ticket)?)?;
    ticket.must_be(Some(&input.version))?;
    let comment = desk.write(&ticket, message)?;
    Ok(Written {
        ticket: ticket.id,
        comment,
        is_new: true,
    })
}
