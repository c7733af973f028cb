//! What a field holds. NocoDB takes a text in a number column and drops what it
//! does not know, both with 200, so that everything is checked here.

use serde_json::Value;
use tollgate_sdk::prelude::*;

/// Most characters of a text. Airtable's own limit for long text
/// (airtable.com/developers/web/api/field-model).
const CHARS_MAX: usize = 100_000;

/// The largest whole number that JSON carries exactly everywhere.
const EXACT_MAX: f64 = 9_007_199_254_740_991.0;

/// What a field may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Holds {
    /// Text, also a long one, an address, a telephone number.
    #[default]
    Text,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A date or a date and time of ISO 8601, as text.
    Date,
    /// One of `choices`.
    Choice,
    /// Anything else (links, files, formulas): read and never written.
    Other,
}

/// One field of a table, as the manifest describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    /// Its name at the vendor.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) holds: Holds,
    #[serde(default)]
    pub(crate) choices: Vec<String>,
    /// Whether it is only read.
    #[serde(default)]
    pub(crate) read_only: bool,
}

impl Field {
    pub(crate) fn is_writable(&self) -> bool {
        !self.read_only && self.holds != Holds::Other
    }

    /// Why it cannot hold this value, in words; null empties a field.
    pub(crate) fn fault(&self, value: &Value) -> Option<String> {
        if !self.is_writable() {
            return Some("is only read here".to_owned());
        }
        self.unfit(value)
    }

    /// The same for comparing.
    pub(crate) fn unfit(&self, value: &Value) -> Option<String> {
        match (self.holds, value) {
            (_, Value::Null) => None,
            (Holds::Text, Value::String(text)) => (text.chars().count() > CHARS_MAX)
                .then(|| format!("has more than {CHARS_MAX} characters")),
            (Holds::Number, Value::Number(number)) => {
                let is_exact =
                    number.is_f64() || number.as_f64().is_some_and(|n| n.abs() <= EXACT_MAX);
                (!is_exact).then(|| "has more digits than are kept".to_owned())
            }
            (Holds::Flag, Value::Bool(_)) => None,
            (Holds::Date, Value::String(text)) => {
                (!is_date(text)).then(|| "is no date such as 2026-01-31".to_owned())
            }
            (Holds::Choice, Value::String(text)) => (!self.choices.contains(text))
                .then(|| format!("is none of: {}", self.choices.join(", "))),
            (Holds::Other, _) => Some("cannot be compared or written".to_owned()),
            (holds, _) => Some(format!("must be {}", holds.words())),
        }
    }

    /// A value of the vendor's as callers see it: databases keep flags as 0 and
    /// 1 and decimals as text, and Airtable leaves out what is empty.
    pub(crate) fn read(&self, value: Option<Value>) -> Value {
        match (self.holds, value.unwrap_or_default()) {
            (Holds::Flag, Value::Null) => Value::Bool(false),
            (Holds::Flag, Value::Number(number)) => Value::Bool(number.as_f64() != Some(0.0)),
            (Holds::Number, Value::String(text)) => {
                serde_json::from_str::<serde_json::Number>(&text)
                    .map_or(Value::String(text), Value::Number)
            }
            (Holds::Text | Holds::Choice, Value::String(text)) if text.is_empty() => Value::Null,
            (_, value) => value,
        }
    }
}

impl Holds {
    const fn words(self) -> &'static str {
        match self {
            Self::Text => "text or null",
            Self::Number => "a number or null",
            Self::Flag => "true, false or null",
            Self::Date => "a date as text, or null",
            Self::Choice => "one of the choices or null",
            Self::Other => "nothing",
        }
    }
}

/// Whether two values of a field are the same: 2 and 2.0 are one number, and
/// nothing, the empty text and an unset flag are one as well.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    let is_nothing = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        _ => false,
    };
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (a, b) => a == b || (is_nothing(a) && is_nothing(b)),
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |range: std::ops::Range<usize>| {
        bytes
            .get(range)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let plain = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b'T' | b'Z');
    (10..=35).contains(&bytes.len())
        && digits(0..4)
        && digits(5..7)
        && digits(8..10)
        && bytes.get(4) == Some(&b'-')
        && bytes.get(7) == Some(&b'-')
        && bytes.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn field(holds: Holds) -> Field {
        Field {
            name: "F".to_owned(),
            holds,
            choices: vec!["open".to_owned()],
            read_only: false,
        }
    }

    #[test]
    fn a_value_of_another_kind_never_leaves() {
        for (holds, good, bad) in [
            (Holds::Text, json!("x"), json!(1)),
            (Holds::Number, json!(1.5), json!("many")),
            (Holds::Number, json!(1), json!(9_007_199_254_740_993_u64)),
            (Holds::Flag, json!(true), json!("true")),
            (Holds::Date, json!("2026-01-31"), json!("31.1.2026")),
            (Holds::Choice, json!("open"), json!("flying")),
        ] {
            assert_eq!(field(holds).fault(&good), None);
            assert!(field(holds).fault(&bad).is_some(), "{holds:?} {bad}");
            assert_eq!(field(holds).fault(&Value::Null), None);
        }
        assert!(field(Holds::Other).fault(&Value::Null).is_some());
    }

    #[test]
    fn values_of_databases_are_read_as_what_they_mean() {
        assert_eq!(field(Holds::Flag).read(Some(json!(1))), json!(true));
        assert_eq!(field(Holds::Flag).read(None), json!(false));
        assert_eq!(field(Holds::Number).read(Some(json!("1.50"))), json!(1.50));
        assert_eq!(field(Holds::Number).read(Some(json!("n/a"))), json!("n/a"));
        assert_eq!(field(Holds::Text).read(None), Value::Null);
    }

    #[test]
    fn equal_values_are_equal_in_any_spelling() {
        assert!(same(&json!(2), &json!(2.0)) && same(&json!(""), &Value::Null));
        assert!(!same(&json!(2), &json!("2")) && !same(&json!(0), &Value::Null));
    }
}
