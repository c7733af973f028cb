//! Slack, Web API (docs.slack.dev/reference/methods).
//!
//! A post has no idempotency key: `client_msg_id` is named in errors of
//! `chat.postMessage` and is none of its arguments, so it is not relied on. A post
//! whose answer was lost is for a person to settle. To make that easy, each carries
//! its run as message metadata, which `channel_history` shows.

mod answer;
mod blocks;
mod problem;

use serde_json::{Value as Json, json};
use tollgate_sdk::http::{self, Request};
use tollgate_sdk::prelude::*;

use crate::granted::Granted;
use crate::mention;
use crate::message::{Author, Channel, Draft, Mark, Message, Page, Window};
use crate::service::{DESTINATION, Found, Service, Sought};
use crate::text;
use answer::{Deleted, History, Identity, List, Posted, User};

/// The type of the metadata of our messages.
pub(super) const EVENT_TYPE: &str = "tollgate_message";

/// Channels in one answer of `conversations.list`: Slack advises at most 200.
const LIST_SIZE: u32 = 200;

/// How many answers `list_channels` reads. A workspace with more than 2000
/// channels has some that it does not find.
const LIST_PAGES_MAX: u32 = 10;

/// A workspace, as the app whose token the host has.
pub(crate) struct Slack;

impl Service for Slack {
    fn channels(&self, granted: &[Granted]) -> Result<Vec<Channel>, ToolError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..LIST_PAGES_MAX {
            let request = get("conversations.list")
                .query("types", "public_channel,private_channel")
                .query("limit", LIST_SIZE)
                .query_some("cursor", cursor.as_deref());
            let list: List = problem::checked(request)?;
            for conversation in list.channels {
                // The attack: a workspace's other channels, whose names alone tell
                // of what goes on. Only granted ones leave this function.
                let mut all = granted.iter();
                if let Some(known) = all.find(|known| known.id == conversation.id) {
                    found.push(conversation.channel(known));
                }
            }
            cursor = list.response_metadata.next();
            if cursor.is_none() || found.len() == granted.len() {
                break;
            }
        }
        Ok(found)
    }

    fn history(
        &self,
        channel: &str,
        thread: Option<&str>,
        window: Window<'_>,
    ) -> Result<Page<Message>, ToolError> {
        let request = match thread {
            Some(thread) => get("conversations.replies").query("ts", thread),
            None => get("conversations.history"),
        };
        let request = request
            .query("channel", channel)
            .query("limit", window.size)
            .query("include_all_metadata", true)
            .query_some("cursor", window.page);
        let history: History = problem::checked(request)?;
        let next = history
            .response_metadata
            .next()
            .filter(|_| history.has_more);
        let messages = history.messages.into_iter().map(answer::Message::message);
        Ok(Page {
            items: messages.collect(),
            next,
        })
    }

    fn find(&self, sought: Sought<'_>) -> Result<Found, ToolError> {
        let Sought::Email(email) = sought else {
            return Err(ToolError::denied(
                "Slack finds people by their address only: its API has no search by name",
            )
            .hint("give `email`"));
        };
        let request = get("users.lookupByEmail").query("email", email);
        let user: User = problem::checked(request)?;
        Ok(Found {
            people: vec![user.user.person()],
            has_more: false,
        })
    }

    fn message(&self, channel: &str, id: &str) -> Result<Option<Message>, ToolError> {
        // It takes the id of any message: one of no thread comes alone.
        let request = get("conversations.replies")
            .query("channel", channel)
            .query("ts", id)
            .query("limit", 1)
            .query("include_all_metadata", true);
        let answer = request.send()?;
        let history: History = match problem::read(&answer) {
            Ok(history) => history,
            Err(_) if problem::is(&answer, &["thread_not_found", "message_not_found"]) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let mut messages = history.messages.into_iter().map(answer::Message::message);
        Ok(messages.find(|message| message.id == id))
    }

    fn own(&self) -> Result<Author, ToolError> {
        let identity: Identity = problem::checked(get("auth.test"))?;
        let ids = [identity.user_id, identity.bot_id];
        Ok(Author {
            ids: ids.into_iter().flatten().collect(),
        })
    }

    fn written(&self, text: &str, mass_mentions: bool) -> String {
        if mass_mentions {
            let make = |word: &str| format!("<!{word}>");
            mention::made(&escaped(text), &mention::SLACK, make)
        } else {
            mention::broken(&escaped(text), &mention::SLACK)
        }
    }

    fn has_buttons(&self) -> bool {
        true
    }

    fn post(&self, channel: &str, draft: &Draft<'_>) -> Result<(String, String), ToolError> {
        let request = http::post(DESTINATION, ["chat.postMessage"]).json(&content(channel, draft));
        let answer = request.send()?;
        let posted: Posted = problem::read(&answer)
            .map_err(|error| problem::perhaps_posted(error, &answer, &draft.mark.run))?;
        let text = posted.message.and_then(|message| message.text);
        Ok((posted.ts, text.unwrap_or_else(|| draft.text.to_owned())))
    }

    fn delete(&self, channel: &str, id: &str) -> Result<(), ToolError> {
        let content = json!({ "channel": channel, "ts": id });
        let request = http::post(DESTINATION, ["chat.delete"]).json(&content);
        let _: Deleted = problem::checked(request)?;
        Ok(())
    }
}

fn get(method: &str) -> Request {
    http::get(DESTINATION, [method])
}

/// What is posted. `parse`, `link_names` and `mrkdwn` keep Slack from making
/// mentions and links of plain words. Links are not unfurled: Slack would fetch
/// whatever address the text names.
fn content(channel: &str, draft: &Draft<'_>) -> Json {
    let Mark { run, key } = &draft.mark;
    let mut payload = json!({ "run": run });
    if let Some(key) = key {
        payload["key"] = json!(key);
    }
    let mut content = json!({
        "channel": channel,
        "text": draft.text,
        "parse": "none",
        "link_names": false,
        // Mentions are part of the markup.
        "mrkdwn": draft.mass_mentions,
        "unfurl_links": false,
        "unfurl_media": false,
        "metadata": { "event_type": EVENT_TYPE, "event_payload": payload },
    });
    if let Some(thread) = draft.thread {
        content["thread_ts"] = json!(thread);
    }
    // `text` is what notifications show then, and what the message is known by.
    if let Some(blocks) = blocks::of(draft) {
        content["blocks"] = json!(blocks);
    }
    content
}

/// The three characters that Slack gives a meaning ("Formatting message text",
/// escaping text): without them there is no `<!channel>`, no `<@U1>` and no link
/// that shows another address.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An id of a message: seconds, a point, and six digits.
fn seconds(ts: &str) -> Option<i64> {
    ts.split_once('.')?.0.parse().ok()
}

fn posted_at(ts: &str) -> Option<String> {
    text::instant(seconds(ts)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_markup_of_a_caller_reaches_slack() {
        let written = |text| Slack.written(text, false);
        assert_eq!(
            written("<!channel> <@U123> <https://evil.example|bank.example> a & b"),
            "&lt;!channel&gt; &lt;@U123&gt; &lt;https://evil.example|bank.example&gt; a &amp; b"
        );
        assert_eq!(written("@here"), "@\u{2060}here");
        // What is escaped already is text, and stays what it was.
        assert_eq!(written("&lt;!here&gt;"), "&amp;lt;!here&amp;gt;");
    }

    #[test]
    fn an_allowed_mention_is_made_and_other_markup_is_not() {
        assert_eq!(
            Slack.written("@here <!channel>", true),
            "<!here> &lt;!channel&gt;"
        );
    }

    #[test]
    fn a_post_carries_its_mark_and_turns_parsing_off() {
        let draft = Draft {
            text: "done",
            thread: Some("1503435956.000247"),
            actions: &[],
            ask: None,
            mark: Mark {
                run: "run-1".into(),
                key: Some("order-4711".into()),
            },
            mass_mentions: false,
        };
        let content = content("C1", &draft);
        assert_eq!(
            content["metadata"],
            json!({"event_type": EVENT_TYPE, "event_payload": {"run": "run-1", "key": "order-4711"}})
        );
        assert_eq!(
            (
                &content["parse"],
                &content["link_names"],
                &content["mrkdwn"]
            ),
            (&json!("none"), &json!(false), &json!(false))
        );
        assert_eq!(content["thread_ts"], "1503435956.000247");
        assert_eq!(content.get("blocks"), None, "nothing to press");
    }

    #[test]
    fn an_id_says_when_it_was_posted() {
        assert_eq!(
            posted_at("1503435956.000247").as_deref(),
            Some("2017-08-22T21:05:56Z")
        );
        assert_eq!(posted_at("x"), None);
    }
}
