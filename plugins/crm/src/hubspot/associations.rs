//! Associations of HubSpot on the wire, version 4.
//!
//! Two records may have several associations at once: the usual one, and one for
//! each label. `DELETE` removes them all, so who takes one back must know all.

use serde::Deserialize;
use serde_json::{Value, json};

use super::objects::Paging;
use crate::system::{Association, Label, Page, Pair};

/// How many are read at once; HubSpot allows 500.
pub(super) const PAGE: u32 = 500;

#[derive(Debug, Deserialize)]
pub(super) struct Associated {
    #[serde(default)]
    results: Vec<Other>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Debug, Deserialize)]
struct Other {
    #[serde(rename = "toObjectId")]
    id: Id,
    #[serde(default, rename = "associationTypes")]
    types: Vec<Kind>,
}

/// A text by the published description, a number in the guide's examples.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
}

#[derive(Debug, Deserialize)]
struct Kind {
    category: String,
    #[serde(rename = "typeId")]
    number: u32,
    #[serde(default)]
    label: Option<String>,
}

/// A page of them.
pub(super) fn page(associated: Associated) -> Page<Association> {
    let items = associated.results.into_iter().map(|other| {
        let mut labels: Vec<_> = other.types.into_iter().map(label).collect();
        labels.sort();
        Association {
            id: match other.id {
                Id::Text(text) => text,
                Id::Number(number) => number.to_string(),
            },
            labels,
        }
    });
    Page {
        items: items.collect(),
        next: associated
            .paging
            .and_then(|paging| paging.next)
            .map(|n| n.after),
        total: None,
    }
}

fn label(kind: Kind) -> Label {
    Label {
        category: kind.category,
        number: kind.number,
        name: kind.label,
    }
}

/// The body that sets these very labels.
pub(super) fn labels_body(labels: &[Label]) -> Value {
    let each = labels.iter().map(
        |label| json!({ "associationCategory": label.category, "associationTypeId": label.number }),
    );
    Value::from(each.collect::<Vec<_>>())
}

/// All of one record with those of a type.
pub(super) fn of(pair: Pair<'_>) -> Vec<&str> {
    let from = ["crm", "v4", "objects", &pair.from.name, pair.id];
    [&from[..], &["associations", &pair.to.name]].concat()
}

/// What is between two records.
pub(super) fn between<'a>(pair: Pair<'a>, other: &'a str) -> Vec<&'a str> {
    [of(pair), vec![other]].concat()
}

/// The usual association between two records.
pub(super) fn default_between<'a>(pair: Pair<'a>, other: &'a str) -> Vec<&'a str> {
    let from = ["crm", "v4", "objects", &pair.from.name, pair.id];
    [
        &from[..],
        &["associations", "default", &pair.to.name, other],
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn labels_are_read_whatever_the_id_looks_like() {
        let answer = json!({
            "results": [
                {"toObjectId": 9, "associationTypes": [
                    {"category": "USER_DEFINED", "typeId": 36, "label": "Decision maker"},
                    {"category": "HUBSPOT_DEFINED", "typeId": 279, "label": null},
                ]},
                {"toObjectId": "10", "associationTypes": []},
            ],
            "paging": {"next": {"after": "10"}},
        });
        let page = page(serde_json::from_value(answer).unwrap());
        assert_eq!(page.next.as_deref(), Some("10"));
        assert_eq!((&*page.items[0].id, &*page.items[1].id), ("9", "10"));
        assert_eq!(
            page.items[0].labels[0].number, 279,
            "in an order of their own"
        );
        assert_eq!(
            labels_body(&page.items[0].labels)[1],
            json!({"associationCategory": "USER_DEFINED", "associationTypeId": 36})
        );
    }
}
