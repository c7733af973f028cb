//! Whether what was found fits what is expected, and where it does not.
//!
//! An expected object names the members that must be there; others may be there
//! as well. A list must have as many items, each fitting. Everything else must
//! be equal. An object with one of these keys expects something looser:
//!
//! | written | fits |
//! |---|---|
//! | `{ "$like" = "*stale*" }` | text of this shape; `*` is any text |
//! | `{ "$length" = 3 }` | a list, text or object of this length |
//! | `{ "$some" = { id = 1 } }` | a list with at least one item that fits |
//! | `{ "$absent" = true }` | a member that is not there |

use serde_json::Value;

use crate::report::Finding;

/// Where `found` does not fit. `what` names the thing in a message.
pub(crate) fn differences(what: &str, expected: &Value, found: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    compare(what, "", expected, Some(found), &mut findings);
    findings
}

/// Whether it fits.
pub(crate) fn fits(expected: &Value, found: &Value) -> bool {
    differences("", expected, found).is_empty()
}

/// Whether a text has this shape: `*` stands for any text, an empty one too.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn compare(
    what: &str,
    at: &str,
    expected: &Value,
    found: Option<&Value>,
    findings: &mut Vec<Finding>,
) {
    let differs = |findings: &mut Vec<Finding>| {
        let place = if at.is_empty() {
            what.to_owned()
        } else {
            format!("{what} {at}")
        };
        findings.push(Finding::differs(place, expected.clone(), found.cloned()));
    };
    if let Some((name, wanted)) = loosely(expected) {
        if !fits_loosely(name, wanted, found) {
            differs(findings);
        }
        return;
    }
    match (expected, found) {
        (Value::Object(members), Some(Value::Object(there))) => {
            for (name, value) in members {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                compare(what, &at, value, there.get(name), findings);
            }
        }
        (Value::Array(items), Some(Value::Array(there))) if items.len() == there.len() => {
            for (index, (item, one)) in items.iter().zip(there).enumerate() {
                compare(what, &format!("{at}/{index}"), item, Some(one), findings);
            }
        }
        (expected, Some(found)) if equal(expected, found) => {}
        _ => differs(findings),
    }
}

/// The key of a looser expectation and its value.
fn loosely(expected: &Value) -> Option<(&str, &Value)> {
    let object = expected.as_object().filter(|object| object.len() == 1)?;
    let (name, value) = object.iter().next()?;
    ["$like", "$length", "$some", "$absent"]
        .contains(&name.as_str())
        .then_some((name, value))
}

fn fits_loosely(name: &str, wanted: &Value, found: Option<&Value>) -> bool {
    match (name, found) {
        ("$absent", found) => wanted.as_bool() == Some(found.is_none()),
        ("$like", Some(Value::String(text))) => {
            wanted.as_str().is_some_and(|pattern| like(pattern, text))
        }
        ("$length", Some(found)) => {
            length(found).is_some_and(|length| wanted.as_u64() == u64::try_from(length).ok())
        }
        ("$some", Some(Value::Array(items))) => items.iter().any(|item| fits(wanted, item)),
        _ => false,
    }
}

fn length(found: &Value) -> Option<usize> {
    match found {
        Value::Array(items) => Some(items.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

/// JSON has one kind of number: 1 and 1.0 are equal.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64()
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_subset_fits() {
        let found = json!({"id": 1, "tags": ["a", "b"], "user": {"name": "Mira", "mail": null}});
        for expected in [
            json!({}),
            json!({"id": 1.0, "user": {"name": "Mira"}}),
            json!({"tags": ["a", "b"]}),
            json!({"tags": {"$some": "b"}, "user": {"$length": 2}}),
            json!({"user": {"name": {"$like": "M*a"}, "mail": null, "phone": {"$absent": true}}}),
        ] {
            assert!(fits(&expected, &found), "{expected}");
        }
    }

    #[test]
    fn each_place_that_differs_is_named() {
        let found = json!({"id": 1, "tags": ["a"], "user": {"name": "Mira"}});
        let expected =
            json!({"id": "1", "tags": ["a", "b"], "user": {"name": {"$like": "B*"}, "x/y": 1}});
        let places: Vec<String> = differences("output", &expected, &found)
            .into_iter()
            .map(|finding| finding.what)
            .collect();
        assert_eq!(
            places,
            [
                "output /id",
                "output /tags",
                "output /user/name",
                "output /user/x~1y"
            ]
        );
    }

    #[test]
    fn a_looser_expectation_can_fail() {
        for (expected, found) in [
            (json!({"a": {"$absent": true}}), json!({"a": 1})),
            (json!({"a": {"$length": 2}}), json!({"a": [1]})),
            (json!({"a": {"$some": 2}}), json!({"a": [1]})),
            (json!({"a": {"$some": 2}}), json!({})),
            (json!({"a": {"$like": "*"}}), json!({"a": 1})),
            (
                json!(9_007_199_254_740_993_u64),
                json!(9_007_199_254_740_992_u64),
            ),
        ] {
            assert!(!fits(&expected, &found), "{expected} {found}");
        }
    }

    #[test]
    fn a_star_is_any_text() {
        for (pattern, text, fits) in [
            ("stale", "stale", true),
            ("stale", "stales", false),
            ("*stale*", "is stale", true),
            ("*a*b", "xaxbab", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("a**c", "abc", true),
            ("*b*b*", "abc", false),
        ] {
            assert_eq!(like(pattern, text), fits, "{pattern} {text}");
        }
    }
}
