//! `when`: what a rule says of single fields.

mod predicate;
mod provenance;

use std::sync::Arc;

use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, start, wrong},
};
use crate::{Condition, FieldPath, List, Predicate, rules::Root, visible};
pub(in super::super) use predicate::PREDICATES;
use predicate::predicate;
pub(super) use provenance::{from_record, named as case_input};

/// What a `when` may speak of.
#[derive(Clone, Copy)]
pub(in crate::manifest) struct Scope<'a> {
    /// Whether the row speaks of import calls, and so sees their arguments.
    pub(in crate::manifest) has_call: bool,
    /// Whether it is said of an item of a list, whose fields can be named.
    pub(in crate::manifest) in_item: bool,
    /// The lists of the manifest.
    pub(in crate::manifest) lists: &'a [Arc<List>],
}

pub(super) fn conditions(
    node: &Node<'_>,
    scope: Scope<'_>,
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
        let field = field(name, at, scope.has_call, faults)?;
        Some(Condition {
            predicates: predicates(&field, node, scope, faults),
            field,
            at,
        })
    };
    entries
        .into_iter()
        .filter_map(|(name, node)| read(name.get_ref(), name.span().start, node))
        .collect()
}

/// A field that a row of this kind can see.
pub(super) fn field(
    name: &str,
    at: usize,
    has_call: bool,
    faults: &mut Faults<'_>,
) -> Option<FieldPath> {
    match FieldPath::parse(name) {
        Ok(field) if matches!(field.root(), Root::Args | Root::Destination) && !has_call => {
            faults.add(
                at,
                format!(
                    "`{}` is of an import call, and this rule speaks of tool calls",
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
    field: &FieldPath,
    node: &Node<'_>,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Vec<Predicate> {
    let name = field.as_str();
    let DeValue::Table(table) = node.get_ref() else {
        wrong(node, name, "a comparison, for example { eq = … }", faults);
        return Vec::new();
    };
    let keys = Keys::new(table, start(node), name);
    let mut found = Vec::new();
    let entries = keys.entries();
    if entries.is_empty() {
        faults.add(
            start(node),
            format!("nothing is said of `{}`", visible(name)),
            "write a comparison, for example { exists = true }",
        );
    }
    for (key, at, value) in entries {
        let is_table = value.get_ref().is_table() && !PREDICATES.contains(&key);
        if key.starts_with("item.") {
            found.extend(item((key, at), value, scope, faults));
        } else if key == "item" && is_table {
            faults.add(
                at,
                "`item` is no comparison",
                "put the field in quotation marks: \"item.email\" = { … }",
            );
        } else if is_table && !name.contains('.') {
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
        } else if let Some(predicate) = predicate((key, at), value, field, scope, faults) {
            found.push(predicate);
        }
    }
    found
}

/// What is said of a field of each item of a list.
fn item(
    (key, at): (&str, usize),
    node: &Node<'_>,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<Predicate> {
    let field = item_field(key, at, scope, faults)?;
    let group = predicates(&field, node, scope, faults);
    (!group.is_empty()).then_some(Predicate::Item(field, group))
}

/// A field of the item that is spoken of.
fn item_field(
    name: &str,
    at: usize,
    scope: Scope<'_>,
    faults: &mut Faults<'_>,
) -> Option<FieldPath> {
    let (message, hint) = match FieldPath::of_item(name) {
        Ok(field) if scope.in_item => return Some(field),
        Ok(_) => (
            "is a field of an item of a list, and this is none",
            "write it inside of `each`: \"input.LIST\" = { each = { \"item.FIELD\" = { … } } }"
                .to_owned(),
        ),
        Err(hint) => ("is no field", hint),
    };
    faults.add(at, format!("`{}` {message}", visible(name)), visible(&hint));
    None
}

/// A field that a comparison looks at beside its own.
fn other(name: &str, at: usize, scope: Scope<'_>, faults: &mut Faults<'_>) -> Option<FieldPath> {
    if name.starts_with("item.") {
        return item_field(name, at, scope, faults);
    }
    field(name, at, scope.has_call, faults)
}
