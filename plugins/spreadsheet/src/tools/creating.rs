//! A new file.

use tollgate_sdk::files::Expected;
use tollgate_sdk::prelude::*;

use super::{about, directory_or_default};
use crate::document::{self, Format, NewColumn};

/// What the new file is to have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    /// The directory, as the manifest names it; the manifest may set a default.
    directory: Option<String>,
    /// The file, such as `tracker.xlsx` or `log.csv`.
    file: String,
    /// The name of the workbook's sheet; `Sheet1` where it is left out.
    sheet: Option<String>,
    /// The columns of the header, from left to right.
    #[schemars(length(min = 1, max = 16_384))]
    columns: Vec<NewColumn>,
}

/// The file that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Created {
    /// The file.
    file: String,
    /// Its size in bytes.
    size: u64,
}

/// Makes a new workbook or csv file with a header row. A conflict means that
/// there is a file of that name; it is not touched.
#[tool(title = "Create spreadsheet", effect = "write", undo = "restore")]
pub(crate) fn create(input: Create) -> Result<Created, ToolError> {
    Format::of(&input.file)?;
    let directory = directory_or_default(input.directory)?;
    let sheet = input.sheet.as_deref().unwrap_or("Sheet1");
    let bytes = document::create(&input.file, sheet, &input.columns)?;
    match files::write(&directory, &input.file, &bytes, &Expected::Absent) {
        Ok(_) => Ok(Created {
            file: input.file,
            size: bytes.len() as u64,
        }),
        Err(files::Error::Conflict) => Err(ToolError::conflict(format!(
            "there is a file `{}` already",
            input.file
        ))
        .hint("choose another name")),
        Err(error) => Err(about(&input.file, error)),
    }
}
