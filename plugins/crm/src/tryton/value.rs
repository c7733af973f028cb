//! Values of Tryton: JSON, with dates, times and decimals as objects that carry
//! `__class__` (Tryton, `trytond/protocols/jsonrpc.py`).

use serde_json::{Value, json};

use crate::value::Scalar;

/// A value as callers see it; nothing for none, and for what is no single value.
pub(super) fn read(value: &Value) -> Option<Scalar> {
    match value {
        Value::Bool(flag) => Some(Scalar::Flag(*flag)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(Scalar::Integer(integer)),
            None => number.as_f64().map(Scalar::Number),
        },
        Value::String(text) => Some(Scalar::Text(text.clone())),
        Value::Object(_) => class(value).map(Scalar::Text),
        Value::Null | Value::Array(_) => None,
    }
}

/// The text of an object with a class.
fn class(value: &Value) -> Option<String> {
    let part = |name: &str| value.get(name).and_then(Value::as_u64);
    match value.get("__class__")?.as_str()? {
        "Decimal" => Some(value.get("decimal")?.as_str()?.to_owned()),
        "date" => Some(format!(
            "{:04}-{:02}-{:02}",
            part("year")?,
            part("month")?,
            part("day")?
        )),
        "datetime" => Some(format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            part("year")?,
            part("month")?,
            part("day")?,
            part("hour")?,
            part("minute")?,
            part("second")?
        )),
        _ => None,
    }
}

/// A value as Tryton takes it; in the class of what the field holds, where that is
/// known. An ISO date is taken as it is.
pub(super) fn write(value: Option<&Scalar>, like: Option<&Value>) -> Value {
    let is_decimal = like.and_then(|like| like.get("__class__")) == Some(&json!("Decimal"));
    match value {
        None => Value::Null,
        Some(number) if is_decimal => json!({ "__class__": "Decimal", "decimal": number.text() }),
        Some(Scalar::Flag(flag)) => json!(flag),
        Some(Scalar::Integer(number)) => json!(number),
        Some(Scalar::Number(number)) => json!(number),
        Some(Scalar::Text(text)) => json!(text),
    }
}

/// An id, which was checked to be digits.
pub(super) fn number(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| json!(id), |id| json!(id))
}

/// Whether two values are one: a decimal and the same number are, and SQLite's 0
/// and 1 are `false` and `true`. Two texts are one only if they are equal.
pub(super) fn same(left: Option<&Scalar>, right: Option<&Scalar>) -> bool {
    use Scalar::{Flag, Integer, Number, Text};
    match (left, right) {
        (Some(Flag(flag)), Some(Integer(number))) | (Some(Integer(number)), Some(Flag(flag))) => {
            *number == i64::from(*flag)
        }
        (Some(Integer(number)), Some(Number(other)))
        | (Some(Number(other)), Some(Integer(number))) => {
            trimmed(&number.to_string()) == trimmed(&other.to_string())
        }
        (Some(number @ (Integer(_) | Number(_))), Some(Text(text)))
        | (Some(Text(text)), Some(number @ (Integer(_) | Number(_)))) => {
            trimmed(&number.text()) == trimmed(text)
        }
        (left, right) => left == right,
    }
}

/// A decimal without the zeros at its end.
fn trimmed(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_read_as_texts_and_decimals_go_back_as_decimals() {
        let amount = json!({"__class__": "Decimal", "decimal": "1200.00"});
        assert_eq!(read(&amount), Some(Scalar::Text("1200.00".into())));
        assert_eq!(
            write(Some(&Scalar::Text("900.50".into())), Some(&amount)),
            json!({"__class__": "Decimal", "decimal": "900.50"})
        );
        let day = json!({"__class__": "date", "year": 2026, "month": 1, "day": 2});
        assert_eq!(read(&day), Some(Scalar::Text("2026-01-02".into())));
        assert_eq!(read(&json!({"__class__": "bytes", "base64": "AA=="})), None);
    }

    #[test]
    fn numbers_are_compared_by_value_and_texts_by_letter() {
        let text = |text: &str| Scalar::Text(text.to_owned());
        assert!(same(Some(&text("1200.00")), Some(&Scalar::Integer(1200))));
        assert!(same(Some(&Scalar::Number(0.5)), Some(&text("0.50"))));
        assert!(same(Some(&Scalar::Flag(true)), Some(&Scalar::Integer(1))));
        assert!(!same(Some(&text("1.10")), Some(&text("1.1"))), "two codes");
        assert!(!same(None, Some(&text(""))));
        assert!(!same(Some(&Scalar::Integer(100)), Some(&text("1"))));
        assert!(same(None, None));
    }
}
