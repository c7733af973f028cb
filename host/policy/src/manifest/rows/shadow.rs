//! Rows that can never decide: their author believes that they do.

use std::cmp::Ordering;

use super::super::error::Faults;
use crate::{CallPattern, Outcome, Rule, ToolPattern};

/// A fault for each rule whose calls are all decided by another one.
pub(super) fn check(rules: &[(usize, Rule)], faults: &mut Faults<'_>) {
    for (at, name, winner) in shadowed(rules) {
        let by = &winner.name;
        let message = format!("rule `{name}` can never decide: `{by}` decides all its calls");
        let hint = match winner.then {
            Outcome::Require(_) if winner.when.is_empty() && !winner.otherwise => format!(
                "remove one of them, narrow `{by}`, or add otherwise = true to it if it is for what no row allows"
            ),
            _ => format!("remove one of them, or narrow `{by}`"),
        };
        faults.add(at, message, hint);
    }
}

/// Rules that can never decide, with the one that decides in their place.
///
/// A `deny` of everything is left out: it is how an operator stops a connector
/// at once, and must not make a file unreadable that was right before.
fn shadowed(rules: &[(usize, Rule)]) -> Vec<(usize, &str, &Rule)> {
    let mut found = Vec::new();
    for (i, (at, rule)) in rules.iter().enumerate() {
        let winner = rules.iter().enumerate().find(|(j, (_, other))| {
            let beats = other.beats(rule);
            i != *j
                && !other.stops_everything()
                && (beats.is_gt() || (beats.is_eq() && *j < i))
                && other.covers(rule)
        });
        if let Some((_, (_, winner))) = winner {
            found.push((*at, rule.name.as_str(), winner));
        }
    }
    found
}

impl Rule {
    /// Whether this rule decides where both speak. One for the rest only speaks where
    /// no row allows, so whatever else speaks decides in its place; and it decides
    /// before nothing but another one of its sort.
    fn beats(&self, other: &Self) -> Ordering {
        match (self.otherwise, other.otherwise) {
            (false, true) if self.then == Outcome::Allow && self.is_of_kind(other) => {
                Ordering::Greater
            }
            (true, false) => Ordering::Less,
            _ => (self.then.strictness().cmp(&other.then.strictness()))
                .then(other.otherwise.cmp(&self.otherwise)),
        }
    }

    fn is_of_kind(&self, other: &Self) -> bool {
        self.call.is_some() == other.call.is_some()
    }

    fn stops_everything(&self) -> bool {
        self.then == Outcome::Deny
            && self.tool == ToolPattern::Any
            && self.when.is_empty()
            && self.workflow.is_none()
            && self.undo.is_none()
            && self.destination.is_none()
            && self.effect.is_none()
            && matches!(self.call, None | Some(CallPattern::Any))
    }

    /// Whether this rule, which is at least as strict, surely matches whatever the
    /// other one matches.
    fn covers(&self, other: &Self) -> bool {
        // Of one workflow, a row that allows says nothing outside of it, where others
        // may speak.
        let outside = self.speaks_outside_workflows() || !other.speaks_outside_workflows();
        let workflow = self.workflow.is_none() || (self.workflow == other.workflow && outside);
        let destination = self.destination.is_none() || self.destination == other.destination;
        let undo = self.undo.is_none() || self.undo == other.undo;
        self.asks_no_more_than(other)
            && workflow
            && undo
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

impl Rule {
    /// Whether each condition of this rule is one of the other's. As the other is no
    /// stricter, what is known for it is at least possible for this one.
    fn asks_no_more_than(&self, other: &Self) -> bool {
        self.when.iter().all(|own| {
            other.when.iter().any(|its| {
                its.field == own.field && own.predicates.iter().all(|p| its.predicates.contains(p))
            })
        })
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

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, test_runner::Config};

    use super::*;
    use crate::{
        Rules,
        rules::tests::random::{call, rule},
    };

    proptest! {
        #![proptest_config(Config { cases: 250, ..Config::default() })]

        /// A row that is said to be of no use is of none: refusing a right file would
        /// make people write a worse one.
        #[test]
        fn a_row_that_is_said_to_be_shadowed_never_decides(
            rules in vec(rule(), 2..8),
            calls in vec(call(), 40),
        ) {
            let rules: Vec<(usize, Rule)> = rules.into_iter().enumerate().collect();
            let never: Vec<usize> = shadowed(&rules).into_iter().map(|(at, _, _)| at).collect();
            let all: Vec<Rule> = rules.iter().map(|(_, rule)| rule.clone()).collect();
            let prepared = Rules::new(all.into(), Some(0));
            for asked in &calls {
                let (tool, call) = (asked.tool(), asked.call());
                let by = [prepared.decide_tool(&tool).rule, prepared.decide_call(&tool, &call).rule];
                for row in by.into_iter().flatten() {
                    prop_assert!(!never.contains(&row), "row {} decides {:?}", row, asked);
                }
            }
        }
    }
}
