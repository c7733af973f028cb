//! What an erasure is about, and what it says of itself.

use std::collections::BTreeSet;

use serde::Serialize;
use thiserror::Error;
use tollgate_journal::{Leaf, Tenant};
use tollgate_store::{Erasure, RecordFilter, RunState, StoreError};

use crate::destruction::{DESTRUCTION, PAGE};
use crate::error::JournalFault;
use crate::host::Inner;

/// What to erase, as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erase {
    /// Everything of a data subject: as callers named it, or its label in the
    /// journal (`subject:…`).
    Subject(String),
    /// Everything of a named hand-off.
    Case(String),
    /// The values of one run.
    Run(String),
}

/// What an erasure is about.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ErasurePlan {
    /// How the journal names it: it tells nothing about a person.
    pub label: String,
    /// Records that have sealed values now.
    pub records: u64,
    /// Runs that the records belong to.
    pub runs: u64,
    /// Runs that wait for a person, and will be ended.
    pub held: Vec<String>,
    /// Runs that are open, and will be waited for or ended.
    pub open: Vec<String>,
    /// Runs in doubt: they must be settled first, since what is known of them
    /// would go.
    pub in_doubt: Vec<String>,
}

/// What an erasure did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ErasureReport {
    /// How the journal names it.
    pub label: String,
    /// Records whose values were destroyed.
    pub records: u64,
    /// Runs that were ended because they needed the values.
    pub ended: Vec<String>,
    /// Runs that began while the values were destroyed and are still worked on:
    /// their values are gone, and they will be ended when their host lets go.
    pub left: Vec<String>,
}

/// Why nothing was erased.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum EraseError {
    /// There is nothing of that name. The operator's business.
    #[error("the journal of tenant `{tenant}` has no record of {what}: nothing was erased")]
    Nothing {
        /// Whose journal.
        tenant: String,
        /// What was asked for.
        what: String,
    },
    /// It is not known what became of a call, and what would tell would go. A host
    /// that serves finds out, or a person settles it.
    #[error("{} in doubt: a host that serves finds out what became of it, or puts it into the queue to be settled; do that first, nothing was erased", runs.join(", "))]
    InDoubt {
        /// The runs.
        runs: Vec<String>,
    },
    /// A host works on one of the runs, and does not come to an end.
    #[error(
        "run {run} is worked on by another host: try again when it has ended; nothing was erased"
    )]
    Busy {
        /// The run.
        run: String,
    },
    /// An erasure says why.
    #[error("an erasure needs a reason, for the record")]
    ReasonMissing,
    /// The journal cannot be written or read.
    #[error("the journal is not available: {0}")]
    Unavailable(#[from] JournalFault),
}

impl From<StoreError> for EraseError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// What an erasure comes down to.
pub(super) struct Scope {
    pub(super) label: String,
    pub(super) erasures: Vec<Erasure>,
    pub(super) runs: BTreeSet<String>,
}

impl Inner {
    pub(super) async fn scope(&self, tenant: &Tenant, what: &Erase) -> Result<Scope, EraseError> {
        let (label, filter, said) = match what {
            Erase::Subject(given) => {
                let label = match given.starts_with("subject:") {
                    true => given.clone(),
                    false => self.journal.subject_label(tenant, given),
                };
                let filter = RecordFilter {
                    subject: Some(label.clone()),
                    ..RecordFilter::default()
                };
                (label, filter, "that subject".to_owned())
            }
            Erase::Case(case) => {
                let filter = RecordFilter {
                    case: Some(case.clone()),
                    ..RecordFilter::default()
                };
                (format!("case:{case}"), filter, format!("case `{case}`"))
            }
            Erase::Run(run) => {
                let filter = RecordFilter {
                    run: Some(run.clone()),
                    ..RecordFilter::default()
                };
                (run.clone(), filter, format!("run `{run}`"))
            }
        };
        let mut scope = Scope {
            label,
            erasures: Vec::new(),
            runs: BTreeSet::new(),
        };
        let (mut found, mut others) = (false, BTreeSet::new());
        self.each_leaf(tenant, filter, |leaf| {
            found = true;
            if let Some(run) = leaf.run {
                if leaf.subject != scope.label && leaf.subject != DESTRUCTION {
                    others.insert(run.clone());
                }
                scope.runs.insert(run);
            }
        })
        .await?;
        if !found {
            return Err(EraseError::Nothing {
                tenant: tenant.to_string(),
                what: said,
            });
        }
        scope.erasures = match what {
            Erase::Run(run) => vec![Erasure::Run(run.clone())],
            Erase::Subject(_) => vec![Erasure::Subject(scope.label.clone())],
            // A run of the case whose caller named a subject is sealed under
            // that one's key, which may seal other cases too.
            Erase::Case(_) => others
                .into_iter()
                .map(Erasure::Run)
                .chain([Erasure::Subject(scope.label.clone())])
                .collect(),
        };
        Ok(scope)
    }

    async fn each_leaf(
        &self,
        tenant: &Tenant,
        mut filter: RecordFilter,
        mut see: impl FnMut(Leaf),
    ) -> Result<(), EraseError> {
        filter.limit = Some(PAGE);
        filter.leaves_only = true;
        loop {
            let page = self.journal.store.records(tenant, &filter).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            filter.after_seq = Some(last.seq);
            for stored in &page {
                see(Leaf::parse(&stored.leaf).map_err(JournalFault::from)?);
            }
        }
    }

    pub(super) async fn erasure_plan(
        &self,
        tenant: &Tenant,
        scope: &Scope,
    ) -> Result<ErasurePlan, EraseError> {
        let mut plan = ErasurePlan {
            label: scope.label.clone(),
            runs: scope.runs.len() as u64,
            ..ErasurePlan::default()
        };
        for erasure in &scope.erasures {
            plan.records += self.journal.store.sealed_count(tenant, erasure).await?;
        }
        for run in &scope.runs {
            let row = self.journal.store.run(tenant, run).await?;
            match row.map(|row| row.state) {
                Some(RunState::Held) => plan.held.push(run.clone()),
                Some(RunState::Open) => plan.open.push(run.clone()),
                Some(RunState::InDoubt) => plan.in_doubt.push(run.clone()),
                _ => {}
            }
        }
        Ok(plan)
    }
}
