//! Budgets over time: what a call takes is written into its intent, and what was
//! taken before is read from the intents that stand in the journal.
//!
//! There is no second count of amounts beside the journal: what is charged is
//! exactly what may have happened, a replay charges nothing, and both databases keep
//! it in the transaction of the intent.
//!
//! The attack: the same request to two hosts at once, which both find room for it.
//! An intent that takes says how often was taken from the budget when its amounts
//! were counted; the store refuses it where that is not so any more, and the call
//! looks again. In one host, charged calls of a tenant pass one at a time from
//! looking to the durable intent, so that this happens between hosts only. Plain
//! reads have no intent: theirs is in the record of their answer, and counts for
//! other runs once that is stored.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tokio::sync::OwnedMutexGuard;
use tollgate_journal::{Leaf, Stage};
use tollgate_policy::{Amount, Budget, BudgetUse, CallFacts, Charge, Charged, Decision, Per};
use tollgate_store::{Change, RecordFilter};

use super::Door;
use crate::error::{Ending, JournalFault};

/// Records that are read at once.
const PAGE: u32 = 5_000;

/// Most records that are looked through for one budget. Where there are more, what
/// was used is not known, and the budget has no room.
const RECORDS_MAX: usize = 200_000;

/// What the charges of a call are called in its record.
const CHARGES: &str = "charges";

/// What an admitted call takes, until its intent is durable.
#[derive(Default)]
pub(super) struct Spending {
    /// For the record.
    pub(super) charges: Option<Value>,
    /// What it takes from, and how often was taken from each when it looked.
    seen: Vec<(String, u64)>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Spending {
    /// The charge is written, or nothing will be: the next call may look.
    pub(super) fn settled(&mut self) {
        self.turn = None;
    }

    /// What must hold beside the intent.
    pub(super) fn conditions(&self) -> impl Iterator<Item = Change> + '_ {
        let seen = self.seen.iter();
        seen.map(|(budget, seen)| Change::TakeFromBudget {
            budget: budget.clone(),
            seen: *seen,
        })
    }
}

impl Door {
    /// The stricter of a decision and what the budgets say, and what the call takes
    /// where it is admitted.
    pub(super) async fn spend(
        &self,
        call: &CallFacts<'_>,
        decision: Decision,
    ) -> Result<(Decision, Spending), Ending> {
        let by_host = self.run.undoes.as_ref().is_some_and(|undo| undo.by_host);
        let mut charges = match by_host {
            true => Vec::new(),
            false => self.charges(call),
        };
        if charges.is_empty() {
            return Ok((decision, Spending::default()));
        }
        for charge in &mut charges {
            self.label(&mut charge.amount);
        }
        let turn = self.journal.turn(&self.run.tenant).lock_owned().await;
        // Before the amounts: what is taken while they are counted is seen to be.
        let mut seen = self.taken(&charges).await?;
        let mut used = Vec::new();
        for charge in &charges {
            let found = self.used(charge).await;
            used.push(found.map_err(|fault| self.end(fault.into()))?);
        }
        let budgets = &self.manifest.budgets;
        let index = |charge: &Charge| charges.iter().position(|one| one == charge);
        let said = budgets.decide(&charges, |charge| used.get(index(charge)?)?.clone());
        let decision = said.map_or(decision, |said| decision.or_stricter(said));
        let is_new = |charge: &Charge| {
            let budget = budgets.as_slice().get(charge.budget);
            let known = index(charge).and_then(|at| used.get(at)?.as_ref());
            !(budget.is_some_and(Budget::is_once_a_run)
                && known.is_some_and(|used| used.by_this_run))
        };
        let taken: Vec<Charge> = charges.iter().filter(|one| is_new(one)).cloned().collect();
        let takes = |name: &str| taken.iter().any(|charge| self.is_of(charge, name));
        seen.retain(|(name, _)| takes(name));
        Ok((
            decision,
            Spending {
                charges: self.written(&taken),
                seen,
                turn: Some(turn),
            },
        ))
    }

    /// How often was taken from each budget that is charged.
    async fn taken(&self, charges: &[Charge]) -> Result<Vec<(String, u64)>, Ending> {
        let mut seen: Vec<(String, u64)> = Vec::new();
        for charge in charges {
            let budget = self.manifest.budgets.as_slice().get(charge.budget);
            let Some(name) = budget.map(|budget| self.budget_name(budget)) else {
                continue;
            };
            if seen.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let store = &self.journal.store;
            let taken = store.budget_taken(&self.run.tenant, &name).await;
            let taken = taken.map_err(|error| self.end(JournalFault::from(error).into()))?;
            seen.push((name, taken));
        }
        Ok(seen)
    }

    fn is_of(&self, charge: &Charge, name: &str) -> bool {
        let budget = self.manifest.budgets.as_slice().get(charge.budget);
        budget.is_some_and(|budget| self.budget_name(budget) == name)
    }

    fn charges(&self, call: &CallFacts<'_>) -> Vec<Charge> {
        if self.manifest.budgets.as_slice().is_empty() {
            return Vec::new();
        }
        self.with_facts(|tool| self.manifest.budgets.charges(tool, call))
    }

    /// The attack: addresses of customers in the open facts of records. A keyed hash
    /// stands for each value.
    fn label(&self, amount: &mut Charged) {
        if let Charged::Values(Some(values)) = amount {
            let tenant = &self.run.tenant;
            let label = |text: &String| {
                let name = format!("budget value {text}");
                self.journal.subject_label(tenant, &name)
            };
            *values = values.iter().map(label).collect();
        }
    }

    /// Remember what this run took, for its next call: the record may still wait.
    pub(super) fn took(&self, spending: &Spending) {
        if let Some(charges) = &spending.charges {
            self.state().spent.push(charges.clone());
        }
    }

    fn written(&self, charges: &[Charge]) -> Option<Value> {
        let budgets = self.manifest.budgets.as_slice();
        let one = |charge: &Charge| {
            let budget = budgets.get(charge.budget)?;
            let amount = match &charge.amount {
                Charged::Call => json!({}),
                Charged::Amount(amount) => json!({"amount": amount.map(|a| a.to_string())}),
                Charged::Values(values) => json!({ "values": values }),
            };
            Some((self.budget_name(budget), amount))
        };
        let written: Map<String, Value> = charges.iter().filter_map(one).collect();
        (!written.is_empty()).then_some(Value::Object(written))
    }

    fn budget_name(&self, budget: &Budget) -> String {
        format!("{}.{}", self.run.connector, budget.row.name)
    }

    /// What was used of a budget before; nothing where that cannot be known.
    async fn used(&self, charge: &Charge) -> Result<Option<BudgetUse>, JournalFault> {
        let Some(budget) = self.manifest.budgets.as_slice().get(charge.budget) else {
            return Ok(None);
        };
        let name = self.budget_name(budget);
        let mut used = BudgetUse::default();
        for charges in &self.state().spent {
            if let Some(amount) = charges.get(&name) {
                used.add(&charged(amount), true);
            }
        }
        let mut left = RECORDS_MAX;
        // A budget of tools is charged with a write; one of calls may count reads.
        let reads = (!budget.is_once_a_run()).then_some(Stage::CallOutcome);
        for stage in [Some(Stage::CallIntent), reads].into_iter().flatten() {
            if !self
                .add_stored(budget, &name, stage, &mut used, &mut left)
                .await?
            {
                return Ok(None);
            }
        }
        Ok(Some(used))
    }

    /// Add what stands in records of this stage; whether all of them were seen.
    async fn add_stored(
        &self,
        budget: &Budget,
        name: &str,
        stage: Stage,
        used: &mut BudgetUse,
        left: &mut usize,
    ) -> Result<bool, JournalFault> {
        let over = budget.over.map(|over| over.as_millis() as u64);
        let mut filter = RecordFilter {
            run: (budget.per == Per::Run).then(|| self.run.run.clone()),
            case: (budget.per == Per::Case).then(|| self.run.case.clone()),
            stage: Some(stage),
            // Later ones count too: a clock that went back gives no room.
            since_ms: over.map(|over| self.journal.now_ms().saturating_sub(over) + 1),
            limit: Some(PAGE),
            leaves_only: true,
            ..RecordFilter::default()
        };
        loop {
            let page = self
                .journal
                .store
                .records(&self.run.tenant, &filter)
                .await?;
            for record in &page {
                let leaf = Leaf::parse(&record.leaf)?;
                self.add_leaf(budget, name, &leaf, used);
            }
            let is_last = page.len() < PAGE as usize;
            if let Some(last) = page.last().filter(|_| !is_last) {
                filter.after_seq = Some(last.seq);
            } else {
                return Ok(true);
            }
            *left = left.saturating_sub(page.len());
            if *left == 0 {
                return Ok(false);
            }
        }
    }

    fn add_leaf(&self, budget: &Budget, name: &str, leaf: &Leaf, used: &mut BudgetUse) {
        let Some(amount) = leaf.facts.get(CHARGES).and_then(|all| all.get(name)) else {
            return;
        };
        let by_this_run = leaf.run.as_deref() == Some(self.run.run.as_str());
        let is_counted = by_this_run
            && leaf
                .position
                .is_some_and(|position| position as usize >= self.recorded.len());
        let is_ours = match budget.per {
            Per::Run => by_this_run,
            Per::Case => leaf.case == self.run.case,
            Per::Workflow => leaf.workflow == self.run.workflow,
            Per::Tenant => true,
        };
        if is_ours && !is_counted {
            used.add(&charged(amount), by_this_run);
        }
    }
}

/// What a record says was taken; what it does not say in full is unknown.
fn charged(written: &Value) -> Charged {
    if let Some(amount) = written.get("amount") {
        return Charged::Amount(amount.as_str().and_then(Amount::parse));
    }
    let Some(values) = written.get("values") else {
        return Charged::Call;
    };
    let texts = values.as_array().map(|all| {
        let texts = all.iter().map(|text| text.as_str().map(str::to_owned));
        texts.collect::<Option<BTreeSet<String>>>()
    });
    Charged::Values(texts.flatten())
}
