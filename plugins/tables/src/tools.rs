//! What callers see.

mod creating;
mod deleting;
mod reading;
mod updating;

pub(crate) use creating::create_records;
pub(crate) use deleting::{delete_record, remove_created};
pub(crate) use reading::{get_record, list_records, tables};
pub(crate) use updating::update_record;

use tollgate_sdk::prelude::*;
use tollgate_sdk::text;

use crate::field;
use crate::settings::{Table, Values};
use crate::vendor::Raw;

/// A record, with all fields that the manifest names.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// Its id.
    pub(crate) id: String,
    /// Values by name; null where a field holds nothing.
    pub(crate) fields: Values,
}

impl Record {
    fn of(table: &Table, raw: Raw) -> Self {
        Self {
            id: raw.id,
            fields: table.read(raw.fields),
        }
    }

    /// The first field that does not hold what is expected, in words.
    fn difference(&self, expected: &Values) -> Option<String> {
        expected.iter().find_map(|(name, wanted)| {
            let found = self.fields.get(name)?;
            (!field::same(wanted, found)).then(|| {
                format!(
                    "`{name}` should be {} and is {}",
                    short(wanted),
                    short(found)
                )
            })
        })
    }

    /// Whether it holds what is expected.
    fn check(&self, expected: &Values) -> Result<(), ToolError> {
        match self.difference(expected) {
            None => Ok(()),
            Some(difference) => Err(ToolError::conflict(format!(
                "record {} was changed since: {difference}",
                self.id
            ))
            .hint("read the record again; nothing was written")),
        }
    }

    /// The named fields only.
    fn only(&self, names: &Values) -> Values {
        let each = self
            .fields
            .iter()
            .filter(|(name, _)| names.contains_key(*name));
        each.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Whether every name is a field of the table.
fn check_names(table: &Table, values: &Values, at: &str) -> Result<(), ToolError> {
    for name in values.keys() {
        table.field(name, &format!("{at}/{name}"))?;
    }
    Ok(())
}

fn short(value: &serde_json::Value) -> String {
    const SHOWN: usize = 80;
    text::shortened(&value.to_string(), SHOWN)
}
