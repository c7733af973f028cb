//! What earlier undos of a run did, so that another one goes on where they stopped
//! and puts nothing back twice.
//!
//! The attack, or the accident: an undo stops at a conflict, a person settles it and
//! goes on with the work, and a second undo compares values only. Where they happen
//! to be those that the run left, it would take the person's work back. So what was
//! taken back is a fact of the journal, under the run that it was taken from.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollgate_journal::{Prepared, Stage, Tenant};
use tollgate_store::{Change, RunState as StoredState};

use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::{OpenRecord, Saying};
use crate::runs::Run;

/// One call that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Its position in the run that it was a call of.
    pub(crate) position: u32,
    /// The undo's run.
    pub(crate) by: String,
    /// The position of the restore in that.
    pub(crate) at: u32,
    /// Whether members of it were left to whoever changed them.
    pub(crate) partly: bool,
}

impl Taken {
    fn fact(&self) -> Value {
        json!([self.position, self.at, u32::from(self.partly)])
    }

    fn read(fact: &Value, by: &str) -> Option<Self> {
        let number = |index: usize| u32::try_from(fact[index].as_u64()?).ok();
        Some(Self {
            position: number(0)?,
            by: by.to_owned(),
            at: number(1)?,
            partly: number(2)? == 1,
        })
    }
}

/// What the records of a run say was taken back of it.
fn told(records: &[OpenRecord]) -> Vec<Taken> {
    let done = records
        .iter()
        .filter(|record| record.leaf.stage == Stage::UndoDone);
    done.flat_map(|record| {
        let by = record.fact("by").unwrap_or_default();
        let taken = record.leaf.facts.get("taken").and_then(Value::as_array);
        let taken = taken.map(Vec::as_slice).unwrap_or_default();
        taken
            .iter()
            .filter_map(|fact| Taken::read(fact, by))
            .collect::<Vec<_>>()
    })
    .collect()
}

impl Inner {
    /// What is taken back of a run now. What an undo did counts no more where that
    /// undo was itself taken back.
    pub(super) async fn taken_of(
        &self,
        tenant: &Tenant,
        records: &[OpenRecord],
    ) -> Result<Vec<Taken>, JournalFault> {
        let mut standing = Vec::new();
        // Each link is an undo of an undo: a chain that people made by hand.
        let mut open: Vec<(Taken, Vec<Taken>)> = told(records)
            .into_iter()
            .map(|taken| (taken.clone(), vec![taken]))
            .collect();
        let mut known = std::collections::BTreeMap::new();
        while let Some((first, chain)) = open.pop() {
            let Some(last) = chain.last() else { continue };
            if !known.contains_key(&last.by) {
                let records = self.journal.run_records(tenant, &last.by).await?;
                known.insert(last.by.clone(), told(&records));
            }
            let again = known[&last.by]
                .iter()
                .find(|taken| taken.position == last.at);
            match again {
                Some(again) if chain.len() < CHAIN_MAX => {
                    let mut chain = chain.clone();
                    chain.push(again.clone());
                    open.push((first, chain));
                }
                // Taken back an even number of times since: it stands.
                _ if chain.len() % 2 == 1 => standing.push(first),
                _ => {}
            }
        }
        let mut seen = BTreeSet::new();
        standing.retain(|taken| seen.insert(taken.position));
        Ok(standing)
    }

    /// What is recorded about the run that was taken back, as far as it was.
    pub(crate) async fn taken_back(
        &self,
        undo: &Run,
        of: &str,
        taken: &[Taken],
        whole: bool,
        now: u64,
    ) -> Result<(Prepared, Option<Change>), JournalFault> {
        let row = self.journal.store.run(&undo.tenant, of).await?;
        let mut about = self.about(undo).await?;
        about.run = Some(of.to_owned());
        if let Some(row) = &row {
            about.case.clone_from(&row.case);
        }
        let compensated = undo
            .undoes
            .as_ref()
            .is_some_and(|undoes| undoes.compensates);
        let mut saying = Saying::new(Stage::UndoDone)
            .fact("by", undo.run.as_str())
            .maybe("outcome", (!whole).then_some("partly"))
            .maybe("way", compensated.then_some("compensate"));
        if !taken.is_empty() {
            let taken: Vec<Value> = taken.iter().map(Taken::fact).collect();
            saying = saying.fact("taken", taken);
        }
        let change = row.filter(|_| whole).map(|mut row| {
            row.state = StoredState::Undone;
            row.updated_ms = now;
            Change::PutRun(Box::new(row))
        });
        Ok((self.journal.record(&about, saying)?, change))
    }
}

/// Undos of undos of undos that are followed: more than people make by hand.
const CHAIN_MAX: usize = 64;
