//! Rows as a record keeps them, so that they can be put back.

use serde_json::{Value, json};
use tollgate_policy::{Digest, Verb};

use super::{Granted, SqlError};
use crate::capability::restore::Restoring;
use crate::door::Prior;

/// Most bytes of rows that are kept to be put back: half of what one sealed
/// value of a record can hold.
const IMAGE_BYTES_MAX: usize = 8 << 20;

/// A row as the database keeps it: what tells it from others, and its columns.
pub(super) type KeptRow = Value;

/// Rows with the ids under which the database keeps them, for the record.
pub(super) fn image(table: &str, verb: Verb, rows: Value) -> Value {
    json!({ "table": table, "verb": verb.as_str(), "rows": rows })
}

/// Rows that fit into a record: what cannot be recorded must not be changed.
pub(super) fn bounded(rows: &[KeptRow]) -> Result<(), SqlError> {
    let bytes: usize = rows.iter().map(|row| row.to_string().len()).sum();
    if bytes > IMAGE_BYTES_MAX {
        return Err(SqlError::TooLarge(format!(
            "the rows have {bytes} bytes, more than can be kept to put them back; narrow the WHERE"
        )));
    }
    Ok(())
}

/// More rows than the grant lets a statement change.
pub(super) fn too_many(max_rows: u64) -> SqlError {
    SqlError::TooLarge(format!(
        "the statement would change more than {max_rows} rows; narrow its WHERE"
    ))
}

/// What a write replaces, with a version that changes when it does.
pub(super) fn prior_of(image: Value) -> Prior {
    Prior {
        version: Digest::of(image.to_string().as_bytes()).to_string(),
        value: image,
    }
}

/// Whether the rows are still what the write left.
pub(super) fn same_rows(restoring: &Restoring, now: &Value) -> bool {
    now["rows"] == restoring.written["rows"]
}

/// What a restore left, where the rows that are there now are what it leaves.
pub(super) fn left_behind(restoring: &Restoring, now: &Value) -> Option<Value> {
    let left = match verb(restoring) {
        Verb::Insert => json!([]),
        _ => restoring.before["rows"].clone(),
    };
    (now["rows"] == left).then(|| image(&text(now, "table"), way_back(restoring), left))
}

/// Putting inserted rows back removes them, and the other way round.
pub(super) fn way_back(restoring: &Restoring) -> Verb {
    match verb(restoring) {
        Verb::Insert => Verb::Delete,
        Verb::Delete => Verb::Insert,
        other => other,
    }
}

pub(super) fn verb(restoring: &Restoring) -> Verb {
    match restoring.written["verb"].as_str() {
        Some("INSERT") => Verb::Insert,
        Some("DELETE") => Verb::Delete,
        _ => Verb::Update,
    }
}

/// The rows a write is about: those it left, or those it removed.
pub(super) fn touched(restoring: &Restoring) -> Vec<Value> {
    match verb(restoring) {
        Verb::Delete => rows(&restoring.before),
        _ => rows(&restoring.written),
    }
}

pub(super) fn rows(image: &Value) -> Vec<Value> {
    image["rows"].as_array().cloned().unwrap_or_default()
}

/// The table that a statement writes.
pub(super) fn target(granted: &Granted) -> &str {
    granted.statement.target.as_deref().unwrap_or_default()
}

/// A part of an image.
pub(super) fn text(image: &Value, name: &str) -> String {
    image[name].as_str().unwrap_or_default().to_owned()
}

/// A name as both databases read it literally.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
