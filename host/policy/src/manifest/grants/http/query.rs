//! `query = { page = "int", state = { one_of = ["open"] }, ranges = { kind = "text", times = 20 } }`
//! of a route.

use std::collections::{BTreeMap, BTreeSet};

use toml::de::DeValue;

use super::super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, start, text, wrong},
    limits::{HTTP_QUERY_TIMES_MAX, HTTP_SEGMENT_BYTES_MAX},
};
use crate::{
    http::{Kind, QueryParameter, QueryValues, fields},
    visible,
};

/// Kinds that a query parameter can have.
const KINDS: [&str; 6] = ["int", "id", "uuid", "date", "flag", "text"];

pub(super) fn read(
    keys: &mut Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, QueryParameter> {
    let mut query = BTreeMap::new();
    let Some(node) = keys.get("query") else {
        return query;
    };
    let DeValue::Table(table) = node.get_ref() else {
        wrong(node, "query", "a table such as { page = \"int\" }", faults);
        return query;
    };
    for (name, node) in table.iter() {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        if !fields::is_query_name(name) {
            faults.add(
                at,
                format!("`{}` cannot be granted as a query parameter", visible(name)),
                "write a plain name; `_method`, spaces, quotation marks, `&`, `=` and `#` are refused",
            );
        }
        if let Some(parameter) = parameter(name, node, faults) {
            query.insert(name.to_owned(), parameter);
        }
    }
    query
}

/// A kind, or a table that says more.
fn parameter(name: &str, node: &Node<'_>, faults: &mut Faults<'_>) -> Option<QueryParameter> {
    let DeValue::Table(_) = node.get_ref() else {
        let values = QueryValues::Kind(kind(node, name, faults)?);
        return Some(QueryParameter { values, times: 1 });
    };
    let mut keys = Keys::of(node, format!("query.{name}"), faults)?;
    let times = keys.count_within("times", 1, HTTP_QUERY_TIMES_MAX as u64, faults);
    let values = match (keys.get("kind"), keys.has("one_of")) {
        (Some(node), false) => kind(node, "kind", faults).map(QueryValues::Kind),
        (None, true) => one_of(&mut keys, faults).map(QueryValues::OneOf),
        _ => {
            keys.get("one_of");
            faults.add(
                keys.at,
                format!("`query.{name}` says not what it may hold, or twice"),
                "write either kind = \"int\" or one_of = [\"open\", \"closed\"]",
            );
            None
        }
    };
    keys.finish(faults);
    Some(QueryParameter {
        values: values?,
        times: usize::try_from(times).unwrap_or(1),
    })
}

fn kind(node: &Node<'_>, key: &str, faults: &mut Faults<'_>) -> Option<Kind> {
    let written = text(node, key, faults)?;
    match Kind::from_name(written) {
        Some(Kind::Key) | None => {
            let message = format!("a query parameter has no kind `{}`", visible(written));
            faults.add(start(node), message, did_you_mean(written, &KINDS));
            None
        }
        known => known,
    }
}

fn one_of(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<BTreeSet<String>> {
    let written = keys.short_texts("one_of", faults);
    let mut known = BTreeSet::new();
    for (at, value) in written {
        if value.len() > HTTP_SEGMENT_BYTES_MAX || value.chars().any(char::is_control) {
            faults.add(
                at,
                "`one_of` has a value that is too long or has a control character",
                "write at most 2048 bytes of plain text",
            );
            return None;
        }
        known.insert(value);
    }
    if known.is_empty() {
        faults.add(
            keys.at,
            "`one_of` names no value",
            "write the values that may be sent, or remove the parameter",
        );
        return None;
    }
    Some(known)
}
