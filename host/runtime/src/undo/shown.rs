//! What an undo shows of three values.
//!
//! The attack: the host keeps whole rows so that it can put them back, and an agent
//! whose connector may read two columns takes a run back, or plans to, to be shown
//! the others. So columns and files that the manifest does not let the connector read
//! or write stand there by name only, with whether they are among what differs.

use serde_json::{Map, Value, json};
use tollgate_policy::{FileVerb, Manifest, TableGrant};

use crate::api::{Conflict, UndoField};
use crate::capability::restore::Restoring;

/// What stands for a value that is not shown.
const HIDDEN: &str = "(not granted)";
/// The same where it is not what the run left.
const HIDDEN_CHANGED: &str = "(not granted, changed)";

/// The three values, as far as the manifest grants them.
pub(super) fn conflict(
    manifest: &Manifest,
    call: &str,
    restoring: &Restoring,
    now: Value,
) -> Conflict {
    let three = Conflict {
        before: restoring.before.clone(),
        written: restoring.written.clone(),
        now,
    };
    match call.split('.').next() {
        Some("sql") => rows(manifest, restoring, three),
        Some("files") => file(manifest, restoring, three),
        _ => three,
    }
}

fn table<'a>(manifest: &'a Manifest, restoring: &Restoring) -> Option<&'a TableGrant> {
    let grant = manifest.grant.sql.get(&restoring.destination)?;
    grant.table(restoring.written["table"].as_str().unwrap_or_default())
}

fn is_shown(granted: Option<&TableGrant>, column: &str) -> bool {
    granted.is_some_and(|table| {
        table.read.contains(column)
            || table.insert.contains(column)
            || table.update.contains(column)
    })
}

fn rows(manifest: &Manifest, restoring: &Restoring, mut three: Conflict) -> Conflict {
    let granted = table(manifest, restoring);
    let written = three.written.clone();
    let hide = |image: &mut Value| {
        let rows = image.get_mut("rows").and_then(Value::as_array_mut);
        let rows = rows.map(Vec::as_mut_slice);
        for row in rows.unwrap_or_default() {
            let left = of(&written, row).cloned().unwrap_or_default();
            let Some(columns) = row.get_mut("columns").and_then(Value::as_object_mut) else {
                continue;
            };
            for (name, value) in columns
                .iter_mut()
                .filter(|(name, _)| !is_shown(granted, name))
            {
                let same = left.get(name).is_none_or(|left| left == value);
                *value = json!(if same { HIDDEN } else { HIDDEN_CHANGED });
            }
        }
    };
    for image in [&mut three.before, &mut three.now, &mut three.written] {
        hide(image);
    }
    three
}

/// The columns of the same row in another image.
fn of<'a>(image: &'a Value, row: &Value) -> Option<&'a Map<String, Value>> {
    let rows = image["rows"].as_array()?;
    let same = |one: &&Value| one["rowid"] == row["rowid"] && one["key"] == row["key"];
    rows.iter().find(same)?["columns"].as_object()
}

fn file(manifest: &Manifest, restoring: &Restoring, mut three: Conflict) -> Conflict {
    let path = restoring.written["path"].as_str().unwrap_or_default();
    let grant = manifest.grant.files.get(&restoring.destination);
    if !grant.is_some_and(|grant| grant.allows(path, FileVerb::Read)) {
        for image in [&mut three.before, &mut three.written, &mut three.now] {
            if image.get("bytes").is_some_and(|bytes| !bytes.is_null()) {
                image["bytes"] = json!(HIDDEN);
            }
        }
    }
    three
}

/// Members of rows, as far as the manifest grants them.
pub(super) fn fields(
    manifest: &Manifest,
    call: &str,
    restoring: &Restoring,
    mut fields: Vec<UndoField>,
) -> Vec<UndoField> {
    if call.split('.').next() != Some("sql") {
        return fields;
    }
    let granted = table(manifest, restoring);
    for field in &mut fields {
        let column = field.pointer.rsplit('/').next().unwrap_or_default();
        let is_whole = field.pointer.matches('/').count() == 1;
        for value in [&mut field.before, &mut field.written, &mut field.now] {
            let Some(value) = value else { continue };
            if let (true, Some(columns)) = (
                is_whole,
                value.get_mut("columns").and_then(Value::as_object_mut),
            ) {
                for (_, value) in columns
                    .iter_mut()
                    .filter(|(name, _)| !is_shown(granted, name))
                {
                    *value = json!(HIDDEN);
                }
            } else if !is_shown(granted, column) {
                *value = json!(HIDDEN);
            }
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn columns_and_files_that_are_not_granted_are_not_shown() {
        let manifest = Manifest::parse(
            "m",
            "connector = \"c\"\ncomponent = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n\
             [grant.sql.d]\nsource = \"sqlite:d.db\"\n[[grant.sql.d.table]]\nname = \"t\"\nupdate = [\"status\"]\n\
             [grant.files.d]\ndirectory = \"d\"\n[[grant.files.d.path]]\nglob = \"*\"\nverbs = [\"write\"]\n",
        )
        .unwrap();
        let image = |status: &str, note: &str| json!({"table": "t", "verb": "UPDATE", "rows": [{"rowid": 1, "columns": {"status": status, "note": note}}]});
        let restoring = Restoring {
            destination: "d".to_owned(),
            before: image("open", "private"),
            written: image("paid", "private"),
        };
        let shown = conflict(
            &manifest,
            "sql.execute",
            &restoring,
            image("void", "secret"),
        );
        let text = json!(shown).to_string();
        assert!(
            !text.contains("private") && !text.contains("secret"),
            "{text}"
        );
        assert_eq!(shown.now["rows"][0]["columns"]["status"], "void");
        assert_eq!(shown.now["rows"][0]["columns"]["note"], HIDDEN_CHANGED);
        assert_eq!(shown.before["rows"][0]["columns"]["note"], HIDDEN);
        let field = |pointer: &str, value: Value| UndoField {
            pointer: pointer.to_owned(),
            outcome: "left".to_owned(),
            before: Some(value),
            written: None,
            now: None,
        };
        let row = json!({"rowid": 1, "columns": {"status": "x", "note": "private"}});
        let given = vec![field("/1/note", json!("private")), field("/2", row)];
        let text = json!(fields(&manifest, "sql.execute", &restoring, given)).to_string();
        assert!(
            !text.contains("private") && text.contains("\"x\""),
            "{text}"
        );
        let image = json!({"path": "a", "bytes": "cHJpdmF0ZQ==", "version": "1"});
        let restoring = Restoring {
            destination: "d".to_owned(),
            before: image.clone(),
            written: json!({"path": "a", "version": "2"}),
        };
        let shown = conflict(&manifest, "files.write", &restoring, image);
        assert!(!json!(shown).to_string().contains("cHJpdmF0ZQ"));
    }
}
