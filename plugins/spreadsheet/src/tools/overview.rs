//! What a file is made of.

use tollgate_sdk::prelude::*;

use super::Loaded;
use crate::document::{self, SheetSummary};

/// Which file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sheets {
    /// The directory, as the manifest names it; the manifest may set a default.
    directory: Option<String>,
    /// The file, such as `tracker.xlsx`.
    file: String,
}

/// The sheets of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SheetList {
    /// In the order of the file.
    sheets: Vec<SheetSummary>,
}

/// Describes the sheets of a workbook or csv file: names, columns and how many
/// rows. Call it first, to learn the column names that the other tools take.
/// The first row of a sheet that holds anything is its header.
#[tool(title = "Describe sheets", effect = "read")]
pub(crate) fn sheets(input: Sheets) -> Result<SheetList, ToolError> {
    let loaded = Loaded::read(input.directory, input.file)?;
    Ok(SheetList {
        sheets: document::sheets(&loaded.file, loaded.bytes)?,
    })
}
