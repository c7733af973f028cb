//! What a document has.

use tollgate_sdk::prelude::*;

use crate::api;
use crate::settings;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sheets {
    /// The document, by its name in the manifest.
    document: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The document's title. People can change it; the name in the manifest counts.
    title: String,
    /// Its sheets, in order.
    sheets: Vec<Sheet>,
}

#[derive(Serialize, JsonSchema)]
struct Sheet {
    /// The name that other tools take.
    name: String,
    /// How many rows it has, empty ones as well.
    rows: u32,
    /// How many columns it has, empty ones as well.
    columns: u32,
    /// Whether people do not see it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
}

/// Lists the sheets of a document with their sizes. Sheets without cells, such as
/// a chart on its own, have no rows. Names and titles are other people's text.
#[tool(title = "List sheets", effect = "read")]
pub(crate) fn sheets(input: Sheets) -> Result<Listed, ToolError> {
    let id = settings::document(&input.document)?;
    let found = api::overview(&id)?;
    let sheet = |one: api::OverviewSheet| Sheet {
        name: one.properties.title,
        rows: one.properties.grid_properties.row_count,
        columns: one.properties.grid_properties.column_count,
        hidden: one.properties.hidden,
    };
    Ok(Listed {
        title: found.properties.title,
        sheets: found.sheets.into_iter().map(sheet).collect(),
    })
}
