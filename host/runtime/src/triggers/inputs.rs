//! What is taken of a payload: named values, each of one kind. Everything else of
//! it is dropped, and nothing of it is quoted.
//!
//! The attack: a payload that brings a member which the tool knows and the
//! operator did not think of (`"approved": true`), or a text where a number is
//! expected. No member comes along by its own name.

use serde_json::{Map, Value};
use tollgate_policy::EXACT_INTEGER_MAX;
use tollgate_policy::http::Kind;

use super::sender::Untrue;

/// One value of the tool's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Where in the input it goes: names of members, from the outside in.
    pub to: Vec<String>,
    /// Where it is from.
    pub from: InputSource,
}

/// Where a value of the input is from.
#[derive(Clone, Debug, PartialEq)]
pub enum InputSource {
    /// The operator.
    Fixed(Value),
    /// The payload.
    Payload {
        /// Where in the payload, by JSON Pointer.
        at: String,
        /// What it must be.
        kind: InputKind,
        /// Whether it may be missing.
        optional: bool,
    },
}

/// What a value of a payload must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A whole number that JSON holds exactly (RFC 8259, 6).
    Int,
    /// Any number.
    Number,
    /// `true` or `false`.
    Flag,
    /// 1 to 128 letters, digits and a few signs.
    Id,
    /// A UUID.
    Uuid,
    /// A date, or a date and time of RFC 3339.
    Date,
    /// A text of at most so many bytes.
    Text(usize),
}

impl InputKind {
    /// What it is called in settings, and in messages.
    fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Id => "id",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Text(_) => "text",
        }
    }

    fn accepts(self, value: &Value) -> bool {
        let text = |kind: Kind| value.as_str().is_some_and(|text| kind.accepts(text));
        match self {
            Self::Int => is_exact(value),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Id => text(Kind::Id),
            Self::Uuid => text(Kind::Uuid),
            Self::Date => text(Kind::Date),
            Self::Text(max) => value.as_str().is_some_and(|text| text.len() <= max),
        }
    }
}

fn is_exact(value: &Value) -> bool {
    match value.as_i64() {
        Some(number) => number.unsigned_abs() <= EXACT_INTEGER_MAX,
        None => false,
    }
}

/// The tool's input.
pub(super) fn take(inputs: &[Input], payload: &Value) -> Result<Value, Untrue> {
    let mut taken = Map::new();
    for input in inputs {
        let value = match &input.from {
            InputSource::Fixed(value) => Some(value.clone()),
            InputSource::Payload { at, kind, optional } => {
                match payload.pointer(at).filter(|value| !value.is_null()) {
                    None if *optional => None,
                    None => return Err(Untrue::missing(at)),
                    Some(value) if kind.accepts(value) => Some(value.clone()),
                    Some(_) => return Err(Untrue::other(at, kind.as_str())),
                }
            }
        };
        if let Some(value) = value {
            put(&mut taken, &input.to, value);
        }
    }
    Ok(Value::Object(taken))
}

/// A name: of a case, or of the delivery itself.
pub(super) fn name(payload: &Value, at: &str) -> Result<String, Untrue> {
    match payload.pointer(at) {
        None | Some(Value::Null) => Err(Untrue::missing(at)),
        Some(Value::String(text)) if Kind::Id.accepts(text) => Ok(text.clone()),
        Some(number) if is_exact(number) => Ok(number.to_string()),
        Some(_) => Err(Untrue::other(at, "id")),
    }
}

/// Put a value in its place. The settings have refused two of which one would
/// stand in the other.
fn put(object: &mut Map<String, Value>, to: &[String], value: Value) {
    let Some((name, inner)) = to.split_first() else {
        return;
    };
    if inner.is_empty() {
        object.insert(name.clone(), value);
        return;
    }
    let member = object.entry(name.clone());
    let member = member.or_insert_with(|| Value::Object(Map::new()));
    if let Some(member) = member.as_object_mut() {
        put(member, inner, value);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn input(to: &[&str], at: &str, kind: InputKind) -> Input {
        Input {
            to: to.iter().map(|name| (*name).to_owned()).collect(),
            from: InputSource::Payload {
                at: at.to_owned(),
                kind,
                optional: false,
            },
        }
    }

    #[test]
    fn only_what_is_named_is_taken_and_in_its_place() {
        let mut note = input(&["note"], "/note", InputKind::Text(4));
        if let InputSource::Payload { optional, .. } = &mut note.from {
            *optional = true;
        }
        let inputs = [
            Input {
                to: vec!["statement".to_owned()],
                from: InputSource::Fixed(json!("close")),
            },
            input(&["params", "order"], "/data/order/id", InputKind::Int),
            input(&["params", "paid"], "/data/paid", InputKind::Flag),
            note,
        ];
        let payload = json!({
            "data": {"order": {"id": 7, "approved": true}, "paid": false},
            "statement": "refund_everything", "note": null,
        });
        assert_eq!(
            take(&inputs, &payload).unwrap(),
            json!({"statement": "close", "params": {"order": 7, "paid": false}})
        );
        let refused = take(&inputs, &json!({"data": {"paid": false}})).unwrap_err();
        assert_eq!(refused.pointer, "/data/order/id");
        let long = json!({"data": {"order": {"id": 7}, "paid": false}, "note": "canary"});
        let refused = take(&inputs, &long).unwrap_err();
        assert_eq!(refused.pointer, "/note");
        assert!(!refused.message.contains("canary"));
    }

    #[test]
    fn a_value_of_another_kind_is_none() {
        let uuid = "0195a6a8-0000-7000-8000-000000000000";
        let cases = [
            (InputKind::Int, json!(-7), true),
            (InputKind::Int, json!(7.5), false),
            (InputKind::Int, json!("7"), false),
            (InputKind::Int, json!(9_007_199_254_740_993_u64), false),
            (InputKind::Int, json!(i64::MIN), false),
            (InputKind::Number, json!(7.5), true),
            (InputKind::Number, json!("7.5"), false),
            (InputKind::Flag, json!("true"), false),
            (InputKind::Id, json!("INC-7"), true),
            (InputKind::Id, json!("a b"), false),
            (InputKind::Id, json!(["a"]), false),
            (InputKind::Uuid, json!(uuid), true),
            (InputKind::Uuid, json!("0195a6a8"), false),
            (InputKind::Date, json!("2026-11-22"), true),
            (InputKind::Date, json!("2026-11-32"), false),
            (InputKind::Text(3), json!("äb"), true),
            (InputKind::Text(3), json!("äbc"), false),
            (InputKind::Text(9), json!({"text": "a"}), false),
        ];
        for (kind, value, fits) in cases {
            assert_eq!(kind.accepts(&value), fits, "{kind:?} {value}");
        }
        assert_eq!(name(&json!({"id": 7}), "/id").unwrap(), "7");
        assert!(name(&json!({"id": {"a": 1}}), "/id").is_err());
    }
}
