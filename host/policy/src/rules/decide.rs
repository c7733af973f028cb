//! The decision itself.

use super::{
    CallFacts, CallPattern, Condition, Decision, Outcome, Predicate, Rule, Rules, ToolFacts,
    ToolPattern,
    facts::Facts,
    index::{Asked, Index},
};
use crate::{Effect, visible};

impl Rules {
    pub(crate) fn new(rules: std::sync::Arc<[Rule]>, floor: Option<usize>) -> Self {
        Self {
            index: std::sync::Arc::new(Index::new(&rules)),
            asks_for_case: rules.iter().any(Rule::asks_for_case),
            rules,
            floor,
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
        let asked = Asked::new(&self.index, Facts::new(tool, None));
        let row = asked
            .first(|rows| &rows.tool.deny)
            .or_else(|| asked.first(|rows| &rows.tool.require))
            .or_else(|| asked.first(|rows| &rows.tool.allow))
            .or_else(|| asked.first(|rows| &rows.tool.otherwise));
        self.by_row(row)
            .unwrap_or(Decision::by_rule(Outcome::Deny, None))
    }

    /// Whether this import call of an allowed tool call may be made.
    ///
    /// Rows for import calls speak, and rows for the tool: a `deny` always, a
    /// `require` for every call that is not a plain read: one that carries the
    /// guest's words out is none. Where none speaks, reads and writes inside the
    /// grant go on. An irreversible call never does: at least the floor's approval
    /// is required, and it is denied where the manifest has no approval at all.
    #[must_use]
    pub fn decide_call(&self, tool: &ToolFacts<'_>, call: &CallFacts<'_>) -> Decision {
        let asked = Asked::new(&self.index, Facts::new(tool, Some(call)));
        let is_plain_read = call.effect == Effect::Read && !call.egress;
        let row = stricter(&asked, is_plain_read);
        let row = row.or_else(|| asked.first(|rows| &rows.call.allow));
        let decision = self
            .by_row(row)
            .unwrap_or(Decision::by_rule(Outcome::Allow, None));
        if call.effect < Effect::Irreversible || decision.outcome != Outcome::Allow {
            return decision;
        }
        let floor = self.floor.map_or(Outcome::Deny, Outcome::Require);
        Decision::by_rule(floor, None)
    }

    fn by_row(&self, row: Option<u32>) -> Option<Decision> {
        let row = row? as usize;
        let rule = self.rules.get(row)?;
        Some(Decision::by_rule(rule.then, Some(row)))
    }
}

/// The row that denies an import call or holds it: deny beats require, the first of
/// one outcome is named, and what speaks of the rest comes last.
fn stricter(asked: &Asked<'_>, is_plain_read: bool) -> Option<u32> {
    let denied = earlier(
        asked.first(|rows| &rows.call.deny),
        asked.first(|rows| &rows.tool.deny),
    );
    if denied.is_some() {
        return denied;
    }
    let of_call = asked.first(|rows| &rows.call.require);
    let held = match is_plain_read {
        true => of_call,
        false => earlier(of_call, asked.first(|rows| &rows.tool.require)),
    };
    if held.is_some() {
        return held;
    }
    let rest_of_calls = || {
        let row = asked.first(|rows| &rows.call.otherwise)?;
        asked
            .first(|rows| &rows.call.allow)
            .is_none()
            .then_some(row)
    };
    let rest_of_tools = || {
        let row = asked.first(|rows| &rows.tool.otherwise)?;
        asked
            .first(|rows| &rows.tool.allow)
            .is_none()
            .then_some(row)
    };
    match is_plain_read {
        true => rest_of_calls(),
        false => earlier(rest_of_calls(), rest_of_tools()),
    }
}

/// The one that stands first in the file.
fn earlier(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    a.into_iter().chain(b).min()
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
        let facts = Facts::new(tool, call);
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

    fn is_in_workflow(&self, workflow: Option<&str>) -> bool {
        match (&self.workflow, workflow) {
            (None, _) => true,
            (Some(wanted), Some(workflow)) => wanted == workflow,
            (Some(_), None) => self.speaks_outside_workflows(),
        }
    }

    /// A run outside any workflow is in none: a row for a workflow never
    /// allows it, and denies and holds it all the same, because leaving the
    /// workflow out must not be a way round its rows. One that holds a tool call
    /// which would be denied without it is as one that allows.
    pub(crate) fn speaks_outside_workflows(&self) -> bool {
        self.then != Outcome::Allow && !(self.otherwise && self.call.is_none())
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
