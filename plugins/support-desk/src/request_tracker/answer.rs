//! What REST2 answers, as types. Members that we do not use are not named.

use serde_json::Value as Json;
use tollgate_sdk::http::Response;
use tollgate_sdk::prelude::*;

use super::NOBODY;
use crate::ticket::{self, Person};
use crate::value::Value;

/// Many of something, a page of them.
#[derive(Deserialize)]
pub(super) struct List<T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
    /// An address, of which only its being there is believed.
    pub(super) next_page: Option<Json>,
    /// Null where rights filter the rows.
    #[serde(default, deserialize_with = "count")]
    pub(super) total: Option<u64>,
}

/// A count; Perl gives some as `0.0`.
fn count<'de, D: serde::Deserializer<'de>>(given: D) -> Result<Option<u64>, D::Error> {
    let count = Option::<Json>::deserialize(given)?;
    Ok(count.and_then(|count| count.as_u64()))
}

/// Something that is named by its id, a text or a number.
#[derive(Deserialize)]
pub(super) struct Named {
    #[serde(default)]
    id: Json,
    #[serde(rename = "Name")]
    name: Option<String>,
}

/// A queue.
#[derive(Deserialize)]
pub(super) struct Queue {
    #[serde(rename = "Name")]
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct CustomField {
    name: String,
    #[serde(default)]
    values: Json,
}

/// A ticket, alone or in a list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Ticket {
    #[serde(rename = "id")]
    id: Json,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    priority: Json,
    queue: Option<Named>,
    owner: Option<Named>,
    #[serde(default)]
    requestor: Vec<Named>,
    created: Option<String>,
    last_updated: Option<String>,
    #[serde(default)]
    custom_fields: Vec<CustomField>,
}

impl Ticket {
    pub(super) fn into_ticket(self, version: Option<String>) -> ticket::Ticket {
        let owner = self.owner.as_ref().and_then(person);
        ticket::Ticket {
            id: plain(&self.id),
            version: version.unwrap_or_default(),
            subject: self.subject.unwrap_or_default(),
            status: self.status.unwrap_or_default(),
            priority: plain(&self.priority),
            assignee: owner.filter(|owner| owner.id != NOBODY),
            requesters: self.requestor.iter().filter_map(person).collect(),
            queue: self
                .queue
                .map(|queue| queue.name.unwrap_or_else(|| plain(&queue.id))),
            created: self.created,
            updated: self.last_updated,
            fields: self
                .custom_fields
                .into_iter()
                .map(|field| (field.name, Value::of(&field.values)))
                .collect(),
        }
    }
}

/// A user. Users who only ever wrote are named by their address.
pub(super) fn person(named: &Named) -> Option<Person> {
    let id = plain(&named.id);
    let email = id.contains('@').then(|| id.clone());
    (!id.is_empty()).then_some(Person {
        id,
        name: None,
        email,
    })
}

/// A text or a number, as text.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// The number at the end of `Location`, which has no origin here.
pub(super) fn last_segment(location: Option<&str>) -> Option<String> {
    let last = location?.rsplit('/').next()?;
    let is_id = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| last.to_owned())
}

/// What an update says: sentences, about what was done and what was not.
pub(super) fn sentences(answer: &Response) -> Result<Vec<String>, ToolError> {
    let words: Vec<Json> = answer.json()?;
    let words = words.iter().filter_map(Json::as_str).take(20);
    Ok(words
        .map(|words| words.chars().take(300).collect())
        .collect())
}
