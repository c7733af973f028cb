//! Taking an entry off a ticket, where the desk can.

use tollgate_sdk::prelude::*;

use crate::desk;
use crate::text;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WithdrawComment {
    /// The ticket's number.
    #[schemars(length(min = 1, max = 20))]
    ticket: String,
    /// The entry's number, as `list_comments` gives it.
    #[schemars(length(min = 1, max = 20))]
    comment: String,
    /// Put it back instead.
    #[serde(default)]
    restore: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Withdrawn {
    /// Whether the ticket shows the entry now.
    is_shown: bool,
}

/// Takes a comment off its ticket, or puts it back. The text itself stays in the
/// desk, and who has read it has read it. Roundup only: Request Tracker and
/// Zendesk keep every comment, and say so.
#[tool(
    title = "Withdraw comment",
    effect = "write",
    undo = "withdraw_comment"
)]
pub(crate) fn withdraw_comment(
    input: WithdrawComment,
) -> Result<Undoable<Withdrawn, WithdrawComment>, ToolError> {
    let ticket = text::id("/ticket", &input.ticket)?;
    let comment = text::id("/comment", &input.comment)?;
    let is_changed = desk::open()?.attach(ticket, comment, input.restore)?;
    let withdrawn = Withdrawn {
        is_shown: input.restore,
    };
    if !is_changed {
        return Ok(Undoable::unchanged(withdrawn));
    }
    let inverse = WithdrawComment {
        restore: !input.restore,
        ..input
    };
    Ok(Undoable::new(withdrawn, inverse))
}
