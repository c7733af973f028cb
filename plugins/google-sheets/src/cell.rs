//! One cell's value.

use std::fmt;

use serde_json::{Number, Value};
use tollgate_sdk::prelude::*;

/// Most characters that a cell holds (support.google.com/drive/answer/37603).
const CHARS_MAX: usize = 50_000;

/// The largest whole number that a cell keeps exactly: it is a double.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// What a cell holds: null where it is empty, a number, text, true or false.
/// Dates are numbers unless they are asked for as they are shown.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Cell {
    #[default]
    Empty,
    Flag(bool),
    Number(Number),
    Text(String),
}

impl Cell {
    /// Of what Google answers. It has no other kinds of values.
    pub(crate) fn from_google(value: Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(flag),
            Value::Number(number) => Self::Number(number),
            Value::String(text) if !text.is_empty() => Self::Text(text),
            Value::String(_) | Value::Null => Self::Empty,
            other => Self::Text(other.to_string()),
        }
    }

    /// As Google takes it. Null would leave the cell as it is; the empty text
    /// empties it (spreadsheets.values, `ValueRange.values`).
    pub(crate) fn to_google(&self) -> Value {
        match self {
            Self::Empty => Value::from(""),
            Self::Flag(flag) => Value::from(*flag),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }

    /// What a cell cannot hold, in words.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Number(number) => {
                let is_exact =
                    number.as_f64().is_some_and(|n| n.abs() <= EXACT_MAX) || number.is_f64();
                (!is_exact).then_some("has more digits than a cell keeps; send it as text")
            }
            Self::Text(text) if text.chars().count() > CHARS_MAX => {
                Some("has more than 50000 characters, which no cell holds")
            }
            _ => None,
        }
    }

    /// Whether it begins like a formula, where formulas are shown as such.
    pub(crate) fn looks_like_formula(&self) -> bool {
        matches!(self, Self::Text(text) if text.starts_with('='))
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.is_empty(),
            _ => false,
        }
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flag(a), Self::Flag(b)) => a == b,
            // 2 and 2.0 are one number in a cell.
            (Self::Number(a), Self::Number(b)) => a.as_f64() == b.as_f64(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (a, b) => a.is_empty() && b.is_empty(),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 80;
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => {
                let short: String = text.chars().take(SHOWN).collect();
                let more = if short.len() < text.len() { "…" } else { "" };
                write!(f, "{short:?}{more}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn cell(value: Value) -> Cell {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn values_keep_their_kind() {
        for value in [json!(null), json!(true), json!(2), json!(2.5), json!("2")] {
            assert_eq!(serde_json::to_value(cell(value.clone())).unwrap(), value);
        }
        assert_ne!(cell(json!(2)), cell(json!("2")));
        assert_eq!(cell(json!(2)), cell(json!(2.0)));
        assert_eq!(cell(json!(null)), cell(json!("")));
        assert_ne!(cell(json!(false)), cell(json!(null)));
        assert!(serde_json::from_value::<Cell>(json!(["a"])).is_err());
    }

    #[test]
    fn null_empties_a_cell_and_never_leaves_it_as_it_is() {
        assert_eq!(cell(json!(null)).to_google(), json!(""));
    }

    #[test]
    fn what_a_cell_cannot_keep_is_told() {
        assert_eq!(cell(json!(9_007_199_254_740_991_u64)).fault(), None);
        assert!(cell(json!(9_007_199_254_740_993_u64)).fault().is_some());
        assert_eq!(cell(json!(1e300)).fault(), None);
        assert!(cell(json!("x".repeat(50_001))).fault().is_some());
        assert_eq!(cell(json!("é".repeat(50_000))).fault(), None);
    }
}
