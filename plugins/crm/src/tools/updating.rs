//! Writing some properties of a record.

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

use super::{check_id, opened};
use crate::value::{Properties, Scalar, conflict, differences};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRecord {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    kind: String,
    /// The record's id.
    id: String,
    /// The new values, of properties that the manifest lets be written; `null`
    /// empties one. All others stay as they are.
    properties: Properties,
    /// What the record must hold for the change to happen, as you read it; of any
    /// readable properties. `null` is no value.
    #[serde(default)]
    expected: Properties,
}

/// One property before and after.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Change {
    /// What it held.
    before: Option<Scalar>,
    /// What it holds now, as the system keeps it.
    after: Option<Scalar>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Updated {
    /// The record's id.
    id: String,
    /// What was changed. Empty where it all was so already.
    changed: BTreeMap<String, Change>,
}

/// Writes some properties of one record and leaves all others alone. A
/// `conflict` means that the record does not hold what you expected, and nothing
/// was written. Taken back by writing what was there before, unless somebody has
/// changed one of these properties since. Neither HubSpot nor Tryton can write on
/// a condition, so what another writes in the moment between look and write is
/// overwritten.
#[tool(title = "Update record", effect = "write", undo = "update_record")]
pub(crate) fn update_record(
    input: UpdateRecord,
) -> Result<Undoable<Updated, UpdateRecord>, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    of.check_write(&input.properties)?;
    for property in input.expected.keys() {
        of.check_read(property, "/expected")?;
    }
    let same = |left: Option<&Scalar>, right: Option<&Scalar>| system.same(left, right);
    let found = system.read(of, &input.id)?;
    let what = format!("record {} of {}", input.id, of.name);
    if found.archived {
        return Err(
            ToolError::conflict(format!("{what} is archived; nothing was written"))
                .hint("unarchive it first, or look for another one"),
        );
    }
    let changed = differences(&input.expected, &found.properties, same);
    if !changed.is_empty() {
        return Err(conflict(&what, &changed));
    }
    let changes: Properties = differences(&input.properties, &found.properties, same)
        .into_iter()
        .map(|difference| (difference.property, difference.expected))
        .collect();
    if changes.is_empty() {
        let changed = BTreeMap::new();
        return Ok(Undoable::unchanged(Updated {
            id: input.id,
            changed,
        }));
    }
    system.update(of, &found, &changes)?;
    // Systems make of a value what they like, so the inverse expects what is there.
    // It is written: what comes now must not say that it is not.
    let now = system
        .read(of, &input.id)
        .map_or(changes.clone(), |now| now.properties);
    Ok(taken_back(input, &changes, &found.properties, &now))
}

/// What was changed, and the way back.
fn taken_back(
    input: UpdateRecord,
    changes: &Properties,
    before: &Properties,
    now: &Properties,
) -> Undoable<Updated, UpdateRecord> {
    let value = |of: &Properties, name: &str| of.get(name).cloned().flatten();
    let names = || changes.keys().cloned();
    let changed = names().map(|name| {
        let (before, after) = (value(before, &name), value(now, &name));
        (name, Change { before, after })
    });
    let inverse = UpdateRecord {
        kind: input.kind,
        id: input.id.clone(),
        properties: names()
            .map(|name| (name.clone(), value(before, &name)))
            .collect(),
        expected: names()
            .map(|name| (name.clone(), value(now, &name)))
            .collect(),
    };
    let updated = Updated {
        id: input.id,
        changed: changed.collect(),
    };
    Undoable::new(updated, inverse)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn properties(of: serde_json::Value) -> Properties {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn the_inverse_expects_what_the_system_made_of_it_and_puts_back_only_that() {
        let input: UpdateRecord = serde_json::from_value(json!({
            "type": "contacts", "id": "5", "properties": {"email": "A@EXAMPLE.COM"},
        }))
        .unwrap();
        let changes = input.properties.clone();
        let before = properties(json!({"email": null, "phone": "1"}));
        let now = properties(json!({"email": "a@example.com", "phone": "2"}));
        let done = taken_back(input, &changes, &before, &now);
        let inverse = serde_json::to_value(done.inverse().unwrap()).unwrap();
        assert_eq!(
            inverse,
            json!({"type": "contacts", "id": "5", "properties": {"email": null},
                   "expected": {"email": "a@example.com"}})
        );
        let again: UpdateRecord = serde_json::from_value(inverse).unwrap();
        assert_eq!(again.properties["email"], None);
    }
}
