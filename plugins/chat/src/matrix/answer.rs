//! What the client-server API answers, as types. Members that we do not use are
//! not named.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tollgate_sdk::prelude::*;

use super::MARK;
use crate::message::{Message, Person};
use crate::text;

#[derive(Deserialize)]
pub(super) struct Joined {
    pub(super) joined_rooms: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Name {
    #[serde(default)]
    pub(super) name: String,
}

/// A page of a room. It is the last one where `end` is missing, also where
/// `chunk` is short.
#[derive(Deserialize)]
pub(super) struct Events {
    pub(super) chunk: Vec<Event>,
    pub(super) end: Option<String>,
}

/// A page of a thread.
#[derive(Deserialize)]
pub(super) struct Related {
    pub(super) chunk: Vec<Event>,
    pub(super) next_batch: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    event_id: String,
    sender: String,
    #[serde(rename = "type")]
    kind: String,
    state_key: Option<Json>,
    origin_server_ts: Option<i64>,
    /// Of any shape: another program wrote it.
    #[serde(default)]
    content: Json,
    #[serde(default)]
    unsigned: Json,
}

impl Event {
    /// The message that it is; nothing where it is none, or only the new text of
    /// an earlier one.
    pub(super) fn message(self) -> Option<Message> {
        let is_encrypted = self.kind == "m.room.encrypted";
        if self.state_key.is_some() || !(is_encrypted || self.kind == "m.room.message") {
            return None;
        }
        let relation = &self.content["m.relates_to"];
        if relation["rel_type"] == "m.replace" {
            return None;
        }
        let thread = (relation["rel_type"] == "m.thread").then(|| &relation["event_id"]);
        let replaced = &self.unsigned["m.relations"]["m.replace"];
        let body = match &replaced["content"]["m.new_content"]["body"] {
            Json::String(newer) => Some(newer.as_str()),
            _ => self.content["body"].as_str(),
        };
        let (text, is_cut) = text::cut(body.unwrap_or_default().to_owned());
        Some(Message {
            posted_at: self
                .origin_server_ts
                .and_then(|ms| text::instant(ms / 1000)),
            author: self.sender,
            is_cut,
            thread: thread.and_then(Json::as_str).map(str::to_owned),
            is_edited: !replaced.is_null(),
            is_deleted: !self.unsigned["redacted_because"].is_null(),
            is_encrypted,
            mark: serde_json::from_value(self.content[MARK].clone()).ok(),
            text,
            id: self.event_id,
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Members {
    pub(super) joined: BTreeMap<String, Member>,
}

#[derive(Deserialize)]
pub(super) struct Member {
    display_name: Option<String>,
}

impl Member {
    /// Whether the id or the name holds this, upper or lower case.
    pub(super) fn fits(&self, id: &str, part: &str) -> bool {
        let part = part.to_lowercase();
        let name = self.display_name.as_deref().unwrap_or_default();
        id.to_lowercase().contains(&part) || name.to_lowercase().contains(&part)
    }

    pub(super) fn person((id, member): (String, Self)) -> Person {
        Person {
            id,
            name: member.display_name.as_deref().and_then(text::name),
            email: None,
            is_bot: None,
            is_deactivated: false,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Identity {
    pub(super) user_id: String,
}

#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) event_id: String,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn recorded(name: &str) -> Json {
        let folder = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/live/recorded/synapse"
        );
        let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        let all: Json = serde_json::from_str(&text).unwrap();
        all["response"]["body"].clone()
    }

    fn read(event: Json) -> Option<Message> {
        serde_json::from_value::<Event>(event).unwrap().message()
    }

    #[test]
    fn recorded_pages_are_read_to_their_end() {
        let page: Events = serde_json::from_value(recorded("messages_page_1")).unwrap();
        assert!(page.end.is_some());
        let messages: Vec<Message> = page.chunk.into_iter().filter_map(Event::message).collect();
        assert_eq!(messages[0].text, "Message 8");
        assert_eq!(messages[0].author, "@alice:live.example");
        let last: Events = serde_json::from_value(recorded("messages_last_page")).unwrap();
        assert!(last.end.is_none() && last.chunk.is_empty());
    }

    #[test]
    fn a_recorded_redaction_leaves_a_place_without_text() {
        let message = read(recorded("event_redacted")).unwrap();
        assert!(message.is_deleted && message.text.is_empty());
        assert!(!read(recorded("event")).unwrap().is_deleted);
    }

    #[test]
    fn what_is_no_message_is_none() {
        let event = |kind: &str, more: Json| {
            let mut event =
                json!({"event_id": "$1", "sender": "@a:b", "type": kind, "content": {}});
            event
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            read(event)
        };
        assert!(event("m.room.message", json!({})).is_some());
        assert!(event("m.room.encrypted", json!({})).unwrap().is_encrypted);
        assert!(event("m.room.power_levels", json!({})).is_none());
        assert!(event("m.room.message", json!({"state_key": ""})).is_none());
        let edit =
            json!({"content": {"m.relates_to": {"rel_type": "m.replace", "event_id": "$0"}}});
        assert!(event("m.room.message", edit).is_none());
        // Content of a shape that nobody expects.
        assert!(event("m.room.message", json!({"content": "x"})).is_some());
    }

    #[test]
    fn a_newer_text_is_the_text() {
        let message = read(json!({
            "event_id": "$1", "sender": "@a:b", "type": "m.room.message",
            "content": {"body": "old"},
            "unsigned": {"m.relations": {"m.replace": {"content": {"m.new_content": {"body": "new"}}}}},
        }))
        .unwrap();
        assert_eq!((message.text.as_str(), message.is_edited), ("new", true));
    }

    #[test]
    fn people_are_found_by_any_part_of_their_names() {
        let member = Member {
            display_name: Some("Ada Lovelace".into()),
        };
        assert!(member.fits("@al:live.example", "lovel") && member.fits("@al:live.example", "@AL"));
        assert!(!member.fits("@al:live.example", "grace"));
    }
}
