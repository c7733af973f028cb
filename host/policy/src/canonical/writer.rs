//! Writing JSON in its one spelling.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use super::number::inexact;
use super::{CanonicalError, EXACT_INTEGER_MAX, Step, WRITE_DEPTH_MAX, pointer};

pub(super) struct Writer {
    pub(super) text: String,
    pub(super) path: Vec<Step>,
}

impl Writer {
    pub(super) fn value(&mut self, value: &Value) -> Result<(), CanonicalError> {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            Value::Number(number) => self.number(number)?,
            Value::String(text) => self.string(text),
            Value::Array(items) => self.array(items)?,
            Value::Object(fields) => self.object(fields)?,
        }
        Ok(())
    }

    pub(super) fn array(&mut self, items: &[Value]) -> Result<(), CanonicalError> {
        self.text.push('[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            self.below(Step::Index(i), item)?;
        }
        self.text.push(']');
        Ok(())
    }

    pub(super) fn object(&mut self, fields: &Map<String, Value>) -> Result<(), CanonicalError> {
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| by_utf16(a, b));
        self.text.push('{');
        for (i, (key, value)) in sorted.into_iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            self.string(key);
            self.text.push(':');
            self.below(Step::Key(key.clone()), value)?;
        }
        self.text.push('}');
        Ok(())
    }

    pub(super) fn below(&mut self, step: Step, value: &Value) -> Result<(), CanonicalError> {
        self.path.push(step);
        if self.path.len() > WRITE_DEPTH_MAX {
            let pointer = pointer(&self.path);
            return Err(CanonicalError::TooDeep {
                pointer,
                limit: WRITE_DEPTH_MAX,
            });
        }
        self.value(value)?;
        self.path.pop();
        Ok(())
    }

    pub(super) fn number(&mut self, number: &Number) -> Result<(), CanonicalError> {
        if let Some(integer) = number
            .as_i64()
            .filter(|i| i.unsigned_abs() <= EXACT_INTEGER_MAX)
        {
            let _ = write!(self.text, "{integer}");
            return Ok(());
        }
        let float = number.as_f64().filter(|_| number.is_f64());
        match float.filter(|f| f.abs() <= EXACT_INTEGER_MAX as f64) {
            Some(float) => self
                .text
                .push_str(ryu_js::Buffer::new().format_finite(float)),
            None => return Err(inexact(&self.path, &number.to_string())),
        }
        Ok(())
    }

    /// RFC 8785 §3.2.2.2: the two-character escapes, `\u00xx` for the other
    /// controls, everything else as it is.
    pub(super) fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\u{c}' => self.text.push_str("\\f"),
                '\r' => self.text.push_str("\\r"),
                '\0'..='\u{1f}' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}

/// RFC 8785 §3.2.3: keys are sorted as UTF-16, where a character beyond the
/// basic plane sorts before U+E000 to U+FFFF.
fn by_utf16(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
