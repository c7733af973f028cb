//! `[done_when]`: the read that shows whether a completion is correct.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, start, text, wrong},
    read::json,
    rows::when::{Scope, predicates},
};
use crate::{
    Condition, FieldPath, ToolDecl, visible,
    workflow::{Argument, DoneWhen, InputDecl},
};

pub(super) fn done_when(
    keys: &mut Keys<'_, '_>,
    inputs: &BTreeMap<String, InputDecl>,
    faults: &mut Faults<'_>,
) -> Option<DoneWhen> {
    let node = keys.get("done_when")?;
    let line = faults.place(start(node)).0;
    let mut keys = Keys::of(node, "[done_when]", faults)?;
    let tool = done_tool(&mut keys, faults);
    let input = keys
        .get("input")
        .map(|node| arguments(node, inputs, faults))
        .unwrap_or_default();
    let output = keys.need("output", "{ status = { eq = \"…\" } }", faults);
    let when = output.and_then(|node| expected(node, faults));
    keys.finish(faults);
    Some(DoneWhen::new(tool?, input, when?, line))
}

fn done_tool(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<(String, String)> {
    let node = keys.need("tool", "\"database.lookup\"", faults)?;
    let name = text(node, "tool", faults)?;
    let found = name
        .split_once('.')
        .filter(|(connector, tool)| !connector.is_empty() && ToolDecl::is_name(tool));
    if found.is_none() {
        faults.add(
            start(node),
            format!("`{}` names no tool", visible(name)),
            "write CONNECTOR.TOOL, for example \"database.lookup\"",
        );
    }
    found.map(|(connector, tool)| (connector.to_owned(), tool.to_owned()))
}

fn arguments(
    node: &Node<'_>,
    inputs: &BTreeMap<String, InputDecl>,
    faults: &mut Faults<'_>,
) -> BTreeMap<String, Argument> {
    let mut arguments = BTreeMap::new();
    let DeValue::Table(fields) = node.get_ref() else {
        wrong(node, "input", "a table of fields", faults);
        return arguments;
    };
    for (field, node) in fields.iter() {
        let field = field.get_ref().as_ref();
        let argument = argument(field, node, inputs, faults);
        arguments.extend(argument.map(|argument| (field.to_owned(), argument)));
    }
    arguments
}

/// `{ from = "…" }`, `{ value = … }`, or a table of such fields.
fn argument(
    field: &str,
    node: &Node<'_>,
    inputs: &BTreeMap<String, InputDecl>,
    faults: &mut Faults<'_>,
) -> Option<Argument> {
    let DeValue::Table(table) = node.get_ref() else {
        wrong(
            node,
            &visible(field),
            "{ from = \"INPUT\" }, { value = … }, or a table of such fields",
            faults,
        );
        return None;
    };
    let only = |key: &str| {
        let mut keys = table.iter().filter(|_| table.len() == 1);
        let found = keys.next().filter(|(name, _)| name.get_ref() == key);
        found.map(|(_, node)| node)
    };
    match (only("from"), only("value")) {
        (Some(from), _) if from.get_ref().is_str() => case_input(from, inputs, faults),
        (_, Some(value)) => json(value, field, faults).map(Argument::Value),
        _ => Some(Argument::Fields(arguments(node, inputs, faults))),
    }
}

fn case_input(
    node: &Node<'_>,
    inputs: &BTreeMap<String, InputDecl>,
    faults: &mut Faults<'_>,
) -> Option<Argument> {
    let name = text(node, "from", faults)?;
    if !inputs.contains_key(name) {
        let known: Vec<&str> = inputs.keys().map(String::as_str).collect();
        let message = format!("the workflow has no input `{}`", visible(name));
        faults.add(start(node), message, did_you_mean(name, &known));
    }
    Some(Argument::Case(name.to_owned()))
}

/// An output is seen by itself: no import call, no lists.
const NO_LISTS: Scope<'_> = Scope {
    has_call: false,
    in_item: false,
    lists: &[],
};

/// What must be true of the output, by its fields.
fn expected(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Vec<Condition>> {
    const EXAMPLE: &str = "{ status = { eq = \"…\" } }";
    let fields = node
        .get_ref()
        .as_table()
        .filter(|fields| !fields.is_empty());
    let Some(fields) = fields else {
        wrong(node, "output", EXAMPLE, faults);
        return None;
    };
    let mut when = Vec::new();
    for (field, node) in fields.iter() {
        let (at, field) = (field.span().start, field.get_ref().as_ref());
        // Fields of the output are found as a rule finds those of an input.
        match FieldPath::of_output(field) {
            Ok(path) => when.push(Condition {
                predicates: predicates(&path, node, NO_LISTS, faults),
                field: path,
                at,
            }),
            Err(hint) => faults.add(
                at,
                format!("`{}` is no field", visible(field)),
                visible(&hint),
            ),
        }
    }
    Some(when)
}
