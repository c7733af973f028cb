//! What Roundup answers, as types. Attributes are the tracker's own, so they stay
//! JSON until one is asked for.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use tollgate_sdk::http::Response;
use tollgate_sdk::prelude::*;

use crate::ticket::{Person, Ticket};
use crate::value::Value;

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

/// The `data` of an answer.
pub(super) fn data<T: DeserializeOwned>(answer: &Response) -> Result<T, ToolError> {
    Ok(answer.json::<Data<T>>()?.data)
}

/// A page of a collection.
#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    pub(super) collection: Vec<Map<String, Json>>,
    #[serde(default, rename = "@links")]
    links: BTreeMap<String, Json>,
}

impl List {
    /// Only its being there is believed; the address is not used.
    pub(super) fn has_next(&self) -> bool {
        self.links.contains_key("next")
    }
}

/// One item.
#[derive(Deserialize)]
pub(super) struct Item {
    id: String,
    #[serde(default)]
    pub(super) attributes: Map<String, Json>,
    /// Without the end that a compressing server gives to the header.
    #[serde(rename = "@etag")]
    pub(super) etag: Option<String>,
}

impl Item {
    /// As it stands in a list: the id among the attributes.
    pub(super) fn flat(&self) -> Map<String, Json> {
        let mut flat = self.attributes.clone();
        flat.insert("id".to_owned(), Json::String(self.id.clone()));
        flat
    }
}

/// What was made.
#[derive(Deserialize)]
pub(super) struct Made {
    pub(super) id: String,
}

/// An issue.
pub(super) fn ticket(issue: &Map<String, Json>, fields: &[String], etag: Option<&str>) -> Ticket {
    let text = |name: &str| issue.get(name).map(label).unwrap_or_default();
    let some = |name: &str| Some(text(name)).filter(|text| !text.is_empty());
    let person = |name: &str| issue.get(name).and_then(person);
    let value = |name: &String| (name.clone(), issue.get(name).map_or(Value::Empty, value));
    Ticket {
        id: text("id"),
        version: version(etag),
        subject: text("title"),
        status: text("status"),
        priority: text("priority"),
        assignee: person("assignedto"),
        requesters: person("creator").into_iter().collect(),
        queue: None,
        created: some("creation"),
        updated: some("activity"),
        fields: fields.iter().map(value).collect(),
    }
}

/// A version without its quotation marks.
pub(super) fn version(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

/// A text as it is; a link by its name, which `@verbose=2` gives beside id and
/// address, else by its id.
pub(super) fn label(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        Json::Object(link) => {
            let name = link
                .iter()
                .find(|(name, _)| !matches!(name.as_str(), "id" | "link"));
            let label = name
                .map(|(_, value)| value)
                .filter(|value| value.is_string());
            label
                .or_else(|| link.get("id"))
                .map(label_of_part)
                .unwrap_or_default()
        }
        other => other.to_string(),
    }
}

fn label_of_part(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// A user.
pub(super) fn person(json: &Json) -> Option<Person> {
    let id = label(json);
    (!id.is_empty()).then_some(Person {
        id,
        name: None,
        email: None,
    })
}

fn value(json: &Json) -> Value {
    match json {
        Json::Array(links) => Value::of(&Json::Array(
            links.iter().map(|link| Json::String(label(link))).collect(),
        )),
        Json::Object(_) => Value::text(&label(json)),
        other => Value::of(other),
    }
}
