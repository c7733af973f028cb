//! Content: how a person and a rule see it, and what the host puts into it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tollgate_policy::parse_exact;
use url::form_urlencoded;

use super::wire::Body;
use crate::exact::Base64;

/// Content as rules and cards have it, and under which name: `body` where it is
/// JSON of which nothing is lost in reading, `form` where it is a form, `text`
/// where it is text, `base64` otherwise.
pub(super) fn shown(body: &Body) -> (&'static str, Value) {
    if let Some(value) = json(body) {
        return ("body", value);
    }
    if let Some(form) = form(body) {
        return ("form", form);
    }
    match std::str::from_utf8(&body.bytes) {
        Ok(text) => ("text", json!(text)),
        Err(_) => ("base64", json!(Base64::text(&body.bytes))),
    }
}

/// The value of JSON content. Nothing where it is no JSON, or where a reader
/// could see something else in it: a member twice (in upper and lower case too,
/// which many readers take for one), a number that is rounded, another charset.
pub(super) fn json(body: &Body) -> Option<Value> {
    let essence = essence(body);
    if essence != "application/json" && !essence.ends_with("+json") {
        return None;
    }
    if !is_utf8(body) {
        return None;
    }
    let text = std::str::from_utf8(&body.bytes).ok()?;
    parse_exact(text).ok().filter(has_no_twins)
}

/// Whether the declared type says UTF-8, or nothing about how to read it. The
/// attack: UTF-7, in which a server reads members where a rule reads a text.
fn is_utf8(body: &Body) -> bool {
    let mut parameters = body.content_type.split(';').skip(1).map(str::trim);
    parameters.all(|parameter| {
        let Some((name, value)) = parameter.split_once('=') else {
            return parameter.is_empty();
        };
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
    })
}

/// Whether no object has two members that differ in case only.
fn has_no_twins(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            let mut seen = BTreeSet::new();
            let apart = members.keys().all(|name| seen.insert(folded(name)));
            apart && members.values().all(has_no_twins)
        }
        Value::Array(items) => items.iter().all(has_no_twins),
        _ => true,
    }
}

/// A name as readers see it that do not tell case: `ſ` and the Kelvin sign too.
fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// The fields of a form, where none stands twice.
fn form(body: &Body) -> Option<Value> {
    if essence(body) != "application/x-www-form-urlencoded" || !is_utf8(body) {
        return None;
    }
    let mut fields = Map::new();
    let mut seen = BTreeSet::new();
    for (name, value) in form_urlencoded::parse(&body.bytes) {
        if !seen.insert(folded(&name)) {
            return None;
        }
        let twice = fields.insert(name.into_owned(), json!(value));
        if twice.is_some() {
            return None;
        }
    }
    Some(Value::Object(fields))
}

/// The content with a text at a place in it: a JSON Pointer to a member, or
/// `/name` of a form's field. The object around it must be there. What a guest
/// has written there itself is replaced.
pub(super) fn put(body: &Body, pointer: &str, text: &str) -> Result<Vec<u8>, String> {
    if essence(body) == "application/x-www-form-urlencoded" {
        let name = pointer.trim_start_matches('/');
        let kept = form_urlencoded::parse(&body.bytes).filter(|(found, _)| found != name);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(kept).append_pair(name, text);
        return Ok(form.finish().into_bytes());
    }
    let mut value = json(body).ok_or(
        "the host puts something into the content, and this is not JSON that it can read exactly",
    )?;
    let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    let name = name.replace("~1", "/").replace("~0", "~");
    let parent = value.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.ok_or_else(|| {
        format!("the host puts something at `{pointer}` of the content, and no object is there")
    })?;
    parent.insert(name, json!(text));
    Ok(value.to_string().into_bytes())
}

fn essence(body: &Body) -> String {
    let essence = body.content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(content_type: &str, bytes: &[u8]) -> Body {
        Body {
            content_type: content_type.to_owned(),
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn what_a_person_sees_is_what_a_server_reads_or_the_bytes() {
        let json = "application/json; charset=utf-8";
        for (kind, bytes, seen) in [
            (json, &b"{\"a\":1}"[..], ("body", json!({"a": 1}))),
            ("application/merge-patch+json", b"[1]", ("body", json!([1]))),
            // Two readers, two amounts.
            (
                json,
                b"{\"a\":1,\"a\":2}",
                ("text", json!("{\"a\":1,\"a\":2}")),
            ),
            (
                json,
                b"9007199254740993",
                ("text", json!("9007199254740993")),
            ),
            // Servers that do not tell case see two amounts, too.
            (
                json,
                b"{\"m\":[{\"amount\":1,\"Amount\":2}]}",
                ("text", json!("{\"m\":[{\"amount\":1,\"Amount\":2}]}")),
            ),
            (
                "application/json; charset=utf-7",
                b"{\"a\":\"+ACI-\"}",
                ("text", json!("{\"a\":\"+ACI-\"}")),
            ),
            (
                "application/x-www-form-urlencoded",
                b"to=a&TO=b",
                ("text", json!("to=a&TO=b")),
            ),
            (json, b"\xff", ("base64", json!("/w=="))),
            ("text/plain", b"{}", ("text", json!("{}"))),
            (
                "application/x-www-form-urlencoded",
                b"a=1&b=x%20y",
                ("form", json!({"a": "1", "b": "x y"})),
            ),
            (
                "application/x-www-form-urlencoded",
                b"a=1&a=2",
                ("text", json!("a=1&a=2")),
            ),
        ] {
            assert_eq!(shown(&body(kind, bytes)), seen, "{kind}");
        }
    }

    #[test]
    fn a_key_goes_where_the_manifest_says_and_replaces_the_guests_own() {
        let put = |kind, bytes: &[u8], pointer| {
            put(&body(kind, bytes), pointer, "KEY")
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        };
        let json = "application/json";
        assert_eq!(
            put(json, b"{\"a\":1}", "/key"),
            Ok(r#"{"a":1,"key":"KEY"}"#.to_owned())
        );
        assert_eq!(
            put(json, b"{\"m\":{\"k~/y\":\"guest\"}}", "/m/k~0~1y"),
            Ok(r#"{"m":{"k~/y":"KEY"}}"#.to_owned())
        );
        for bytes in [&b"[]"[..], b"{\"m\":1}", b"no", b"{\"a\":1,\"a\":1}"] {
            assert!(put(json, bytes, "/m/key").is_err());
        }
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            put(form, b"a=1&key=guest&key=2", "/key"),
            Ok("a=1&key=KEY".to_owned())
        );
    }
}
