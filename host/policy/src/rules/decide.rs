//! The decision itself.

use super::{
    CallFacts, CallPattern, Condition, Decision, Outcome, Predicate, Rule, Rules, ToolFacts,
    ToolPattern, facts::Facts,
};
use crate::{Effect, visible};

impl Rules {
    pub(crate) fn new(rules: std::sync::Arc<[Rule]>, floor: Option<usize>) -> Self {
        let asks_for_case = rules.iter().any(Rule::asks_for_case);
        Self {
            rules,
            floor,
            asks_for_case,
        }
    }

    /// Whether some row asks where a value came from, so that what is known of a
    /// case has to be found out.
    #[must_use]
    pub const fn asks_for_case(&self) -> bool {
        self.asks_for_case
    }

    /// Whether this tool may be called with this input. What no row allows is
    /// denied.
    #[must_use]
    pub fn decide_tool(&self, tool: &ToolFacts<'_>) -> Decision {
        let facts = Facts { tool, call: None };
        let rows = self.matching(&facts, |rule| rule.call.is_none());
        strictest(rows).unwrap_or(Decision::by_rule(Outcome::Deny, None))
    }

    /// Whether this import call of an allowed tool call may be made.
    ///
    /// Rows for import calls speak first, then rows for the tool: a `deny`
    /// always, a `require` for every call that is not a plain read: one that carries
    /// the guest's words out is none. Where none
    /// speaks, reads and writes inside the grant go on. An irreversible call
    /// never does: at least the floor's approval is required, and it is denied
    /// where the manifest has no approval at all.
    #[must_use]
    pub fn decide_call(&self, tool: &ToolFacts<'_>, call: &CallFacts<'_>) -> Decision {
        let facts = Facts {
            tool,
            call: Some(call),
        };
        let rows = self.matching(&facts, |rule| match (&rule.call, rule.then) {
            (Some(_), _) | (None, Outcome::Deny) => true,
            (None, Outcome::Require(_)) => call.effect > Effect::Read || call.egress,
            (None, Outcome::Allow) => false,
        });
        let decision = strictest(rows).unwrap_or(Decision::by_rule(Outcome::Allow, None));
        if call.effect < Effect::Irreversible || decision.outcome != Outcome::Allow {
            return decision;
        }
        let floor = self.floor.map_or(Outcome::Deny, Outcome::Require);
        Decision::by_rule(floor, None)
    }

    fn matching<'a>(
        &'a self,
        facts: &'a Facts<'a>,
        speaks: impl Fn(&Rule) -> bool + 'a,
    ) -> impl Iterator<Item = (usize, Outcome)> + 'a {
        let rows = self.rules.iter().enumerate();
        rows.filter(move |(_, rule)| speaks(rule) && rule.matches(facts))
            .map(|(i, rule)| (i, rule.then))
    }
}

/// Deny beats require beats allow; the first row of the strictest outcome is
/// named.
fn strictest(rows: impl Iterator<Item = (usize, Outcome)>) -> Option<Decision> {
    let mut found: Option<Decision> = None;
    for (rule, outcome) in rows {
        if found.is_none_or(|found| outcome.strictness() > found.outcome.strictness()) {
            found = Some(Decision::by_rule(outcome, Some(rule)));
        }
        if outcome == Outcome::Deny {
            break;
        }
    }
    found
}

impl Outcome {
    pub(crate) const fn strictness(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Require(_) => 1,
            Self::Deny => 2,
        }
    }
}

impl Rule {
    pub(crate) fn asks_for_case(&self) -> bool {
        let mut predicates = self.when.iter().flat_map(|of| &of.predicates);
        predicates.any(Predicate::asks_for_case)
    }

    pub(super) fn matches(&self, facts: &Facts<'_>) -> bool {
        self.tool.contains(facts.tool.tool)
            && self.is_in_workflow(facts.tool.workflow)
            && self.undo.is_none_or(|undo| undo == facts.tool.undo)
            && facts.call.is_none_or(|call| self.speaks_of(call))
            && self.conditions_hold(facts)
    }

    /// The first thing that keeps this row from speaking of a call, in words.
    /// Nothing where it speaks.
    #[must_use]
    pub fn unmet(&self, tool: &ToolFacts<'_>, call: Option<&CallFacts<'_>>) -> Option<String> {
        let facts = Facts { tool, call };
        if !self.tool.contains(tool.tool) {
            return Some(format!("the tool `{}` is not its tool", visible(tool.tool)));
        }
        if !self.is_in_workflow(tool.workflow) {
            return Some("it is for another workflow".to_owned());
        }
        match (&self.call, call) {
            (Some(_), None) => return Some("it is for import calls".to_owned()),
            (_, Some(call)) if !self.speaks_of(call) => {
                return Some("it is for another import call, destination or effect".to_owned());
            }
            _ => {}
        }
        let is_met = |condition: &&Condition| match self.then {
            Outcome::Allow => condition.surely(&facts),
            _ => condition.possibly(&facts),
        };
        let condition = self.when.iter().find(|condition| !is_met(condition))?;
        let what = if condition.possibly(&facts) {
            "is not known to hold"
        } else {
            "does not hold"
        };
        Some(format!("its condition on `{}` {what}", condition.field))
    }

    /// A run outside any workflow is in none: a row for a workflow never
    /// allows it, and denies and holds it all the same, because leaving the
    /// workflow out must not be a way round its rows.
    fn is_in_workflow(&self, workflow: Option<&str>) -> bool {
        match (&self.workflow, workflow) {
            (None, _) => true,
            (Some(wanted), Some(workflow)) => wanted == workflow,
            (Some(_), None) => self.then != Outcome::Allow,
        }
    }

    fn speaks_of(&self, call: &CallFacts<'_>) -> bool {
        self.call
            .as_ref()
            .is_none_or(|pattern| pattern.contains(call.call))
            && self
                .destination
                .as_ref()
                .is_none_or(|name| name == call.destination)
            && self.effect.is_none_or(|effect| match self.then {
                Outcome::Allow => call.effect <= effect,
                Outcome::Require(_) | Outcome::Deny => call.effect >= effect,
            })
    }

    fn conditions_hold(&self, facts: &Facts<'_>) -> bool {
        match self.then {
            Outcome::Allow => self.when.iter().all(|condition| condition.surely(facts)),
            _ => self.when.iter().all(|condition| condition.possibly(facts)),
        }
    }
}

impl ToolPattern {
    /// Whether a tool of this name is meant.
    #[must_use]
    pub fn contains(&self, tool: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Names(names) => names.iter().any(|name| name == tool),
        }
    }
}

impl CallPattern {
    /// Whether this import call is meant.
    #[must_use]
    pub fn contains(&self, call: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Call(name) => name == call,
            Self::Capability(name) => call
                .strip_prefix(name.as_str())
                .is_some_and(|rest| rest.starts_with('.')),
        }
    }
}
