//! `[list.NAME]`: values that the operator trusts, by one name.

use std::sync::Arc;

use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, start, wrong},
    limits,
    read::json,
};
use super::when::{case_input, from_record};
use crate::{List, Values};

pub(in super::super) fn lists(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<Arc<List>> {
    let tables = keys.named("list", "list", faults);
    tables
        .into_iter()
        .map(|(name, keys)| Arc::new(list(name, keys, faults)))
        .collect()
}

fn list(name: String, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> List {
    let at = keys.at;
    let values = keys
        .get("values")
        .map_or_else(Values::default, |node| values(node, faults));
    // Written in full before the manifest is installed: see `bundle`.
    if let Some(node) = keys.get("file") {
        faults.add(
            start(node),
            "the file of this list was not read",
            "give the manifest as a file that the list's file lies beside, or write values = [\"…\"]",
        );
    }
    let input = keys
        .get("input")
        .and_then(|node| case_input(node, "input", faults));
    let record = keys
        .get("record")
        .and_then(|node| from_record(node, faults));
    let place = keys.place.clone();
    let is_told = keys.has("values") || keys.has("file");
    keys.finish(faults);
    if !is_told && input.is_none() && record.is_none() {
        faults.add(
            at,
            format!("{place} has no values"),
            "add values = [\"…\"], file = \"names.txt\", input = \"…\" or record = { system = \"…\", field = \"…\" }",
        );
    }
    List {
        name,
        values,
        input,
        record,
    }
}

fn values(node: &Node<'_>, faults: &mut Faults<'_>) -> Values {
    let mut values = Values::default();
    let DeValue::Array(items) = node.get_ref() else {
        wrong(node, "values", "a list of values", faults);
        return values;
    };
    if items.is_empty() || items.len() > limits::LIST_VALUES_MAX {
        faults.add(
            start(node),
            format!("this list has {} values", items.len()),
            format!("write 1 to {}", limits::LIST_VALUES_MAX),
        );
    }
    for item in items.iter() {
        let Some(value) = json(item, "values", faults) else {
            continue;
        };
        if value.is_array() || !values.insert(&value) {
            wrong(item, "values", "texts, numbers, true or false", faults);
        }
    }
    values
}
