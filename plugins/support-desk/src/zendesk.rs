//! Zendesk, Ticketing API v2 (developer.zendesk.com/api-reference/ticketing).
//!
//! From its documentation, not from a server: there is none to run here.
//!
//! - Collisions ("Tickets", "Protecting against ticket update collisions"): an
//!   update with `safe_update` and the `updated_stamp` that was read is answered
//!   with 409 when the ticket has changed. Every write carries both, so the same
//!   one sent twice is refused the second time. The stamp has whole seconds: two
//!   changes within one second can look like one.
//! - Idempotency ("Introduction", "Idempotency"): creating a ticket takes an
//!   `Idempotency-Key`, remembered for two hours. The host puts it in, by the
//!   manifest's route. A key of the caller is the ticket's `external_id`.
//! - A comment is part of an update ("Ticket Comments"), public or not, and cannot
//!   be deleted; redaction is not taken for an undo here. It carries no key.
//! - Search results end at 1000.
//!
//! Rooms: `query` writes searches, `answer` reads what comes back.

mod answer;
mod query;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use tollgate_sdk::prelude::*;

use crate::desk::{DESTINATION, Desk, Draft, Message, Search};
use crate::page::{Page, Window};
use crate::text;
use crate::ticket::{Audience, Entry, Ticket, Values};

/// A Zendesk.
pub(crate) struct Zendesk {
    /// Names of custom fields, and their numbers.
    fields: BTreeMap<String, u64>,
}

/// The most tickets that are named as doubles.
const DOUBLES: Window<'static> = Window {
    size: 10,
    page: None,
};

impl Zendesk {
    /// As the manifest has it.
    pub(crate) fn open() -> Result<Self, ToolError> {
        Ok(Self {
            fields: config::get("fields")?.unwrap_or_default(),
        })
    }

    fn find(&self, query: &str, window: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        let number = window.number()?;
        let answer = http::get(DESTINATION, ["search"])
            .query("query", query)
            .query("sort_by", "created_at")
            .query("sort_order", "desc")
            .query("per_page", window.size)
            .query("page", number)
            .send()?
            .success()?;
        let found: answer::Results = answer.json()?;
        let next = found.next_page.is_some().then(|| (number + 1).to_string());
        let tickets = found.results.into_iter();
        Ok(Page {
            items: tickets
                .map(|ticket| ticket.into_ticket(&[], &self.fields))
                .collect(),
            next,
            total: found.count,
        })
    }

    /// Changes a ticket of a version.
    fn put(&self, ticket: &Ticket, mut members: Map<String, Json>) -> Result<Json, ToolError> {
        members.insert("safe_update".to_owned(), json!(true));
        members.insert("updated_stamp".to_owned(), json!(ticket.version));
        http::put(DESTINATION, ["tickets", &ticket.id])
            .json(&json!({ "ticket": members }))
            .send()?
            .success()?
            .json()
    }

    /// Values as members of a ticket.
    fn members(&self, values: &Values) -> Result<Map<String, Json>, ToolError> {
        let mut members = Map::new();
        let mut add = |name: &str, value: Json| drop(members.insert(name.to_owned(), value));
        if let Some(status) = &values.status {
            add("status", json!(status));
        }
        if let Some(subject) = &values.subject {
            add("subject", json!(subject));
        }
        if let Some(priority) = &values.priority {
            let none = priority.is_empty();
            add("priority", if none { Json::Null } else { json!(priority) });
        }
        match values.assignee.as_deref() {
            None => {}
            Some("") => add("assignee_id", Json::Null),
            Some(who) => match who.parse::<u64>() {
                Ok(id) => add("assignee_id", json!(id)),
                Err(_) => add("assignee_email", json!(who)),
            },
        }
        let fields = values.fields.iter().map(|(name, value)| {
            let id = query::field_id(&self.fields, name)?;
            Ok(json!({ "id": id, "value": value }))
        });
        let fields = fields.collect::<Result<Vec<Json>, ToolError>>()?;
        if !fields.is_empty() {
            add("custom_fields", Json::Array(fields));
        }
        Ok(members)
    }
}

impl Desk for Zendesk {
    fn name(&self) -> &'static str {
        "Zendesk"
    }

    fn search(&self, search: &Search<'_>, window: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        self.find(&query::of(search, &self.fields)?, window)
    }

    fn ticket(&self, id: &str) -> Result<Ticket, ToolError> {
        let shown: answer::Shown = http::get(DESTINATION, ["tickets", id])
            .query("include", "users")
            .send()?
            .success()?
            .json()?;
        Ok(shown.ticket.into_ticket(&shown.users, &self.fields))
    }

    /// Pages go by a cursor here, which is text of Zendesk's own.
    fn entries(&self, id: &str, window: Window<'_>) -> Result<Page<Entry>, ToolError> {
        let comments: answer::Comments = http::get(DESTINATION, ["tickets", id, "comments"])
            .query("include", "users")
            .query("page[size]", window.size)
            .query_some("page[after]", window.page)
            .send()?
            .success()?
            .json()?;
        Ok(comments.into_page())
    }

    fn entry_by_key(&self, _: &Ticket, _: &str) -> Result<Option<String>, ToolError> {
        Err(
            ToolError::invalid_input("/key", "cannot be kept: a comment in Zendesk carries none")
                .hint("give `version` instead: the same call made twice is then refused"),
        )
    }

    fn write(&self, ticket: &Ticket, message: Message<'_>) -> Result<Option<String>, ToolError> {
        let is_public = message.audience == Audience::Public;
        let comment = json!({ "body": message.text, "public": is_public });
        let answer = self.put(ticket, Map::from_iter([("comment".to_owned(), comment)]))?;
        Ok(answer::comment_of(&answer))
    }

    fn update(&self, ticket: &Ticket, values: &Values) -> Result<Vec<String>, ToolError> {
        self.put(ticket, self.members(values)?)?;
        Ok(Vec::new())
    }

    fn by_key(&self, draft: &Draft<'_>) -> Result<Option<String>, ToolError> {
        let Some(key) = draft.key else {
            return Ok(None);
        };
        let list: answer::List = http::get(DESTINATION, ["tickets"])
            .query("external_id", key)
            .send()?
            .success()?
            .json()?;
        Ok(list.tickets.first().map(answer::Ticket::number))
    }

    fn same(&self, draft: &Draft<'_>) -> Result<Vec<String>, ToolError> {
        // A new ticket is found by searching a few minutes later only.
        let found = self.find(&query::double(draft)?, DOUBLES)?;
        let same = |ticket: &Ticket| ticket.subject == draft.subject;
        Ok(found
            .items
            .into_iter()
            .filter(same)
            .map(|ticket| ticket.id)
            .collect())
    }

    fn create(&self, draft: &Draft<'_>) -> Result<String, ToolError> {
        let mut ticket = self.members(draft.values)?;
        let mut add = |name: &str, value: Json| drop(ticket.insert(name.to_owned(), value));
        add("subject", json!(draft.subject));
        add("comment", json!({ "body": draft.text }));
        if let Some(group) = draft.queue {
            let group = text::id("/queue", group)?.parse::<u64>().ok();
            add("group_id", json!(group));
        }
        if let Some(address) = draft.requester {
            // Makes the user where there is none; the name is asked for then.
            add("requester", json!({ "email": address, "name": address }));
        }
        if let Some(key) = draft.key {
            add("external_id", json!(key));
        }
        let shown: answer::Shown = http::post(DESTINATION, ["tickets"])
            .json(&json!({ "ticket": ticket }))
            .send()?
            .success()?
            .json()?;
        Ok(shown.ticket.number())
    }
}

#[cfg(test)]
mod tests;
