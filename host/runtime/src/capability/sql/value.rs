//! One value of a row or a parameter: in the component model and in JSON. In JSON
//! an integer that a double holds exactly is a number, a larger
//! one is `{"integer": "…"}`, so that no two of them look the same; a double is
//! `{"real": …}`, bytes are `{"blob": "…"}` in Base64.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::exact::Base64;

/// Largest integer that a double holds with all its neighbours: 2^53.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum SqlValue {
    #[component(name = "null")]
    Null,
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "real")]
    Real(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "blob")]
    Blob(Vec<u8>),
}

impl SqlValue {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Integer(integer) if integer.unsigned_abs() <= EXACT_INTEGER_MAX => json!(integer),
            Self::Integer(integer) => json!({ "integer": integer.to_string() }),
            // RFC 8785 has no number for these, and for some doubles beyond
            // 2^53 policy allows none: their shortest text is exact.
            Self::Real(real) => json!({ "real": real.to_string() }),
            Self::Text(text) => json!(text),
            Self::Blob(bytes) => json!({ "blob": Base64::text(bytes) }),
        }
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let tagged = |name: &str| value.get(name).and_then(Value::as_str);
        match value {
            Value::Null => Some(Self::Null),
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Self::Integer),
            _ => tagged("integer")
                .and_then(|text| text.parse().ok().map(Self::Integer))
                .or_else(|| tagged("real").and_then(|text| text.parse().ok().map(Self::Real)))
                .or_else(|| tagged("blob").and_then(|text| Base64::parse(text).map(Self::Blob))),
        }
    }

    /// Roughly how many bytes it takes in a reply.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Null => 4,
            Self::Integer(_) | Self::Real(_) => 16,
            Self::Text(text) => text.len() as u64 + 8,
            Self::Blob(bytes) => bytes.len() as u64 * 4 / 3 + 16,
        }
    }
}

impl Serialize for SqlValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SqlValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_json(&value).ok_or_else(|| D::Error::custom("not a value of a row"))
    }
}
