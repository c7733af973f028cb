//! Deleting records.

use tollgate_sdk::prelude::*;

use super::creating::{CreateRecords, create_records};
use super::{Record, check_names};
use crate::settings::{self, Values};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteRecord {
    /// The table, by its name in the manifest.
    table: String,
    /// The record's id.
    id: String,
    /// What its fields must hold for the deletion to happen, as you have read
    /// them. At least one field.
    expected: Values,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Deleted {
    /// The record as it was.
    record: Record,
}

/// The way back of `create_records`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveCreated {
    /// The table, by its name in the manifest.
    pub(super) table: String,
    /// The records as they were made, all fields of each.
    #[schemars(length(min = 1, max = 10))]
    pub(super) records: Vec<Record>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Removed {
    /// The ids of the records that are gone.
    removed: Vec<String>,
}

/// Deletes one record for good, if its fields hold what is expected. It cannot
/// be taken back: another record with the same values would have another id, and
/// no links, files, comments or history.
#[tool(title = "Delete a record", effect = "irreversible")]
pub(crate) fn delete_record(input: DeleteRecord) -> Result<Deleted, ToolError> {
    let table = settings::table(&input.table)?;
    let vendor = settings::vendor()?;
    if input.expected.is_empty() {
        return Err(ToolError::invalid_input("/expected", "names no field"));
    }
    check_names(&table, &input.expected, "/expected")?;
    let record = Record::of(&table, vendor.get(&table, &input.id)?);
    record.check(&input.expected)?;
    vendor.delete(&table, &input.id)?;
    Ok(Deleted { record })
}

/// Deletes records that were just made, if every field still holds what it held
/// then; at the first that does not, none is deleted. Undone by making them
/// again, with new ids.
#[tool(
    title = "Remove created records",
    effect = "write",
    undo = "create_records"
)]
pub(crate) fn remove_created(
    input: RemoveCreated,
) -> Result<Undoable<Removed, CreateRecords>, ToolError> {
    let table = settings::table(&input.table)?;
    let vendor = settings::vendor()?;
    if !(1..=10).contains(&input.records.len()) {
        return Err(ToolError::invalid_input(
            "/records",
            "must have 1 to 10 items",
        ));
    }
    for (i, expected) in input.records.iter().enumerate() {
        check_names(&table, &expected.fields, &format!("/records/{i}/fields"))?;
        // The attack: a deletion of anything, called the removal of something new.
        if let Some(name) = table
            .fields
            .keys()
            .find(|name| !expected.fields.contains_key(*name))
        {
            let message = format!("does not say what `{name}` held");
            return Err(ToolError::invalid_input(
                format!("/records/{i}/fields"),
                message,
            ));
        }
        let now = Record::of(&table, vendor.get(&table, &expected.id)?);
        now.check(&expected.fields)?;
    }
    let mut removed = Vec::new();
    for record in &input.records {
        if let Err(error) = vendor.delete(&table, &record.id) {
            if removed.is_empty() {
                return Err(error);
            }
            return Err(ToolError::failed(format!(
                "only the records {} are gone: {}",
                removed.join(", "),
                error.message()
            ))
            .hint("look at the others before anything is tried again"));
        }
        removed.push(record.id.clone());
    }
    let is_writable = |name: &String| {
        table
            .fields
            .get(name)
            .is_some_and(|field| field.is_writable())
    };
    let again = input.records.into_iter().map(|record| {
        let each = record.fields.into_iter();
        each.filter(|(name, _)| is_writable(name)).collect()
    });
    let inverse = CreateRecords {
        table: input.table,
        records: again.collect(),
    };
    Ok(Undoable::new(Removed { removed }, inverse))
}
