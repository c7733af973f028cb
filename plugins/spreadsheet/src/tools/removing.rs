//! The way back of an append.

use tollgate_sdk::prelude::*;

use super::Loaded;
use crate::document::{Document, Removed};
use crate::problem::Problem;
use crate::table::Values;

/// The row to take out, by what it holds.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveRow {
    /// The directory, as the manifest names it; the manifest may set a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<String>,
    /// The file, such as `tracker.xlsx`.
    pub(super) file: String,
    /// The sheet; the first visible one where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sheet: Option<String>,
    /// Everything the row holds, by column name. Columns that are left out must
    /// be empty.
    pub(super) values: Values,
    /// The column whose value finds the row. Without it the row is found by
    /// everything it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// Where the row was; among equal rows the nearest is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<u32>,
    /// How many equal rows there must be at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) copies: Option<u32>,
}

/// The row that was removed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RemovedRow {
    /// The sheet.
    sheet: String,
    /// Where the row was.
    row: u32,
    /// Whether the row stays, empty, because formulas or charts of the workbook
    /// name rows by their number.
    leaves_empty_row: bool,
}

/// Removes one row, wherever it is now, if it still holds exactly the values
/// given. A conflict names what is there instead, and nothing is removed.
#[tool(title = "Remove row", effect = "write", undo = "restore")]
pub(crate) fn remove_row(input: RemoveRow) -> Result<RemovedRow, ToolError> {
    let mut loaded = Loaded::read(input.directory.clone(), input.file.clone())?;
    let mut document = loaded.open(input.sheet.as_deref())?;
    let removed = input.remove(&mut document)?;
    loaded.write(&removed.bytes)?;
    let sheet = document.table().sheet.clone();
    Ok(RemovedRow {
        sheet,
        row: removed.row,
        leaves_empty_row: removed.leaves_empty_row,
    })
}

impl RemoveRow {
    pub(super) fn remove(&self, document: &mut Document) -> Result<Removed, Problem> {
        let near = self.row.unwrap_or(u32::MAX);
        document.remove_appended(
            &self.values,
            self.key.as_deref(),
            near,
            self.copies.unwrap_or(1),
        )
    }
}
