//! Notes on records. Each tool takes the other back.

use tollgate_sdk::prelude::*;

use super::{check_id, opened};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddNote {
    /// The type of the record.
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
    /// The note, as plain text. Colleagues read it; it goes to nobody outside.
    #[schemars(length(min = 1, max = 10_000))]
    text: String,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveNote {
    /// The type of the record that the note is on.
    #[serde(rename = "type")]
    kind: String,
    /// The record's id.
    id: String,
    /// The note's id.
    note: String,
    /// What the note says. One that says something else is not removed.
    #[schemars(length(min = 1, max = 10_000))]
    text: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Noted {
    /// The note's id.
    note: String,
}

/// Adds a note to a record, for colleagues.
#[tool(title = "Add note", effect = "write", undo = "remove_note")]
pub(crate) fn add_note(input: AddNote) -> Result<Undoable<Noted, RemoveNote>, ToolError> {
    check_id(&input.id, "/id")?;
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    of.check_notes()?;
    // A note on nothing would be kept by Tryton, and never be seen.
    system.read(of, &input.id)?;
    let note = system.add_note(of, &input.id, &input.text)?;
    let inverse = RemoveNote {
        kind: input.kind,
        id: input.id,
        note: note.clone(),
        text: input.text,
    };
    Ok(Undoable::new(Noted { note }, inverse))
}

/// Removes a note that says just what you name. A `conflict` means that it says
/// something else by now.
#[tool(title = "Remove note", effect = "write", undo = "add_note")]
pub(crate) fn remove_note(input: RemoveNote) -> Result<Undoable<Noted, AddNote>, ToolError> {
    check_id(&input.id, "/id")?;
    check_id(&input.note, "/note")?;
    let (settings, system) = opened()?;
    let of = settings.of(&input.kind)?;
    of.check_notes()?;
    let lines = |text: &str| text.replace("\r\n", "\n");
    if lines(&system.note(of, &input.id, &input.note)?) != lines(&input.text) {
        return Err(ToolError::conflict(format!(
            "note {} says something else; nothing was removed",
            input.note
        ))
        .hint("a person may have written in it since"));
    }
    system.remove_note(&input.note)?;
    let inverse = AddNote {
        kind: input.kind,
        id: input.id,
        text: input.text,
    };
    Ok(Undoable::new(Noted { note: input.note }, inverse))
}
