//! Request Tracker 5, REST2 (`RT::REST2`, docs.bestpractical.com/rt/5.0/RT/REST2.html).
//!
//! What its answers are worth was seen on 5.0.3: `tests/live/NOTES.md`.
//!
//! - A ticket's `ETag` is the id of its newest transaction. Every update carries it
//!   as `If-Match`, so an update that was sent twice is refused the second time.
//! - A message can carry no condition: the resource below which it is made has no
//!   `ETag` (`RT::REST2::Resource::Message` does not compose `WithETag`), so each
//!   `If-Match` but `*` is answered 412. Its version is held against the ticket
//!   where the ticket is read, and a change between that and a person's yes is
//!   not seen.
//! - A refused update answers 200. The caller of [`Desk::update`] reads back.
//! - A comment's `Subject` is kept with its transaction: the place for a key.
//! - No request takes back a comment or a correspondence.
//!
//! Rooms: `query` writes TicketSQL, `answer` reads what comes back, `history`
//! reads conversations, `create` makes tickets.

mod answer;
mod create;
mod history;
mod query;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use tollgate_sdk::http::Response;
use tollgate_sdk::prelude::*;

use crate::desk::{DESTINATION, Desk, Draft, Message, Search};
use crate::page::{Page, Window};
use crate::ticket::{Audience, Entry, Ticket, Values};

/// A Request Tracker.
pub(crate) struct RequestTracker {
    /// The custom field that holds the key of a ticket made here.
    key_field: Option<String>,
}

/// The columns of a list.
const COLUMNS: &str =
    "Subject,Status,Priority,Queue,Owner,Requestor,Created,LastUpdated,CustomFields";

/// Who owns what nobody owns.
const NOBODY: &str = "Nobody";

impl RequestTracker {
    /// As the manifest has it.
    pub(crate) fn open() -> Result<Self, ToolError> {
        let key_field = config::get("key_field")?;
        Ok(Self { key_field })
    }

    fn find(&self, query: &str, window: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        let number = window.number()?;
        let answer = http::get(DESTINATION, ["tickets"])
            .query("query", query)
            .query("orderby", "id")
            .query("order", "DESC")
            .query("fields", COLUMNS)
            .query("fields[Queue]", "Name")
            .query("per_page", window.size)
            .query("page", number)
            .send()?;
        if answer.status() == 400 {
            // Its words hold the whole query and a path of the server.
            return Err(answer.problem_said("the search is not understood; is a field unknown?"));
        }
        let list: answer::List<answer::Ticket> = answer.success()?.json()?;
        // The last page is told by `next_page`; rows that the account may not see
        // are left out without being counted, so a short page is not the last.
        let next = list.next_page.is_some().then(|| (number + 1).to_string());
        Ok(Page {
            total: list.total,
            items: list
                .items
                .into_iter()
                .map(|ticket| ticket.into_ticket(None))
                .collect(),
            next,
        })
    }
}

impl Desk for RequestTracker {
    fn name(&self) -> &'static str {
        "Request Tracker"
    }

    fn search(&self, search: &Search<'_>, window: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        self.find(&query::of(search)?, window)
    }

    fn ticket(&self, id: &str) -> Result<Ticket, ToolError> {
        let answer = http::get(DESTINATION, ["ticket", id]).send()?.success()?;
        let version = version(&answer)?;
        let ticket: answer::Ticket = answer.json()?;
        Ok(ticket.into_ticket(Some(version)))
    }

    /// A single ticket names its queue by number only.
    fn complete(&self, ticket: &mut Ticket) -> Result<(), ToolError> {
        let Some(id) = &ticket.queue else {
            return Ok(());
        };
        let answer = http::get(DESTINATION, ["queue", id]).send()?;
        // The account may see a ticket and not its queue: the number stays.
        if answer.is_success() {
            let queue: answer::Queue = answer.json()?;
            ticket.queue = queue.name.or(ticket.queue.take());
        }
        Ok(())
    }

    fn entries(&self, id: &str, window: Window<'_>) -> Result<Page<Entry>, ToolError> {
        history::entries(id, window)
    }

    fn entry_by_key(&self, ticket: &Ticket, key: &str) -> Result<Option<String>, ToolError> {
        history::by_key(&ticket.id, key)
    }

    fn write(&self, ticket: &Ticket, message: Message<'_>) -> Result<Option<String>, ToolError> {
        let call = match message.audience {
            Audience::Internal => "comment",
            Audience::Public => "correspond",
        };
        let mut body = json!({ "Content": message.text, "ContentType": "text/plain" });
        if let Some(key) = message.key {
            body["Subject"] = json!(key);
        }
        // No `If-Match`: here even the right one is refused.
        let answer = http::post(DESTINATION, ["ticket", &ticket.id, call])
            .json(&body)
            .send()?;
        if answer.status() == 400 {
            // The ticket was read just before, so it exists: 400 is how a missing
            // right is answered here, and nothing else is wrong with this body.
            return Err(ToolError::denied(format!(
                "Request Tracker refuses a {call} on ticket {}: the account may not write one",
                ticket.id
            ))
            .hint(
                "asking again does not help; the account needs CommentOnTicket or ReplyToTicket",
            ));
        }
        Ok(answer::last_segment(answer.success()?.header("location")))
    }

    fn update(&self, ticket: &Ticket, values: &Values) -> Result<Vec<String>, ToolError> {
        let answer = http::put(DESTINATION, ["ticket", &ticket.id])
            .header("if-match", format!("\"{}\"", ticket.version))
            .json(&members(values))
            .send()?
            .success()?;
        answer::sentences(&answer)
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
}

/// The version in an answer: its `ETag` without the quotation marks.
fn version(answer: &Response) -> Result<String, ToolError> {
    let tag = answer.header("etag").map(|tag| tag.trim_matches('"'));
    let tag = tag.filter(|tag| !tag.is_empty() && !tag.starts_with("W/"));
    tag.map(str::to_owned).ok_or_else(|| {
        ToolError::failed("Request Tracker gave no version of the ticket (no strong ETag)")
            .hint("the operator must look whether a proxy removes the header")
    })
}

/// Values as REST2 takes them.
fn members(values: &Values) -> Map<String, Json> {
    let mut members = Map::new();
    let mut add = |name: &str, value: Json| drop(members.insert(name.to_owned(), value));
    if let Some(status) = &values.status {
        add("Status", json!(status));
    }
    if let Some(subject) = &values.subject {
        add("Subject", json!(subject));
    }
    if let Some(priority) = &values.priority {
        // Priorities are numbers; none is 0.
        add(
            "Priority",
            json!(if priority.is_empty() { "0" } else { priority }),
        );
    }
    if let Some(owner) = &values.assignee {
        add(
            "Owner",
            json!(if owner.is_empty() { NOBODY } else { owner }),
        );
    }
    if !values.fields.is_empty() {
        let fields: BTreeMap<&str, Json> = values
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), field(&value.texts())))
            .collect();
        add("CustomFields", json!(fields));
    }
    members
}

/// A list replaces all values; an empty text empties the field.
fn field(texts: &[String]) -> Json {
    match texts {
        [] => json!(""),
        [text] => json!(text),
        texts => json!(texts),
    }
}

#[cfg(test)]
mod tests;
