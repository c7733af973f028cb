//! Values that JSON numbers cannot hold: RFC 8785 numbers are doubles, in which
//! two account numbers beyond 2^53 can be the same. They are written as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Bytes, as Base64 in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Base64(pub(crate) Vec<u8>);

impl Base64 {
    pub(crate) fn text(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    pub(crate) fn parse(text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok()
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Self::text(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .map(Self)
            .ok_or_else(|| D::Error::custom("not Base64"))
    }
}
