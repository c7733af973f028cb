//! What the Web API answers, as types. Members that we do not use are not named.

use serde_json::Value as Json;
use tollgate_sdk::prelude::*;

use super::{EVENT_TYPE, posted_at};
use crate::granted::Granted;
use crate::message::{self, Mark, Person};
use crate::text;

/// Where a list goes on. At its end the cursor is empty or missing.
#[derive(Default, Deserialize)]
pub(super) struct Metadata {
    next_cursor: Option<String>,
}

impl Metadata {
    pub(super) fn next(&self) -> Option<String> {
        let cursor = self.next_cursor.as_deref()?;
        (!cursor.is_empty()).then(|| cursor.to_owned())
    }
}

#[derive(Deserialize)]
pub(super) struct List {
    pub(super) channels: Vec<Conversation>,
    #[serde(default)]
    pub(super) response_metadata: Metadata,
}

#[derive(Deserialize)]
pub(super) struct Conversation {
    pub(super) id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    is_archived: bool,
    #[serde(default)]
    is_ext_shared: bool,
}

impl Conversation {
    pub(super) fn channel(self, known: &Granted) -> message::Channel {
        message::Channel {
            channel: known.name.clone(),
            id: self.id,
            title: self.name.as_deref().and_then(text::name),
            is_archived: self.is_archived,
            is_shared: Some(self.is_ext_shared),
            is_encrypted: false,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct History {
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) has_more: bool,
    #[serde(default)]
    pub(super) response_metadata: Metadata,
}

#[derive(Deserialize)]
pub(super) struct Message {
    ts: String,
    user: Option<String>,
    bot_id: Option<String>,
    #[serde(default)]
    pub(super) text: Option<String>,
    thread_ts: Option<String>,
    subtype: Option<String>,
    edited: Option<Json>,
    metadata: Option<Json>,
}

impl Message {
    pub(super) fn message(self) -> message::Message {
        let (text, is_cut) = text::cut(self.text.unwrap_or_default());
        let author = self.user.or(self.bot_id).unwrap_or_default();
        message::Message {
            posted_at: posted_at(&self.ts),
            // Of a first message it is its own id.
            thread: self.thread_ts.filter(|thread| *thread != self.ts),
            id: self.ts,
            author,
            text,
            is_cut,
            is_edited: self.edited.is_some(),
            is_deleted: self.subtype.as_deref() == Some("tombstone"),
            is_encrypted: false,
            mark: self.metadata.as_ref().and_then(mark),
        }
    }
}

fn mark(metadata: &Json) -> Option<Mark> {
    if metadata["event_type"] != EVENT_TYPE {
        return None;
    }
    serde_json::from_value(metadata["event_payload"].clone()).ok()
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) user: Account,
}

#[derive(Deserialize)]
pub(super) struct Account {
    id: String,
    name: Option<String>,
    real_name: Option<String>,
    is_bot: Option<bool>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    real_name: Option<String>,
    email: Option<String>,
}

impl Account {
    pub(super) fn person(self) -> Person {
        let names = [self.real_name, self.profile.real_name, self.name];
        let mut names = names.iter().flatten();
        Person {
            id: self.id,
            name: names.find_map(|name| text::name(name)),
            email: self.profile.email,
            is_bot: self.is_bot,
            is_deactivated: self.deleted,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Identity {
    pub(super) user_id: Option<String>,
    pub(super) bot_id: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Posted {
    pub(super) ts: String,
    pub(super) message: Option<Stored>,
}

/// The message as Slack has it, which may be other than what was sent.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Deleted {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn message(json: Json) -> message::Message {
        serde_json::from_value::<Message>(json).unwrap().message()
    }

    #[test]
    fn a_message_of_the_published_example_is_read() {
        let read = message(json!({
            "type": "message", "user": "U012AB3CDE", "ts": "1512085950.000216",
            "text": "I find you punny and would like to smell your nose letter",
        }));
        assert_eq!(
            (read.id.as_str(), read.author.as_str()),
            ("1512085950.000216", "U012AB3CDE")
        );
        assert!(!read.is_edited && read.thread.is_none() && read.mark.is_none());
    }

    #[test]
    fn a_mark_is_read_and_one_of_another_kind_is_not() {
        let with = |kind: &str, payload: Json| {
            let metadata = json!({"event_type": kind, "event_payload": payload});
            message(json!({"ts": "1.1", "bot_id": "B1", "metadata": metadata})).mark
        };
        let mark = Mark {
            run: "r".into(),
            key: None,
        };
        assert_eq!(with(EVENT_TYPE, json!({"run": "r"})), Some(mark));
        assert_eq!(with("task_created", json!({"run": "r"})), None);
        assert_eq!(with(EVENT_TYPE, json!("x")), None);
    }

    #[test]
    fn the_first_message_of_a_thread_is_in_no_thread() {
        let thread = |ts: &str| message(json!({"ts": ts, "thread_ts": "1.1"})).thread;
        assert_eq!(
            (thread("1.1"), thread("1.2").as_deref()),
            (None, Some("1.1"))
        );
    }

    #[test]
    fn an_empty_cursor_is_the_end() {
        let next = |cursor| {
            Metadata {
                next_cursor: cursor,
            }
            .next()
        };
        assert_eq!(next(Some(String::new())), None);
        assert_eq!(next(None), None);
        assert_eq!(next(Some("x=".into())).as_deref(), Some("x="));
    }
}
