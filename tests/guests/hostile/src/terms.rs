//! Tools that are taken back on terms: within a time, by leaving a trace, or only
//! by the tool that is there for nothing else. And one that makes several writes.

use tollgate_sdk::files::Expected as ExpectedFile;
use tollgate_sdk::kv::Expected;
use tollgate_sdk::prelude::*;

use crate::honest::{DIRECTORY, STORE};

#[derive(Serialize, JsonSchema)]
pub(crate) struct Done {
    done: bool,
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Invoice {
    /// The invoice's number.
    number: String,
}

/// Issues an invoice; a credit note takes it back.
#[tool(
    effect = "irreversible",
    compensate = "credit",
    window = "2h",
    precondition = "the invoice is not paid"
)]
pub(crate) fn issue(input: Invoice) -> Result<Undoable<Done, Invoice>, ToolError> {
    kv::set(STORE, &input.number, "issued", &Expected::Anything)?;
    Ok(Undoable::new(Done { done: true }, input))
}

/// Credits an invoice. It says that it can be put back, which is not so.
#[tool(effect = "write", undo = "restore", undo_only)]
pub(crate) fn credit(input: Invoice) -> Result<Done, ToolError> {
    let note = format!("credit-{}", input.number);
    kv::set(STORE, &note, "credited", &Expected::Absent)?;
    Ok(Done { done: true })
}

/// Takes a page of the log; `unlist` removes it.
#[tool(effect = "write", undo = "unlist", window = "1h")]
pub(crate) fn list(input: Invoice) -> Result<Undoable<Done, Invoice>, ToolError> {
    kv::set(STORE, &input.number, "listed", &Expected::Anything)?;
    Ok(Undoable::new(Done { done: true }, input))
}

/// Removes a page of the log.
#[tool(effect = "write", undo = "restore", undo_only)]
pub(crate) fn unlist(input: Invoice) -> Result<Done, ToolError> {
    kv::delete(STORE, &input.number, &Expected::Anything)?;
    Ok(Done { done: true })
}

/// One write: to a key, a file or a database.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct Write {
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    path: Option<String>,
    #[serde(default)]
    statement: Option<String>,
    /// The new value; without one, the key or file goes.
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Writes {
    writes: Vec<Write>,
}

/// Makes one write after the other.
#[tool(effect = "write", undo = "restore", window = "30d")]
pub(crate) fn several(input: Writes) -> Result<Done, ToolError> {
    for write in input.writes {
        match (write.key, write.path, write.statement, write.text) {
            (Some(key), None, None, Some(text)) => {
                kv::set(STORE, &key, text, &Expected::Anything)?;
            }
            (Some(key), None, None, None) => kv::delete(STORE, &key, &Expected::Anything)?,
            (None, Some(path), None, Some(text)) => {
                files::write(DIRECTORY, &path, text, &ExpectedFile::Anything)?;
            }
            (None, Some(path), None, None) => {
                files::remove(DIRECTORY, &path, &ExpectedFile::Anything)?;
            }
            (None, None, Some(statement), None) => {
                sql::execute("orders", &statement, &[])?;
            }
            _ => return Err(ToolError::failed("one of key, path and statement")),
        }
    }
    Ok(Done { done: true })
}
