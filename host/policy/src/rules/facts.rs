//! Everything a predicate can see, and how two values compare.

use std::cmp::Ordering;

use serde_json::Value;

use super::{CallFacts, FieldPath, Root, ToolFacts, number};

/// A tool call and, where one is judged, its import call.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) tool: &'a ToolFacts<'a>,
    pub(super) call: Option<&'a CallFacts<'a>>,
}

/// One value of the facts.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Json(&'a Value),
    Text(&'a str),
}

impl<'a> Facts<'a> {
    pub(super) fn find(&self, path: &FieldPath) -> Option<Seen<'a>> {
        match path.root() {
            Root::Principal => Some(Seen::Text(self.tool.principal)),
            Root::Destination => self.call?.identity.map(Seen::Text),
            Root::Input => path.find(Some(self.tool.input)).map(Seen::Json),
            Root::Args => path.find(self.call.map(|call| call.args)).map(Seen::Json),
        }
    }
}

impl<'a> Seen<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
        }
    }

    pub(super) fn number(self) -> Option<&'a serde_json::Number> {
        match self {
            Self::Json(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    pub(super) fn items(self) -> Option<&'a [Value]> {
        match self {
            Self::Json(Value::Array(items)) => Some(items),
            _ => None,
        }
    }

    pub(super) fn length(self) -> Option<u64> {
        match self.items() {
            Some(items) => Some(items.len() as u64),
            None => self.text().map(|text| text.chars().count() as u64),
        }
    }

    pub(super) fn same(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Json(a), Self::Json(b)) => Some(same(a, b)),
            (a, b) => Some(a.text()? == b.text()?),
        }
    }
}

/// Equality of JSON values, where 1 and 1.0 are one number.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => number::compare(a, b) == Some(Ordering::Equal),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
