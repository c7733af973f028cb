//! Posting a message.

use tollgate_sdk::prelude::*;

use crate::granted;
use crate::message::{Button, Draft, Mark, Window};
use crate::service::{self, Service};
use crate::text;
use crate::tools::deleting::{DeleteMessage, delete_message};

/// How many messages are looked at for an earlier one under the same key.
const LOOK_BACK: u32 = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostMessage {
    /// The channel's name, as `list_channels` gives it.
    #[schemars(length(min = 1, max = 80))]
    channel: String,
    /// The message as plain text, at most 4000 characters. Markup is shown as it
    /// is written, and `@here`, `@channel`, `@everyone` and `@room` wake up nobody
    /// unless the operator allows it.
    #[schemars(length(min = 1, max = 4000))]
    text: String,
    /// The id of a message, to answer in its thread.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    thread: Option<String>,
    /// A key of your own, 8 to 64 of letters, digits, `-`, `_`, `.` and `:`, such
    /// as `order-4711:paid`. Where one of our last 100 messages there has this key,
    /// nothing is posted and that one is named.
    #[serde(default)]
    #[schemars(length(min = 8, max = 64))]
    key: Option<String>,
    /// Up to five buttons under the message, in Slack alone. What pressing one does is
    /// the operator's: a manifest may keep them from everybody but the host.
    #[serde(default)]
    #[schemars(length(max = 5))]
    actions: Vec<Button>,
    /// With buttons: a line that asks for words, which are sent along when one is
    /// pressed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 150))]
    ask: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Posted {
    /// The channel's name.
    channel: String,
    /// The message's id.
    message: String,
    /// What it says, as the service has it.
    text: String,
    /// Whether it was posted now; false where it was there under its key.
    is_new: bool,
}

/// Posts a message to a granted channel. People read it at once, and deleting it
/// later does not make them forget it: read the channel before, and say what is
/// true. A person may have to approve it first.
#[tool(title = "Post message", effect = "write", undo = "delete_message")]
pub(crate) fn post_message(
    context: &Context,
    input: PostMessage,
) -> Result<Undoable<Posted, DeleteMessage>, ToolError> {
    let service = service::open()?;
    let channel = granted::channel(&input.channel)?;
    let said = text::message("/text", &input.text)?;
    let thread = input.thread.as_deref();
    let thread = thread.map(|id| text::token("/thread", id)).transpose()?;
    let key = input.key.as_deref();
    let key = key.map(|key| text::key("/key", key)).transpose()?;
    buttons(service.as_ref(), &input)?;
    let mass_mentions = config::get("mass_mentions")?.unwrap_or(false);
    let posted = |message: String, text: String, is_new| Posted {
        channel: input.channel.clone(),
        message,
        text,
        is_new,
    };
    if let Some(key) = key
        && let Some((id, text)) = by_key(service.as_ref(), &channel.id, thread, key)?
    {
        return Ok(Undoable::unchanged(posted(id, text, false)));
    }
    let written = service.written(said, mass_mentions);
    let draft = Draft {
        text: &written,
        thread,
        actions: &input.actions,
        ask: input.ask.as_deref(),
        mark: Mark {
            run: context.run.clone(),
            key: key.map(str::to_owned),
        },
        mass_mentions,
    };
    let (id, text) = service.post(&channel.id, &draft)?;
    let (text, _) = text::cut(text);
    let inverse = DeleteMessage::of(&input.channel, &id, &text);
    Ok(Undoable::new(posted(id, text, true), inverse))
}

/// The most buttons, and the longest label and value, characters (Slack's limits of a
/// button; of the buttons in a row it allows more).
const BUTTONS_MAX: usize = 5;
const LABEL_CHARS_MAX: usize = 75;
const VALUE_CHARS_MAX: usize = 2_000;

/// Whether the buttons are some that the service has.
fn buttons(service: &dyn Service, input: &PostMessage) -> Result<(), ToolError> {
    if input.actions.is_empty() {
        return match input.ask {
            None => Ok(()),
            Some(_) => Err(ToolError::invalid_input(
                "/ask",
                "words are sent with a button, and there is none",
            )),
        };
    }
    if !service.has_buttons() {
        return Err(ToolError::invalid_input(
            "/actions",
            "this service has no buttons",
        ));
    }
    let fits = |text: &str, most: usize| (1..=most).contains(&text.chars().count());
    let all = input.actions.iter();
    let mut labels =
        all.map(|one| fits(&one.label, LABEL_CHARS_MAX) && fits(&one.value, VALUE_CHARS_MAX));
    if input.actions.len() > BUTTONS_MAX || !labels.all(|fits| fits) {
        return Err(ToolError::invalid_input(
            "/actions",
            "at most 5 buttons, each with a label of 1 to 75 characters and a value of 1 to 2000",
        ));
    }
    Ok(())
}

/// A message of ours that has the key.
fn by_key(
    service: &dyn Service,
    channel: &str,
    thread: Option<&str>,
    key: &str,
) -> Result<Option<(String, String)>, ToolError> {
    let window = Window {
        size: LOOK_BACK,
        page: None,
    };
    let page = service.history(channel, thread, window)?;
    let mut fitting = page.items.into_iter().filter(|message| {
        let mark = message.mark.as_ref();
        !message.is_deleted && mark.is_some_and(|mark| mark.key.as_deref() == Some(key))
    });
    let Some(first) = fitting.next() else {
        return Ok(None);
    };
    // The attack: somebody writes our key to a message of their own, so that ours
    // is never posted.
    let own = service.own()?;
    let mut ours = std::iter::once(first).chain(fitting);
    let ours = ours.find(|message| own.wrote(message));
    Ok(ours.map(|message| (message.id, message.text)))
}
