//! Roundup 2, REST (roundup-tracker.org/docs/rest.html), with the schema of the
//! template `classic`: issues with title, status, priority and assignee.
//!
//! What its answers are worth was seen on 2.6.0: `tests/live/NOTES.md`.
//!
//! - `PATCH` needs `If-Match` with the version of a `GET`, and answers 412 to
//!   another one. A `POST` knows no condition.
//! - Every write needs `Origin`, which the host sends (`own_origin`), and
//!   `X-Requested-With`.
//! - A message is made first and then put on its issue. Its `messageid` is the
//!   place for a key: a message that hangs on nothing after a lost answer is
//!   found by it and used.
//! - There are no internal notes: the tracker mails each message to all who follow
//!   the issue. So notes are refused unless the operator says that those are all
//!   staff (`internal_tracker`).
//!
//! Rooms: `answer` reads what comes back, `messages` reads and writes messages,
//! `create` makes issues.

mod answer;
mod create;
mod messages;

use serde_json::{Map, Value as Json, json};
use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::prelude::*;

use crate::desk::{DESTINATION, Desk, Draft, Message, Search};
use crate::page::{Page, Window};
use crate::ticket::{Audience, Entry, Ticket, Values};
use crate::value::Value;

/// A Roundup.
pub(crate) struct Roundup {
    /// The user behind the credential: the author of messages.
    account: String,
    /// Attributes of an issue beside those that every tracker has.
    fields: Vec<String>,
    /// Whether everybody who follows an issue is staff.
    is_internal: bool,
}

/// Attributes that the tools name by themselves.
const ATTRIBUTES: &str = "title,status,priority,assignedto,creator,creation,activity";

/// How a filter says that a link is not set (Roundup's `-1`).
const UNSET: &str = "-1";

impl Roundup {
    /// As the manifest has it.
    pub(crate) fn open() -> Result<Self, ToolError> {
        Ok(Self {
            account: config::require("account")?,
            fields: config::get("fields")?.unwrap_or_default(),
            is_internal: config::get("internal_tracker")?.unwrap_or_default(),
        })
    }

    fn attributes(&self) -> String {
        let own = [ATTRIBUTES.to_owned()].into_iter();
        own.chain(self.fields.iter().cloned())
            .collect::<Vec<_>>()
            .join(",")
    }

    /// A list of issues with these filters.
    fn find(
        &self,
        filters: &[(String, String)],
        window: Window<'_>,
    ) -> Result<Page<Ticket>, ToolError> {
        let number = window.number()?;
        let mut request = http::get(DESTINATION, ["issue"])
            .query("@fields", self.attributes())
            .query("@verbose", 2)
            .query("@sort", "-id")
            .query("@page_size", window.size)
            .query("@page_index", number);
        for (name, value) in filters {
            request = request.query(name, value);
        }
        let list: answer::List = answer::data(&request.send()?.success()?)?;
        let next = list.has_next().then(|| (number + 1).to_string());
        let items = list.collection.iter();
        Ok(Page {
            items: items
                .map(|item| answer::ticket(item, &self.fields, None))
                .collect(),
            next,
            total: None,
        })
    }

    /// The names and values of filters.
    fn filters(&self, search: &Search<'_>) -> Result<Vec<(String, String)>, ToolError> {
        if search.queue.is_some() {
            return Err(ToolError::invalid_input(
                "/queue",
                "is unknown: Roundup has no queues",
            ));
        }
        let mut filters = Vec::new();
        let mut add = |name: &str, value: &str| filters.push((name.to_owned(), value.to_owned()));
        if let Some(text) = search.text {
            add("title", text);
        }
        if !search.status.is_empty() {
            let one_of = search
                .status
                .iter()
                .enumerate()
                .map(|(index, status)| link(&format!("/status/{index}"), status));
            add("status", &one_of.collect::<Result<Vec<_>, _>>()?.join(","));
        }
        match search.assignee {
            Some("") => add("assignedto", UNSET),
            Some(who) => add("assignedto", link("/assignee", who)?),
            None => {}
        }
        if let Some(who) = search.requester {
            add("creator", link("/requester", who)?);
        }
        if let Some(day) = search.updated_since {
            // A range that is open at its end.
            add("activity", &format!("{day};"));
        }
        for (name, value) in search.fields {
            if !self.fields.contains(name) {
                return Err(ToolError::invalid_input(
                    format!("/fields/{name}"),
                    "is no field that the manifest names under [config] `fields`",
                ));
            }
            add(name, link("/fields", value)?);
        }
        Ok(filters)
    }
}

/// A value of a filter by name.
///
/// The attack: `-1` means "not set" and a comma "or", so a value could ask for
/// more than it says.
fn link<'a>(pointer: &str, value: &'a str) -> Result<&'a str, ToolError> {
    if value.starts_with('-') || value.contains(',') {
        let message = "begins with `-` or holds a comma, which have a meaning in Roundup";
        return Err(ToolError::invalid_input(pointer, message));
    }
    Ok(value)
}

impl Desk for Roundup {
    fn name(&self) -> &'static str {
        "Roundup"
    }

    fn search(&self, search: &Search<'_>, window: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        self.find(&self.filters(search)?, window)
    }

    fn ticket(&self, id: &str) -> Result<Ticket, ToolError> {
        let answer = http::get(DESTINATION, ["issue", id])
            .query("@fields", self.attributes())
            .query("@verbose", 2)
            .send()?
            .success()?;
        let item: answer::Item = answer::data(&answer)?;
        Ok(answer::ticket(
            &item.flat(),
            &self.fields,
            item.etag.as_deref(),
        ))
    }

    fn entries(&self, id: &str, window: Window<'_>) -> Result<Page<Entry>, ToolError> {
        messages::entries(id, window, self.is_internal)
    }

    fn entry_by_key(&self, ticket: &Ticket, key: &str) -> Result<Option<String>, ToolError> {
        let Some(message) = messages::by_key(key)? else {
            return Ok(None);
        };
        let (ids, _) = messages::of_issue(&ticket.id)?;
        // One that hangs on nothing is no entry yet: `write` puts it on.
        Ok(ids.contains(&message).then_some(message))
    }

    fn write(&self, ticket: &Ticket, message: Message<'_>) -> Result<Option<String>, ToolError> {
        if message.audience == Audience::Internal && !self.is_internal {
            return Err(ToolError::denied(
                "Roundup has no internal notes: it mails each message to all who follow the issue",
            )
            .hint(
                "use `reply`; or the operator sets `internal_tracker` if all of them are staff",
            ));
        }
        messages::write(self, ticket, message).map(Some)
    }

    fn update(&self, ticket: &Ticket, values: &Values) -> Result<Vec<String>, ToolError> {
        patch(
            &ticket.id,
            &ticket.version,
            &Json::Object(attributes(values)),
        )?;
        Ok(Vec::new())
    }

    fn by_key(&self, draft: &Draft<'_>) -> Result<Option<String>, ToolError> {
        create::by_key(self, draft)
    }

    fn same(&self, draft: &Draft<'_>) -> Result<Vec<String>, ToolError> {
        create::same(self, draft)
    }

    fn create(&self, draft: &Draft<'_>) -> Result<String, ToolError> {
        create::create(self, draft)
    }

    fn attach(&self, ticket: &str, entry: &str, attached: bool) -> Result<bool, ToolError> {
        let (ids, version) = messages::of_issue(ticket)?;
        if attached {
            // Puts back what exists only; 404 otherwise.
            http::get(DESTINATION, ["msg", entry]).send()?.success()?;
        }
        if ids.iter().any(|id| id == entry) == attached {
            return Ok(false);
        }
        let op = if attached { "add" } else { "remove" };
        patch(ticket, &version, &json!({ "messages": entry, "@op": op }))?;
        Ok(true)
    }
}

/// A write as Roundup wants it. The host adds `Origin`.
fn sent(request: Request, body: &Json) -> Result<Response, ToolError> {
    let request = request.header("x-requested-with", "tollgate").json(body);
    request.send()?.success()
}

/// Changes an issue of a version.
fn patch(issue: &str, version: &str, body: &Json) -> Result<(), ToolError> {
    let request = http::patch(DESTINATION, ["issue", issue]);
    sent(request.header("if-match", format!("\"{version}\"")), body).map(drop)
}

/// Values as attributes of an issue.
fn attributes(values: &Values) -> Map<String, Json> {
    let mut attributes = Map::new();
    for (name, text) in [
        ("title", &values.subject),
        ("status", &values.status),
        ("priority", &values.priority),
        ("assignedto", &values.assignee),
    ] {
        if let Some(text) = text {
            // Empty, not null: Roundup drops a null from what it is told to change.
            attributes.insert(name.to_owned(), json!(text));
        }
    }
    for (name, value) in &values.fields {
        let value = if *value == Value::Empty {
            json!("")
        } else {
            json!(value)
        };
        attributes.insert(name.clone(), value);
    }
    attributes
}

#[cfg(test)]
mod tests;
