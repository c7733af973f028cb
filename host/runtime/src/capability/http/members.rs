//! The members of a JSON resource that a write sets: read before, compared after,
//! put back.
//!
//! ```text
//! sent      {"status": "closed", "custom": {"tier": 2}}
//! GET       {"id": 7, "status": "open", "custom": {"tier": 1, "vip": true}, "seen": "…"}
//! members   {"status": "open", "custom": {"tier": 1}}
//! ```
//!
//! Objects are walked member by member; arrays and scalars are taken whole. A
//! member that is not there cannot be put back, because no method of HTTP takes a
//! member away for all servers: then nothing is captured, and the write is
//! irreversible.

use serde_json::{Map, Value};
use tollgate_policy::parse_exact;

/// The members of `resource` that `sent` has; nothing where one is missing, or
/// where `sent` is no object, or an empty one.
pub(super) fn members(sent: &Value, resource: &Value) -> Option<Value> {
    let sent = sent.as_object().filter(|sent| !sent.is_empty())?;
    below(sent, resource)
}

fn below(sent: &Map<String, Value>, resource: &Value) -> Option<Value> {
    let resource = resource.as_object()?;
    let mut found = Map::new();
    for (name, value) in sent {
        let there = resource.get(name)?;
        let taken = match value {
            // Sent empty, it sets nothing that could be told.
            Value::Object(inner) if !inner.is_empty() => below(inner, there)?,
            _ => there.clone(),
        };
        found.insert(name.clone(), taken);
    }
    Some(Value::Object(found))
}

/// The resource in an answer: at the JSON Pointer (RFC 6901), or all of it.
/// Nothing where a number in it cannot be kept exactly: put back, it would be
/// another one.
pub(super) fn resource(text: &str, at: &str) -> Option<Value> {
    let mut answer = parse_exact(text).ok()?;
    answer.pointer_mut(at).map(Value::take)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_sent_says_what_is_taken() {
        let there = json!({
            "id": 7, "status": "open", "tags": ["a", "b"], "none": null,
            "custom": {"tier": 1, "vip": true, "deep": {"x": 1, "y": 2}},
        });
        for (sent, taken) in [
            (json!({"status": "closed"}), Some(json!({"status": "open"}))),
            (json!({"tags": []}), Some(json!({"tags": ["a", "b"]}))),
            (json!({"none": 1}), Some(json!({"none": null}))),
            (
                json!({"custom": {"tier": 2, "deep": {"y": 0}}}),
                Some(json!({"custom": {"tier": 1, "deep": {"y": 2}}})),
            ),
            (
                json!({"custom": {}}),
                Some(json!({"custom": there["custom"]})),
            ),
            (json!({"new": 1}), None),
            (json!({"status": "closed", "new": 1}), None),
            (json!({"custom": {"new": 1}}), None),
            (json!({"status": {"is": "now an object"}}), None),
            (json!({}), None),
            (json!([1]), None),
            (json!("text"), None),
        ] {
            assert_eq!(members(&sent, &there), taken, "{sent}");
        }
        assert_eq!(members(&json!({"a": 1}), &json!([])), None);
    }

    #[test]
    fn a_resource_is_found_by_its_pointer_and_only_if_it_is_exact() {
        assert_eq!(resource(r#"{"a":1}"#, ""), Some(json!({"a": 1})));
        assert_eq!(
            resource(r#"{"data":{"a/b":{"x":1}}}"#, "/data/a~1b"),
            Some(json!({"x": 1}))
        );
        assert_eq!(resource(r#"{"data":1}"#, "/dat"), None);
        assert_eq!(resource(r#"{"a":9007199254740993}"#, ""), None);
        assert_eq!(resource(r#"{"a":1,"a":2}"#, ""), None);
        assert_eq!(resource("<html>", ""), None);
    }
}
