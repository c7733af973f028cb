//! Objects of HubSpot on the wire: `/crm/v3/objects/{type}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_sdk::ToolError;
use tollgate_sdk::text;

use crate::settings::Type;
use crate::system::{Comparison, Condition, Page, Query, Record};
use crate::value::{Properties, Scalar};

/// How many records with one value are looked for before a create.
const FOUND_MAX: u32 = 10;

/// An object. Fields that the documents call required are left out at times.
#[derive(Debug, Deserialize)]
pub(super) struct Object {
    id: String,
    #[serde(default)]
    properties: BTreeMap<String, Option<String>>,
    #[serde(default, rename = "updatedAt")]
    updated_at: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    associations: BTreeMap<String, Associated>,
}

/// What an object is associated with, where that was asked for.
#[derive(Debug, Deserialize)]
struct Associated {
    #[serde(default)]
    results: Vec<Made>,
}

/// What a create answers that matters.
#[derive(Debug, Deserialize)]
pub(super) struct Made {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Objects {
    #[serde(default)]
    results: Vec<Object>,
    #[serde(default)]
    total: Option<u64>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    #[serde(default)]
    pub(super) next: Option<Next>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Next {
    pub(super) after: String,
}

/// What a batch answers: with status 207 there are errors beside results.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    #[serde(default)]
    results: Vec<Object>,
    #[serde(default)]
    errors: Vec<BatchError>,
}

#[derive(Debug, Deserialize)]
struct BatchError {
    #[serde(default)]
    category: String,
    #[serde(default)]
    message: String,
}

/// A record: of the properties only those that the manifest lists. HubSpot adds
/// some of its own accord.
pub(super) fn record(of: &Type, mut object: Object) -> Record {
    let listed = of.readable().iter().map(|name| {
        let text = object.properties.remove(name).flatten();
        (name.clone(), text.map(Scalar::Text))
    });
    Record {
        properties: listed.collect(),
        id: object.id,
        version: object.updated_at,
        archived: object.archived,
    }
}

/// A page of records.
pub(super) fn page(of: &Type, objects: Objects) -> Page<Record> {
    let items = objects.results.into_iter();
    Page {
        items: items.map(|object| record(of, object)).collect(),
        next: objects
            .paging
            .and_then(|paging| paging.next)
            .map(|n| n.after),
        total: objects.total,
    }
}

/// Records of a batch. What was not found is left out; any other error counts for
/// all, so that nobody takes a part for the whole.
pub(super) fn batch(of: &Type, batch: Batch) -> Result<Vec<Record>, ToolError> {
    let other = |error: &&BatchError| error.category != "OBJECT_NOT_FOUND";
    if let Some(error) = batch.errors.iter().find(other) {
        let words = text::shortened(&error.message, 200);
        return Err(ToolError::failed(format!(
            "HubSpot could read a part of the records only: {words}"
        ))
        .hint("read them one by one"));
    }
    let found = batch.results.into_iter();
    Ok(found.map(|object| record(of, object)).collect())
}

/// Values as HubSpot takes them: texts, and an empty one for none (CRM API,
/// "clear a property value").
pub(super) fn texts(properties: &Properties) -> BTreeMap<&str, String> {
    let text = |value: &Option<Scalar>| value.as_ref().map_or_else(String::new, Scalar::text);
    let each = properties.iter();
    each.map(|(name, value)| (name.as_str(), text(value)))
        .collect()
}

/// The body of a search. `sorts`, `after` and an empty list of groups are there
/// because the published description requires them.
pub(super) fn search_body(of: &Type, query: &Query<'_>) -> Result<Value, ToolError> {
    let filters = query.conditions.iter().enumerate();
    let filters = filters.map(|(i, condition)| filter(i, condition));
    let filters = filters.collect::<Result<Vec<_>, _>>()?;
    let groups = if filters.is_empty() {
        json!([])
    } else {
        json!([{ "filters": filters }])
    };
    let sorts = query.sort.map(|(property, largest_first)| {
        if largest_first {
            format!("-{property}")
        } else {
            property.to_owned()
        }
    });
    Ok(json!({
        "filterGroups": groups,
        "properties": of.readable(),
        "sorts": sorts.into_iter().collect::<Vec<_>>(),
        "limit": query.limit,
        "after": query.after.unwrap_or("0"),
    }))
}

/// The body of the search for records with this very value.
pub(super) fn find_body(of: &Type, property: &str, text: &str) -> Value {
    json!({
        "filterGroups": [{
            "filters": [{ "propertyName": property, "operator": "EQ", "value": text }],
        }],
        "properties": of.readable(),
        "sorts": [],
        "limit": FOUND_MAX,
        "after": "0",
    })
}

fn filter(i: usize, condition: &Condition) -> Result<Value, ToolError> {
    let operator = match condition.is {
        Comparison::Equal => "EQ",
        Comparison::NotEqual => "NEQ",
        Comparison::Contains => "CONTAINS_TOKEN",
        Comparison::Less => "LT",
        Comparison::LessOrEqual => "LTE",
        Comparison::Greater => "GT",
        Comparison::GreaterOrEqual => "GTE",
        Comparison::Empty => "NOT_HAS_PROPERTY",
        Comparison::NotEmpty => "HAS_PROPERTY",
    };
    let mut filter = json!({ "propertyName": condition.property, "operator": operator });
    if let Some(value) = crate::tools::value_of(i, condition)? {
        filter["value"] = match condition.is {
            Comparison::Contains => format!("*{}*", value.text()).into(),
            _ => value.text().into(),
        };
    }
    Ok(filter)
}

/// The body of a batch read.
pub(super) fn batch_body(of: &Type, ids: &[String]) -> Value {
    let inputs = ids.iter().map(|id| json!({ "id": id }));
    json!({
        "inputs": inputs.collect::<Vec<_>>(),
        "properties": of.readable(),
        "propertiesWithHistory": [],
    })
}

/// The body of a new note. Its text is HTML there, so a plain text is escaped: a
/// person who opens the record must not run what an agent was told to write.
pub(super) fn note_body(id: &str, kind: u32, text: &str, now: u64) -> Value {
    json!({
        "properties": { "hs_note_body": html(text), "hs_timestamp": now.to_string() },
        "associations": [{
            "to": { "id": id },
            "types": [{ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind }],
        }],
    })
}

/// The text of a note that this connector wrote, HTML where somebody else did;
/// nothing where it is not on that record.
pub(super) fn note_text(kind: &str, id: &str, mut note: Object) -> Option<String> {
    let on = note.associations.get(kind)?;
    if !on.results.iter().any(|record| record.id == id) {
        return None;
    }
    let body = note.properties.remove("hs_note_body").flatten();
    Some(plain(&body.unwrap_or_default()))
}

fn html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    escaped
        .replace('>', "&gt;")
        .replace("\r\n", "\n")
        .replace('\n', "<br>")
}

fn plain(html: &str) -> String {
    let lines = html.replace("<br>", "\n").replace("<br/>", "\n");
    let text = lines.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn contacts() -> Type {
        let mut of: Type = serde_json::from_value(json!({ "read": ["email", "phone"] })).unwrap();
        of.name = "contacts".into();
        of
    }

    fn condition(value: Value) -> Condition {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_record_shows_only_what_is_listed() {
        let object = json!({
            "id": "512", "updatedAt": "2026-11-22T10:00:00Z", "archived": false,
            "properties": { "email": "a@example.com", "phone": null, "salary": "9000" },
        });
        let record = record(&contacts(), serde_json::from_value(object).unwrap());
        assert_eq!(
            record.properties["email"],
            Some(Scalar::Text("a@example.com".into()))
        );
        assert_eq!(record.properties["phone"], None);
        assert!(!record.properties.contains_key("salary"));
    }

    #[test]
    fn conditions_become_filters_of_one_group() {
        let conditions = [
            condition(json!({"property": "email", "is": "contains", "value": "example"})),
            condition(json!({"property": "phone", "is": "empty"})),
        ];
        let query = Query {
            conditions: &conditions,
            sort: Some(("email", true)),
            limit: 20,
            after: Some("40"),
        };
        let body = search_body(&contacts(), &query).unwrap();
        assert_eq!(
            body["filterGroups"],
            json!([{"filters": [
                {"propertyName": "email", "operator": "CONTAINS_TOKEN", "value": "*example*"},
                {"propertyName": "phone", "operator": "NOT_HAS_PROPERTY"},
            ]}])
        );
        assert_eq!(body["sorts"], json!(["-email"]));
        assert_eq!(body["after"], "40");
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let answer =
            json!({"total": 3, "results": [{"id": "1"}], "paging": {"next": {"after": "1"}}});
        let first = page(&contacts(), serde_json::from_value(answer).unwrap());
        assert_eq!((first.next.as_deref(), first.total), (Some("1"), Some(3)));
        let last = page(
            &contacts(),
            serde_json::from_value(json!({"results": []})).unwrap(),
        );
        assert_eq!((last.next, last.total), (None, None));
    }

    #[test]
    fn a_batch_that_failed_in_part_is_no_whole() {
        let missing = json!({
            "status": "COMPLETE", "results": [{"id": "1"}], "numErrors": 1,
            "errors": [{"status": "error", "category": "OBJECT_NOT_FOUND", "message": "gone"}],
        });
        let read = batch(&contacts(), serde_json::from_value(missing).unwrap()).unwrap();
        assert_eq!(read.len(), 1);
        let failed = json!({
            "results": [{"id": "1"}],
            "errors": [{"category": "VALIDATION_ERROR", "message": "bad id"}],
        });
        let error = batch(&contacts(), serde_json::from_value(failed).unwrap()).unwrap_err();
        assert!(error.message().contains("bad id"), "{error}");
    }

    #[test]
    fn no_value_is_an_empty_text() {
        let properties: Properties =
            serde_json::from_value(json!({"a": null, "b": 7, "c": true})).unwrap();
        let texts = texts(&properties);
        assert_eq!(
            (&*texts["a"], &*texts["b"], &*texts["c"]),
            ("", "7", "true")
        );
    }

    #[test]
    fn a_note_is_text_and_never_markup() {
        let text = "a < b & c\n<script>alert(1)</script>";
        let body = note_body("512", 202, text, 1);
        let written = body["properties"]["hs_note_body"].as_str().unwrap();
        assert!(!written.contains("<script>"), "{written}");
        let note = json!({
            "id": "9", "properties": {"hs_note_body": written},
            "associations": {"contacts": {"results": [{"id": "512", "type": "note_to_contact"}]}},
        });
        let read = |id| {
            note_text(
                "contacts",
                id,
                serde_json::from_value(note.clone()).unwrap(),
            )
        };
        assert_eq!(read("512").as_deref(), Some(text));
        assert_eq!(read("513"), None, "it is on another record");
    }
}
