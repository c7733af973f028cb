//! The value of a field.
//!
//! Desks give the same value in different clothes: a number as text, one value
//! as a list of one, nothing as an empty text. Two readings are compared by what
//! they say, not by how.

use std::collections::BTreeSet;

use serde_json::Number;
use tollgate_sdk::prelude::*;

/// Null where the field is empty, true or false, a number, a text, or a list of
/// texts where the field takes several.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Value {
    /// No value.
    Empty,
    /// True or false.
    Flag(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

impl Value {
    /// What a desk's JSON says. Lists may hold texts, numbers and nulls; anything
    /// deeper is kept as its JSON text.
    pub(crate) fn of(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Empty,
            serde_json::Value::Bool(flag) => Self::Flag(*flag),
            serde_json::Value::Number(number) => Self::Number(number.clone()),
            serde_json::Value::String(text) => Self::text(text),
            serde_json::Value::Array(list) => {
                let known = list.iter().filter(|item| !item.is_null());
                Self::list(known.map(plain).collect())
            }
            other @ serde_json::Value::Object(_) => Self::Text(other.to_string()),
        }
    }

    /// A text; an empty one is no value.
    pub(crate) fn text(text: &str) -> Self {
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text.to_owned())
        }
    }

    fn list(mut texts: Vec<String>) -> Self {
        texts.retain(|text| !text.is_empty());
        match texts.len() {
            0 => Self::Empty,
            1 => Self::Text(texts.remove(0)),
            _ => Self::List(texts),
        }
    }

    /// Whether both say the same. Lists have no order: a desk that takes a value
    /// away and adds it again puts it last.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.said() == other.said()
    }

    /// The texts it holds.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::Empty => Vec::new(),
            Self::Flag(flag) => vec![flag.to_string()],
            Self::Number(number) => vec![number.to_string()],
            Self::Text(text) => vec![text.clone()],
            Self::List(texts) => texts.clone(),
        }
    }

    fn said(&self) -> BTreeSet<String> {
        let texts = self.texts().into_iter();
        texts.filter(|text| !text.is_empty()).collect()
    }
}

fn plain(item: &serde_json::Value) -> String {
    match item {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_the_same_is_the_same() {
        for (one, other) in [
            (json!(null), json!("")),
            (json!(null), json!([])),
            (json!([null]), json!([])),
            (json!(["a"]), json!("a")),
            (json!(5), json!("5")),
            (json!(["a", "b"]), json!(["b", "a"])),
            (json!(true), json!("true")),
        ] {
            assert!(Value::of(&one).is_same(&Value::of(&other)), "{one} {other}");
        }
        for (one, other) in [
            (json!("a"), json!("A")),
            (json!(["a", "b"]), json!("a")),
            (json!("a, b"), json!(["a", "b"])),
            (json!(0), json!(null)),
        ] {
            assert!(
                !Value::of(&one).is_same(&Value::of(&other)),
                "{one} {other}"
            );
        }
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        for value in [
            json!(null),
            json!(true),
            json!(7),
            json!("x"),
            json!(["x", "y"]),
        ] {
            let read = Value::of(&value);
            assert_eq!(serde_json::to_value(&read).ok(), Some(value.clone()));
            let parsed: Option<Value> = serde_json::from_value(value).ok();
            assert_eq!(parsed, Some(read));
        }
    }
}
