//! `[[rule]]` and `[approval.*]`.

pub(super) mod when;

use toml::de::DeValue;

use super::{
    Grant,
    error::Faults,
    keys::{Keys, Node, check_name, did_you_mean, start, text, wrong},
    limits,
};
use crate::{
    Approval, Approver, CallPattern, Effect, Outcome, Rule, Template, ToolDecl, ToolPattern,
    visible,
};

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

/// The longest heading of a card, in bytes: one line.
const TITLE_BYTES_MAX: usize = 300;

pub(super) fn approvals(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<Approval> {
    let tables = keys.named("approval", "approval", faults);
    tables
        .into_iter()
        .map(|(name, keys)| approval(name, keys, faults))
        .collect()
}

fn approval(name: String, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Approval {
    let at = keys.at;
    let approvers = keys.texts("approvers", faults);
    if approvers.is_empty() {
        faults.add(
            at,
            format!("nobody can decide on approval `{}`", visible(&name)),
            "add approvers = [\"group:…\", \"person:…\"]",
        );
    }
    let mut read = |(at, text): (usize, String)| {
        let parsed = text.parse::<Approver>();
        parsed
            .map_err(|hint| faults.add(at, "this approver cannot be read", hint))
            .ok()
    };
    let approvers = approvers.into_iter().filter_map(&mut read).collect();
    let decide_within = keys.duration(
        "decide_within",
        limits::DECIDE_WITHIN,
        limits::APPROVAL_MAX,
        faults,
    );
    let execute_within = keys.duration(
        "execute_within",
        limits::EXECUTE_WITHIN,
        limits::APPROVAL_MAX,
        faults,
    );
    let title = title(&mut keys, faults);
    keys.finish(faults);
    Approval {
        name,
        approvers,
        decide_within,
        execute_within,
        title,
    }
}

fn title(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Template> {
    let node = keys.get("title")?;
    let title = text(node, "title", faults)?;
    if title.len() > TITLE_BYTES_MAX || visible(title) != title {
        faults.add(
            start(node),
            "`title` is not one plain line",
            "write at most 300 bytes without control characters",
        );
    }
    Template::parse(title)
        .map_err(|hint| faults.add(start(node), "`title` cannot be filled", hint))
        .ok()
}

pub(super) fn rules(
    keys: &mut Keys<'_, '_>,
    grant: &Grant,
    approvals: &[Approval],
    faults: &mut Faults<'_>,
) -> Vec<Rule> {
    let tables = keys.tables("rule", "[[rule]]", faults);
    if let Some(extra) = tables.get(limits::RULES_MAX) {
        faults.add(
            extra.at,
            format!("there are {} rules", tables.len()),
            "write at most 1000; use lists and patterns",
        );
        return Vec::new();
    }
    let mut rules: Vec<(usize, Rule)> = Vec::new();
    for table in tables {
        let at = table.at;
        let Some(rule) = rule(table, grant, approvals, faults) else {
            continue;
        };
        if rules.iter().any(|(_, other)| other.name == rule.name) {
            faults.add(
                at,
                format!("there are two rules `{}`", visible(&rule.name)),
                "give each its own name: records and approvals cite it",
            );
        }
        rules.push((at, rule));
    }
    for (at, name, winner) in unreachable(&rules) {
        let message = format!("rule `{name}` can never decide: `{winner}` decides all its calls");
        faults.add(
            at,
            message,
            format!("remove one of them, or narrow `{winner}`"),
        );
    }
    rules.into_iter().map(|(_, rule)| rule).collect()
}

fn rule(
    mut keys: Keys<'_, '_>,
    grant: &Grant,
    approvals: &[Approval],
    faults: &mut Faults<'_>,
) -> Option<Rule> {
    let at = keys.at;
    let name = keys.need("name", "\"refund-limit\"", faults);
    let name = name.and_then(|node| {
        let name = text(node, "name", faults)?;
        check_name(name, start(node), "a rule", faults);
        Some(name.to_owned())
    });
    let tool_key = keys.get("tool");
    let tool = tool_key.map_or(ToolPattern::Any, |node| tools(node, faults));
    let call = keys.get("call").and_then(|node| call(node, grant, faults));
    let destination = destination(&mut keys, grant, faults);
    let effect = effect(&mut keys, faults);
    let workflow = keys.text("workflow", faults);
    let when = keys.get("when").map_or_else(Vec::new, |node| {
        when::conditions(node, call.is_some(), faults)
    });
    let then = keys
        .need("then", "\"deny\"", faults)
        .and_then(|node| then(node, approvals, faults));
    let reason = keys.text("reason", faults);
    keys.finish(faults);
    if call.is_none() && (destination.is_some() || effect.is_some()) {
        faults.add(
            at,
            "`destination` and `effect` speak of import calls, and this rule of tool calls",
            "add call = \"*\", or name the call",
        );
    }
    if then == Some(Outcome::Allow) && tool_key.is_none() && call.is_none() {
        faults.add(
            at,
            "this rule allows every tool, also those that a later version adds",
            "add tool = \"…\", or tool = \"*\" if just that is meant",
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
        when,
        then: then?,
        reason,
        line,
    })
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

/// Rules that can never decide, with the one that decides in their place.
///
/// A `deny` of everything is left out: it is how an operator stops a connector
/// at once, and must not make a file unreadable that was right before.
fn unreachable(rules: &[(usize, Rule)]) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    for (i, (at, rule)) in rules.iter().enumerate() {
        let winner = rules.iter().enumerate().find(|(j, (_, other))| {
            let (own, its) = (rule.then.strictness(), other.then.strictness());
            i != *j
                && !other.stops_everything()
                && (its > own || (its == own && *j < i))
                && other.covers(rule)
        });
        if let Some((_, (_, winner))) = winner {
            found.push((*at, rule.name.as_str(), winner.name.as_str()));
        }
    }
    found
}

impl Rule {
    fn stops_everything(&self) -> bool {
        self.then == Outcome::Deny
            && self.tool == ToolPattern::Any
            && self.when.is_empty()
            && self.workflow.is_none()
            && self.destination.is_none()
            && self.effect.is_none()
            && matches!(self.call, None | Some(CallPattern::Any))
    }

    /// Whether this rule, which is at least as strict, surely matches whatever the
    /// other one matches.
    fn covers(&self, other: &Self) -> bool {
        let workflow = self.workflow.is_none() || self.workflow == other.workflow;
        let destination = self.destination.is_none() || self.destination == other.destination;
        self.when.is_empty()
            && workflow
            && destination
            && self.effect.is_none()
            && self.tool.covers(&other.tool)
            && match (&self.call, &other.call) {
                (None, None) => true,
                (None, Some(_)) => self.then == Outcome::Deny,
                (Some(_), None) => false,
                (Some(own), Some(its)) => own.covers(its),
            }
    }
}

impl ToolPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Names(_), Self::Any) => false,
            (Self::Names(_), Self::Names(names)) => names.iter().all(|name| self.contains(name)),
        }
    }
}

impl CallPattern {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) => false,
            (_, Self::Call(call)) => self.contains(call),
            (own, its) => own == its,
        }
    }
}
