//! One face for both systems.

mod airtable;
mod nocodb;

use serde_json::{Map, Value};
use tollgate_sdk::ToolError;

use crate::filter::Checked;
use crate::settings::Table;

/// The destination, a name under `[grant.http]`.
const DESTINATION: &str = "tables";

/// A record as the vendor has it, by the vendor's names.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) id: String,
    pub(crate) fields: Map<String, Value>,
}

/// Some records, and where the next ones begin.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) records: Vec<Raw>,
    pub(crate) next: Option<String>,
}

/// The system that the manifest names.
#[derive(Clone, Debug)]
pub(crate) enum Vendor {
    NocoDb,
    Airtable { base: String },
}

impl Vendor {
    /// Records that meet all conditions.
    pub(crate) fn list(
        &self,
        table: &Table,
        conditions: &[Checked<'_>],
        limit: u32,
        from: Option<&str>,
    ) -> Result<Page, ToolError> {
        match self {
            Self::NocoDb => nocodb::list(table, conditions, limit, from),
            Self::Airtable { base } => airtable::list(base, table, conditions, limit, from),
        }
    }

    /// One record.
    pub(crate) fn get(&self, table: &Table, id: &str) -> Result<Raw, ToolError> {
        match self {
            Self::NocoDb => nocodb::get(table, id),
            Self::Airtable { base } => airtable::get(base, table, id),
        }
    }

    /// Makes records, all or none; what there is then.
    pub(crate) fn create(
        &self,
        table: &Table,
        records: &[Map<String, Value>],
    ) -> Result<Vec<Raw>, ToolError> {
        match self {
            Self::NocoDb => nocodb::create(table, records),
            Self::Airtable { base } => airtable::create(base, table, records),
        }
    }

    /// Writes some fields of a record; what there is then.
    pub(crate) fn update(
        &self,
        table: &Table,
        id: &str,
        fields: &Map<String, Value>,
    ) -> Result<Raw, ToolError> {
        match self {
            Self::NocoDb => nocodb::update(table, id, fields),
            Self::Airtable { base } => airtable::update(base, table, id, fields),
        }
    }

    /// Deletes a record.
    pub(crate) fn delete(&self, table: &Table, id: &str) -> Result<(), ToolError> {
        match self {
            Self::NocoDb => nocodb::delete(table, id),
            Self::Airtable { base } => airtable::delete(base, table, id),
        }
    }
}

/// The write is done, and what came of it is not known.
fn unreadable(why: &str) -> ToolError {
    ToolError::failed(format!(
        "the server accepted the write, and its answer cannot be used: {why}"
    ))
    .hint("the table is changed; read it before you write again")
}
