//! What will be there once later calls of the same run are taken back: a plan looks
//! at what is there now, and an undo comes to an earlier write of the same place only
//! after the later one. Pure.

use serde_json::{Map, Value, json};

use super::fields::id;
use crate::capability::restore::Restoring;

/// The capability of a call.
fn kind(call: &str) -> &str {
    call.split('.').next().unwrap_or(call)
}

/// Whether what is there is what the write left.
pub(super) fn is_left(call: &str, restoring: &Restoring, now: &Value) -> bool {
    // It is not there, or not to be shown.
    if now.is_null() {
        return false;
    }
    let same = |name: &str| now[name] == restoring.written[name];
    match kind(call) {
        "http" => same("members"),
        "sql" => same("rows"),
        "kv" | "files" => same("version"),
        _ => *now == restoring.written,
    }
}

/// What will be there of `restoring`'s place after `undone`, in that order, given
/// what is there now.
pub(super) fn after(
    call: &str,
    restoring: &Restoring,
    now: Value,
    undone: &[(String, Restoring)],
) -> Value {
    let earlier = undone.iter().filter(|(other, one)| {
        kind(other) == kind(call) && one.destination == restoring.destination
    });
    earlier.fold(now, |now, (_, one)| match kind(call) {
        "http" | "sql" if now.is_null() => now,
        "kv" if one.written["key"] == restoring.written["key"] => one.before.clone(),
        "files" if one.written["path"] == restoring.written["path"] => one.before.clone(),
        "http" if same_resource(one, restoring) => members(now, one),
        "sql" if one.written["table"] == restoring.written["table"] => rows(now, restoring, one),
        _ => now,
    })
}

fn same_resource(one: &Restoring, other: &Restoring) -> bool {
    ["path", "query"]
        .iter()
        .all(|name| one.written[*name] == other.written[*name])
}

/// The members that are there, with those that are put back in place of theirs.
fn members(mut now: Value, undone: &Restoring) -> Value {
    fn over(now: &mut Map<String, Value>, back: &Map<String, Value>) {
        for (name, value) in back {
            match (now.get_mut(name), value) {
                (Some(Value::Object(now)), Value::Object(back)) => over(now, back),
                (Some(there), value) => there.clone_from(value),
                // Not a member of the earlier write.
                (None, _) => {}
            }
        }
    }
    if let (Some(now), Some(back)) = (
        now.get_mut("members").and_then(Value::as_object_mut),
        undone.before["members"].as_object(),
    ) {
        over(now, back);
    }
    now
}

/// The rows that are there, without those that go and with those that come back.
fn rows(mut now: Value, restoring: &Restoring, undone: &Restoring) -> Value {
    let of = |image: &Value| image["rows"].as_array().cloned().unwrap_or_default();
    let has = |rows: &[Value], row: &Value| rows.iter().any(|one| id(one) == id(row));
    // A statement of the host's asks for the rows that the write is about.
    let about = match restoring.written["verb"].as_str() {
        Some("DELETE") => of(&restoring.before),
        _ => of(&restoring.written),
    };
    let (gone, back) = (of(&undone.written), of(&undone.before));
    let mut rows: Vec<Value> = of(&now)
        .into_iter()
        .filter(|row| !has(&gone, row))
        .collect();
    rows.retain(|row| !has(&back, row));
    rows.extend(back.into_iter().filter(|row| has(&about, row)));
    // In the order of the image they are compared with.
    let place = |row: &Value| about.iter().position(|one| id(one) == id(row));
    rows.sort_by_key(place);
    now["rows"] = json!(rows);
    now
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restoring(before: Value, written: Value) -> Restoring {
        Restoring {
            destination: "d".to_owned(),
            before,
            written,
        }
    }

    #[test]
    fn the_earlier_of_two_writes_finds_what_it_left() {
        let row = |status: &str| json!({"rowid": 1, "columns": {"status": status}});
        let rows = |rows: Value| json!({"table": "t", "verb": "UPDATE", "rows": rows});
        let members = |members: Value| json!({"path": ["t", "1"], "query": [], "members": members});
        let key = |version: &str| json!({"key": "k", "value": "", "version": version});
        for (call, first, second) in [
            (
                "sql.execute",
                restoring(rows(json!([row("a")])), rows(json!([row("b")]))),
                restoring(rows(json!([row("b")])), rows(json!([row("c")]))),
            ),
            (
                "http.send",
                restoring(members(json!({"s": 1})), members(json!({"s": 2}))),
                restoring(
                    members(json!({"s": 2, "other": 1})),
                    members(json!({"s": 3, "other": 2})),
                ),
            ),
            (
                "kv.set",
                restoring(key("1"), key("2")),
                restoring(key("2"), key("3")),
            ),
        ] {
            let mut now = second.written.clone();
            if call == "http.send" {
                now["members"] = json!({"s": 3});
            }
            assert!(!is_left(call, &first, &now), "{call}");
            let undone = [(call.to_owned(), second.clone())];
            let then = after(call, &first, now.clone(), &undone);
            assert!(is_left(call, &first, &then), "{call}: {then}");
            // Another place is another matter.
            let mut elsewhere = second;
            elsewhere.destination = "e".to_owned();
            let undone = [(call.to_owned(), elsewhere)];
            assert_eq!(after(call, &first, now.clone(), &undone), now, "{call}");
        }
    }

    #[test]
    fn a_row_that_was_added_and_then_removed_is_there_again_to_be_removed() {
        let row = json!({"rowid": 4, "columns": {"v": 1}});
        let image = |verb: &str, rows: Value| json!({"table": "t", "verb": verb, "rows": rows});
        let added = restoring(image("INSERT", json!([])), image("INSERT", json!([row])));
        let removed = restoring(image("DELETE", json!([row])), image("DELETE", json!([])));
        let undone = [("sql.execute".to_owned(), removed)];
        let now = image("INSERT", json!([]));
        assert!(is_left(
            "sql.execute",
            &added,
            &after("sql.execute", &added, now, &undone)
        ));
    }
}
