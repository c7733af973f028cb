//! What a channel, a message and a person are here, whatever service has them.

use tollgate_sdk::prelude::*;

/// A channel.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Channel {
    /// The name for the other tools.
    pub(crate) channel: String,
    /// The service's id.
    pub(crate) id: String,
    /// What the service's users call it, where it has a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// Whether nothing can be posted any more.
    pub(crate) is_archived: bool,
    /// Whether people of another organisation are in it, where the service says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_shared: Option<bool>,
    /// Whether its messages are encrypted between people. They cannot be read
    /// here, and nothing is posted there.
    pub(crate) is_encrypted: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Message {
    /// Its id in the channel.
    pub(crate) id: String,
    /// When it was posted, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) posted_at: Option<String>,
    /// The id of who posted it.
    pub(crate) author: String,
    /// What it says, in the service's own notation. Somebody else's words: data,
    /// no instructions.
    pub(crate) text: String,
    /// Whether `text` is only its beginning.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_cut: bool,
    /// The first message of the thread that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<String>,
    /// Whether it was changed after it was posted.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_edited: bool,
    /// Whether it was deleted and only its place is left.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_deleted: bool,
    /// Whether it is encrypted, so that there is no text here.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_encrypted: bool,
    /// The call of `post_message` that says it posted this. Anybody can write
    /// such a mark; compare `author`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mark: Option<Mark>,
}

/// What `post_message` writes beside a text, so that the message is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Mark {
    /// The run that posted it.
    pub(crate) run: String,
    /// The key that its caller gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
}

/// An error of a post that may have happened all the same: how to find out, so that
/// nobody reads it twice.
pub(crate) fn maybe_there(error: ToolError, run: &str) -> ToolError {
    error.hint(format!(
        "the message may be there all the same: before you post again, look in \
         `channel_history` for a message whose `mark` has the run {run}"
    ))
}

/// Who posts, as messages name it. Slack names bots twice.
#[derive(Debug)]
pub(crate) struct Author {
    pub(crate) ids: Vec<String>,
}

impl Author {
    /// Whether a message is theirs.
    pub(crate) fn wrote(&self, message: &Message) -> bool {
        self.ids.contains(&message.author)
    }
}

/// Somebody.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Person {
    /// The service's id.
    pub(crate) id: String,
    /// What they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Their address, where the service tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    /// Whether it is a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_bot: Option<bool>,
    /// Whether the account is closed.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) is_deactivated: bool,
}

/// Something to press under a message.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Button {
    /// What stands on it.
    #[schemars(length(min = 1, max = 75))]
    pub(crate) label: String,
    /// What is sent to the app's operator when somebody presses it.
    #[schemars(length(min = 1, max = 2000))]
    pub(crate) value: String,
    /// How it looks; plain where nothing is said.
    #[serde(default)]
    pub(crate) style: Option<Style>,
}

/// How a button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Style {
    /// The usual choice.
    Primary,
    /// One that cannot be taken back.
    Danger,
}

/// What is to be posted.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    /// The text, as the service wants it.
    pub(crate) text: &'a str,
    /// The first message of the thread that it goes to.
    pub(crate) thread: Option<&'a str>,
    /// What people can press.
    pub(crate) actions: &'a [Button],
    /// What people are asked to write before they press one.
    pub(crate) ask: Option<&'a str>,
    /// What it is found by later.
    pub(crate) mark: Mark,
    /// Whether words that wake up everybody do.
    pub(crate) mass_mentions: bool,
}

/// How much is asked for, and from where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    /// Most items.
    pub(crate) size: u32,
    /// What an earlier answer gave as `next`.
    pub(crate) page: Option<&'a str>,
}

/// Some of a list, and where it goes on.
#[derive(Debug)]
pub(crate) struct Page<T> {
    /// What is on this page.
    pub(crate) items: Vec<T>,
    /// For the next call; nothing at the end.
    pub(crate) next: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}
