//! Changing fields of a record.

use tollgate_sdk::prelude::*;

use super::{Record, check_names};
use crate::field;
use crate::settings::{self, Values};

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRecord {
    /// The table, by its name in the manifest.
    table: String,
    /// The record's id.
    id: String,
    /// New values by the field's name; null empties a field. Others stay.
    fields: Values,
    /// What these or other fields must hold for the change to happen.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    expected: Values,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Updated {
    /// The record as it is now.
    record: Record,
    /// What the changed fields held.
    before: Values,
    /// Fields that do not hold what was sent: the server has dropped or changed
    /// the value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_stored: Vec<String>,
}

/// Writes some fields of one record. Give `expected` to write only if it is as
/// you have read it. The server cannot do both in one step: who changes the same
/// fields between the look and the write loses that change. Undone by writing
/// the old values back, if these fields still hold what this call wrote.
#[tool(title = "Update a record", effect = "write", undo = "update_record")]
pub(crate) fn update_record(
    input: UpdateRecord,
) -> Result<Undoable<Updated, UpdateRecord>, ToolError> {
    let table = settings::table(&input.table)?;
    let vendor = settings::vendor()?;
    let wire = table.writable(&input.fields, "/fields")?;
    check_names(&table, &input.expected, "/expected")?;
    let before = Record::of(&table, vendor.get(&table, &input.id)?);
    before.check(&input.expected)?;
    if before.difference(&input.fields).is_none() {
        return Ok(Undoable::unchanged(Updated {
            before: before.only(&input.fields),
            record: before,
            not_stored: Vec::new(),
        }));
    }
    let record = Record::of(&table, vendor.update(&table, &input.id, &wire)?);
    let before = before.only(&input.fields);
    let inverse = UpdateRecord {
        table: input.table,
        id: input.id,
        fields: before.clone(),
        expected: record.only(&input.fields),
    };
    let lost = input.fields.iter().filter(|(name, value)| {
        record
            .fields
            .get(*name)
            .is_none_or(|now| !field::same(now, value))
    });
    let output = Updated {
        not_stored: lost.map(|(name, _)| name.clone()).collect(),
        record,
        before,
    };
    Ok(Undoable::new(output, inverse))
}
