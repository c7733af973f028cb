//! What a rule can say of one field.

use std::{cmp::Ordering, sync::Arc};

use serde_json::Value;

use super::{
    FieldPath, HostPattern, List, Number, PathPattern, Pattern, RecordField,
    facts::{Facts, Seen},
    place,
};
use crate::Glob;

/// One field and what must hold for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The field.
    pub field: FieldPath,
    /// All of these must hold.
    pub predicates: Vec<Predicate>,
    /// Where it stands in the manifest, in bytes.
    pub at: usize,
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
    /// `range`: a number within these bounds, each of them included.
    Range {
        /// At least this.
        min: Option<Number>,
        /// At most this.
        max: Option<Number>,
    },
    /// `prefix`: a text that begins with this.
    Prefix(String),
    /// `suffix`: a text that ends with this.
    Suffix(String),
    /// `glob`: a text with segments divided by `/` that fits.
    Glob(Glob),
    /// `path`: a plain path that is this place or below it.
    Path(PathPattern),
    /// `host`: a plain address of one of these hosts.
    Host(Vec<HostPattern>),
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
    /// `in_list`: a member of a list that stands in the manifest or in a file beside
    /// it.
    InList(Arc<List>),
    /// `known`: a member of a list that the case may fill as well.
    Known(Arc<List>),
    /// `from`: equal to the case's trusted input of this name.
    FromCase(String),
    /// `from_record`: equal to a value that a run of the case read there.
    FromRecord(RecordField),
    /// `each`: a list of which every item is like this.
    Each(Vec<Predicate>),
    /// `any`: like one of these.
    Any(Vec<Vec<Predicate>>),
    /// `not`: not like this.
    Not(Vec<Predicate>),
}

impl Condition {
    /// Whether the condition holds for a row that allows: everything must be
    /// known to hold.
    pub(super) fn surely(&self, facts: &Facts<'_>) -> bool {
        let seen = facts.find(&self.field);
        self.predicates
            .iter()
            .all(|p| p.holds(seen, facts) == Some(true))
    }

    /// Whether the condition may hold, for a row that denies or requires: what
    /// cannot be known counts as the worst case.
    pub(super) fn possibly(&self, facts: &Facts<'_>) -> bool {
        let seen = facts.find(&self.field);
        self.predicates
            .iter()
            .all(|p| p.holds(seen, facts) != Some(false))
    }
}

impl Predicate {
    /// Whether it asks where a value came from.
    pub(super) fn asks_for_case(&self) -> bool {
        match self {
            Self::FromCase(_) | Self::FromRecord(_) => true,
            Self::Known(list) => !list.is_fixed(),
            Self::Each(group) | Self::Not(group) => group.iter().any(Self::asks_for_case),
            Self::Any(groups) => groups.iter().flatten().any(Self::asks_for_case),
            _ => false,
        }
    }

    /// Nothing where the field is missing or of another type.
    fn holds(&self, seen: Option<Seen<'_>>, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Exists(expected) => return Some(seen.is_some() == *expected),
            Self::Any(groups) => return any(groups.iter().map(|group| all(group, seen, facts))),
            Self::Not(group) => return all(group, seen, facts).map(|holds| !holds),
            _ => {}
        }
        let seen = seen?;
        match self {
            Self::Equal(scalar) => scalar.is(seen),
            Self::NotEqual(scalar) => scalar.is(seen).map(|is| !is),
            Self::In(list) => one_of(list, seen),
            Self::NotIn(list) => one_of(list, seen).map(|is| !is),
            Self::Greater(n) => order(*n, seen).map(Ordering::is_gt),
            Self::AtLeast(n) => order(*n, seen).map(Ordering::is_ge),
            Self::Less(n) => order(*n, seen).map(Ordering::is_lt),
            Self::AtMost(n) => order(*n, seen).map(Ordering::is_le),
            Self::Range { min, max } => within(*min, *max, seen),
            Self::Prefix(prefix) => seen.text().map(|text| text.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => seen.text().map(|text| text.ends_with(suffix.as_str())),
            Self::Glob(glob) => seen.text().map(|text| glob.matches(text)),
            Self::Path(path) => path.contains(seen.text()?),
            Self::Host(hosts) => place::is_of_host(hosts, seen.text()?),
            Self::Matches(pattern) => pattern.matches(seen.text()?),
            Self::Length { min, max } => seen.length().map(|n| (*min..=*max).contains(&n)),
            Self::SameAs(other) => seen.same(facts.find(other)?),
            Self::InList(list) | Self::Known(list) => list.contains(facts.tool.case, seen),
            Self::FromCase(name) => facts.tool.case?.is_input(name, seen),
            Self::FromRecord(from) => facts.tool.case?.is_read(&from.system, &from.field, seen),
            Self::Each(group) => each(seen.items()?, group, facts),
            Self::Exists(_) | Self::Any(_) | Self::Not(_) => None,
        }
    }
}

/// Whether all hold: no as soon as one does not, unknown where one is.
fn all(group: &[Predicate], seen: Option<Seen<'_>>, facts: &Facts<'_>) -> Option<bool> {
    every(group.iter().map(|predicate| predicate.holds(seen, facts)))
}

fn each(items: &[Value], group: &[Predicate], facts: &Facts<'_>) -> Option<bool> {
    every(
        items
            .iter()
            .map(|item| all(group, Some(Seen::Json(item)), facts)),
    )
}

fn every(mut found: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    found
        .try_fold(Some(true), |known, next| match next {
            Some(false) => Err(()),
            next => Ok(known.and(next)),
        })
        .unwrap_or(Some(false))
}

fn any(found: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    every(found.map(|holds| holds.map(|holds| !holds))).map(|none| !none)
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

/// How the value compares with the number.
fn order(number: Number, seen: Seen<'_>) -> Option<Ordering> {
    number.compare(seen.number()?)
}

fn within(min: Option<Number>, max: Option<Number>, seen: Seen<'_>) -> Option<bool> {
    let above = min.map_or(Some(true), |min| order(min, seen).map(Ordering::is_ge));
    let below = max.map_or(Some(true), |max| order(max, seen).map(Ordering::is_le));
    Some(above? && below?)
}
