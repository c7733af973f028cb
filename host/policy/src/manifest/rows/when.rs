//! `when`: what a rule says of single fields.

use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, integer, start, text, wrong},
};
use crate::{
    Condition, EXACT_INTEGER_MAX, FieldPath, Glob, Number, Pattern, Predicate, Scalar, rules::Root,
    visible,
};

const PREDICATES: [&str; 15] = [
    "eq", "ne", "in", "not_in", "gt", "ge", "lt", "le", "prefix", "suffix", "glob", "matches",
    "length", "exists", "same_as",
];

pub(super) fn conditions(
    node: &Node<'_>,
    has_call: bool,
    faults: &mut Faults<'_>,
) -> Vec<Condition> {
    let DeValue::Table(fields) = node.get_ref() else {
        wrong(node, "when", "{ \"input.field\" = { eq = \"…\" } }", faults);
        return Vec::new();
    };
    if fields.is_empty() {
        faults.add(
            start(node),
            "`when` says nothing",
            "remove it, or write { \"input.field\" = { eq = \"…\" } }",
        );
    }
    let mut entries: Vec<_> = fields.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let mut read = |name: &str, at, node| {
        Some(Condition {
            field: field(name, at, has_call, faults)?,
            predicates: predicates(name, node, faults),
        })
    };
    entries
        .into_iter()
        .filter_map(|(name, node)| read(name.get_ref(), name.span().start, node))
        .collect()
}

fn field(name: &str, at: usize, has_call: bool, faults: &mut Faults<'_>) -> Option<FieldPath> {
    match FieldPath::parse(name) {
        Ok(field) if field.root() == Root::Args && !has_call => {
            faults.add(
                at,
                format!(
                    "`{}` is an argument of an import call, and this rule speaks of tool calls",
                    visible(name)
                ),
                "add call = \"…\", or write `input.…`",
            );
            None
        }
        Ok(field) => Some(field),
        Err(hint) => {
            faults.add(
                at,
                format!("`{}` is no field", visible(name)),
                visible(&hint),
            );
            None
        }
    }
}

pub(in crate::manifest) fn predicates(
    name: &str,
    node: &Node<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Predicate> {
    let DeValue::Table(table) = node.get_ref() else {
        wrong(node, name, "a comparison, for example { eq = … }", faults);
        return Vec::new();
    };
    if table.is_empty() {
        faults.add(
            start(node),
            format!("nothing is said of `{}`", visible(name)),
            "write a comparison, for example { exists = true }",
        );
    }
    let mut found = Vec::new();
    for (key, value) in table {
        let at = key.span().start;
        let key = key.get_ref().as_ref();
        let unquoted = !name.contains('.') && value.get_ref().is_table() && key != "length";
        if unquoted {
            let message = format!("`{}` is no comparison", visible(key));
            faults.add(
                at,
                message,
                format!(
                    "put the field in quotation marks: \"{}.{}\" = {{ … }}",
                    visible(name),
                    visible(key)
                ),
            );
        } else if let Some(predicate) = predicate(key, at, value, faults) {
            found.push(predicate);
        }
    }
    found
}

fn predicate(key: &str, at: usize, value: &Node<'_>, faults: &mut Faults<'_>) -> Option<Predicate> {
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
        "length" => length(value, faults)?,
        "exists" => Predicate::Exists(flag(key, value, faults)?),
        "same_as" => Predicate::SameAs(parsed(
            value,
            FieldPath::parse(text(value, key, faults)?),
            faults,
        )?),
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
