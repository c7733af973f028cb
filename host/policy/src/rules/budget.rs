//! `[[budget]]`: how much may happen over time.
//!
//! A rule judges one call. The attack it cannot see is a hundred calls, each below
//! its limit. A budget counts calls, adds up an amount, or counts different values,
//! per run, case, workflow or tenant, over a time; the call that would pass it is
//! denied or needs an approval.
//!
//! Everything here is a function of what was used before. Who keeps that is not
//! this crate's matter: it hands in a [`BudgetUse`] for each [`Charge`], and keeps
//! the charge with the call's intent.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use super::{Amount, CallFacts, Decision, FieldPath, Outcome, Rule, ToolFacts, facts::Facts};
use crate::{Effect, canonical, rules::Root};

/// One row.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Which calls it counts, and what happens to the one that passes it. Conditions
    /// hold as those of a `deny`: what is unknown is counted.
    pub row: Rule,
    /// What has a budget of its own.
    pub per: Per,
    /// The time before the call that counts. Nothing: all time.
    pub over: Option<Duration>,
    /// What is counted, and how much may be.
    pub measure: Measure,
}

/// What has a budget of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Per {
    /// Each run.
    Run,
    /// Each case.
    Case,
    /// Each workflow; everything outside of workflows together.
    Workflow,
    /// The tenant as a whole.
    Tenant,
}

impl Per {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Run, Self::Case, Self::Workflow, Self::Tenant];

    /// The name used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Case => "case",
            Self::Workflow => "workflow",
            Self::Tenant => "tenant",
        }
    }
}

/// What a budget counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Measure {
    /// Calls.
    Count {
        /// At most so many.
        max: u64,
    },
    /// The sum of an amount.
    Sum {
        /// Where the amount stands.
        field: FieldPath,
        /// At most so much.
        max: Amount,
    },
    /// Different values; of a list each item.
    Distinct {
        /// Where they stand.
        field: FieldPath,
        /// At most so many.
        max: u64,
    },
}

/// The budgets of a manifest.
#[derive(Clone, Debug, Default)]
pub struct Budgets(Arc<[Budget]>);

/// What one call takes from one budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// An index into [`Budgets::as_slice`].
    pub budget: usize,
    /// How much.
    pub amount: Charged,
}

/// How much a call takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Charged {
    /// One call.
    Call,
    /// An amount; nothing where it is unknown.
    Amount(Option<Amount>),
    /// Values as canonical JSON; nothing where they are unknown. Whoever keeps them
    /// may replace each by a keyed hash, on both sides: they are only compared.
    Values(Option<BTreeSet<String>>),
}

/// What was used of a budget before a call, in its scope and time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetUse {
    /// Calls.
    pub calls: u64,
    /// The sum of amounts; nothing where one was unknown or it is too large.
    pub sum: Sum,
    /// Different values.
    pub values: BTreeSet<String>,
    /// Whether this run has been charged already.
    pub by_this_run: bool,
}

/// A sum, or that it is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum(pub Option<Amount>);

impl Default for Sum {
    fn default() -> Self {
        Self(Some(Amount::ZERO))
    }
}

impl BudgetUse {
    /// Count a charge of an earlier call.
    pub fn add(&mut self, charged: &Charged, by_this_run: bool) {
        self.calls = self.calls.saturating_add(1);
        self.by_this_run |= by_this_run;
        match charged {
            Charged::Call => {}
            Charged::Amount(amount) => {
                let sum = self.sum.0.zip(*amount);
                self.sum = Sum(sum.and_then(|(sum, amount)| sum.plus(amount)));
            }
            Charged::Values(Some(values)) => self.values.extend(values.iter().cloned()),
            Charged::Values(None) => self.sum = Sum(None),
        }
    }
}

impl Budgets {
    pub(crate) fn new(budgets: Vec<Budget>) -> Self {
        Self(budgets.into())
    }

    /// The rows, in the file's order.
    #[must_use]
    pub fn as_slice(&self) -> &[Budget] {
        &self.0
    }

    /// What a call takes from each budget. A budget with `call` counts each such
    /// call; one without counts a run once, with its first call that is no plain
    /// read.
    #[must_use]
    pub fn charges(&self, tool: &ToolFacts<'_>, call: &CallFacts<'_>) -> Vec<Charge> {
        let facts = Facts::new(tool, Some(call));
        let counts = |row: &Rule| row.call.is_some() || call.effect > Effect::Read;
        let rows = self.0.iter().enumerate();
        rows.filter(|(_, budget)| counts(&budget.row) && budget.row.matches(&facts))
            .map(|(index, budget)| Charge {
                budget: index,
                amount: budget.measure.of(&facts),
            })
            .collect()
    }

    /// The strictest of what the budgets say of a call with these charges, given
    /// what was used of each before. Nothing where all have room. A use that is not
    /// known is a budget without room.
    #[must_use]
    pub fn decide(
        &self,
        charges: &[Charge],
        used: impl Fn(&Charge) -> Option<BudgetUse>,
    ) -> Option<Decision> {
        let mut found: Option<Decision> = None;
        for charge in charges {
            let Some(budget) = self.0.get(charge.budget) else {
                continue;
            };
            if used(charge).is_some_and(|used| budget.has_room(&used, &charge.amount)) {
                continue;
            }
            let said = Decision {
                outcome: budget.row.then,
                rule: None,
                budget: Some(charge.budget),
            };
            found = Some(found.map_or(said, |found| found.or_stricter(said)));
        }
        found
    }
}

impl Budget {
    /// Whether a call fits into what is left.
    fn has_room(&self, used: &BudgetUse, charged: &Charged) -> bool {
        if self.row.call.is_none() && used.by_this_run {
            return true;
        }
        match (&self.measure, charged) {
            (Measure::Count { max }, _) => used.calls < *max,
            (Measure::Sum { max, .. }, Charged::Amount(Some(amount))) => used
                .sum
                .0
                .and_then(|sum| sum.plus(*amount))
                .is_some_and(|sum| sum <= *max),
            (Measure::Distinct { max, .. }, Charged::Values(Some(values))) => {
                let new = values.difference(&used.values).count() as u64;
                let all = used.values.len() as u64 + new;
                used.sum.0.is_some() && (new == 0 || all <= *max)
            }
            _ => false,
        }
    }

    /// Whether a second call of a run is not charged again.
    #[must_use]
    pub const fn is_once_a_run(&self) -> bool {
        self.row.call.is_none()
    }
}

impl Measure {
    fn of(&self, facts: &Facts<'_>) -> Charged {
        match self {
            Self::Count { .. } => Charged::Call,
            Self::Sum { field, .. } => Charged::Amount(value(field, facts).and_then(Amount::of)),
            Self::Distinct { field, .. } => Charged::Values(match field.root() {
                Root::Principal => Some(BTreeSet::from([facts.tool.principal.to_owned()])),
                _ => value(field, facts).and_then(texts),
            }),
        }
    }
}

fn value<'a>(field: &FieldPath, facts: &Facts<'a>) -> Option<&'a Value> {
    match field.root() {
        Root::Input => field.find(Some(facts.tool.input)),
        Root::Args => field.find(facts.call.map(|call| call.args)),
        Root::Principal | Root::Destination | Root::Item => None,
    }
}

fn texts(value: &Value) -> Option<BTreeSet<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| canonical(item).ok()).collect(),
        Value::Null => None,
        one => Some(BTreeSet::from([canonical(one).ok()?])),
    }
}

impl Decision {
    /// The stricter of two; this one where both are as strict.
    #[must_use]
    pub fn or_stricter(self, other: Self) -> Self {
        if other.outcome.strictness() > self.outcome.strictness() {
            other
        } else {
            self
        }
    }

    /// A decision that a rule, or none, made.
    pub(super) const fn by_rule(outcome: Outcome, rule: Option<usize>) -> Self {
        Self {
            outcome,
            rule,
            budget: None,
        }
    }
}

#[cfg(test)]
mod tests;
