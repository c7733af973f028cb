//! Comparisons that ask where a value came from.

use std::sync::Arc;

use toml::de::DeValue;

use super::super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, start, text, wrong},
};
use super::Scope;
use crate::{FieldPath, List, RecordField, visible};

/// The list of that name. `in_list` takes one that stands in the manifest only.
pub(super) fn list(
    key: &str,
    node: &Node<'_>,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<Arc<List>> {
    let name = text(node, key, faults)?;
    let known: Vec<&str> = scope.lists.iter().map(|list| list.name.as_str()).collect();
    let Some(list) = scope.lists.iter().find(|list| list.name == name) else {
        let near = did_you_mean(name, &known);
        let hint = if near.starts_with("did") {
            near
        } else {
            format!("add [list.{}] with values = [\"…\"]", visible(name))
        };
        faults.add(
            start(node),
            format!("there is no list `{}`", visible(name)),
            hint,
        );
        return None;
    };
    if key == "in_list" && !list.is_fixed() {
        faults.add(
            start(node),
            format!("the list `{name}` is filled by the case, and `in_list` looks at fixed ones"),
            format!("write known = \"{name}\""),
        );
    }
    Some(Arc::clone(list))
}

/// The name of the case's input: the field's own where nothing else is said.
pub(super) fn from(node: &Node<'_>, field: &FieldPath, faults: &mut Faults<'_>) -> Option<String> {
    const HINT: &str = "\"case\" for the input of the field's name, or { case = \"order_id\" }";
    match node.get_ref() {
        DeValue::String(source) if source == "case" => {
            let name = field.last_name();
            if name.is_none() {
                faults.add(
                    start(node),
                    format!("`{field}` has no name of its own to look for among the case's inputs"),
                    "write { case = \"order_id\" }",
                );
            }
            name.map(str::to_owned)
        }
        DeValue::String(source) => {
            faults.add(
                start(node),
                format!("values come from no `{}`", visible(source)),
                format!("write {HINT}"),
            );
            None
        }
        DeValue::Table(_) => {
            let mut keys = Keys::of(node, "`from`", faults)?;
            let name = keys
                .need("case", "\"order_id\"", faults)
                .and_then(|node| named(node, "case", faults));
            keys.finish(faults);
            name
        }
        _ => {
            wrong(node, "from", HINT, faults);
            None
        }
    }
}

pub(in super::super) fn from_record(
    node: &Node<'_>,
    faults: &mut Faults<'_>,
) -> Option<RecordField> {
    let mut keys = Keys::of(node, "`from_record`", faults)?;
    let system = keys.need("system", "\"crm.api\"", faults).and_then(|node| {
        let system = text(node, "system", faults)?;
        let is_system = system
            .split_once('.')
            .is_some_and(|(connector, name)| is_name(connector) && is_name(name));
        if !is_system {
            faults.add(
                start(node),
                format!("`{}` is no system", visible(system)),
                "write the connector and the destination in its manifest, for example \"crm.api\"",
            );
        }
        Some(system.to_owned())
    });
    let field = keys
        .need("field", "\"customer.iban\"", faults)
        .and_then(|node| named(node, "field", faults));
    keys.finish(faults);
    Some(RecordField {
        system: system?,
        field: field?,
    })
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

/// A path of names, without positions in lists: values of all positions have the
/// same path.
pub(in super::super) fn named(
    node: &Node<'_>,
    key: &str,
    faults: &mut Faults<'_>,
) -> Option<String> {
    let path = text(node, key, faults)?;
    let is_position = |step: &str| step.bytes().all(|b| b.is_ascii_digit());
    if path.split('.').any(is_position) || visible(path) != path {
        faults.add(
            start(node),
            format!("`{}` is no path of names", visible(path)),
            "write names with one `.` between them and no positions, for example \"customers.iban\"",
        );
    }
    Some(path.to_owned())
}
