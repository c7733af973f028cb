//! `[[rule]]` and `[approval.*]`.

mod approval;
mod budget;
mod examples;
mod list;
mod shadow;
pub(super) mod when;

use std::sync::Arc;

use toml::de::DeValue;

use super::{
    Grant,
    error::Faults,
    keys::{Keys, Node, check_name, did_you_mean, start, text, wrong},
    limits,
};
use crate::{Approval, CallPattern, Effect, List, Outcome, Rule, ToolDecl, ToolPattern, visible};
pub(super) use approval::approvals;
pub(super) use budget::budgets;
use examples::Example;
pub(super) use examples::{Judged, check as check_examples};
pub(super) use list::lists;
#[cfg(test)]
pub(super) use when::PREDICATES;

/// Every import call that the contract has. A rule for another one would never
/// match, and its author would not know.
const CALLS: [&str; 18] = [
    "clock.now",
    "config.get",
    "files.list",
    "files.read",
    "files.remove",
    "files.write",
    "handoff.escalate",
    "http.send",
    "kv.delete",
    "kv.get",
    "kv.keys",
    "kv.set",
    "log.emit",
    "mail.send",
    "random.bytes",
    "sql.execute",
    "sql.preview",
    "sql.query",
];

const CALL_HINT: &str =
    "write a call such as \"sql.execute\", a capability such as \"sql.*\", or \"*\"";

pub(super) fn rules(
    keys: &mut Keys<'_, '_>,
    known: Known<'_>,
    faults: &mut Faults<'_>,
) -> (Vec<Rule>, Vec<Example>) {
    let tables = keys.tables("rule", "[[rule]]", faults);
    if let Some(extra) = tables.get(limits::RULES_MAX) {
        faults.add(
            extra.at,
            format!("there are {} rules", tables.len()),
            "write at most 1000; use lists and patterns",
        );
        return (Vec::new(), Vec::new());
    }
    let mut rules: Vec<(usize, Rule)> = Vec::new();
    let mut examples = Vec::new();
    for mut table in tables {
        let at = table.at;
        let written = examples::written(&mut table);
        let Some(rule) = rule(table, known, faults) else {
            continue;
        };
        examples.extend(examples::read(&written, &rule, rules.len(), faults));
        if rules.iter().any(|(_, other)| other.name == rule.name) {
            faults.add(
                at,
                format!("there are two rules `{}`", visible(&rule.name)),
                "give each its own name: records and approvals cite it",
            );
        }
        rules.push((at, rule));
    }
    shadow::check(&rules, faults);
    let rules = rules.into_iter().map(|(_, rule)| rule).collect();
    (rules, examples)
}

/// What a row may name.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) grant: &'a Grant,
    pub(super) approvals: &'a [Approval],
    pub(super) lists: &'a [Arc<List>],
}

fn rule(mut keys: Keys<'_, '_>, known: Known<'_>, faults: &mut Faults<'_>) -> Option<Rule> {
    let at = keys.at;
    let name = keys.need("name", "\"refund-limit\"", faults);
    let name = name.and_then(|node| {
        let name = text(node, "name", faults)?;
        check_name(name, start(node), "a rule", faults);
        Some(name.to_owned())
    });
    let tool_key = keys.get("tool");
    let names_tool = tool_key.is_some();
    let tool = tool_key.map_or(ToolPattern::Any, |node| tools(node, faults));
    let call = keys
        .get("call")
        .and_then(|node| call(node, known.grant, faults));
    let destination = destination(&mut keys, known.grant, faults);
    let effect = effect(&mut keys, faults);
    let workflow = keys.text("workflow", faults);
    let undo = keys.get("undo").and_then(|node| match node.get_ref() {
        DeValue::Boolean(undo) => Some(*undo),
        _ => {
            wrong(node, "undo", "true or false", faults);
            None
        }
    });
    let otherwise = keys.flag("otherwise", false, faults);
    let scope = when::Scope {
        has_call: call.is_some(),
        in_item: false,
        lists: known.lists,
    };
    let has_when = keys.has("when");
    let when = keys
        .get("when")
        .map_or_else(Vec::new, |node| when::conditions(node, scope, faults));
    let then = keys
        .need("then", "\"deny\"", faults)
        .and_then(|node| then(node, known.approvals, faults));
    let reason = keys.text("reason", faults);
    keys.finish(faults);
    if call.is_none() && (destination.is_some() || effect.is_some()) {
        faults.add(
            at,
            "`destination` and `effect` speak of import calls, and this rule of tool calls",
            "add call = \"*\", or name the call",
        );
    }
    if then == Some(Outcome::Allow) && !names_tool && call.is_none() {
        faults.add(
            at,
            "this rule allows every tool, also those that a later version adds",
            "add tool = \"…\", or tool = \"*\" if just that is meant",
        );
    }
    if otherwise {
        let is_hold = then.is_none_or(|then| matches!(then, Outcome::Require(_)));
        check_rest(
            at,
            (is_hold, has_when, names_tool || call.is_some()),
            faults,
        );
    }
    let line = faults.place(at).0;
    Some(Rule {
        name: name?,
        tool,
        call,
        destination,
        effect,
        workflow,
        undo,
        otherwise,
        when,
        then: then?,
        reason,
        line,
    })
}

/// A row for the rest says who decides on it, of which tools or calls, and nothing
/// else: with conditions, what is unknown would be held that is denied without it.
fn check_rest(
    at: usize,
    (is_hold, has_when, is_named): (bool, bool, bool),
    faults: &mut Faults<'_>,
) {
    let mistakes = [
        (
            !is_hold,
            "`otherwise` is for what no row allows, and that is held",
            "write then = { require = \"…\" }; without any row it is denied",
        ),
        (
            has_when,
            "`otherwise` speaks of all that no row allows, and this row has conditions",
            "remove `when`, or remove `otherwise`",
        ),
        (
            !is_named,
            "this rule speaks of the rest of every tool, also of those that a later version adds",
            "add tool = \"…\", or tool = \"*\" if just that is meant",
        ),
    ];
    for (is_wrong, message, hint) in mistakes {
        if is_wrong {
            faults.add(at, message, hint);
        }
    }
}

fn tools(node: &Node<'_>, faults: &mut Faults<'_>) -> ToolPattern {
    let items: Vec<&Node<'_>> = match node.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![node],
    };
    if items.is_empty() {
        faults.add(
            start(node),
            "`tool` is an empty list",
            "write a tool's name, a list of names, or \"*\"",
        );
    }
    let mut names = Vec::new();
    for item in &items {
        match text(item, "tool", faults) {
            Some("*") if items.len() == 1 => return ToolPattern::Any,
            Some(name) if ToolDecl::is_name(name) => names.push(name.to_owned()),
            Some(name) => faults.add(start(item), format!("`{}` can be no tool", visible(name)), "write a tool's whole name, 1 to 64 of a-z, 0-9 and `_`; patterns are not read here"),
            None => {}
        }
    }
    ToolPattern::Names(names)
}

fn call(node: &Node<'_>, grant: &Grant, faults: &mut Faults<'_>) -> Option<CallPattern> {
    let name = text(node, "call", faults)?;
    if name == "*" {
        return Some(CallPattern::Any);
    }
    // Which functions a granted extension has is known to the host alone, which
    // refuses to install a rule for one that there is not.
    let is_extension = |name: &str| grant.extension.contains_key(name);
    if let Some(capability) = name.strip_suffix(".*") {
        if is_extension(capability)
            || CALLS
                .iter()
                .any(|call| call.split_once('.').is_some_and(|(c, _)| c == capability))
        {
            return Some(CallPattern::Capability(capability.to_owned()));
        }
    } else if CALLS.contains(&name)
        || name
            .split_once('.')
            .is_some_and(|(extension, function)| is_extension(extension) && !function.is_empty())
    {
        return Some(CallPattern::Call(name.to_owned()));
    }
    let near = did_you_mean(name, &CALLS);
    let hint = if near.starts_with("did") {
        near
    } else {
        CALL_HINT.to_owned()
    };
    faults.add(
        start(node),
        format!("there is no import call `{}`", visible(name)),
        hint,
    );
    // Still a rule for import calls, so that no other fault follows from this one.
    Some(CallPattern::Any)
}

fn destination(keys: &mut Keys<'_, '_>, grant: &Grant, faults: &mut Faults<'_>) -> Option<String> {
    let node = keys.get("destination")?;
    let name = text(node, "destination", faults)?;
    let names = grant
        .sql
        .keys()
        .chain(grant.files.keys())
        .chain(grant.kv.keys())
        .chain(grant.http.keys())
        .chain(grant.mail.keys())
        .chain(grant.handoff.keys())
        .chain(grant.extension.values().flat_map(|named| named.keys()));
    let names: Vec<_> = names.map(String::as_str).collect();
    if !names.contains(&name) {
        let message = format!(
            "no grant is named `{}`, so this rule would never match",
            visible(name)
        );
        faults.add(start(node), message, did_you_mean(name, &names));
    }
    Some(name.to_owned())
}

fn effect(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Effect> {
    let node = keys.get("effect")?;
    let name = text(node, "effect", faults)?;
    let effect = Effect::from_name(name);
    if effect.is_none() {
        let known = Effect::ALL.map(Effect::as_str);
        faults.add(
            start(node),
            format!("there is no effect class `{}`", visible(name)),
            did_you_mean(name, &known),
        );
    }
    effect
}

fn then(node: &Node<'_>, approvals: &[Approval], faults: &mut Faults<'_>) -> Option<Outcome> {
    const HINT: &str = "\"allow\", \"deny\" or { require = \"…\" }";
    match node.get_ref() {
        DeValue::String(outcome) if outcome == "allow" => Some(Outcome::Allow),
        DeValue::String(outcome) if outcome == "deny" => Some(Outcome::Deny),
        DeValue::Table(table) => {
            let mut keys = Keys::new(table, start(node), "`then`");
            let required = keys.need("require", "\"…\"", faults);
            keys.finish(faults);
            required.and_then(|node| require(node, approvals, faults))
        }
        DeValue::String(outcome) => {
            faults.add(
                start(node),
                format!("there is no outcome `{}`", visible(outcome)),
                format!("write {HINT}"),
            );
            None
        }
        _ => {
            wrong(node, "then", HINT, faults);
            None
        }
    }
}

fn require(node: &Node<'_>, approvals: &[Approval], faults: &mut Faults<'_>) -> Option<Outcome> {
    let name = text(node, "require", faults)?;
    if let Some(index) = approvals.iter().position(|approval| approval.name == name) {
        return Some(Outcome::Require(index));
    }
    let known: Vec<_> = approvals
        .iter()
        .map(|approval| approval.name.as_str())
        .collect();
    let near = did_you_mean(name, &known);
    let hint = if near.starts_with("did") {
        near
    } else {
        format!(
            "add [approval.{}] with approvers = [\"group:…\"]",
            visible(name)
        )
    };
    faults.add(
        start(node),
        format!("there is no approval `{}`", visible(name)),
        hint,
    );
    None
}
