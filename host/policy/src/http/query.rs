//! Query parameters of a route.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::Kind;

/// What a query parameter may hold, and how often it may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryParameter {
    /// What each value may be.
    pub values: QueryValues,
    /// How often it may stand there, each time with a value of its own. Servers
    /// differ in which one of two they take (CWE-235), so it is one unless the
    /// row says that this server wants a list.
    pub times: usize,
}

/// What a value of a query parameter may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryValues {
    /// Anything of a kind; with [`Kind::Text`] also nothing.
    Kind(Kind),
    /// One of these, letter by letter.
    OneOf(BTreeSet<String>),
}

impl QueryParameter {
    /// Whether it is a text of the connector's choice, which can carry data out.
    pub(super) fn is_text(&self) -> bool {
        self.values == QueryValues::Kind(Kind::Text)
    }

    pub(super) fn accepts(&self, value: &str) -> bool {
        match &self.values {
            QueryValues::Kind(Kind::Text) if value.is_empty() => true,
            QueryValues::Kind(kind) => kind.accepts(value),
            QueryValues::OneOf(known) => known.contains(value),
        }
    }

    /// What it holds, for messages.
    pub(super) fn holds(&self) -> String {
        match &self.values {
            QueryValues::Kind(kind) => kind.holds().to_owned(),
            QueryValues::OneOf(known) => {
                let known: Vec<String> = known.iter().map(|one| format!("`{one}`")).collect();
                format!("one of {}", known.join(", "))
            }
        }
    }

    /// Add a value to the parameters as rules see them: a list where the row has
    /// one, however many there are. False where it stands there too often.
    pub(super) fn add(&self, named: &mut Map<String, Value>, name: &str, value: &str) -> bool {
        let seen = match &self.values {
            QueryValues::Kind(kind) => kind.json(value),
            QueryValues::OneOf(_) => Value::from(value),
        };
        if self.times == 1 {
            return named.insert(name.to_owned(), seen).is_none();
        }
        let list = named
            .entry(name)
            .or_insert_with(|| Value::Array(Vec::new()));
        match list {
            Value::Array(list) if list.len() < self.times => {
                list.push(seen);
                true
            }
            _ => false,
        }
    }
}
