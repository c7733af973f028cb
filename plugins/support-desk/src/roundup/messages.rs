//! Messages. One is made by itself and then put on its issue.

use serde_json::{Value as Json, json};
use tollgate_sdk::prelude::*;

use super::answer::{self, Item, List, Made};
use super::{Roundup, patch, sent};
use crate::desk::{DESTINATION, Message};
use crate::page::{Page, Window};
use crate::text;
use crate::ticket::{Audience, Entry, Ticket};

/// How often a message is put on an issue that others change at the same time.
const ATTEMPTS: u32 = 3;

/// The numbers of an issue's messages, oldest first, and the issue's version.
pub(super) fn of_issue(issue: &str) -> Result<(Vec<String>, String), ToolError> {
    let answer = http::get(DESTINATION, ["issue", issue])
        .query("@fields", "messages")
        .query("@verbose", 0)
        .send()?
        .success()?;
    let item: Item = answer::data(&answer)?;
    let ids = item.attributes.get("messages").and_then(Json::as_array);
    let mut ids: Vec<String> = ids.into_iter().flatten().map(answer::label).collect();
    ids.sort_by_key(|id| id.parse::<u64>().unwrap_or(u64::MAX));
    Ok((ids, answer::version(item.etag.as_deref())))
}

/// A page of a conversation.
pub(super) fn entries(
    issue: &str,
    window: Window<'_>,
    is_internal: bool,
) -> Result<Page<Entry>, ToolError> {
    let number = window.number()?;
    let size = window.size as usize;
    let (ids, _) = of_issue(issue)?;
    let first = (number as usize - 1).saturating_mul(size);
    let page = ids.iter().skip(first).take(size);
    let audience = if is_internal {
        Audience::Internal
    } else {
        Audience::Public
    };
    let items = page
        .map(|id| entry(id, audience))
        .collect::<Result<_, ToolError>>()?;
    let is_more = first.saturating_add(size) < ids.len();
    Ok(Page {
        items,
        next: is_more.then(|| (number + 1).to_string()),
        total: Some(ids.len() as u64),
    })
}

fn entry(id: &str, audience: Audience) -> Result<Entry, ToolError> {
    let answer = http::get(DESTINATION, ["msg", id])
        .query("@fields", "author,creation,date,type,files,content")
        // The least that gives a message's text and not only where it is.
        .query("@verbose", 3)
        .send()?
        .success()?;
    let item: Item = answer::data(&answer)?;
    let attribute = |name: &str| item.attributes.get(name);
    let said = |name: &str| {
        attribute(name)
            .map(answer::label)
            .filter(|said| !said.is_empty())
    };
    let files = attribute("files").and_then(Json::as_array);
    let (text, is_cut) = text::cut(said("content").unwrap_or_default());
    Ok(Entry {
        id: id.to_owned(),
        audience,
        author: attribute("author").and_then(answer::person),
        created: said("date").or_else(|| said("creation")),
        text,
        is_html: said("type").is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")),
        is_cut,
        files: files
            .into_iter()
            .flatten()
            .take(50)
            .map(answer::label)
            .collect(),
    })
}

/// The message under a key.
pub(super) fn by_key(key: &str) -> Result<Option<String>, ToolError> {
    let answer = http::get(DESTINATION, ["msg"])
        // With the colon: exactly this one, not one that contains it.
        .query("messageid:", key)
        .query("@page_size", 2)
        .send()?
        .success()?;
    let list: List = answer::data(&answer)?;
    let first = list
        .collection
        .first()
        .and_then(|message| message.get("id"));
    Ok(first.map(answer::label))
}

/// Makes a message, unless there is one under its key.
pub(super) fn make(desk: &Roundup, content: &str, key: Option<&str>) -> Result<String, ToolError> {
    if let Some(key) = key
        && let Some(id) = by_key(key)?
    {
        return Ok(id);
    }
    // Without an author it cannot be put on an issue (409); `.` is now.
    let mut message = json!({ "content": content, "author": desk.account, "date": "." });
    if let Some(key) = key {
        message["messageid"] = json!(key);
    }
    let answer = sent(http::post(DESTINATION, ["msg"]), &message)?;
    let made: Made = answer::data(&answer)?;
    Ok(made.id)
}

/// Makes a message and puts it on an issue.
pub(super) fn write(
    desk: &Roundup,
    ticket: &Ticket,
    message: Message<'_>,
) -> Result<String, ToolError> {
    let id = make(desk, message.text, message.key)?;
    let body = json!({ "messages": id, "@op": "add" });
    let mut version = ticket.version.clone();
    for attempt in 1.. {
        let error = match patch(&ticket.id, &version, &body) {
            Ok(()) => break,
            Err(error) => error,
        };
        // A reply must not go to a conversation that has gone on; a note may.
        let is_stale = matches!(error, ToolError::Conflict(_));
        if !is_stale || attempt == ATTEMPTS || message.audience == Audience::Public {
            return Err(error.hint(format!(
                "message {id} was made and is on no issue, so nobody got it; read the issue again"
            )));
        }
        let (ids, now) = of_issue(&ticket.id)?;
        if ids.contains(&id) {
            break;
        }
        version = now;
    }
    Ok(id)
}
