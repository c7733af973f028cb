//! Examples on rules: `allows`, `holds`, `denies`.
//!
//! Published policies elsewhere have shipped with inverted checks and swapped
//! arguments, because nothing ever ran them. An example is judged by the whole
//! file whenever it is read; one that comes out otherwise is a fault of the file.

use serde_json::{Map, Value};
use toml::de::DeValue;

use super::super::{
    error::Faults,
    keys::{Keys, Node, did_you_mean, start, text, wrong},
    limits,
    read::json,
};
use crate::{
    Approval, CallFacts, CallPattern, CaseFacts, Effect, Outcome, Rule, Rules, ToolFacts,
    ToolPattern, visible,
};

/// Who calls in an example that does not say it.
const PRINCIPAL: &str = "agent:example";

/// What should happen to an example.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Allowed,
    Held,
    Denied,
}

impl Expected {
    const ALL: [(&'static str, Self); 3] = [
        ("allows", Self::Allowed),
        ("holds", Self::Held),
        ("denies", Self::Denied),
    ];

    const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Allow => Self::Allowed,
            Outcome::Require(_) => Self::Held,
            Outcome::Deny => Self::Denied,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Held => "held",
            Self::Denied => "denied",
        }
    }
}

/// One example of one rule.
pub(in super::super) struct Example {
    at: usize,
    /// An index into the rules.
    rule: usize,
    expected: Expected,
    tool: String,
    input: Value,
    workflow: Option<String>,
    principal: String,
    /// Whether it takes another call back.
    undo: bool,
    case: Option<CaseFacts>,
    call: Option<Call>,
}

struct Call {
    name: String,
    destination: String,
    identity: Option<String>,
    effect: Effect,
    /// Whether a read carries words out.
    egress: bool,
    args: Value,
}

/// What examples are judged by.
#[derive(Clone, Copy)]
pub(in super::super) struct Judged<'a> {
    pub(in super::super) rules: &'a [Rule],
    pub(in super::super) approvals: &'a [Approval],
    pub(in super::super) compiled: &'a Rules,
}

/// The lists of examples of a rule's table.
pub(super) fn written<'n, 't>(keys: &mut Keys<'n, 't>) -> Vec<(&'static str, &'n Node<'t>)> {
    let lists = Expected::ALL.into_iter();
    lists
        .filter_map(|(key, _)| Some((key, keys.get(key)?)))
        .collect()
}

pub(super) fn read(
    written: &[(&'static str, &Node<'_>)],
    rule: &Rule,
    index: usize,
    faults: &mut Faults<'_>,
) -> Vec<Example> {
    let mut found = Vec::new();
    for (key, node) in written {
        let DeValue::Array(items) = node.get_ref() else {
            wrong(node, key, "a list of calls: [{ input = { … } }]", faults);
            continue;
        };
        if items.is_empty() || items.len() > limits::EXAMPLES_MAX {
            faults.add(
                start(node),
                format!("`{key}` has {} examples", items.len()),
                format!("write 1 to {}", limits::EXAMPLES_MAX),
            );
        }
        let expected = Expected::ALL.into_iter().find(|(name, _)| name == key);
        let Some((_, expected)) = expected else {
            continue;
        };
        let examples = items.iter().filter_map(|item| {
            let keys = Keys::of(item, format!("an example of `{key}`"), faults)?;
            example(keys, rule, index, expected, faults)
        });
        found.extend(examples);
    }
    found
}

fn example(
    mut keys: Keys<'_, '_>,
    rule: &Rule,
    index: usize,
    expected: Expected,
    faults: &mut Faults<'_>,
) -> Option<Example> {
    let at = keys.at;
    let only = match &rule.tool {
        ToolPattern::Names(names) if names.len() == 1 => names.first().cloned(),
        _ => None,
    };
    let tool = keys.text("tool", faults).or(only);
    if tool.is_none() {
        faults.add(
            at,
            "this example does not say which tool is called",
            "add tool = \"…\"",
        );
    }
    let example = Example {
        at,
        rule: index,
        expected,
        tool: tool.unwrap_or_default(),
        input: object(&mut keys, "input", faults),
        workflow: keys
            .text("workflow", faults)
            .or_else(|| rule.workflow.clone()),
        principal: keys
            .text("principal", faults)
            .unwrap_or_else(|| PRINCIPAL.to_owned()),
        undo: keys.flag("undo", rule.undo.unwrap_or_default(), faults),
        case: case(&mut keys, faults),
        call: call(&mut keys, rule, faults),
    };
    keys.finish(faults);
    Some(example)
}

fn object(keys: &mut Keys<'_, '_>, key: &'static str, faults: &mut Faults<'_>) -> Value {
    let empty = || Value::Object(Map::new());
    let Some(node) = keys.get(key) else {
        return empty();
    };
    match json(node, key, faults) {
        Some(value @ Value::Object(_)) => value,
        Some(_) => {
            wrong(node, key, "a table of fields", faults);
            empty()
        }
        None => empty(),
    }
}

/// Nothing where neither `case` nor `read` is said: then nothing is known of it.
fn case(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<CaseFacts> {
    let is_told = keys.has("case") || keys.has("read");
    let inputs = object(keys, "case", faults);
    let mut facts = CaseFacts::new(inputs.as_object()?);
    if let Some(node) = keys.get("read") {
        let DeValue::Array(items) = node.get_ref() else {
            const HINT: &str =
                "[{ system = \"crm.api\", field = \"customer.iban\", value = \"…\" }]";
            wrong(node, "read", HINT, faults);
            return None;
        };
        for item in items.iter() {
            let mut keys = Keys::of(item, "an entry of `read`", faults)?;
            let system = keys.need("system", "\"crm.api\"", faults)?;
            let field = keys.need("field", "\"customer.iban\"", faults)?;
            let value = keys.need("value", "\"…\"", faults)?;
            keys.finish(faults);
            facts.read_field(
                text(system, "system", faults)?,
                text(field, "field", faults)?,
                &json(value, "value", faults)?,
            );
        }
    }
    is_told.then_some(facts)
}

fn call(keys: &mut Keys<'_, '_>, rule: &Rule, faults: &mut Faults<'_>) -> Option<Call> {
    let pattern = rule.call.as_ref()?;
    let at = keys.at;
    let name = match (keys.text("call", faults), pattern) {
        (Some(name), _) => name,
        (None, CallPattern::Call(name)) => name.clone(),
        (None, _) => {
            faults.add(
                at,
                "this example does not say which import call is made",
                "add call = \"…\"",
            );
            String::new()
        }
    };
    let effect = keys.get("effect").and_then(|node| {
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
    });
    Some(Call {
        name: name.clone(),
        destination: keys
            .text("destination", faults)
            .or_else(|| rule.destination.clone())
            .unwrap_or_default(),
        identity: keys.text("identity", faults),
        effect: effect.or(rule.effect).unwrap_or(Effect::Write),
        egress: keys.flag("egress", false, faults),
        args: object(keys, "args", faults),
    })
}

/// A fault for each example that comes out otherwise.
pub(in super::super) fn check(examples: &[Example], judged: Judged<'_>, faults: &mut Faults<'_>) {
    for example in examples {
        if let Some((message, hint)) = example.judge(judged) {
            faults.add(example.at, message, hint);
        }
    }
}

impl Example {
    /// What is wrong, and what to look at.
    fn judge(&self, judged: Judged<'_>) -> Option<(String, String)> {
        let tool = ToolFacts {
            tool: &self.tool,
            input: &self.input,
            workflow: self.workflow.as_deref(),
            principal: &self.principal,
            undo: self.undo,
            case: self.case.as_ref(),
        };
        let call = self.call.as_ref().map(|call| CallFacts {
            call: &call.name,
            destination: &call.destination,
            identity: call.identity.as_deref(),
            effect: call.effect,
            egress: call.egress,
            args: &call.args,
        });
        let decision = match &call {
            Some(call) => judged.compiled.decide_call(&tool, call),
            None => judged.compiled.decide_tool(&tool),
        };
        let own = judged.rules.get(self.rule)?;
        let found = Expected::of(decision.outcome);
        let unmet = own.unmet(&tool, call.as_ref());
        let is_own = Expected::of(own.then) == self.expected;
        // A row for the rest speaks only where it decides.
        let speaks = match own.otherwise {
            true => decision.rule == Some(self.rule),
            false => unmet.is_none(),
        };
        if found == self.expected && (!is_own || speaks) {
            return None;
        }
        let by = match decision.rule.and_then(|rule| judged.rules.get(rule)) {
            Some(rule) => format!("rule `{}` in line {} decides", rule.name, rule.line),
            None if found == Expected::Held => {
                "an irreversible call always needs an approval".to_owned()
            }
            None if self.call.is_some() => "no rule speaks of it".to_owned(),
            None => "no rule allows it".to_owned(),
        };
        let how = match decision.outcome {
            Outcome::Require(approval) => {
                let approval = judged.approvals.get(approval);
                let name = approval.map_or("", |approval| approval.name.as_str());
                format!("held for `{name}`")
            }
            _ => found.as_str().to_owned(),
        };
        let message = if found == self.expected {
            format!(
                "this example is {how}, but not by rule `{}`: {by}",
                own.name
            )
        } else {
            format!(
                "this example of rule `{}` is {how}, not {}: {by}",
                own.name,
                self.expected.as_str()
            )
        };
        let hint = match unmet {
            Some(unmet) => format!(
                "rule `{}` does not speak of it: {unmet}; correct the rule or the example",
                own.name
            ),
            None => format!(
                "correct rule `{}`, the one that decides, or the example",
                own.name
            ),
        };
        Some((message, hint))
    }
}
