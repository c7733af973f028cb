//! The arguments of each import call as rules, records and cards see them: what
//! the contract's functions take, without the destination, which has a word of
//! its own. The runtime compares every call it judges with this in builds with
//! debug assertions.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::shape::{Kinds, Shape, find};

/// The arguments of every import call of the contract, as JSON Schema.
static SCHEMAS: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "array", "items": text()});
    let number = || json!({"type": "integer"});
    let anything = || json!(true);
    let object = || json!({"type": "object"});
    let none: [(&str, Value); 0] = [];
    let sql = || {
        [
            ("statement", text()),
            ("parameters", json!({"type": "array"})),
        ]
    };
    let file = || {
        json!({"type": "object", "additionalProperties": false, "properties": {
            "name": text(), "content_type": text(), "size": number(), "digest": text(),
            "base64": text(),
        }})
    };
    let urgency = json!({"enum": ["low", "normal", "high"]});
    let method = json!({"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]});
    let calls = [
        ("clock.now", closed(none.clone())),
        ("config.get", closed([("key", text())])),
        ("files.list", closed(none)),
        ("files.read", closed([("path", text())])),
        (
            "files.remove",
            closed([("path", text()), ("expected", anything())]),
        ),
        (
            "files.write",
            closed([
                ("path", text()),
                ("bytes", text()),
                ("size", number()),
                ("expected", anything()),
            ]),
        ),
        (
            "handoff.escalate",
            closed([
                ("summary", text()),
                ("reason", text()),
                ("details", anything()),
                ("urgency", urgency),
            ]),
        ),
        (
            "http.send",
            closed([
                ("method", method),
                ("target", text()),
                ("path", object()),
                ("query", object()),
                ("segments", texts()),
                ("egress", json!({"type": "boolean"})),
                ("headers", object()),
                ("content_type", text()),
                ("size", number()),
                ("digest", text()),
                ("body", anything()),
                ("form", object()),
                ("text", text()),
                ("base64", text()),
            ]),
        ),
        (
            "kv.delete",
            closed([("key", text()), ("expected", anything())]),
        ),
        ("kv.get", closed([("key", text())])),
        ("kv.keys", closed([("prefix", text())])),
        (
            "kv.set",
            closed([("key", text()), ("value", text()), ("expected", anything())]),
        ),
        ("log.emit", closed([("level", text()), ("message", text())])),
        (
            "mail.send",
            closed([
                ("to", texts()),
                ("cc", texts()),
                ("bcc", texts()),
                ("from", text()),
                ("reply_to", text()),
                ("in_reply_to", text()),
                ("subject", text()),
                ("text", text()),
                ("with_html", text()),
                ("with_files", json!({"type": "array", "items": file()})),
            ]),
        ),
        ("random.bytes", closed([("count", number())])),
        ("sql.execute", closed(sql())),
        ("sql.preview", closed(sql())),
        ("sql.query", closed(sql())),
    ];
    calls
        .into_iter()
        .map(|(call, schema)| (call.to_owned(), schema))
        .collect()
});

fn closed<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter();
    let properties: Map<String, Value> = fields
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// The schemas of the import calls that a row speaks of, with their names; none
/// for the calls of extensions, which only the host knows.
pub(crate) fn schemas_of(
    call: &super::CallPattern,
) -> impl Iterator<Item = (&'static str, &'static Value)> {
    SCHEMAS
        .iter()
        .filter(|(name, _)| call.contains(name))
        .map(|(name, schema)| (name.as_str(), schema))
}

/// An argument of an import call that rules are not told of, if there is one: its
/// name is unknown or its type another. A second check of what this crate says of
/// the contract; calls that are not in it have no arguments to compare.
#[must_use]
pub fn unforeseen_argument(call: &str, arguments: &Value) -> Option<String> {
    let schema = SCHEMAS.get(call)?;
    let members = arguments.as_object()?;
    let is_foreseen = |name: &str, value: &Value| match find(schema, &[name]) {
        Shape::Open => true,
        Shape::Known(kinds, values) => {
            kinds.has(Kinds::of(value)) && values.is_none_or(|values| values.contains(&value))
        }
        Shape::Missing(_) => false,
    };
    let odd = members
        .iter()
        .find(|(name, value)| !is_foreseen(name, value));
    odd.map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_rules_do_not_know_is_found() {
        for (call, arguments, odd) in [
            (
                "kv.set",
                json!({"key": "k", "value": "v", "expected": "anything"}),
                None,
            ),
            ("kv.set", json!({"key": "k", "ttl": 5}), Some("ttl")),
            ("kv.set", json!({"key": 5}), Some("key")),
            ("http.send", json!({"method": "TRACE"}), Some("method")),
            ("paging.call", json!({"anything": 1}), None),
        ] {
            assert_eq!(
                unforeseen_argument(call, &arguments).as_deref(),
                odd,
                "{call} {arguments}"
            );
        }
    }
}
