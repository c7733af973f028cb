//! Reading records by id.

use tollgate_sdk::prelude::*;

use super::{check_id, opened};
use crate::system::Record;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetRecord {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    kind: String,
    /// The record's id, as a search gives it.
    id: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GetRecords {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    kind: String,
    /// The records' ids.
    #[schemars(length(min = 1, max = 100))]
    ids: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Records {
    /// What was found.
    records: Vec<Record>,
    /// The ids that no record has.
    missing: Vec<String>,
}

/// Reads one record: the properties that the manifest lists. `not_found` means
/// that there is none of this id, or that the account may not see it.
#[tool(title = "Get record", effect = "read")]
pub(crate) fn get_record(input: GetRecord) -> Result<Record, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    system.read(settings.of(&input.kind)?, &input.id)
}

/// Reads up to 100 records of one type in one request. Ids that no record has are
/// listed in `missing`; that is no error.
#[tool(title = "Get records", effect = "read")]
pub(crate) fn get_records(input: GetRecords) -> Result<Records, ToolError> {
    for (i, id) in input.ids.iter().enumerate() {
        check_id(id, &format!("/ids/{i}"))?;
    }
    let (settings, system) = opened()?;
    let records = system.read_all(settings.of(&input.kind)?, &input.ids)?;
    let mut missing = input.ids;
    missing.retain(|id| !records.iter().any(|record| record.id == *id));
    Ok(Records { records, missing })
}
