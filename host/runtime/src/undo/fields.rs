//! Three values, member by member: what a write replaced, what it left, what is
//! there now. A member that is still what the write left is put back; one that
//! somebody changed since is left, and reported.
//!
//! ```text
//! before   {"status": "open",   "priority": 1, "note": null}
//! written  {"status": "closed", "priority": 5, "note": null}
//! now      {"status": "closed", "priority": 9, "note": "call back"}
//! put back {"status": "open"}              left: /priority
//! ```
//!
//! What comes out is a restore like any other, whose `written` is what is there now:
//! it is recorded, judged and approved with exactly the values it puts back, and does
//! nothing if one of them changed in between. Pure.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::api::UndoField;
use crate::capability::restore::Restoring;
use crate::exact::Base64;

/// A restore of what can be put back, and what becomes of each member.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Merged {
    pub(super) before: Value,
    pub(super) written: Value,
    pub(super) fields: Vec<UndoField>,
}

impl Merged {
    /// As a restore of the same place.
    pub(super) fn restoring(&self, of: &Restoring) -> Restoring {
        Restoring {
            destination: of.destination.clone(),
            before: self.before.clone(),
            written: self.written.clone(),
        }
    }
}

/// The restore of those members that are still what the write left. Nothing where
/// what was written has no members, or none of them is left to put back.
pub(super) fn merge(call: &str, restoring: &Restoring, now: &Value) -> Option<Merged> {
    let merged = match call.split('.').next()? {
        "http" => members(restoring, now),
        "kv" => value(restoring, now),
        "sql" => rows(restoring, now),
        _ => None,
    }?;
    let restores = |field: &UndoField| field.outcome == "restored";
    merged.fields.iter().any(restores).then_some(merged)
}

/// A member that the write changed.
struct Member {
    path: Vec<String>,
    before: Option<Value>,
    written: Option<Value>,
    now: Option<Value>,
}

impl Member {
    fn is_ours(&self) -> bool {
        self.now == self.written
    }

    fn report(&self, root: &str) -> UndoField {
        let below = self.path.iter().map(|name| escaped(name));
        let pointer = below.fold(root.to_owned(), |pointer, name| format!("{pointer}/{name}"));
        UndoField {
            pointer,
            outcome: if self.is_ours() { "restored" } else { "left" }.to_owned(),
            before: self.before.clone(),
            written: self.written.clone(),
            now: self.now.clone().filter(|_| !self.is_ours()),
        }
    }
}

/// A name as a part of a JSON Pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The members that the write changed and that are not back already; objects are
/// walked down to `depth`.
fn changed(
    path: &[String],
    [before, written, now]: [&Map<String, Value>; 3],
    depth: usize,
    found: &mut Vec<Member>,
) {
    let mut names: Vec<&String> = before.keys().chain(written.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let three = [before.get(name), written.get(name), now.get(name)];
        if three[0] == three[1] || three[0] == three[2] {
            continue;
        }
        let mut path = path.to_vec();
        path.push(name.clone());
        if let [
            Some(Value::Object(a)),
            Some(Value::Object(b)),
            Some(Value::Object(c)),
        ] = three
            && depth > 1
        {
            changed(&path, [a, b, c], depth - 1, found);
            continue;
        }
        let [before, written, now] = three.map(|value| value.cloned());
        found.push(Member {
            path,
            before,
            written,
            now,
        });
    }
}

/// Objects nested deeper than this are taken whole.
const DEPTH_MAX: usize = 32;

fn object(value: &Value) -> Option<&Map<String, Value>> {
    value.as_object()
}

/// Put a value to its place, or take it away.
fn put(into: &mut Map<String, Value>, path: &[String], value: Option<&Value>) {
    let Some((name, below)) = path.split_first() else {
        return;
    };
    if below.is_empty() {
        match value {
            Some(value) => drop(into.insert(name.clone(), value.clone())),
            None => drop(into.remove(name)),
        }
        return;
    }
    let inner = into.entry(name.clone()).or_insert_with(|| json!({}));
    if let Value::Object(inner) = inner {
        put(inner, below, value);
    }
}

/// Members of a JSON resource: only those that are put back are sent.
fn members(restoring: &Restoring, now: &Value) -> Option<Merged> {
    let of = |image: &Value| object(&image["members"]).cloned();
    let (before, written, there) = (of(&restoring.before)?, of(&restoring.written)?, of(now)?);
    let mut found = Vec::new();
    changed(&[], [&before, &written, &there], DEPTH_MAX, &mut found);
    let (mut back, mut ours) = (Map::new(), Map::new());
    for member in found.iter().filter(|member| member.is_ours()) {
        put(&mut back, &member.path, member.before.as_ref());
        put(&mut ours, &member.path, member.written.as_ref());
    }
    let with = |image: &Value, members: Map<String, Value>| {
        let mut image = image.clone();
        image["members"] = Value::Object(members);
        image
    };
    let mut written = with(&restoring.written, ours);
    written["etag"] = now["etag"].clone();
    Some(Merged {
        before: with(&restoring.before, back),
        written,
        fields: found.iter().map(|member| member.report("")).collect(),
    })
}

/// A value of a store that is a JSON object.
fn value(restoring: &Restoring, now: &Value) -> Option<Merged> {
    let of = |image: &Value| -> Option<Map<String, Value>> {
        let bytes = Base64::parse(image["value"].as_str()?)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        // A number that cannot be kept exactly would come back as another one.
        match tollgate_policy::parse_exact(text).ok()? {
            Value::Object(members) => Some(members),
            _ => None,
        }
    };
    let (before, written, there) = (of(&restoring.before)?, of(&restoring.written)?, of(now)?);
    let mut found = Vec::new();
    changed(&[], [&before, &written, &there], DEPTH_MAX, &mut found);
    let mut merged = there;
    for member in found.iter().filter(|member| member.is_ours()) {
        put(&mut merged, &member.path, member.before.as_ref());
    }
    let bytes = Value::Object(merged).to_string().into_bytes();
    let mut back = restoring.before.clone();
    back["value"] = json!(Base64::text(&bytes));
    // It is a value of its own, and gets a version of its own.
    back["version"] = Value::Null;
    Some(Merged {
        before: back,
        written: now.clone(),
        fields: found.iter().map(|member| member.report("")).collect(),
    })
}

/// Rows: columns of those that were changed; whole rows of those that were added or
/// removed.
fn rows(restoring: &Restoring, now: &Value) -> Option<Merged> {
    let of = |image: &Value| image["rows"].as_array().cloned();
    let (before, written, there) = (of(&restoring.before)?, of(&restoring.written)?, of(now)?);
    // An UPDATE keeps its rows: one that moved under another id is not told apart.
    let ids = |rows: &[Value]| {
        rows.iter()
            .map(|row| id(row).to_string())
            .collect::<BTreeSet<_>>()
    };
    let (was, left) = (ids(&before), ids(&written));
    if was != left && !was.is_empty() && !left.is_empty() {
        return None;
    }
    let find = |rows: &[Value], row: &Value| rows.iter().find(|one| id(one) == id(row)).cloned();
    let (mut back, mut ours, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    let added = before.iter().filter(|row| find(&written, row).is_none());
    for row in written.iter().chain(added) {
        let three = [find(&before, row), find(&written, row), find(&there, row)];
        let root = format!("/{}", escaped(&id(row).to_string()));
        let [Some(was), Some(left), Some(is)] = &three else {
            let [before, written, now] = three;
            if before == now {
                continue;
            }
            let member = Member {
                path: Vec::new(),
                before,
                written,
                now,
            };
            if member.is_ours() {
                back.extend(member.before.clone());
                ours.extend(member.now.clone());
            }
            fields.push(member.report(&root));
            continue;
        };
        let columns = [was, left, is].map(|row| object(&row["columns"]));
        let [Some(was), Some(left), Some(columns)] = columns else {
            return None;
        };
        let mut found = Vec::new();
        changed(&[], [was, left, columns], 1, &mut found);
        let mut merged = columns.clone();
        for member in found.iter().filter(|member| member.is_ours()) {
            put(&mut merged, &member.path, member.before.as_ref());
        }
        if found.iter().any(Member::is_ours) {
            let mut row = is.clone();
            row["columns"] = Value::Object(merged);
            back.push(row);
            ours.push(is.clone());
        }
        fields.extend(found.iter().map(|member| member.report(&root)));
    }
    let with = |image: &Value, rows: Vec<Value>| {
        let mut image = image.clone();
        image["rows"] = Value::Array(rows);
        image
    };
    Some(Merged {
        before: with(&restoring.before, back),
        written: with(&restoring.written, ours),
        fields,
    })
}

/// What tells a row from others.
pub(super) fn id(row: &Value) -> &Value {
    row.get("rowid").unwrap_or(&row["key"])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn restoring(before: Value, written: Value) -> Restoring {
        Restoring {
            destination: "d".to_owned(),
            before,
            written,
        }
    }

    fn left(merged: &Merged) -> Vec<&str> {
        let left = merged.fields.iter().filter(|field| field.outcome == "left");
        left.map(|field| field.pointer.as_str()).collect()
    }

    #[test]
    fn members_that_somebody_changed_are_left_and_the_others_put_back() {
        let image =
            |members: Value, etag: &str| json!({"path": ["t"], "members": members, "etag": etag});
        let of = restoring(
            image(
                json!({"status": "open", "priority": 1, "custom": {"tier": 1, "a/b": 1}}),
                "1",
            ),
            image(
                json!({"status": "closed", "priority": 5, "custom": {"tier": 2, "a/b": 2}}),
                "2",
            ),
        );
        let now = image(
            json!({"status": "closed", "priority": 9, "custom": {"tier": 2, "a/b": 7}}),
            "3",
        );
        let merged = merge("http.send", &of, &now).unwrap();
        assert_eq!(
            merged.before["members"],
            json!({"status": "open", "custom": {"tier": 1}})
        );
        assert_eq!(
            merged.written["members"],
            json!({"status": "closed", "custom": {"tier": 2}})
        );
        assert_eq!(merged.written["etag"], "3");
        assert_eq!(left(&merged), ["/custom/a~1b", "/priority"]);
        // All of them changed, or it is not there any more: nothing to put back.
        let now = image(
            json!({"status": "x", "priority": 9, "custom": {"tier": 0, "a/b": 0}}),
            "3",
        );
        assert_eq!(merge("http.send", &of, &now), None);
        assert_eq!(merge("http.send", &of, &Value::Null), None);
    }

    #[test]
    fn a_stored_object_keeps_what_others_put_into_it() {
        let image = |value: &str, version: &str| json!({"key": "k", "value": Base64::text(value.as_bytes()), "version": version});
        let of = restoring(
            image(r#"{"a":1,"gone":true}"#, "1"),
            image(r#"{"a":2,"made":1}"#, "2"),
        );
        let now = image(r#"{"a":2,"made":3,"theirs":[1]}"#, "3");
        let merged = merge("kv.set", &of, &now).unwrap();
        let bytes = Base64::parse(merged.before["value"].as_str().unwrap()).unwrap();
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(
            value,
            json!({"a": 1, "gone": true, "made": 3, "theirs": [1]})
        );
        assert_eq!(merged.before["version"], Value::Null);
        assert_eq!(merged.written, now);
        assert_eq!(left(&merged), ["/made"]);
        for other in ["text", "[1]", r#"{"a":9007199254740993}"#] {
            assert_eq!(merge("kv.set", &of, &image(other, "3")), None, "{other}");
        }
    }

    #[test]
    fn rows_are_put_back_column_by_column_and_row_by_row() {
        let row = |id: u64, status: &str, note: &str| json!({"rowid": id, "columns": {"status": status, "note": note}});
        let image = |rows: Value| json!({"table": "t", "verb": "UPDATE", "rows": rows});
        let of = restoring(
            image(json!([
                row(1, "open", "a"),
                row(2, "open", "a"),
                row(3, "open", "a")
            ])),
            image(json!([
                row(1, "paid", "a"),
                row(2, "paid", "a"),
                row(3, "paid", "a")
            ])),
        );
        // One has another note, one another status, one is gone.
        let now = image(json!([row(1, "paid", "theirs"), row(2, "void", "a")]));
        let merged = merge("sql.execute", &of, &now).unwrap();
        assert_eq!(merged.before["rows"], json!([row(1, "open", "theirs")]));
        assert_eq!(merged.written["rows"], json!([row(1, "paid", "theirs")]));
        assert_eq!(left(&merged), ["/2/status", "/3"]);
        // Added rows: those that nobody touched go.
        let of = restoring(
            image(json!([])),
            image(json!([row(1, "x", ""), row(2, "x", "")])),
        );
        let now = image(json!([row(1, "x", ""), row(2, "x", "theirs")]));
        let merged = merge("sql.execute", &of, &now).unwrap();
        assert_eq!(merged.written["rows"], json!([row(1, "x", "")]));
        assert_eq!(left(&merged), ["/2"]);
        // Removed ones: those whose place nobody took come back.
        let of = restoring(
            image(json!([row(1, "x", ""), row(2, "x", "")])),
            image(json!([])),
        );
        let merged = merge("sql.execute", &of, &image(json!([row(2, "new", "")]))).unwrap();
        assert_eq!(merged.before["rows"], json!([row(1, "x", "")]));
        assert_eq!(merged.written["rows"], json!([]));
        // A row that moved under another id is not guessed at.
        let of = restoring(
            image(json!([row(1, "x", "")])),
            image(json!([row(5, "x", "")])),
        );
        assert_eq!(
            merge("sql.execute", &of, &image(json!([row(5, "y", "")]))),
            None
        );
        assert_eq!(merge("files.write", &of, &json!({})), None);
    }
}
