//! Deleting a message of ours.

use tollgate_sdk::prelude::*;

use crate::granted;
use crate::service;
use crate::text;

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteMessage {
    /// The channel's name, as `list_channels` gives it.
    #[schemars(length(min = 1, max = 80))]
    channel: String,
    /// The message's id.
    #[schemars(length(min = 1, max = 255))]
    message: String,
    /// What it says, exactly as `post_message` or `channel_history` gave it. Where
    /// it says something else now, nothing is deleted.
    #[schemars(length(max = 4000))]
    text: String,
}

impl DeleteMessage {
    /// What takes this message back.
    pub(crate) fn of(channel: &str, message: &str, text: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            message: message.to_owned(),
            text: text.to_owned(),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Deleted {
    /// Whether it was there and is deleted now; false where there is no such
    /// message, or it was deleted before.
    was_there: bool,
}

/// Deletes a message that this account has posted, and no other. Who has read it
/// has read it; the message cannot be brought back. A person may have to approve
/// it first.
#[tool(title = "Delete message", effect = "irreversible")]
pub(crate) fn delete_message(input: DeleteMessage) -> Result<Deleted, ToolError> {
    let service = service::open()?;
    let channel = granted::channel(&input.channel)?;
    let id = text::token("/message", &input.message)?;
    let found = service.message(&channel.id, id)?;
    let Some(message) = found.filter(|message| !message.is_deleted) else {
        return Ok(Deleted { was_there: false });
    };
    if !service.own()?.wrote(&message) {
        return Err(ToolError::denied("this message is somebody else's")
            .hint("only messages that this account has posted can be deleted"));
    }
    if message.is_edited || message.text != input.text {
        return Err(
            ToolError::conflict("the message does not say this any more")
                .hint("read it again with `channel_history`"),
        );
    }
    service.delete(&channel.id, id)?;
    Ok(Deleted { was_there: true })
}
