//! Do the rows fit what they speak of? Fields of import calls are compared with
//! the contract when the file is read; fields of inputs with the schemas of the
//! component's tools, as soon as both are known.
//!
//! The attack is a mistake: `input.ammount` in a row that denies large amounts.
//! The field is never there, so the row denies every call and is removed by the
//! next person, or it stands in a row that nobody misses.

mod compared;

use std::collections::BTreeSet;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::{Manifest, ManifestErrors, error::Faults, keys::did_you_mean};
use crate::{
    Condition, FieldPath, Measure, Rule, ToolDecl, ToolPattern,
    rules::{
        Kinds, Root, schemas_of,
        shape::{Shape, find},
    },
    visible,
};

use compared::{Subject, others};

/// A schema and whose it is.
type Named<'s> = (&'s str, &'s Value);

/// Compare every row with the tools of the manifest's component.
pub(super) fn check(
    file: &str,
    manifest: &Manifest,
    tools: &[ToolDecl],
) -> Result<(), ManifestErrors> {
    let mut faults = Faults::new(file, &manifest.text);
    let schemas: Vec<Named<'_>> = tools
        .iter()
        .map(|tool| (tool.name.as_str(), &tool.input_schema))
        .collect();
    let rules = manifest.rules.iter().enumerate();
    for (index, rule) in rules {
        unknown_tools(rule, ("rule", index), &schemas, &mut faults);
        inputs(rule, None, &schemas, &mut faults);
    }
    let budgets = manifest.budgets.as_slice().iter().enumerate();
    for (index, budget) in budgets {
        unknown_tools(&budget.row, ("budget", index), &schemas, &mut faults);
        let counted = counted(&budget.measure);
        inputs(&budget.row, counted, &schemas, &mut faults);
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.finish())
    }
}

fn counted(measure: &Measure) -> Option<(&FieldPath, Kinds)> {
    match measure {
        Measure::Count { .. } => None,
        Measure::Sum { field, .. } => Some((field, Kinds::NUMBER.or(Kinds::TEXT))),
        Measure::Distinct { field, .. } => Some((field, Kinds::SCALAR.or(Kinds::LIST))),
    }
}

/// Rows for a tool that the component does not have. The fault stands where the
/// name does.
fn unknown_tools(rule: &Rule, place: (&str, usize), tools: &[Named<'_>], faults: &mut Faults<'_>) {
    let ToolPattern::Names(names) = &rule.tool else {
        return;
    };
    let known: Vec<&str> = tools.iter().map(|(name, _)| *name).collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let at = tool_at(faults.text(), place, name).unwrap_or(0);
        faults.add(
            at,
            format!("the component has no tool `{}`", visible(name)),
            did_you_mean(name, &known),
        );
    }
}

fn tool_at(text: &str, (key, index): (&str, usize), name: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let rows = table.get_ref().get(key)?.get_ref().as_array()?;
    let row = rows.get(index)?.get_ref().as_table()?;
    let tool = row.get("tool")?;
    let found = match tool.get_ref() {
        DeValue::Array(items) => items
            .iter()
            .find(|item| item.get_ref().as_str() == Some(name))?,
        _ => tool,
    };
    Some(found.span().start)
}

/// Fields of the input, for each tool that the row speaks of.
fn inputs(
    rule: &Rule,
    counted: Option<(&FieldPath, Kinds)>,
    tools: &[Named<'_>],
    faults: &mut Faults<'_>,
) {
    let own: Vec<Named<'_>> = tools
        .iter()
        .filter(|(name, _)| rule.tool.contains(name))
        .copied()
        .collect();
    // A row for certain tools means its fields for each of them; one for all tools
    // those that have the field.
    let must_all = rule.tool != ToolPattern::Any;
    let of = Subjects {
        root: Root::Input,
        what: "tool",
        schemas: &own,
        must_all,
    };
    of.check(rule, counted, faults);
}

/// Fields of import calls, which are known without any component.
pub(super) fn arguments(rule: &Rule, measure: Option<&Measure>, faults: &mut Faults<'_>) {
    let Some(call) = &rule.call else {
        return;
    };
    let own: Vec<Named<'_>> = schemas_of(call).collect();
    let of = Subjects {
        root: Root::Args,
        what: "import call",
        schemas: &own,
        must_all: false,
    };
    of.check(rule, measure.and_then(counted), faults);
}

/// What fields are looked for in.
struct Subjects<'a> {
    root: Root,
    what: &'static str,
    schemas: &'a [Named<'a>],
    must_all: bool,
}

impl Subjects<'_> {
    fn check(&self, rule: &Rule, counted: Option<(&FieldPath, Kinds)>, faults: &mut Faults<'_>) {
        if self.schemas.is_empty() {
            return;
        }
        for condition in &rule.when {
            self.condition(condition, faults);
        }
        if let Some((field, wanted)) = counted.filter(|(field, _)| field.root() == self.root) {
            let at = faults.line_start(rule.line);
            if let Some(shapes) = self.shapes(field, at, faults) {
                let kinds = union(&shapes);
                if kinds.and(wanted) == Kinds::NONE {
                    faults.add(
                        at,
                        format!("`{field}` is {kinds}, which this budget cannot count"),
                        format!("name a field that is {wanted}"),
                    );
                }
            }
        }
    }

    fn condition(&self, condition: &Condition, faults: &mut Faults<'_>) {
        if condition.field.root() != self.root {
            for other in others(&condition.predicates) {
                if other.root() == self.root {
                    self.shapes(other, condition.at, faults);
                }
            }
            return;
        }
        let Some(shapes) = self.shapes(&condition.field, condition.at, faults) else {
            return;
        };
        let path: Vec<&str> = condition.field.steps().collect();
        let subject = Subject {
            of: self,
            field: &condition.field,
            path: &path,
            item: &[],
            at: condition.at,
        };
        subject.group(&condition.predicates, &shapes, faults);
    }

    /// The shape of a field in each schema that has it; a fault where it is missing.
    fn shapes(
        &self,
        field: &FieldPath,
        at: usize,
        faults: &mut Faults<'_>,
    ) -> Option<Vec<Shape<'_>>> {
        let path: Vec<&str> = field.steps().collect();
        self.shapes_at(&path, field, at, faults)
    }

    /// The same where it is known how the schemas call it.
    fn shapes_at(
        &self,
        path: &[&str],
        field: &FieldPath,
        at: usize,
        faults: &mut Faults<'_>,
    ) -> Option<Vec<Shape<'_>>> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for (name, schema) in self.schemas {
            match find(schema, path) {
                Shape::Missing(known) => missing.push((*name, known)),
                shape => found.push(shape),
            }
        }
        let (name, known) = match missing.first() {
            Some(first) if self.must_all || found.is_empty() => first,
            _ => return Some(found),
        };
        let of = if self.schemas.len() == 1 || self.must_all {
            format!(
                "the {} `{}` has no field `{field}`",
                self.what,
                visible(name)
            )
        } else {
            format!(
                "no {} that this row speaks of has a field `{field}`",
                self.what
            )
        };
        let all: BTreeSet<&str> = missing
            .iter()
            .flat_map(|(_, known)| known.iter().copied())
            .collect();
        let all: Vec<&str> = all.into_iter().collect();
        let names = if self.must_all { known } else { &all };
        let last = path.last().copied().unwrap_or_default();
        faults.add(at, of, advice(last, names));
        None
    }
}

fn union(shapes: &[Shape<'_>]) -> Kinds {
    let kinds = shapes.iter().map(|shape| match shape {
        Shape::Open => Kinds::ALL,
        Shape::Known(kinds, _) => *kinds,
        Shape::Missing(_) => Kinds::NONE,
    });
    let all = kinds.fold(Kinds::NONE, Kinds::or);
    if shapes.is_empty() { Kinds::ALL } else { all }
}

fn advice(name: &str, known: &[&str]) -> String {
    if known.is_empty() {
        "it has no fields at all there; `tollgate inspect` shows the schemas".to_owned()
    } else {
        did_you_mean(name, known)
    }
}
