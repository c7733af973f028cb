//! `[[budget]]`.

use std::time::Duration;

use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, check_name, did_you_mean, integer, start, text, wrong},
    limits, units,
};
use super::{Known, call, destination, effect, then, tools, when};
use crate::{
    Amount, Budget, Budgets, FieldPath, Measure, Outcome, Per, Rule, ToolPattern, visible,
};

pub(in super::super) fn budgets(
    keys: &mut Keys<'_, '_>,
    known: Known<'_>,
    rules: &[Rule],
    faults: &mut Faults<'_>,
) -> Budgets {
    let tables = keys.tables("budget", "[[budget]]", faults);
    if let Some(extra) = tables.get(limits::BUDGETS_MAX) {
        faults.add(
            extra.at,
            format!("there are {} budgets", tables.len()),
            format!("write at most {}", limits::BUDGETS_MAX),
        );
        return Budgets::default();
    }
    let mut found: Vec<Budget> = Vec::new();
    for table in tables {
        let at = table.at;
        let Some(budget) = budget(table, known, faults) else {
            continue;
        };
        let rows = rules.iter().chain(found.iter().map(|budget| &budget.row));
        if rows.into_iter().any(|row| row.name == budget.row.name) {
            faults.add(
                at,
                format!("`{}` is the name of two rows", visible(&budget.row.name)),
                "give each rule and budget its own name: records and approvals cite it",
            );
        }
        found.push(budget);
    }
    Budgets::new(found)
}

fn budget(mut keys: Keys<'_, '_>, known: Known<'_>, faults: &mut Faults<'_>) -> Option<Budget> {
    let at = keys.at;
    let name = keys.need("name", "\"refunds-a-day\"", faults);
    let name = name.and_then(|node| {
        let name = text(node, "name", faults)?;
        check_name(name, start(node), "a budget", faults);
        Some(name.to_owned())
    });
    let tool = keys.get("tool");
    let tool = tool.map_or(ToolPattern::Any, |node| tools(node, faults));
    let call = keys
        .get("call")
        .and_then(|node| call(node, known.grant, faults));
    let destination = destination(&mut keys, known.grant, faults);
    let effect = effect(&mut keys, faults);
    let workflow = keys.text("workflow", faults);
    let scope = when::Scope {
        has_call: call.is_some(),
        in_item: false,
        lists: known.lists,
    };
    let when = keys
        .get("when")
        .map_or_else(Vec::new, |node| when::conditions(node, scope, faults));
    let per = per(&mut keys, faults);
    let over = over(&mut keys, per, faults);
    let measure = measure(&mut keys, call.is_some(), faults);
    let then_key = keys.need("then", "\"deny\"", faults);
    let then = then_key.and_then(|node| then(node, known.approvals, faults));
    if let (Some(node), Some(Outcome::Allow)) = (then_key, then) {
        faults.add(
            start(node),
            "a budget allows nothing",
            "write \"deny\" or { require = \"…\" }: what happens to the call that passes it",
        );
    }
    let reason = keys.text("reason", faults);
    keys.finish(faults);
    if call.is_none() && (destination.is_some() || effect.is_some()) {
        faults.add(
            at,
            "`destination` and `effect` speak of import calls, and this budget of tool calls",
            "add call = \"*\", or name the call",
        );
    }
    let line = faults.place(at).0;
    let row = Rule {
        name: name?,
        tool,
        call,
        destination,
        effect,
        workflow,
        undo: None,
        otherwise: false,
        when,
        then: then?,
        reason,
        line,
    };
    Some(Budget {
        row,
        per: per?,
        over,
        measure: measure?,
    })
}

fn per(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Per> {
    let node = keys.need("per", "\"case\"", faults)?;
    let name = text(node, "per", faults)?;
    let per = Per::ALL.into_iter().find(|per| per.as_str() == name);
    if per.is_none() {
        let known = Per::ALL.map(Per::as_str);
        faults.add(
            start(node),
            format!("there is no budget per `{}`", visible(name)),
            did_you_mean(name, &known),
        );
    }
    per
}

/// A run and a case end; a workflow and a tenant do not, so that a budget of
/// theirs without a time would some day be used up for good.
fn over(keys: &mut Keys<'_, '_>, per: Option<Per>, faults: &mut Faults<'_>) -> Option<Duration> {
    let at = keys.at;
    let Some(node) = keys.get("over") else {
        if matches!(per, Some(Per::Workflow | Per::Tenant)) {
            faults.add(
                at,
                "this budget is used up for good some day",
                "add over = \"24h\"",
            );
        }
        return None;
    };
    let written = text(node, "over", faults)?;
    match units::duration(written) {
        Ok(over) if !over.is_zero() && over <= limits::BUDGET_OVER_MAX => Some(over),
        Ok(_) => {
            faults.add(
                start(node),
                format!("`over` is \"{}\", which is out of range", visible(written)),
                "write at most \"400d\"",
            );
            None
        }
        Err(hint) => {
            faults.add(
                start(node),
                format!("`over` is \"{}\"", visible(written)),
                hint,
            );
            None
        }
    }
}

fn measure(keys: &mut Keys<'_, '_>, has_call: bool, faults: &mut Faults<'_>) -> Option<Measure> {
    let at = keys.at;
    let count = keys.get("count");
    let sum = keys.get("sum");
    let distinct = keys.get("distinct");
    match (count, sum, distinct) {
        (Some(node), None, None) => Some(Measure::Count {
            max: bound(node, "count", faults)?,
        }),
        (None, Some(node), None) => {
            let (field, max) = counted(node, "sum", has_call, faults)?;
            let amount = amount(max);
            if amount.is_none() {
                wrong(max, "max", "an amount, for example \"500.00\"", faults);
            }
            Some(Measure::Sum {
                field,
                max: amount?,
            })
        }
        (None, None, Some(node)) => {
            let (field, max) = counted(node, "distinct", has_call, faults)?;
            Some(Measure::Distinct {
                field,
                max: bound(max, "max", faults)?,
            })
        }
        _ => {
            faults.add(
                at,
                "a budget counts one thing",
                "write one of count = 5, sum = { field = \"input.amount\", max = \"500.00\" } and distinct = { field = \"args.to\", max = 3 }",
            );
            None
        }
    }
}

/// The field that is counted, and the node of its bound.
fn counted<'n, 't>(
    node: &'n Node<'t>,
    key: &'static str,
    has_call: bool,
    faults: &mut Faults<'_>,
) -> Option<(FieldPath, &'n Node<'t>)> {
    let mut keys = Keys::of(node, format!("`{key}`"), faults)?;
    let field = keys.need("field", "\"input.amount\"", faults);
    let field = field
        .and_then(|node| when::field(text(node, "field", faults)?, start(node), has_call, faults));
    let max = keys.need("max", "5", faults);
    keys.finish(faults);
    Some((field?, max?))
}

fn bound(node: &Node<'_>, key: &str, faults: &mut Faults<'_>) -> Option<u64> {
    let bound = integer(node).and_then(|i| u64::try_from(i).ok());
    if bound.is_none() {
        wrong(node, key, "a whole number from 0", faults);
    }
    bound
}

/// An amount as it is written, nothing rounded.
fn amount(node: &Node<'_>) -> Option<Amount> {
    match node.get_ref() {
        DeValue::String(text) => Amount::parse(text),
        DeValue::Integer(_) => Amount::parse(&integer(node)?.to_string()),
        DeValue::Float(float) => Amount::parse(float.as_str()),
        _ => None,
    }
}
