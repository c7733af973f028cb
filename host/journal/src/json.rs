//! Canonical JSON (RFC 8785) written straight into one buffer. A leaf has known
//! keys, so no tree is built and nothing is sorted but the caller's facts.
//!
//! Numbers are integers within ±2^53 and nothing else. RFC 8785 numbers are
//! doubles: two account numbers beyond that could share one text and so one
//! digest. Fractions are refused for the same reason; both travel as strings.

use serde_json::{Map, Value};

use crate::JournalError;

/// Largest magnitude of a number in a leaf: 2^53.
pub const INTEGER_MAX: u64 = 1 << 53;

/// Deepest nesting of facts. Deep nesting exhausts the stack of recursive
/// readers (CWE-674), so it never gets into a record.
pub const FACT_DEPTH_MAX: usize = 32;

pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Text that is JSON already.
    pub(crate) fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    pub(crate) fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        self.0.extend(
            bytes
                .iter()
                .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 0xf)]]),
        );
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.0.push(b'"');
        let bytes = text.as_bytes();
        let mut written = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            self.0.extend_from_slice(&bytes[written..at]);
            self.escape(byte);
            written = at + 1;
        }
        self.0.extend_from_slice(&bytes[written..]);
        self.0.push(b'"');
    }

    fn escape(&mut self, byte: u8) {
        match byte {
            b'"' => self.raw("\\\""),
            b'\\' => self.raw("\\\\"),
            0x08 => self.raw("\\b"),
            b'\t' => self.raw("\\t"),
            b'\n' => self.raw("\\n"),
            0x0c => self.raw("\\f"),
            b'\r' => self.raw("\\r"),
            control => {
                self.raw("\\u00");
                self.hex(&[control]);
            }
        }
    }

    pub(crate) fn optional_text(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.raw(key);
            self.text(text);
        }
    }

    pub(crate) fn integer_at(&mut self, number: u64, pointer: &str) -> Result<(), JournalError> {
        if number > INTEGER_MAX {
            return Err(JournalError::InexactNumber(pointer.to_owned()));
        }
        let mut digits = [0; 20];
        let mut from = digits.len();
        let mut rest = number;
        loop {
            from -= 1;
            digits[from] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend_from_slice(&digits[from..]);
        Ok(())
    }

    /// An object of the caller's. Pointers are built only for errors.
    pub(crate) fn object(
        &mut self,
        map: &Map<String, Value>,
        pointer: &str,
    ) -> Result<(), JournalError> {
        self.members(map, FACT_DEPTH_MAX)
            .map_err(|fault| fault.at(pointer))
    }

    fn members(&mut self, map: &Map<String, Value>, depth: usize) -> Result<(), Fault> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::new(JournalError::TooDeep));
        };
        self.0.push(b'{');
        // A map keeps its keys sorted unless some crate of the build switched
        // serde_json to insertion order; a digest must not depend on that. For
        // ASCII keys the order of bytes is RFC 8785's order of UTF-16 units.
        if map.keys().is_sorted() {
            self.sorted_members(map.iter(), depth)?;
        } else {
            let mut sorted: Vec<_> = map.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            self.sorted_members(sorted.into_iter(), depth)?;
        }
        self.0.push(b'}');
        Ok(())
    }

    fn sorted_members<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a String, &'a Value)>,
        depth: usize,
    ) -> Result<(), Fault> {
        for (index, (key, value)) in members.enumerate() {
            if !key.is_ascii() {
                return Err(Fault::new(JournalError::BadFactKey).under(key));
            }
            if index > 0 {
                self.0.push(b',');
            }
            self.text(key);
            self.0.push(b':');
            self.value(value, depth).map_err(|fault| fault.under(key))?;
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Fault> {
        match value {
            Value::Null => self.raw("null"),
            Value::Bool(true) => self.raw("true"),
            Value::Bool(false) => self.raw("false"),
            Value::Number(number) => self.number(number)?,
            Value::String(text) => self.text(text),
            Value::Array(items) => self.items(items, depth)?,
            Value::Object(map) => self.members(map, depth)?,
        }
        Ok(())
    }

    fn number(&mut self, number: &serde_json::Number) -> Result<(), Fault> {
        let inexact = || Fault::new(JournalError::InexactNumber);
        if let Some(negative) = number.as_i64().filter(|n| *n < 0) {
            self.0.push(b'-');
            return self
                .integer_at(negative.unsigned_abs(), "")
                .map_err(|_| inexact());
        }
        let integer = number.as_u64().ok_or_else(inexact)?;
        self.integer_at(integer, "").map_err(|_| inexact())
    }

    fn items(&mut self, items: &[Value], depth: usize) -> Result<(), Fault> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::new(JournalError::TooDeep));
        };
        self.0.push(b'[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.0.push(b',');
            }
            self.value(item, depth)
                .map_err(|fault| fault.under(&index.to_string()))?;
        }
        self.0.push(b']');
        Ok(())
    }
}

/// An error that learns its place on the way out.
struct Fault {
    kind: fn(String) -> JournalError,
    pointer: String,
}

impl Fault {
    fn new(kind: fn(String) -> JournalError) -> Self {
        Self {
            kind,
            pointer: String::new(),
        }
    }

    fn under(mut self, key: &str) -> Self {
        let key: String = key.chars().take(80).collect();
        self.pointer = format!(
            "/{}{}",
            key.replace('~', "~0").replace('/', "~1"),
            self.pointer
        );
        self
    }

    fn at(self, root: &str) -> JournalError {
        (self.kind)(format!("{root}{}", self.pointer))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn write(value: &Value) -> Result<String, JournalError> {
        let mut out = Writer::with_capacity(64);
        out.object(value.as_object().unwrap(), "")?;
        Ok(String::from_utf8(out.into_bytes()).unwrap())
    }

    #[test]
    fn control_characters_are_escaped_as_rfc_8785_asks() {
        let text = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}é";
        let written = write(&json!({ "a": text })).unwrap();
        let expected = "{\"a\":\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}\u{2028}é\"}";
        assert_eq!(written, expected);
    }

    #[test]
    fn numbers_that_doubles_cannot_tell_apart_are_refused_by_place() {
        assert_eq!(
            write(&json!({ "n": INTEGER_MAX })).unwrap(),
            "{\"n\":9007199254740992}"
        );
        for number in [
            json!(INTEGER_MAX + 1),
            json!(-9_007_199_254_740_993_i64),
            json!(0.5),
        ] {
            let refused = write(&json!({"a": [0, {"b/c": number}]})).unwrap_err();
            assert!(
                matches!(&refused, JournalError::InexactNumber(at) if at == "/a/1/b~1c"),
                "{refused}"
            );
        }
    }

    #[test]
    fn keys_outside_ascii_and_deep_nesting_are_refused() {
        assert!(matches!(
            write(&json!({"é": 1})),
            Err(JournalError::BadFactKey(_))
        ));
        let deep = (0..FACT_DEPTH_MAX).fold(json!(1), |inner, _| json!({ "a": inner }));
        assert!(write(&deep).is_ok());
        assert!(matches!(
            write(&json!({ "a": deep })),
            Err(JournalError::TooDeep(_))
        ));
    }

    fn facts() -> impl Strategy<Value = Value> {
        let safe = -(INTEGER_MAX as i64)..=(INTEGER_MAX as i64);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            safe.prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        let inner = leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ -~]{0,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        proptest::collection::btree_map("[ -~]{0,6}", inner, 0..6)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn any_facts_are_written_as_the_general_canonical_form(value in facts()) {
            prop_assert_eq!(write(&value).unwrap(), tollgate_policy::canonical(&value).unwrap());
        }
    }
}
