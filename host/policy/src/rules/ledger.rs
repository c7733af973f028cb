//! What was used of budgets, kept in memory: for judging calls that were written
//! down, where there is no store.

use super::{BudgetUse, Budgets, Charge, Charged, Per};

/// Whose budgets a call draws on.
#[derive(Clone, Copy, Debug)]
pub struct BudgetScope<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The workflow, where it is in one.
    pub workflow: Option<&'a str>,
    /// The case.
    pub case: &'a str,
    /// The run.
    pub run: &'a str,
}

impl BudgetScope<'_> {
    /// The name of the scope that a budget counts in. Names of two kinds never meet:
    /// each budget counts in one kind.
    #[must_use]
    pub fn key(&self, per: Per) -> String {
        match per {
            Per::Run => format!("{}\n{}", self.tenant, self.run),
            Per::Case => format!("{}\n{}", self.tenant, self.case),
            // An empty name can be no workflow's: everything outside of one.
            Per::Workflow => format!("{}\n{}", self.tenant, self.workflow.unwrap_or_default()),
            Per::Tenant => self.tenant.to_owned(),
        }
    }
}

/// Charges in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    budget: usize,
    key: String,
    run: String,
    at_ms: i64,
    amount: Charged,
}

impl Ledger {
    /// What was used of a budget at this time.
    #[must_use]
    pub fn used(
        &self,
        budgets: &Budgets,
        charge: &Charge,
        scope: &BudgetScope<'_>,
        now_ms: i64,
    ) -> Option<BudgetUse> {
        let budget = budgets.as_slice().get(charge.budget)?;
        let key = scope.key(budget.per);
        let over = budget.over.map(|over| over.as_millis());
        let mut used = BudgetUse::default();
        let own = self.0.iter().filter(|entry| {
            entry.budget == charge.budget
                && entry.key == key
                // A clock that went back does not give room: what is dated later counts.
                && over.is_none_or(|over| i128::from(now_ms) - i128::from(entry.at_ms) < over as i128)
        });
        for entry in own {
            used.add(&entry.amount, entry.run == scope.run);
        }
        Some(used)
    }

    /// Keep what a call takes. Returns how many charges were kept.
    pub fn charge(
        &mut self,
        budgets: &Budgets,
        charges: &[Charge],
        scope: &BudgetScope<'_>,
        now_ms: i64,
    ) -> usize {
        let before = self.0.len();
        for charge in charges {
            let Some(budget) = budgets.as_slice().get(charge.budget) else {
                continue;
            };
            let used = self.used(budgets, charge, scope, now_ms);
            if budget.is_once_a_run() && used.is_some_and(|used| used.by_this_run) {
                continue;
            }
            self.0.push(Entry {
                budget: charge.budget,
                key: scope.key(budget.per),
                run: scope.run.to_owned(),
                at_ms: now_ms,
                amount: charge.amount.clone(),
            });
        }
        self.0.len() - before
    }
}
