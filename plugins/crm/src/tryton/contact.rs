//! A party's email, phone and the like. Tryton shows the first of each kind as a
//! field of the party, and keeps them as rows of `party.contact_mechanism`; they
//! are written there, in the same request as the rest.

use serde_json::{Value, json};
use tollgate_sdk::ToolError;

use super::Row;
use crate::settings::Type;
use crate::system::Record;
use crate::value::{Properties, Scalar};

/// The fields of a party that are rows.
const NAMES: [&str; 5] = ["email", "phone", "mobile", "fax", "website"];

/// What is read of the rows.
pub(super) const FIELDS: [&str; 3] = [
    "contact_mechanisms.id",
    "contact_mechanisms.type",
    "contact_mechanisms.value",
];

/// Whether a property has such a name.
pub(super) fn is_name(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Whether a property of this type is kept in a row.
pub(super) fn is_one(of: &Type, name: &str) -> bool {
    of.model.as_deref() == Some("party.party") && is_name(name)
}

/// The condition that a party has such a row.
pub(super) fn clause(name: &str, operator: &str, value: &Value) -> Value {
    if value.is_null() {
        // `=` and none: no row of the kind at all.
        let has = if operator == "=" {
            "not where"
        } else {
            "where"
        };
        return json!(["contact_mechanisms", has, [["type", "=", name]]]);
    }
    json!([
        "contact_mechanisms",
        "where",
        [["type", "=", name], ["value", operator, value]]
    ])
}

/// The rows of a new party.
pub(super) fn create(of: &Type, properties: &Properties, content: &mut Row) {
    let rows = properties.iter().filter(|(name, _)| is_one(of, name));
    let rows = rows.filter_map(|(name, value)| Some(row(name, value.as_ref()?)));
    let rows = rows.collect::<Vec<_>>();
    if !rows.is_empty() {
        content.insert("contact_mechanisms".into(), json!([["create", rows]]));
    }
}

/// What must be done to the rows of a party so that its fields change.
pub(super) fn update(
    of: &Type,
    found: &Record,
    now: &Row,
    changes: &Properties,
    content: &mut Row,
) -> Result<(), ToolError> {
    let mut steps = Vec::new();
    for (name, value) in changes.iter().filter(|(name, _)| is_one(of, name)) {
        let before = found.properties.get(name).and_then(Option::as_ref);
        let id = match before {
            Some(before) => Some(held(now, name, &before.text())?),
            None => None,
        };
        steps.push(match (id, value) {
            (Some(id), Some(value)) => json!(["write", [id], { "value": value.text() }]),
            (Some(id), None) => json!(["delete", [id]]),
            (None, Some(value)) => json!(["create", [row(name, value)]]),
            (None, None) => continue,
        });
    }
    if !steps.is_empty() {
        content.insert("contact_mechanisms".into(), steps.into());
    }
    Ok(())
}

fn row(name: &str, value: &Scalar) -> Value {
    json!({ "type": name, "value": value.text() })
}

/// The id of the row that holds what the field shows.
fn held(now: &Row, name: &str, text: &str) -> Result<u64, ToolError> {
    let rows = now.get("contact_mechanisms.").and_then(Value::as_array);
    let mut rows = rows.into_iter().flatten();
    let is_it = |row: &&Value| row["type"] == name && row["value"] == text;
    let id = rows.find(is_it).and_then(|row| row["id"].as_u64());
    id.ok_or_else(|| {
        ToolError::conflict(format!(
            "the party's {name} was changed while this call was at work"
        ))
        .hint("read the record again, and decide anew")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn parties() -> Type {
        serde_json::from_value(json!({"model": "party.party", "read": ["email", "phone"]})).unwrap()
    }

    fn record(email: &str) -> Record {
        Record {
            id: "3".into(),
            properties: [("email".to_owned(), Some(Scalar::Text(email.into())))].into(),
            version: None,
            archived: false,
        }
    }

    fn changes(of: Value) -> Properties {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn an_email_is_written_in_its_own_row_and_a_phone_gets_one() {
        let now = json!({"id": 3, "contact_mechanisms.": [
            {"id": 7, "type": "phone", "value": "a@example.com"},
            {"id": 8, "type": "email", "value": "a@example.com"},
        ]});
        let now = now.as_object().unwrap().clone();
        let mut content = Row::new();
        let changes = changes(json!({"email": "b@example.com", "phone": "1"}));
        update(
            &parties(),
            &record("a@example.com"),
            &now,
            &changes,
            &mut content,
        )
        .unwrap();
        assert_eq!(
            Value::from(content),
            json!({"contact_mechanisms": [
                ["write", [8], {"value": "b@example.com"}],
                ["create", [{"type": "phone", "value": "1"}]],
            ]})
        );
    }

    #[test]
    fn none_removes_the_row_and_a_row_that_is_gone_is_a_conflict() {
        let now =
            json!({"contact_mechanisms.": [{"id": 8, "type": "email", "value": "a@example.com"}]});
        let now = now.as_object().unwrap().clone();
        let mut content = Row::new();
        let none = changes(json!({"email": null}));
        update(
            &parties(),
            &record("a@example.com"),
            &now,
            &none,
            &mut content,
        )
        .unwrap();
        assert_eq!(content["contact_mechanisms"], json!([["delete", [8]]]));
        let other = update(
            &parties(),
            &record("x@example.com"),
            &now,
            &none,
            &mut content,
        );
        assert!(matches!(other, Err(ToolError::Conflict(_))));
    }
}
