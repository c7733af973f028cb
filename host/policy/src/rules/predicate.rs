//! What a rule can say of one field.

use std::cmp::Ordering;

use serde_json::Value;

use super::{CallFacts, FieldPath, Number, Pattern, Root, ToolFacts, number};
use crate::Glob;

/// One field and what must hold for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: FieldPath,
    /// All of these must hold.
    pub predicates: Vec<Predicate>,
}

/// A value that a field is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(String),
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// `eq`: equal.
    Equal(Scalar),
    /// `ne`: of the same type, and not equal.
    NotEqual(Scalar),
    /// `in`: equal to one of these.
    In(Vec<Scalar>),
    /// `not_in`: of the type of one of these, and equal to none.
    NotIn(Vec<Scalar>),
    /// `gt`: a number above this.
    Greater(Number),
    /// `ge`: a number of at least this.
    AtLeast(Number),
    /// `lt`: a number below this.
    Less(Number),
    /// `le`: a number of at most this.
    AtMost(Number),
    /// `prefix`: a text that begins with this.
    Prefix(String),
    /// `suffix`: a text that ends with this.
    Suffix(String),
    /// `glob`: a text with segments divided by `/` that fits.
    Glob(Glob),
    /// `matches`: a text that fits as a whole.
    Matches(Pattern),
    /// `length`: a text with so many characters, or a list with so many items.
    Length {
        /// At least so many.
        min: u64,
        /// At most so many.
        max: u64,
    },
    /// `exists`: whether the field is there. An explicit null is there.
    Exists(bool),
    /// `same_as`: equal to this other field, and both there.
    SameAs(FieldPath),
}

/// Everything a predicate can see.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) tool: &'a ToolFacts<'a>,
    pub(super) call: Option<&'a CallFacts<'a>>,
}

/// One value of the facts.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Json(&'a Value),
    Text(&'a str),
}

impl Facts<'_> {
    fn find(&self, path: &FieldPath) -> Option<Seen<'_>> {
        match path.root() {
            Root::Principal => Some(Seen::Text(self.tool.principal)),
            Root::Input => path.find(Some(self.tool.input)).map(Seen::Json),
            Root::Args => path.find(self.call.map(|call| call.args)).map(Seen::Json),
        }
    }
}

impl<'a> Seen<'a> {
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Json(value) => value.as_str(),
        }
    }

    fn number(self) -> Option<&'a serde_json::Number> {
        match self {
            Self::Json(Value::Number(number)) => Some(number),
            _ => None,
        }
    }

    fn length(self) -> Option<u64> {
        match self {
            Self::Json(Value::Array(items)) => Some(items.len() as u64),
            _ => self.text().map(|text| text.chars().count() as u64),
        }
    }

    fn same(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Json(a), Self::Json(b)) => Some(same(a, b)),
            (a, b) => Some(a.text()? == b.text()?),
        }
    }
}

impl Condition {
    /// Whether the condition holds for a row that allows: everything must be
    /// known to hold.
    pub(super) fn surely(&self, facts: &Facts<'_>) -> bool {
        self.predicates
            .iter()
            .all(|p| p.holds(&self.field, facts) == Some(true))
    }

    /// Whether the condition may hold, for a row that denies or requires: what
    /// cannot be known counts as the worst case.
    pub(super) fn possibly(&self, facts: &Facts<'_>) -> bool {
        self.predicates
            .iter()
            .all(|p| p.holds(&self.field, facts) != Some(false))
    }
}

impl Predicate {
    /// Nothing where the field is missing or of another type.
    fn holds(&self, field: &FieldPath, facts: &Facts<'_>) -> Option<bool> {
        let Some(seen) = facts.find(field) else {
            return match self {
                Self::Exists(expected) => Some(!expected),
                _ => None,
            };
        };
        match self {
            Self::Exists(expected) => Some(*expected),
            Self::Equal(scalar) => scalar.is(seen),
            Self::NotEqual(scalar) => scalar.is(seen).map(|is| !is),
            Self::In(list) => one_of(list, seen),
            Self::NotIn(list) => one_of(list, seen).map(|is| !is),
            Self::Greater(n) => order(*n, seen).map(Ordering::is_gt),
            Self::AtLeast(n) => order(*n, seen).map(Ordering::is_ge),
            Self::Less(n) => order(*n, seen).map(Ordering::is_lt),
            Self::AtMost(n) => order(*n, seen).map(Ordering::is_le),
            Self::Prefix(prefix) => seen.text().map(|text| text.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => seen.text().map(|text| text.ends_with(suffix.as_str())),
            Self::Glob(glob) => seen.text().map(|text| glob.matches(text)),
            Self::Matches(pattern) => pattern.matches(seen.text()?),
            Self::Length { min, max } => seen.length().map(|n| (*min..=*max).contains(&n)),
            Self::SameAs(other) => seen.same(facts.find(other)?),
        }
    }
}

impl Scalar {
    fn is(&self, seen: Seen<'_>) -> Option<bool> {
        match self {
            Self::Text(text) => seen.text().map(|seen| seen == text),
            Self::Number(number) => order(*number, seen).map(Ordering::is_eq),
            Self::Bool(expected) => match seen {
                Seen::Json(Value::Bool(seen)) => Some(seen == expected),
                _ => None,
            },
        }
    }
}

/// Known when any member has the value's type.
fn one_of(list: &[Scalar], seen: Seen<'_>) -> Option<bool> {
    list.iter()
        .filter_map(|scalar| scalar.is(seen))
        .reduce(|a, b| a || b)
}

fn order(number: Number, seen: Seen<'_>) -> Option<Ordering> {
    number.compare(seen.number()?)
}

/// Equality of JSON values, where 1 and 1.0 are one number.
fn same(a: &Value, b: &Value) -> bool {
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
