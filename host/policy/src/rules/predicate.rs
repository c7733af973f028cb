//! What a rule can say of one field.

use std::{cmp::Ordering, sync::Arc};

use serde_json::{Map, Value};

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
    /// `length`: a text with so many characters, a list with so many items, or an
    /// object with so many members.
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
    /// `each`: a list of which every item is like this. Of an empty one nothing is
    /// known.
    Each(Vec<Predicate>),
    /// `item.FIELD` inside of `each`: what is said of this field of the item.
    Item(FieldPath, Vec<Predicate>),
    /// `keys`: an object of which the name of every member is like this. Of an empty
    /// one nothing is known.
    Keys(Vec<Predicate>),
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
    /// What it takes to look, compared with others: one comparison, a text, many of
    /// them, a place that is read, a set, a table, a group.
    pub(super) fn cost(&self) -> u8 {
        match self {
            Self::Exists(_)
            | Self::Greater(_)
            | Self::AtLeast(_)
            | Self::Less(_)
            | Self::AtMost(_)
            | Self::Range { .. }
            | Self::Equal(Scalar::Bool(_) | Scalar::Number(_))
            | Self::NotEqual(Scalar::Bool(_) | Scalar::Number(_)) => 0,
            Self::Equal(_) | Self::NotEqual(_) | Self::Prefix(_) | Self::Suffix(_) => 1,
            Self::In(_) | Self::NotIn(_) | Self::Length { .. } | Self::SameAs(_) => 2,
            Self::Path(_) | Self::Host(_) | Self::Glob(_) => 3,
            Self::InList(_) | Self::Known(_) | Self::FromCase(_) | Self::FromRecord(_) => 4,
            Self::Matches(_) => 5,
            Self::Each(_) | Self::Item(..) | Self::Keys(_) | Self::Any(_) | Self::Not(_) => 6,
        }
    }

    /// Whether it asks where a value came from.
    pub(super) fn asks_for_case(&self) -> bool {
        match self {
            Self::FromCase(_) | Self::FromRecord(_) => true,
            Self::Known(list) => !list.is_fixed(),
            Self::Each(group) | Self::Item(_, group) | Self::Keys(group) | Self::Not(group) => {
                group.iter().any(Self::asks_for_case)
            }
            Self::Any(groups) => groups.iter().flatten().any(Self::asks_for_case),
            _ => false,
        }
    }

    /// Nothing where the field is missing or of another type.
    pub(super) fn holds(&self, seen: Option<Seen<'_>>, facts: &Facts<'_>) -> Option<bool> {
        match self {
            Self::Exists(expected) => return Some(seen.is_some() == *expected),
            Self::Any(groups) => return any(groups.iter().map(|group| all(group, seen, facts))),
            Self::Not(group) => return all(group, seen, facts).map(|holds| !holds),
            Self::Item(field, group) => return all(group, facts.find(field), facts),
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
            Self::Keys(group) => keys(seen.members()?, group, facts),
            Self::Exists(_) | Self::Any(_) | Self::Not(_) | Self::Item(..) => None,
        }
    }
}

/// Whether all hold: no as soon as one does not, unknown where one is.
fn all(group: &[Predicate], seen: Option<Seen<'_>>, facts: &Facts<'_>) -> Option<bool> {
    every(group.iter().map(|predicate| predicate.holds(seen, facts)))
}

/// The attack: an empty list, of which anything is true, and which the remote system
/// takes for everything there is. So nothing is known of it.
fn each(items: &[Value], group: &[Predicate], facts: &Facts<'_>) -> Option<bool> {
    let like = |item| all(group, Some(Seen::Json(item)), &facts.of_item(item));
    every(items.iter().map(like)).filter(|_| !items.is_empty())
}

fn keys(members: &Map<String, Value>, group: &[Predicate], facts: &Facts<'_>) -> Option<bool> {
    let like = |name: &String| all(group, Some(Seen::Text(name)), facts);
    every(members.keys().map(like)).filter(|_| !members.is_empty())
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
