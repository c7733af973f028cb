//! Reading JSON with nothing lost.

use serde_json::{Map, Value};

use super::number::{exact, inexact};
use super::{CanonicalError, JSON_DEPTH_MAX, Step, pointer};

pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) path: Vec<Step>,
}

impl Reader<'_> {
    pub(super) fn fail<T>(&self, what: &'static str) -> Result<T, CanonicalError> {
        Err(CanonicalError::Syntax { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn value(&mut self) -> Result<Value, CanonicalError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, CanonicalError> {
        let words = [
            ("null", Value::Null),
            ("true", true.into()),
            ("false", false.into()),
        ];
        for (word, value) in words {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("a value is expected")
    }

    pub(super) fn below(&mut self, step: Step) -> Result<Value, CanonicalError> {
        self.path.push(step);
        if self.path.len() > JSON_DEPTH_MAX {
            let pointer = pointer(&self.path);
            return Err(CanonicalError::TooDeep {
                pointer,
                limit: JSON_DEPTH_MAX,
            });
        }
        let value = self.value()?;
        self.path.pop();
        Ok(value)
    }

    pub(super) fn array(&mut self) -> Result<Value, CanonicalError> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.below(Step::Index(items.len()))?);
            self.space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return self.fail("`,` or `]` is expected");
            }
        }
    }

    pub(super) fn object(&mut self) -> Result<Value, CanonicalError> {
        self.at += 1;
        let mut fields = Map::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            self.field(&mut fields)?;
            self.space();
            if self.eat(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.eat(b',') {
                return self.fail("`,` or `}` is expected");
            }
        }
    }

    fn field(&mut self, fields: &mut Map<String, Value>) -> Result<(), CanonicalError> {
        let key = self.string()?;
        if fields.contains_key(&key) {
            self.path.push(Step::Key(key));
            return Err(CanonicalError::DuplicateKey {
                pointer: pointer(&self.path),
            });
        }
        self.space();
        if !self.eat(b':') {
            return self.fail("`:` is expected");
        }
        self.space();
        let value = self.below(Step::Key(key.clone()))?;
        fields.insert(key, value);
        Ok(())
    }

    /// Finds the end of the string; escapes, controls and surrogates are judged
    /// by `serde_json`.
    pub(super) fn string(&mut self) -> Result<String, CanonicalError> {
        let start = self.at;
        if !self.eat(b'"') {
            return self.fail("a string is expected");
        }
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return self.fail("the string has no end"),
            }
        }
        self.at += 1;
        let token = self.text.get(start..self.at);
        match token.and_then(|token| serde_json::from_str(token).ok()) {
            Some(text) => Ok(text),
            None => self.fail("the string has an escape or a character that JSON does not allow"),
        }
    }

    pub(super) fn number(&mut self) -> Result<Value, CanonicalError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let numeral = &self.text[start..self.at];
        exact(numeral).ok_or_else(|| inexact(&self.path, numeral))
    }

    pub(super) fn digits(&mut self) -> Result<(), CanonicalError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            self.fail("a digit is expected")
        }
    }
}
