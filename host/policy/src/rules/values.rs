//! Sets of values that one value is looked up in: lists of the operator, inputs
//! of a case, what was read from a record.
//!
//! Equality is by type and value. The attack: an agent that may refund order 17
//! because `17` stands somewhere in a date or a sentence of the request. Text is
//! never searched here, and a number is never a text.

use std::collections::HashSet;

use serde_json::Value;

use super::facts::{Seen, same};

/// The longest text that is kept or found, in bytes. Names, addresses, account
/// numbers and identifiers are shorter; whoever compares a whole letter with
/// what was read compares nothing that can be trusted.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// Texts, numbers and booleans, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    texts: HashSet<Box<str>>,
    others: Vec<Value>,
}

impl Values {
    /// Add a value; of a list each member. Whether it was kept: an object, a null,
    /// and a text longer than [`VALUE_BYTES_MAX`] are not.
    pub fn insert(&mut self, value: &Value) -> bool {
        match value {
            Value::String(text) if text.len() <= VALUE_BYTES_MAX => {
                self.texts.insert(text.as_str().into());
                true
            }
            Value::Array(items) => {
                let kept = items.iter().filter(|item| self.insert(item)).count();
                kept == items.len()
            }
            Value::Number(_) | Value::Bool(_) => {
                if !self.others.iter().any(|other| same(other, value)) {
                    self.others.push(value.clone());
                }
                true
            }
            Value::Null | Value::Object(_) | Value::String(_) => false,
        }
    }

    /// How many values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len() + self.others.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a value is among these. Nothing where none has its type.
    pub(super) fn contain(&self, seen: Seen<'_>) -> Option<bool> {
        if let Some(text) = seen.text() {
            let known = text.len() <= VALUE_BYTES_MAX && !self.texts.is_empty();
            return known.then(|| self.texts.contains(text));
        }
        let Seen::Json(value) = seen else { return None };
        let is_comparable = |other: &&Value| {
            (other.is_number() && value.is_number()) || (other.is_boolean() && value.is_boolean())
        };
        let others = self.others.iter().filter(is_comparable);
        others.map(|other| same(other, value)).reduce(|a, b| a || b)
    }
}

impl<'a> FromIterator<&'a Value> for Values {
    fn from_iter<I: IntoIterator<Item = &'a Value>>(items: I) -> Self {
        let mut values = Self::default();
        for item in items {
            values.insert(item);
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_value_is_found_by_type_and_value() {
        let list = json!(["A-17", 17, [true]]);
        let values: Values = [&list].into_iter().collect();
        assert_eq!(values.len(), 3);
        for (value, expected) in [
            (json!("A-17"), Some(true)),
            (json!("17"), Some(false)),
            (json!("a-17"), Some(false)),
            (json!("A-17 "), Some(false)),
            (json!(17), Some(true)),
            (json!(17.0), Some(true)),
            (json!(17.5), Some(false)),
            (json!(true), Some(true)),
            (json!(null), None),
            (json!(["A-17"]), None),
            (json!("x".repeat(VALUE_BYTES_MAX + 1)), None),
        ] {
            assert_eq!(values.contain(Seen::Json(&value)), expected, "{value}");
        }
        assert_eq!(Values::default().contain(Seen::Text("x")), None);
    }

    #[test]
    fn what_has_no_value_of_its_own_is_not_kept() {
        let mut values = Values::default();
        for value in [
            json!(null),
            json!({"a": 1}),
            json!("x".repeat(VALUE_BYTES_MAX + 1)),
        ] {
            assert!(!values.insert(&value), "{value}");
        }
        assert!(values.is_empty());
    }
}
