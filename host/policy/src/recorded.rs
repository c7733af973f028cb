//! Calls that were written down, judged without running anything.
//!
//! One JSON object a call, as a journal tells it or as a person writes it: who
//! calls which tool with what, in which case, and where it is known, which import
//! call that makes. What the rules say of it is said here, and that nothing is
//! granted for its destination; what a grant refuses of a destination that it has
//! is refused before rules are asked, and is not.
//!
//! Budgets count in the order of the calls: each one that is not denied is taken
//! to have happened, also one that would be held, because a person may say yes.

mod granted;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    BudgetScope, CallFacts, CallPattern, CaseFacts, Decision, Effect, Ledger, Manifest, Outcome,
    ToolDecl, ToolFacts, parse_exact, unforeseen_argument, visible,
};

/// What decided on a call of another tenant than the manifest's: there, this
/// connector does not exist.
pub const DECIDED_BY_TENANT: &str = "(tenant)";

/// What decided on an import call for which the manifest grants nothing.
pub const DECIDED_BY_GRANT: &str = "(grant)";

/// Who calls where a line does not say it.
const PRINCIPAL: &str = "agent:unknown";

/// Reasons that are told where no rule allows a call.
const REASONS_MAX: usize = 5;

/// One call.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCall {
    /// Comes back with the verdict.
    pub id: Option<Value>,
    /// The manifest's where it is missing.
    pub tenant: Option<String>,
    /// The workflow it happens in.
    pub workflow: Option<String>,
    /// Who calls.
    pub principal: Option<String>,
    /// The case; one of its own where it is missing.
    pub case: Option<String>,
    /// The run; one of its own where it is missing.
    pub run: Option<String>,
    /// Unix milliseconds; those of the call before where they are missing.
    pub at_ms: Option<i64>,
    /// The case's trusted inputs. Where neither they nor `read` are there, nothing
    /// is known of the case.
    pub inputs: Option<Map<String, Value>>,
    /// What runs of the case have read before.
    pub read: Option<Vec<RecordedRead>>,
    /// The tool.
    pub tool: String,
    /// Its input.
    #[serde(default)]
    pub input: Map<String, Value>,
    /// The import call that the tool makes; without it the tool call is judged.
    pub call: Option<String>,
    /// The destination's name in the manifest.
    pub destination: Option<String>,
    /// What that name stands for.
    pub identity: Option<String>,
    /// The class of the import call. Without `call`: of the worst one that the tool
    /// makes.
    pub effect: Option<Effect>,
    /// Whether the import call is a read that carries words of the guest's out.
    #[serde(default)]
    pub egress: bool,
    /// Whether the tool is called to take another call back.
    #[serde(default)]
    pub undo: bool,
    /// The import call's arguments.
    pub args: Option<Map<String, Value>>,
}

/// Something that a run of the case has read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRead {
    /// The connector and the destination: `crm.api`.
    pub system: String,
    /// The field; where it is missing, `value` is an object or a list of them with
    /// all its fields.
    pub field: Option<String>,
    /// The value.
    pub value: Value,
}

/// What the rules say of a call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// As the call had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// `allow`, `require` or `deny`.
    pub outcome: &'static str,
    /// The approval that is required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    /// The rule or budget that decided, or what else did, in brackets.
    pub rule: String,
    /// The line of the manifest where that rule begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<usize>,
    /// The rule's own reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why rules that allow or hold such calls do not speak of this one, where none
    /// decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<String>,
}

/// Judges calls in their order.
#[derive(Debug)]
pub struct Judge<'m> {
    manifest: &'m Manifest,
    tools: Option<&'m [ToolDecl]>,
    ledger: Ledger,
    at_ms: i64,
    judged: u64,
}

impl Verdict {
    /// What no rule is asked about.
    fn refused(call: &RecordedCall, by: &str, why: Vec<String>) -> Self {
        Self {
            id: call.id.clone(),
            outcome: "deny",
            approval: None,
            rule: by.to_owned(),
            rule_line: None,
            reason: None,
            why,
        }
    }
}

impl RecordedCall {
    /// Read one line.
    ///
    /// # Errors
    /// With what is wrong in it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let value = parse_exact(line).map_err(|error| error.to_string())?;
        serde_json::from_value(value).map_err(|error| visible(&error.to_string()))
    }

    fn case(&self) -> Option<CaseFacts> {
        if self.inputs.is_none() && self.read.is_none() {
            return None;
        }
        let none = Map::new();
        let mut case = CaseFacts::new(self.inputs.as_ref().unwrap_or(&none));
        for read in self.read.iter().flatten() {
            match &read.field {
                Some(field) => case.read_field(&read.system, field, &read.value),
                None => case.read(&read.system, &read.value),
            }
        }
        Some(case)
    }
}

impl<'m> Judge<'m> {
    /// Judge by this manifest; where its component's tools are known, a call of
    /// another one is a mistake.
    #[must_use]
    pub fn new(manifest: &'m Manifest, tools: Option<&'m [ToolDecl]>) -> Self {
        Self {
            manifest,
            tools,
            ledger: Ledger::default(),
            at_ms: 0,
            judged: 0,
        }
    }

    /// What the rules say of the next call.
    ///
    /// # Errors
    /// When the call is none that a host could be asked for.
    pub fn judge(&mut self, recorded: &RecordedCall) -> Result<Verdict, String> {
        self.check(recorded)?;
        self.judged += 1;
        self.at_ms = recorded.at_ms.unwrap_or(self.at_ms);
        let tenant = recorded.tenant.as_deref();
        if tenant.is_some_and(|tenant| tenant != self.manifest.tenant) {
            return Ok(Verdict::refused(recorded, DECIDED_BY_TENANT, Vec::new()));
        }
        // Without arguments a line says what a tool is like, and no host could be asked.
        let whole = recorded.call.as_deref().filter(|_| recorded.args.is_some());
        let refusal = whole.and_then(|call| {
            granted::refusal(self.manifest, call, recorded.destination.as_deref())
        });
        if let Some(why) = refusal {
            return Ok(Verdict::refused(
                recorded,
                DECIDED_BY_GRANT,
                vec![visible(&why)],
            ));
        }
        let case = recorded.case();
        let input = Value::Object(recorded.input.clone());
        let args = Value::Object(recorded.args.clone().unwrap_or_default());
        let tool = ToolFacts {
            tool: &recorded.tool,
            input: &input,
            workflow: recorded.workflow.as_deref(),
            principal: recorded.principal.as_deref().unwrap_or(PRINCIPAL),
            undo: recorded.undo,
            case: case.as_ref(),
        };
        let declared = self.tool(&recorded.tool).map(|tool| tool.effect);
        // The class that a tool declares is the highest that it may need.
        let effect = match (&recorded.call, recorded.effect.or(declared)) {
            (_, Some(effect)) => Some(effect),
            // What is unknown is the worst case.
            (Some(_), None) => Some(Effect::Irreversible),
            (None, None) => None,
        };
        let call = effect.map(|effect| CallFacts {
            call: recorded.call.as_deref().unwrap_or_default(),
            destination: recorded.destination.as_deref().unwrap_or_default(),
            identity: recorded.identity.as_deref(),
            effect,
            egress: recorded.egress,
            args: &args,
        });
        let decision = self.decide(&tool, call.as_ref(), recorded);
        Ok(self.verdict(&tool, call.as_ref(), decision, recorded))
    }

    fn decide(
        &mut self,
        tool: &ToolFacts<'_>,
        call: Option<&CallFacts<'_>>,
        recorded: &RecordedCall,
    ) -> Decision {
        let rules = &self.manifest.compiled;
        let of_tool = rules.decide_tool(tool);
        let Some(call) = call.filter(|_| of_tool.outcome != Outcome::Deny) else {
            return of_tool;
        };
        let mut decision = rules.decide_call(tool, call);
        if recorded.call.is_none() {
            decision = of_tool.or_stricter(decision);
        }
        let budgets = &self.manifest.budgets;
        let charges = budgets.charges(tool, call);
        if charges.is_empty() {
            return decision;
        }
        let own = format!("(call {})", self.judged);
        let scope = BudgetScope {
            tenant: &self.manifest.tenant,
            workflow: recorded.workflow.as_deref(),
            case: recorded.case.as_deref().unwrap_or(&own),
            run: recorded.run.as_deref().unwrap_or(&own),
        };
        let said = budgets.decide(&charges, |charge| {
            self.ledger.used(budgets, charge, &scope, self.at_ms)
        });
        decision = said.map_or(decision, |said| decision.or_stricter(said));
        if decision.outcome != Outcome::Deny {
            self.ledger.charge(budgets, &charges, &scope, self.at_ms);
        }
        decision
    }

    fn verdict(
        &self,
        tool: &ToolFacts<'_>,
        call: Option<&CallFacts<'_>>,
        decision: Decision,
        recorded: &RecordedCall,
    ) -> Verdict {
        let manifest = self.manifest;
        let budgets = manifest.budgets.as_slice();
        let budget = decision.budget.and_then(|index| budgets.get(index));
        let rule = decision.rule.and_then(|index| manifest.rules.get(index));
        let row = budget.map(|budget| &budget.row).or(rule);
        let (outcome, approval) = match decision.outcome {
            Outcome::Allow => ("allow", None),
            Outcome::Require(index) => ("require", manifest.approvals.get(index)),
            Outcome::Deny => ("deny", None),
        };
        let why = match (row, decision.outcome) {
            (None, Outcome::Deny) => {
                let of_call = call.filter(|_| recorded.call.is_some());
                let rules = manifest.rules.iter().filter(|rule| {
                    rule.then != Outcome::Deny
                        && rule.tool.contains(tool.tool)
                        && rule.call.is_none()
                });
                rules
                    .filter_map(|rule| {
                        let unmet = rule.unmet(tool, of_call)?;
                        Some(format!("rule `{}`: {unmet}", rule.name))
                    })
                    .take(REASONS_MAX)
                    .collect()
            }
            _ => Vec::new(),
        };
        Verdict {
            id: recorded.id.clone(),
            outcome,
            approval: approval.map(|approval| approval.name.clone()),
            rule: manifest.decided_by(&decision).to_owned(),
            rule_line: row.map(|row| row.line),
            reason: row.and_then(|row| row.reason.clone()),
            why,
        }
    }

    fn tool(&self, name: &str) -> Option<&'m ToolDecl> {
        self.tools?.iter().find(|tool| tool.name == name)
    }

    fn check(&self, recorded: &RecordedCall) -> Result<(), String> {
        let tool = &recorded.tool;
        if !ToolDecl::is_name(tool) {
            return Err(format!(
                "`{}` can be no tool; write 1 to 64 of a-z, 0-9 and `_`",
                visible(tool)
            ));
        }
        if self.tools.is_some() && self.tool(tool).is_none() {
            return Err(format!("the component has no tool `{tool}`"));
        }
        let Some(call) = &recorded.call else {
            let is_alone = recorded.args.is_none()
                && recorded.destination.is_none()
                && recorded.identity.is_none();
            return match is_alone {
                true => Ok(()),
                false => Err(
                    "`args`, `destination` and `identity` are of an import call; add `call`"
                        .to_owned(),
                ),
            };
        };
        let extension = call.split_once('.').map_or("", |(name, _)| name);
        let pattern = CallPattern::Call(call.clone());
        let is_known = crate::rules::schemas_of(&pattern).next().is_some()
            || self.manifest.grant.extension.contains_key(extension);
        if !is_known {
            return Err(format!("there is no import call `{}`", visible(call)));
        }
        let args = Value::Object(recorded.args.clone().unwrap_or_default());
        match unforeseen_argument(call, &args) {
            Some(name) => Err(format!(
                "`{}` is no argument of `{call}`, or has another type",
                visible(&name)
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
