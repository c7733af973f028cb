//! Making a record, once.

use tollgate_sdk::prelude::*;
use tollgate_sdk::text::shortened;

use super::archiving::{ArchiveRecord, archive_record};
use super::opened;
use crate::settings::Type;
use crate::system::{Record, System};
use crate::value::Properties;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateRecord {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    kind: String,
    /// The new record's properties, those that the manifest lets be written.
    properties: Properties,
    /// Ids of records that look alike and are not the same: you read them, and
    /// this is another one. Never helps against the same value of a property that
    /// must be unique.
    #[serde(default)]
    #[schemars(length(max = 50))]
    not_the_same_as: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Created {
    /// The new record as it is now.
    record: Record,
    /// What was looked for before, and not found.
    looked_for: Vec<String>,
}

/// Makes a record, unless there is one already: before, it looks for records
/// with the same value of the properties that the manifest calls unique (such as
/// the email) or similar (such as the name). A `conflict` names what it found:
/// update that record instead. Taken back by archiving it, while it is as it was
/// made.
#[tool(title = "Create record", effect = "write", undo = "archive_record")]
pub(crate) fn create_record(
    input: CreateRecord,
) -> Result<Undoable<Created, ArchiveRecord>, ToolError> {
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    of.check_write(&input.properties)?;
    if input.properties.is_empty() {
        return Err(ToolError::invalid_input(
            "/properties",
            "is empty; name what to write",
        ));
    }
    system.check_archive(of)?;
    let looked_for = look(&*system, of, &input)?;
    let id = system.create(of, &input.properties)?;
    // It is made: what comes now must not say that it is not.
    let record = system.read(of, &id).unwrap_or_else(|_| Record {
        id: id.clone(),
        properties: input.properties.clone(),
        version: None,
        archived: false,
    });
    let inverse = ArchiveRecord {
        kind: input.kind,
        id,
        expected: record.properties.clone(),
        version: record.version.clone(),
    };
    Ok(Undoable::new(Created { record, looked_for }, inverse))
}

/// Look for the same record. Somebody may still make it between this look and the
/// create; the system itself refuses that where it has unique properties.
fn look(system: &dyn System, of: &Type, input: &CreateRecord) -> Result<Vec<String>, ToolError> {
    let mut looked_for = Vec::new();
    for (property, must_differ) in kinds(of) {
        let Some(Some(value)) = input.properties.get(property) else {
            continue;
        };
        let found = system.find(of, property, value)?;
        let mut same = found.iter();
        let same = same.find(|record| must_differ || !input.not_the_same_as.contains(&record.id));
        if let Some(record) = same {
            return Err(exists(of, property, &value.text(), record, must_differ));
        }
        looked_for.push(property.to_owned());
    }
    Ok(looked_for)
}

fn kinds(of: &Type) -> impl Iterator<Item = (&str, bool)> {
    let unique = of.unique.iter().map(|property| (property.as_str(), true));
    unique.chain(of.similar.iter().map(|property| (property.as_str(), false)))
}

fn exists(of: &Type, property: &str, value: &str, found: &Record, must_differ: bool) -> ToolError {
    let archived = if found.archived {
        ", which is archived,"
    } else {
        ""
    };
    let error = ToolError::conflict(format!(
        "record {} of {}{archived} has {property} {:?} already; nothing was made",
        found.id,
        of.name,
        shortened(value, 80)
    ));
    error.hint(if must_differ {
        "read that record, and update it instead"
    } else {
        "read that record; update it if it is the same, else name its id in `not_the_same_as`"
    })
}
