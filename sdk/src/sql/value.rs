//! Values of rows and parameters.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[doc(inline)]
pub use crate::bindings::tollgate::connector::sql::Value;

/// The largest integer that every JSON reader keeps exactly: 2^53.
const EXACT_MAX: u64 = 1 << 53;

impl Value {
    /// What it is, in words.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Integer(_) => "an integer",
            Self::Real(_) => "a real number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }

    /// As JSON. Numbers beyond ±2^53 become text, because a reader that keeps
    /// numbers as doubles would take two account numbers for one; bytes become
    /// base64, and a real that is no number becomes null.
    pub fn into_json(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Integer(number) if number.unsigned_abs() <= EXACT_MAX => number.into(),
            Self::Integer(number) => number.to_string().into(),
            Self::Real(number) if number.abs() > EXACT_MAX as f64 && number.is_finite() => {
                number.to_string().into()
            }
            Self::Real(number) => number.into(),
            Self::Text(text) => text.into(),
            Self::Blob(bytes) => STANDARD.encode(bytes).into(),
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Integer(truth.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    /// The type in words, for an error.
    const WANTED: &'static str;

    /// Reads it, or nothing when it is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for Value {
    const WANTED: &'static str = "a value";

    fn from_value(value: &Value) -> Option<Self> {
        Some(value.clone())
    }
}

impl FromValue for i64 {
    const WANTED: &'static str = "an integer";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromValue for bool {
    const WANTED: &'static str = "0 or 1";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }
}

impl FromValue for f64 {
    const WANTED: &'static str = "a real number";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Real(number) => Some(*number),
            _ => None,
        }
    }
}

impl FromValue for String {
    const WANTED: &'static str = "text";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    const WANTED: &'static str = "bytes";

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Blob(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    const WANTED: &'static str = T::WANTED;

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn integers_that_a_double_cannot_hold_become_text() {
        assert_eq!(
            Value::from(9_007_199_254_740_992_i64).into_json(),
            json!(9_007_199_254_740_992_i64)
        );
        assert_eq!(
            Value::from(9_007_199_254_740_993_i64).into_json(),
            json!("9007199254740993")
        );
        assert_eq!(
            Value::from(i64::MIN).into_json(),
            json!("-9223372036854775808")
        );
    }

    #[test]
    fn bytes_become_base64_and_odd_reals_stay_valid_json() {
        assert_eq!(Value::from(vec![0_u8, 255]).into_json(), json!("AP8="));
        assert_eq!(Value::from(f64::NAN).into_json(), json!(null));
        assert_eq!(Value::from(0.5).into_json(), json!(0.5));
        assert!(Value::from(1e300).into_json().is_string());
    }

    #[test]
    fn nothing_is_null() {
        assert_eq!(Value::from(None::<i64>), Value::Null);
        assert_eq!(Value::from(Some("x")), Value::Text("x".into()));
    }
}
