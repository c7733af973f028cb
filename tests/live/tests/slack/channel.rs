//! A channel that speaks as much of Slack's Web API as the connector uses. It
//! stands behind Prism, which refuses each request that does not fit Slack's own
//! description. Its answers follow the examples of docs.slack.dev.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};

/// The channel's id, which the sample manifest calls `support`.
pub(crate) const CHANNEL: &str = "C0SUPPORT01";

/// The app's token.
pub(crate) const TOKEN: &str = "xoxb-live-test-token";

#[derive(Default)]
struct Inner {
    /// Oldest first.
    messages: Vec<Value>,
    /// How many were ever posted: makes the next id.
    posted: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Channel(Arc<Mutex<Inner>>);

impl Channel {
    /// Serve it on loopback; its origin.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        origin
    }

    /// What a person says there; the message's id.
    pub(crate) fn say(&self, text: &str) -> String {
        self.add(json!({ "type": "message", "user": "U0CAROL0001", "text": text }))
    }

    /// The texts, oldest first.
    pub(crate) fn texts(&self) -> Vec<String> {
        let inner = self.0.lock().unwrap();
        let texts = inner.messages.iter().map(|one| one["text"].as_str());
        texts.map(|text| text.unwrap().to_owned()).collect()
    }

    /// A message as it is kept.
    pub(crate) fn message(&self, ts: &str) -> Value {
        let inner = self.0.lock().unwrap();
        let found = inner.messages.iter().find(|one| one["ts"] == ts);
        found.cloned().unwrap_or_default()
    }

    fn add(&self, mut message: Value) -> String {
        let mut inner = self.0.lock().unwrap();
        inner.posted += 1;
        let ts = format!("1503435956.{:06}", inner.posted);
        message["ts"] = json!(ts);
        inner.messages.push(message);
        ts
    }

    fn post(&self, sent: &Value) -> Value {
        let mut message =
            json!({ "type": "message", "bot_id": "B0OURBOT01", "text": sent["text"] });
        for name in ["thread_ts", "metadata"] {
            if !sent[name].is_null() {
                message[name] = sent[name].clone();
            }
        }
        let ts = self.add(message);
        json!({ "ok": true, "channel": CHANNEL, "ts": ts, "message": self.message(&ts) })
    }

    fn delete(&self, sent: &Value) -> Value {
        let mut inner = self.0.lock().unwrap();
        let before = inner.messages.len();
        inner.messages.retain(|one| one["ts"] != sent["ts"]);
        if inner.messages.len() == before {
            return error("message_not_found");
        }
        json!({ "ok": true, "channel": CHANNEL, "ts": sent["ts"] })
    }

    /// A page of these messages, which goes on at the number in the cursor.
    fn page(found: &[Value], asked: &BTreeMap<String, String>) -> Value {
        let number =
            |name: &str, other| asked.get(name).map_or(other, |text| text.parse().unwrap());
        let (from, limit): (usize, usize) = (number("cursor", 0), number("limit", 100));
        let rest = found.get(from..).unwrap_or_default();
        let page = &rest[..limit.min(rest.len())];
        let has_more = page.len() < rest.len();
        let next = if has_more {
            (from + limit).to_string()
        } else {
            String::new()
        };
        json!({ "ok": true, "messages": page, "has_more": has_more, "pin_count": 0,
            "response_metadata": { "next_cursor": next } })
    }

    fn history(&self, asked: &BTreeMap<String, String>) -> Value {
        let inner = self.0.lock().unwrap();
        let all = inner.messages.iter().rev();
        let all: Vec<Value> = all
            .filter(|one| one["thread_ts"].is_null())
            .cloned()
            .collect();
        Self::page(&all, asked)
    }

    fn replies(&self, asked: &BTreeMap<String, String>) -> Value {
        let ts = &asked["ts"];
        let inner = self.0.lock().unwrap();
        let belongs = |one: &&Value| one["ts"] == **ts || one["thread_ts"] == **ts;
        let thread: Vec<Value> = inner.messages.iter().filter(belongs).cloned().collect();
        if thread.is_empty() {
            return error("thread_not_found");
        }
        Self::page(&thread, asked)
    }
}

fn error(code: &str) -> Value {
    json!({ "ok": false, "error": code })
}

async fn answer(
    State(channel): State<Channel>,
    Query(asked): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Json<Value> {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) {
        return Json(error("invalid_auth"));
    }
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    let named = asked
        .get("channel")
        .map(String::as_str)
        .or(sent["channel"].as_str());
    if named.is_some_and(|named| named != CHANNEL) {
        return Json(error("channel_not_found"));
    }
    Json(
        match uri
            .path()
            .trim_start_matches("/api/")
            .trim_start_matches('/')
        {
            "auth.test" => {
                json!({ "ok": true, "url": "https://example.slack.com/", "team": "Example",
            "user": "helper", "team_id": "T0EXAMPLE01", "user_id": "U0OURBOT01", "bot_id": "B0OURBOT01" })
            }
            "conversations.list" => {
                json!({ "ok": true, "response_metadata": { "next_cursor": "" }, "channels": [
            { "id": "C0SECRET001", "name": "board", "is_archived": false, "is_ext_shared": false },
            { "id": CHANNEL, "name": "support-team", "is_archived": false, "is_ext_shared": false },
        ] })
            }
            "conversations.history" => channel.history(&asked),
            "conversations.replies" => channel.replies(&asked),
            "users.lookupByEmail" if asked["email"] == "carol@example.com" => {
                json!({ "ok": true, "user": {
            "id": "U0CAROL0001", "name": "carol", "deleted": false, "is_bot": false,
            "profile": { "real_name": "Carol Example", "email": "carol@example.com" } } })
            }
            "users.lookupByEmail" => error("users_not_found"),
            "chat.postMessage" => channel.post(&sent),
            "chat.delete" => channel.delete(&sent),
            _ => error("unknown_method"),
        },
    )
}
