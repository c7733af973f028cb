//! Matrix, client-server API v3 (spec.matrix.org), as Synapse serves it.
//!
//! The id of a message's transaction is its idempotency key: the host puts its own
//! there, so a message whose answer was lost is sent again and is the same message
//! (client-server API, "Transaction identifiers").

mod answer;
mod problem;

use serde_json::{Value as Json, json};
use tollgate_sdk::http::{self, Request};
use tollgate_sdk::prelude::*;

use crate::granted::Granted;
use crate::mention;
use crate::message::{Author, Channel, Draft, Message, Page, Window};
use crate::service::{DESTINATION, Found, Service, Sought};
use crate::text;
use answer::{Event, Events, Identity, Joined, Member, Members, Name, Related, Sent};

/// The member of our messages' content that holds their mark. The specification
/// wants names of others to be reversed domain names.
pub(super) const MARK: &str = "dev.tollgate.message";

/// Messages, and those that nobody here can read.
const FILTER: &str = r#"{"types":["m.room.message","m.room.encrypted"]}"#;

/// Most people that one search names.
const PEOPLE_MAX: usize = 20;

/// A homeserver, as the account whose token the host has.
pub(crate) struct Matrix;

impl Service for Matrix {
    fn channels(&self, granted: &[Granted]) -> Result<Vec<Channel>, ToolError> {
        let joined: Joined = problem::checked(http::get(DESTINATION, ["v3", "joined_rooms"]))?;
        let is_joined = |known: &&Granted| joined.joined_rooms.contains(&known.id);
        let channels = granted.iter().filter(is_joined).map(|known| {
            let name: Option<Name> = problem::found(room(&known.id, &["state", "m.room.name"]))?;
            Ok(Channel {
                channel: known.name.clone(),
                id: known.id.clone(),
                title: name.and_then(|name| text::name(&name.name)),
                is_archived: false,
                is_shared: None,
                is_encrypted: is_encrypted(&known.id)?,
            })
        });
        channels.collect()
    }

    fn history(
        &self,
        channel: &str,
        thread: Option<&str>,
        window: Window<'_>,
    ) -> Result<Page<Message>, ToolError> {
        let (chunk, next) = match thread {
            Some(thread) => {
                let thread = event_id("/thread", thread)?;
                let path = ["v1", "rooms", channel, "relations", thread, "m.thread"];
                let request = paged(http::get(DESTINATION, path), window);
                let related: Related = problem::checked(request)?;
                (related.chunk, related.next_batch)
            }
            None => {
                let request = paged(room(channel, &["messages"]), window).query("filter", FILTER);
                let events: Events = problem::checked(request)?;
                (events.chunk, events.end)
            }
        };
        Ok(Page {
            items: chunk.into_iter().filter_map(Event::message).collect(),
            next,
        })
    }

    fn find(&self, sought: Sought<'_>) -> Result<Found, ToolError> {
        let Sought::Name(part, channels) = sought else {
            return Err(ToolError::denied(
                "Matrix tells nobody the address of an account: people are found by name",
            )
            .hint("give `name`"));
        };
        let mut people = std::collections::BTreeMap::new();
        for channel in channels {
            let members: Members = problem::checked(room(&channel.id, &["joined_members"]))?;
            let fitting = members
                .joined
                .into_iter()
                .filter(|(id, member)| member.fits(id, part));
            people.extend(fitting);
        }
        Ok(Found {
            has_more: people.len() > PEOPLE_MAX,
            people: people
                .into_iter()
                .take(PEOPLE_MAX)
                .map(Member::person)
                .collect(),
        })
    }

    fn message(&self, channel: &str, id: &str) -> Result<Option<Message>, ToolError> {
        let id = event_id("/message", id)?;
        let event: Option<Event> = problem::found(room(channel, &["event", id]))?;
        // The attack: the id of an event that is no message, such as the levels of
        // power that our account has set. To redact it would break the room.
        Ok(event.and_then(Event::message))
    }

    fn own(&self) -> Result<Author, ToolError> {
        let request = http::get(DESTINATION, ["v3", "account", "whoami"]);
        let identity: Identity = problem::checked(request)?;
        Ok(Author {
            ids: vec![identity.user_id],
        })
    }

    fn written(&self, text: &str, mass_mentions: bool) -> String {
        if mass_mentions {
            text.to_owned()
        } else {
            mention::broken(text, &mention::MATRIX)
        }
    }

    fn has_buttons(&self) -> bool {
        false
    }

    fn post(&self, channel: &str, draft: &Draft<'_>) -> Result<(String, String), ToolError> {
        if let Some(thread) = draft.thread {
            event_id("/thread", thread)?;
        }
        // The attack: a room in which everybody believes that only members can
        // read, and a text that the server can read as well.
        if is_encrypted(channel)? {
            return Err(
                ToolError::denied("this room is encrypted, and there is no key here")
                    .hint("use a channel that `list_channels` shows as not encrypted"),
            );
        }
        let path = ["v3", "rooms", channel, "send", "m.room.message", ""];
        let request = http::put(DESTINATION, path).json(&content(draft));
        let sent: Sent = problem::posted(request, &draft.mark.run)?;
        Ok((sent.event_id, draft.text.to_owned()))
    }

    fn delete(&self, channel: &str, id: &str) -> Result<(), ToolError> {
        let id = event_id("/message", id)?;
        let path = ["v3", "rooms", channel, "redact", id, ""];
        let reason = json!({ "reason": "taken back" });
        let _: Sent = problem::checked(http::put(DESTINATION, path).json(&reason))?;
        Ok(())
    }
}

fn room(id: &str, rest: &[&str]) -> Request {
    let path = ["v3", "rooms", id].into_iter().chain(rest.iter().copied());
    http::get(DESTINATION, path)
}

fn paged(request: Request, window: Window<'_>) -> Request {
    request
        .query("dir", "b")
        .query("limit", window.size)
        .query_some("from", window.page)
}

fn is_encrypted(room_id: &str) -> Result<bool, ToolError> {
    let state: Option<Json> = problem::found(room(room_id, &["state", "m.room.encryption"]))?;
    Ok(state.is_some())
}

fn event_id<'a>(pointer: &str, id: &'a str) -> Result<&'a str, ToolError> {
    if id.starts_with('$') {
        return Ok(id);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is no id of a message: give it as `channel_history` does, with `$`",
    ))
}

/// What is posted: a notice, which other programs do not answer, so that two of
/// them do not talk without end ("m.notice"). `m.mentions` is there and empty:
/// then no word of the text wakes up anybody ("User and room mentions").
fn content(draft: &Draft<'_>) -> Json {
    let mentions = if draft.mass_mentions && has_room(draft.text) {
        json!({ "room": true })
    } else {
        json!({})
    };
    let mut content = json!({
        "msgtype": "m.notice",
        "body": draft.text,
        "m.mentions": mentions,
    });
    content[MARK] = json!(draft.mark);
    if let Some(thread) = draft.thread {
        content["m.relates_to"] = json!({
            "rel_type": "m.thread",
            "event_id": thread,
            "is_falling_back": true,
            "m.in_reply_to": { "event_id": thread },
        });
    }
    content
}

fn has_room(text: &str) -> bool {
    mention::made(text, &mention::MATRIX, |_| String::new()) != text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Mark;

    fn sent(text: &str, mass_mentions: bool, thread: Option<&str>) -> Json {
        let text = Matrix.written(text, mass_mentions);
        content(&Draft {
            text: &text,
            thread,
            actions: &[],
            ask: None,
            mark: Mark {
                run: "run-1".into(),
                key: None,
            },
            mass_mentions,
        })
    }

    #[test]
    fn nobody_is_woken_unless_it_is_allowed() {
        let quiet = sent("@room it is fixed", false, None);
        assert_eq!(
            (&quiet["body"], &quiet["m.mentions"]),
            (&json!("@\u{2060}room it is fixed"), &json!({}))
        );
        let loud = sent("@room it is fixed", true, None);
        assert_eq!(
            (&loud["body"], &loud["m.mentions"]),
            (&json!("@room it is fixed"), &json!({"room": true}))
        );
        assert_eq!(sent("it is fixed", true, None)["m.mentions"], json!({}));
    }

    #[test]
    fn a_message_is_plain_text_with_a_mark() {
        let content = sent("<b>done</b>", false, Some("$first"));
        assert_eq!(content["body"], "<b>done</b>");
        assert_eq!(content["formatted_body"], Json::Null);
        assert_eq!(content[MARK], json!({"run": "run-1"}));
        assert_eq!(content["m.relates_to"]["event_id"], "$first");
    }

    #[test]
    fn an_id_of_something_else_is_not_sent() {
        assert!(event_id("/message", "$abc").is_ok());
        assert!(event_id("/message", "!room:example.org").is_err());
    }
}
