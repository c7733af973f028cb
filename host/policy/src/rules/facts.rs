//! Everything a predicate can see, and how two values compare.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::{CallFacts, FieldPath, Root, ToolFacts, number};

/// A tool call and, where one is judged, its import call.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) tool: &'a ToolFacts<'a>,
    pub(super) call: Option<&'a CallFacts<'a>>,
    /// The item of the innermost `each`.
    item: Option<&'a Value>,
}

/// One value of the facts.
#[derive(Clone, Copy)]
pub(super) enum Seen<'a> {
    Json(&'a Value),
    Text(&'a str),
}

impl<'a> Facts<'a> {
    pub(super) const fn new(tool: &'a ToolFacts<'a>, call: Option<&'a CallFacts<'a>>) -> Self {
        Self {
            tool,
            call,
            item: None,
        }
    }

    /// What is seen from within one item of a list.
    pub(super) const fn of_item<'b>(&self, item: &'b Value) -> Facts<'b>
    where
        'a: 'b,
    {
        Facts {
            tool: self.tool,
            call: self.call,
            item: Some(item),
        }
    }

    pub(super) fn find(&self, path: &FieldPath) -> Option<Seen<'a>> {
        match path.root() {
            Root::Principal => Some(Seen::Text(self.tool.principal)),
            Root::Destination => self.call?.identity.map(Seen::Text),
            Root::Input | Root::Args | Root::Item => self.value(path).map(Seen::Json),
        }
    }

    /// The JSON value at a path.
    pub(super) fn value(&self, path: &FieldPath) -> Option<&'a Value> {
        let root = match path.root() {
            Root::Input => Some(self.tool.input),
            Root::Args => self.call.map(|call| call.args),
            Root::Item => self.item,
            Root::Principal | Root::Destination => None,
        };
        path.find(root)
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

    pub(super) fn members(self) -> Option<&'a Map<String, Value>> {
        match self {
            Self::Json(Value::Object(members)) => Some(members),
            _ => None,
        }
    }

    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::Json(Value::Array(items)) => Some(items.len() as u64),
            Self::Json(Value::Object(members)) => Some(members.len() as u64),
            _ => self.text().map(|text| text.chars().count() as u64),
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
