//! One comparison.

use toml::de::DeValue;

use super::super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, integer, start, text, wrong},
};
use super::{Scope, provenance};
use crate::{
    EXACT_INTEGER_MAX, FieldPath, Glob, HostPattern, Number, PathPattern, Pattern, Predicate,
    Scalar, rules::Root, visible,
};

/// Every comparison there is.
pub(in super::super::super) const PREDICATES: [&str; 26] = [
    "eq",
    "ne",
    "in",
    "not_in",
    "gt",
    "ge",
    "lt",
    "le",
    "range",
    "prefix",
    "suffix",
    "glob",
    "path",
    "host",
    "matches",
    "length",
    "exists",
    "same_as",
    "in_list",
    "known",
    "from",
    "from_record",
    "each",
    "keys",
    "any",
    "not",
];

pub(super) fn predicate(
    (key, at): (&str, usize),
    value: &Node<'_>,
    field: &FieldPath,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<Predicate> {
    Some(match key {
        "eq" => Predicate::Equal(scalar(key, value, faults)?),
        "ne" => Predicate::NotEqual(scalar(key, value, faults)?),
        "in" => Predicate::In(scalars(key, value, faults)?),
        "not_in" => Predicate::NotIn(scalars(key, value, faults)?),
        "gt" => Predicate::Greater(number(key, value, faults)?),
        "ge" => Predicate::AtLeast(number(key, value, faults)?),
        "lt" => Predicate::Less(number(key, value, faults)?),
        "le" => Predicate::AtMost(number(key, value, faults)?),
        "prefix" => Predicate::Prefix(text(value, key, faults)?.to_owned()),
        "suffix" => Predicate::Suffix(text(value, key, faults)?.to_owned()),
        "glob" => Predicate::Glob(parsed(
            value,
            Glob::parse(text(value, key, faults)?).map_err(|e| e.to_string()),
            faults,
        )?),
        "matches" => Predicate::Matches(parsed(
            value,
            Pattern::parse(text(value, key, faults)?),
            faults,
        )?),
        "path" => {
            let path = PathPattern::parse(text(value, key, faults)?);
            Predicate::Path(parsed(value, path, faults)?)
        }
        "host" => Predicate::Host(hosts(value, faults)?),
        "range" => range(value, faults)?,
        "length" => length(value, faults)?,
        "exists" => Predicate::Exists(flag(key, value, faults)?),
        "same_as" => Predicate::SameAs(same_as(value, field, scope, faults)?),
        "in_list" => Predicate::InList(provenance::list(key, value, scope, faults)?),
        "known" => Predicate::Known(provenance::list(key, value, scope, faults)?),
        "from" => Predicate::FromCase(provenance::from(value, field, faults)?),
        "from_record" => Predicate::FromRecord(provenance::from_record(value, faults)?),
        "each" => {
            let in_item = true;
            Predicate::Each(group(value, field, Scope { in_item, ..scope }, faults)?)
        }
        "keys" => {
            let in_item = false;
            Predicate::Keys(group(value, field, Scope { in_item, ..scope }, faults)?)
        }
        "not" => Predicate::Not(group(value, field, scope, faults)?),
        "any" => Predicate::Any(groups(value, field, scope, faults)?),
        _ => {
            faults.add(
                at,
                format!("there is no comparison `{}`", visible(key)),
                did_you_mean(key, &PREDICATES),
            );
            return None;
        }
    })
}

/// Another field. One that is compared with itself is equal whenever it is there:
/// its author meant another one.
fn same_as(
    node: &Node<'_>,
    field: &FieldPath,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<FieldPath> {
    let name = text(node, "same_as", faults)?;
    let other = super::other(name, start(node), scope, faults)?;
    if other == *field && scope.in_item == (other.root() == Root::Item) {
        faults.add(
            start(node),
            format!("`{other}` is compared with itself"),
            "name the other field, or write { exists = true }",
        );
    }
    Some(other)
}

/// Comparisons inside of a comparison; nothing where there are none.
fn group(
    node: &Node<'_>,
    field: &FieldPath,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<Vec<Predicate>> {
    let found = super::predicates(field, node, scope, faults);
    (!found.is_empty()).then_some(found)
}

fn groups(
    node: &Node<'_>,
    field: &FieldPath,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<Vec<Vec<Predicate>>> {
    match node.get_ref() {
        DeValue::Array(items) if items.len() > 1 => items
            .iter()
            .map(|item| group(item, field, scope, faults))
            .collect(),
        _ => {
            wrong(
                node,
                "any",
                "a list of two comparisons or more: [{ eq = … }, { … }]",
                faults,
            );
            None
        }
    }
}

fn hosts(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Vec<HostPattern>> {
    let items: Vec<&Node<'_>> = match node.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![node],
    };
    if items.is_empty() {
        wrong(node, "host", "a host, or a list of hosts", faults);
        return None;
    }
    items
        .into_iter()
        .map(|item| {
            let host = HostPattern::parse(text(item, "host", faults)?);
            parsed(item, host, faults)
        })
        .collect()
}

fn range(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Predicate> {
    let mut keys = Keys::of(node, "`range`", faults)?;
    let mut bound = |key: &'static str, faults: &mut Faults<'_>| {
        let node = keys.get(key)?;
        number(key, node, faults)
    };
    let (min, max) = (bound("min", faults), bound("max", faults));
    keys.finish(faults);
    let is_reversed = match (min, max) {
        (Some(min), Some(max)) => min > max,
        (None, None) => true,
        _ => false,
    };
    if is_reversed {
        faults.add(
            start(node),
            "no number is in this range, or every one is",
            "write { min = …, max = … } with one of them or both, the smaller first",
        );
    }
    Some(Predicate::Range { min, max })
}

fn parsed<T>(node: &Node<'_>, result: Result<T, String>, faults: &mut Faults<'_>) -> Option<T> {
    result
        .map_err(|hint| {
            faults.add(
                start(node),
                "this comparison cannot be read",
                visible(&hint),
            )
        })
        .ok()
}

fn flag(key: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Option<bool> {
    let flag = node.get_ref().as_bool();
    if flag.is_none() {
        wrong(node, key, "true or false", faults);
    }
    flag
}

fn scalars(key: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Vec<Scalar>> {
    let items = node.get_ref().as_array();
    let Some(items) = items.filter(|items| !items.is_empty()) else {
        wrong(node, key, "a list with at least one value", faults);
        return None;
    };
    items.iter().map(|item| scalar(key, item, faults)).collect()
}

fn scalar(key: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Scalar> {
    match node.get_ref() {
        DeValue::String(text) => Some(Scalar::Text(text.to_string())),
        DeValue::Boolean(flag) => Some(Scalar::Bool(*flag)),
        DeValue::Integer(_) | DeValue::Float(_) => number(key, node, faults).map(Scalar::Number),
        _ => {
            wrong(node, key, "a text, a number, true or false", faults);
            None
        }
    }
}

fn number(key: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Number> {
    let whole = integer(node)
        .filter(|i| i.unsigned_abs() <= EXACT_INTEGER_MAX)
        .map(Number::Integer);
    let float = node
        .get_ref()
        .as_float()
        .and_then(|float| float.as_str().parse::<f64>().ok());
    let float = float
        .filter(|f| f.is_finite() && f.abs() <= EXACT_INTEGER_MAX as f64)
        .map(Number::Float);
    let number = whole.or(float);
    if number.is_none() {
        wrong(
            node,
            key,
            "a number of at most 2^53; larger ones travel as texts and have no order here",
            faults,
        );
    }
    number
}

fn length(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Predicate> {
    let mut keys = Keys::of(node, "`length`", faults)?;
    let mut bound = |key, default| {
        let Some(node) = keys.get(key) else {
            return default;
        };
        match integer(node).and_then(|i| u64::try_from(i).ok()) {
            Some(bound) => bound,
            None => {
                wrong(node, key, "a whole number from 0", faults);
                default
            }
        }
    };
    let (min, max) = (bound("min", 0), bound("max", u64::MAX));
    keys.finish(faults);
    if min > max || (min, max) == (0, u64::MAX) {
        faults.add(
            start(node),
            "no length is left out, or every one is",
            "write { min = …, max = … } with one of them or both, the smaller first",
        );
    }
    Some(Predicate::Length { min, max })
}
