//! What a record is associated with.

use tollgate_sdk::prelude::*;

use super::{check_id, opened};
use crate::system::{Association, Pair};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListAssociations {
    /// The type of the record.
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
    /// The type of the others.
    to: String,
    /// Where the page begins: `next` of the page before.
    #[serde(default)]
    #[schemars(length(max = 200))]
    after: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Listed {
    /// The other records' ids; `get_records` reads them.
    associations: Vec<Association>,
    /// `after` of the next page; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists the records of another type that a record is associated with.
#[tool(title = "List associations", effect = "read")]
pub(crate) fn list_associations(input: ListAssociations) -> Result<Listed, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    let from = settings.of(&input.kind)?;
    let pair = Pair {
        from,
        id: &input.id,
        to: settings.of(&input.to)?,
        link: from.link(&input.to)?,
    };
    let page = system.associations(pair, input.after.as_deref())?;
    Ok(Listed {
        associations: page.items,
        next: page.next,
    })
}
