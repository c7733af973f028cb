//! Rows that can never decide: their author believes that they do.

use super::super::error::Faults;
use crate::{CallPattern, Outcome, Rule, ToolPattern};

/// A fault for each rule whose calls are all decided by another one.
pub(super) fn check(rules: &[(usize, Rule)], faults: &mut Faults<'_>) {
    for (at, name, winner) in shadowed(rules) {
        let message = format!("rule `{name}` can never decide: `{winner}` decides all its calls");
        faults.add(
            at,
            message,
            format!("remove one of them, or narrow `{winner}`"),
        );
    }
}

/// Rules that can never decide, with the one that decides in their place.
///
/// A `deny` of everything is left out: it is how an operator stops a connector
/// at once, and must not make a file unreadable that was right before.
fn shadowed(rules: &[(usize, Rule)]) -> Vec<(usize, &str, &str)> {
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
            && self.undo.is_none()
            && self.destination.is_none()
            && self.effect.is_none()
            && matches!(self.call, None | Some(CallPattern::Any))
    }

    /// Whether this rule, which is at least as strict, surely matches whatever the
    /// other one matches.
    fn covers(&self, other: &Self) -> bool {
        let workflow = self.workflow.is_none() || self.workflow == other.workflow;
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
