//! Which files there are.

use tollgate_sdk::prelude::*;

use super::directory_or_default;
use crate::document::Format;

/// Where to look.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListFiles {
    /// The directory, as the manifest names it; the manifest may set a default.
    directory: Option<String>,
}

/// The files that can be opened.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FileList {
    /// In order of their names.
    files: Vec<File>,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct File {
    /// Its name, as the other tools take it.
    file: String,
    /// Its size in bytes.
    size: u64,
}

/// Lists the .xlsx and .csv files of a directory.
#[tool(title = "List spreadsheets", effect = "read")]
pub(crate) fn list_files(input: ListFiles) -> Result<FileList, ToolError> {
    let directory = directory_or_default(input.directory)?;
    let entries = files::list(&directory)?;
    let known = entries
        .into_iter()
        .filter(|entry| Format::of(&entry.path).is_ok());
    Ok(FileList {
        files: known
            .map(|entry| File {
                file: entry.path,
                size: entry.size,
            })
            .collect(),
    })
}
