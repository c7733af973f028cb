//! Putting a record away, and back.

use tollgate_sdk::prelude::*;

use super::{check_id, opened};
use crate::system::{Record, System};
use crate::value::{Properties, conflict, differences};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchiveRecord {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The record's id.
    pub(super) id: String,
    /// What the record must hold for this to happen, as you read it. At least one
    /// property.
    #[schemars(extend("minProperties" = 1))]
    pub(super) expected: Properties,
    /// The version that you read. Only Tryton's says that nothing was changed.
    #[serde(default)]
    pub(super) version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnarchiveRecord {
    /// The type of records, one that the manifest names.
    #[serde(rename = "type")]
    kind: String,
    /// The record's id.
    id: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Archived {
    /// The record's id.
    id: String,
    /// Whether it is archived now.
    archived: bool,
}

/// Archives a record that still holds what you expect: it is not shown any more,
/// and not destroyed. A `conflict` means that somebody changed it since: read it
/// again. In HubSpot only a person can restore it, within 90 days.
#[tool(title = "Archive record", effect = "write", undo = "unarchive_record")]
pub(crate) fn archive_record(
    input: ArchiveRecord,
) -> Result<Undoable<Archived, UnarchiveRecord>, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    if input.expected.is_empty() {
        let message = "is empty; name what the record holds, so that the right one is archived";
        return Err(ToolError::invalid_input("/expected", message));
    }
    for property in input.expected.keys() {
        of.check_read(property, "/expected")?;
    }
    system.check_archive(of)?;
    let found = system.read(of, &input.id)?;
    if found.archived {
        return Ok(Undoable::unchanged(archived(input.id, true)));
    }
    check(
        &*system,
        &format!("record {} of {}", input.id, of.name),
        &input,
        &found,
    )?;
    system.archive(of, &input.id)?;
    let inverse = UnarchiveRecord {
        kind: input.kind,
        id: input.id.clone(),
    };
    Ok(Undoable::new(archived(input.id, true), inverse))
}

/// Puts an archived record back. HubSpot has no API for that: a person restores
/// it there.
#[tool(title = "Unarchive record", effect = "write", undo = "archive_record")]
pub(crate) fn unarchive_record(
    input: UnarchiveRecord,
) -> Result<Undoable<Archived, ArchiveRecord>, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    system.check_archive(of)?;
    system.unarchive(of, &input.id)?;
    let done = archived(input.id.clone(), false);
    let Ok(found) = system.read(of, &input.id) else {
        return Ok(Undoable::unchanged(done));
    };
    let inverse = ArchiveRecord {
        kind: input.kind,
        id: input.id,
        expected: found.properties,
        version: found.version,
    };
    Ok(Undoable::new(done, inverse))
}

/// Refuse what somebody changed since.
fn check(
    system: &dyn System,
    what: &str,
    input: &ArchiveRecord,
    found: &Record,
) -> Result<(), ToolError> {
    let same = |left: Option<&_>, right: Option<&_>| system.same(left, right);
    let changed = differences(&input.expected, &found.properties, same);
    if !changed.is_empty() {
        return Err(conflict(what, &changed));
    }
    match &input.version {
        Some(version) if system.has_exact_versions() && found.version.as_ref() != Some(version) => {
            Err(ToolError::conflict(format!(
                "{what} was changed since, in something that is not shown here. Nothing was written"
            ))
            .hint("read the record again, and decide anew"))
        }
        _ => Ok(()),
    }
}

fn archived(id: String, archived: bool) -> Archived {
    Archived { id, archived }
}
