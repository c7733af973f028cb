//! Making records.

use serde_json::Value;
use tollgate_sdk::prelude::*;

use super::Record;
use super::deleting::{RemoveCreated, remove_created};
use crate::field;
use crate::filter::{Checked, Test};
use crate::settings::{self, Table, Values};
use crate::vendor::Vendor;

/// Most records in one call: Airtable takes no more.
const RECORDS_MAX: usize = 10;

/// How many records with one key are looked at.
const TWINS_MAX: u32 = 100;

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRecords {
    /// The table, by its name in the manifest.
    pub(super) table: String,
    /// The records, each as values by the field's name. All are made, or none.
    #[schemars(length(min = 1, max = 10))]
    pub(super) records: Vec<Values>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Created {
    /// The records as they are now, in order.
    records: Vec<Record>,
    /// Fields that do not hold what was sent, as `record number: field`. The
    /// server has dropped or changed the value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_stored: Vec<String>,
    /// Ids of other records with one of the keys, made by somebody at the same
    /// time. Tell a person.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<String>,
}

/// Makes up to 10 records. Where the table has a key, each record needs one, and
/// one that exists already is a conflict: nothing is made, so a call can be made
/// again. Undone by deleting the records, if they still hold what was written.
#[tool(title = "Create records", effect = "write", undo = "remove_created")]
pub(crate) fn create_records(
    input: CreateRecords,
) -> Result<Undoable<Created, RemoveCreated>, ToolError> {
    let table = settings::table(&input.table)?;
    let vendor = settings::vendor()?;
    if !(1..=RECORDS_MAX).contains(&input.records.len()) {
        let message = format!("must have 1 to {RECORDS_MAX} items");
        return Err(ToolError::invalid_input("/records", message));
    }
    let each = input.records.iter().enumerate();
    let wire = each.map(|(i, values)| table.writable(values, &format!("/records/{i}")));
    let wire: Vec<_> = wire.collect::<Result<_, _>>()?;
    let keys = keys(&table, &input.records)?;
    for key in &keys {
        if let Some(id) = with_key(&vendor, &table, key)?.first() {
            return Err(
                ToolError::conflict(format!("record {id} has the key {key} already"))
                    .hint("read that record; nothing was made"),
            );
        }
    }
    let made = vendor.create(&table, &wire)?;
    let records: Vec<Record> = made
        .into_iter()
        .map(|raw| Record::of(&table, raw))
        .collect();
    let mut duplicates = Vec::new();
    for key in &keys {
        // Two calls may both have seen that there is none. The records are made,
        // so a look that fails is no failure of the call.
        let twins = with_key(&vendor, &table, key).unwrap_or_default();
        let others = twins
            .into_iter()
            .filter(|id| records.iter().all(|one| one.id != *id));
        duplicates.extend(others);
    }
    let inverse = RemoveCreated {
        table: input.table,
        records: records.clone(),
    };
    let output = Created {
        not_stored: not_stored(&input.records, &records),
        records,
        duplicates,
    };
    Ok(Undoable::new(output, inverse))
}

/// The keys of the records, each there and each once.
fn keys(table: &Table, records: &[Values]) -> Result<Vec<Value>, ToolError> {
    let Some(name) = &table.key else {
        return Ok(Vec::new());
    };
    let mut keys: Vec<Value> = Vec::new();
    for (i, values) in records.iter().enumerate() {
        let at = format!("/records/{i}/{name}");
        let is_there = |key: &&Value| !key.is_null() && key.as_str() != Some("");
        let Some(key) = values.get(name).filter(is_there) else {
            return Err(ToolError::invalid_input(
                at,
                "is the key of the table and missing",
            ));
        };
        if keys.iter().any(|other| field::same(other, key)) {
            return Err(ToolError::invalid_input(
                at,
                "is the key of a record before it",
            ));
        }
        keys.push(key.clone());
    }
    Ok(keys)
}

/// The ids of records with this very key. The server's idea of equal may be
/// wider (upper and lower case), so that each is compared once more.
fn with_key(vendor: &Vendor, table: &Table, key: &Value) -> Result<Vec<String>, ToolError> {
    let name = table.key.as_deref().unwrap_or_default();
    let condition = Checked {
        field: table.field(name, "/records")?,
        is: Test::Equals,
        value: key.clone(),
    };
    let found = vendor
        .list(table, &[condition], TWINS_MAX, None)
        .map_err(|error| match error {
            ToolError::InvalidInput { message, .. } => {
                ToolError::invalid_input("/records", format!("the key {key} {message}"))
            }
            other => other,
        })?;
    let records = found.records.into_iter().map(|raw| Record::of(table, raw));
    let same = records.filter(|one| {
        one.fields
            .get(name)
            .is_some_and(|own| field::same(own, key))
    });
    Ok(same.map(|one| one.id).collect())
}

fn not_stored(sent: &[Values], made: &[Record]) -> Vec<String> {
    let pairs = sent.iter().zip(made).enumerate();
    pairs
        .flat_map(|(i, (sent, made))| {
            let lost = sent.iter().filter(|(name, value)| {
                made.fields
                    .get(*name)
                    .is_none_or(|now| !field::same(now, value))
            });
            lost.map(move |(name, _)| format!("{i}: {name}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;
    use crate::settings::sample;

    #[test]
    fn each_record_needs_a_key_of_its_own() {
        let keyed = |records: Value| {
            keys(
                &sample(),
                &serde_json::from_value::<Vec<Values>>(records).unwrap(),
            )
        };
        assert_eq!(
            keyed(json!([{"number": "a"}, {"number": "b"}]))
                .unwrap()
                .len(),
            2
        );
        for records in [
            json!([{"number": "a"}, {"number": "a"}]),
            json!([{"number": "a"}, {"customer": "b"}]),
            json!([{"number": "a"}, {"number": ""}]),
        ] {
            assert!(
                matches!(keyed(records), Err(ToolError::InvalidInput { pointer, .. }) if pointer == "/records/1/number")
            );
        }
    }

    #[test]
    fn what_the_server_dropped_is_told() {
        let sent: Vec<Values> =
            serde_json::from_value(json!([{"amount": 3, "customer": "x"}])).unwrap();
        let made: Vec<Record> = serde_json::from_value(
            json!([{"id": "1", "fields": {"amount": 3.0, "customer": null}}]),
        )
        .unwrap();
        assert_eq!(not_stored(&sent, &made), ["0: customer"]);
    }
}
