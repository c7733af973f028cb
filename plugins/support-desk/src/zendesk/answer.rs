//! What Zendesk answers, as types. Members that we do not use are not named.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tollgate_sdk::prelude::*;

use crate::page::Page;
use crate::text;
use crate::ticket::{self, Audience, Entry, Person};
use crate::value::Value;

/// A page of a search.
#[derive(Deserialize)]
pub(super) struct Results {
    #[serde(default)]
    pub(super) results: Vec<Ticket>,
    /// An address, of which only its being there is believed.
    pub(super) next_page: Option<Json>,
    pub(super) count: Option<u64>,
}

/// Tickets without people.
#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    pub(super) tickets: Vec<Ticket>,
}

/// One ticket, with its people where they were asked for.
#[derive(Deserialize)]
pub(super) struct Shown {
    pub(super) ticket: Ticket,
    #[serde(default)]
    pub(super) users: Vec<User>,
}

#[derive(Deserialize)]
pub(super) struct User {
    id: i64,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct CustomField {
    id: u64,
    #[serde(default)]
    value: Json,
}

/// A ticket.
#[derive(Deserialize)]
pub(super) struct Ticket {
    id: u64,
    subject: Option<String>,
    status: Option<String>,
    priority: Option<String>,
    assignee_id: Option<i64>,
    requester_id: Option<i64>,
    group_id: Option<u64>,
    created_at: Option<String>,
    updated_at: Option<String>,
    #[serde(default)]
    custom_fields: Vec<CustomField>,
}

impl Ticket {
    pub(super) fn number(&self) -> String {
        self.id.to_string()
    }

    /// The version is the time of the last change: `updated_stamp` takes it.
    pub(super) fn into_ticket(
        self,
        users: &[User],
        names: &BTreeMap<String, u64>,
    ) -> ticket::Ticket {
        let field = |field: CustomField| {
            let known = names.iter().find(|(_, id)| **id == field.id);
            let name = known.map_or_else(|| field.id.to_string(), |(name, _)| name.clone());
            (name, Value::of(&field.value))
        };
        let requester = self.requester_id.map(|id| person(id, users));
        ticket::Ticket {
            id: self.id.to_string(),
            version: self.updated_at.clone().unwrap_or_default(),
            subject: self.subject.unwrap_or_default(),
            status: self.status.unwrap_or_default(),
            priority: self.priority.unwrap_or_default(),
            assignee: self.assignee_id.map(|id| person(id, users)),
            requesters: requester.into_iter().collect(),
            queue: self.group_id.map(|id| id.to_string()),
            created: self.created_at,
            updated: self.updated_at,
            fields: self.custom_fields.into_iter().map(field).collect(),
        }
    }
}

/// Somebody by the number. The address is the id that callers see where it is
/// known; Zendesk takes either for an assignee.
fn person(id: i64, users: &[User]) -> Person {
    let known = users.iter().find(|user| user.id == id);
    let email = known.and_then(|user| user.email.clone());
    Person {
        id: email.clone().unwrap_or_else(|| id.to_string()),
        name: known.and_then(|user| user.name.clone()),
        email,
    }
}

/// A page of comments.
#[derive(Deserialize)]
pub(super) struct Comments {
    #[serde(default)]
    comments: Vec<Comment>,
    #[serde(default)]
    users: Vec<User>,
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    has_more: bool,
    after_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    /// A comment that does not say so is taken for a public one: who reads it as
    /// internal would quote less carefully.
    public: Option<bool>,
    author_id: Option<i64>,
    created_at: Option<String>,
    plain_body: Option<String>,
    body: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
struct Attachment {
    file_name: Option<String>,
}

impl Comments {
    pub(super) fn into_page(self) -> Page<Entry> {
        let next = self.meta.filter(|meta| meta.has_more);
        let users = self.users;
        Page {
            items: self
                .comments
                .into_iter()
                .map(|comment| comment.into_entry(&users))
                .collect(),
            next: next.and_then(|meta| meta.after_cursor),
            total: None,
        }
    }
}

impl Comment {
    fn into_entry(self, users: &[User]) -> Entry {
        let (text, is_cut) = text::cut(self.plain_body.or(self.body).unwrap_or_default());
        let files = self.attachments.into_iter().take(50);
        Entry {
            id: self.id.to_string(),
            audience: match self.public {
                Some(false) => Audience::Internal,
                _ => Audience::Public,
            },
            author: self.author_id.map(|id| person(id, users)),
            created: self.created_at,
            text,
            is_html: false,
            is_cut,
            files: files.filter_map(|file| file.file_name).collect(),
        }
    }
}

/// The number of the comment that an update wrote, from its audit.
pub(super) fn comment_of(answer: &Json) -> Option<String> {
    let events = answer.pointer("/audit/events")?.as_array()?;
    let comment = events.iter().find(|event| event["type"] == "Comment")?;
    Some(comment["id"].as_u64()?.to_string())
}
