//! Erasing what is sealed of a person, a hand-off or a run.
//!
//! The values go, and with a subject its key: copies of the database that were
//! made before open no more than the database does. Leaves, commitments and
//! proofs stay, so everything still verifies. Runs that would need the values to
//! go on are ended first, each under its lease, so that no host works on one
//! while its input goes.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use thiserror::Error;
use tollgate_journal::{Closing, Leaf, Prepared, Stage};
use tollgate_store::{
    ApprovalState, Change, Erasure, RecordFilter, Rejected, RunRow, RunState, StoreError,
};

use super::{DESTRUCTION, PAGE};
use crate::door::in_doubt;
use crate::error::{CallError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::{About, KEY_BELIEVED_FOR, Saying};
use crate::names;

/// How long to wait for a run that another host works on, before the erasure is
/// given up with nothing destroyed. Longer than a lease, so that a run whose
/// host died is waited for, too.
const WAIT_FOR_RUN: Duration = Duration::from_secs(45);

/// How often to ask for the lease of such a run.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// The lease taken on a run that is to be ended.
const LEASE: Duration = Duration::from_secs(60);

/// How often the leases are renewed while they last: to take many runs can last
/// longer than one lease.
const RENEW_EVERY: Duration = Duration::from_secs(20);

/// Runs ended by one submission. Each makes one record and at most three
/// changes.
const RUNS_AT_ONCE: usize = 200;

/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 2_000;

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
struct Scope {
    label: String,
    erasures: Vec<Erasure>,
    runs: BTreeSet<String>,
}

impl Host {
    /// What an erasure would be about. Nothing changes.
    ///
    /// # Errors
    ///
    /// When there is nothing of that name, or the store cannot be read.
    pub async fn plan_erasure(
        &self,
        tenant: &str,
        what: &Erase,
    ) -> Result<ErasurePlan, EraseError> {
        let scope = self.inner().scope(tenant, what).await?;
        self.inner().erasure_plan(tenant, &scope).await
    }

    /// Erase. `by` is who does it, `reason` why, sealed for the record.
    ///
    /// # Errors
    ///
    /// When there is nothing of that name, a run of it is in doubt or is worked
    /// on, or the store cannot be written: nothing was destroyed then.
    pub async fn erase(
        &self,
        tenant: &str,
        what: &Erase,
        by: &str,
        reason: &str,
    ) -> Result<ErasureReport, EraseError> {
        self.inner().erase(tenant, what, by, reason).await
    }
}

impl Inner {
    async fn scope(&self, tenant: &str, what: &Erase) -> Result<Scope, EraseError> {
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
                tenant: tenant.to_owned(),
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
        tenant: &str,
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

    async fn erasure_plan(&self, tenant: &str, scope: &Scope) -> Result<ErasurePlan, EraseError> {
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

    async fn erase(
        self: &Arc<Self>,
        tenant: &str,
        what: &Erase,
        by: &str,
        reason: &str,
    ) -> Result<ErasureReport, EraseError> {
        if reason.trim().is_empty() {
            return Err(EraseError::ReasonMissing);
        }
        let reason: String = reason.trim().chars().take(REASON_CHARS_MAX).collect();
        // A name of its own: a run that a task of this process works on is waited
        // for like any other, and its lease is not taken from under it.
        let owner = names::erasure();
        tokio::select! {
            erased = self.erase_as(&owner, tenant, what, by, &reason) => erased,
            never = self.keep_taken(&owner) => match never {},
        }
    }

    /// Keep what an erasure has taken until it is over.
    async fn keep_taken(&self, owner: &str) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            // Each record asks for the lease: one that was lost destroys nothing.
            if let Err(error) = self.renew_taken(owner).await {
                tracing::warn!(%error, "leases of an erasure could not be renewed");
            }
        }
    }

    async fn renew_taken(&self, owner: &str) -> Result<(), StoreError> {
        let lease_ms = millis(LEASE);
        self.journal.store.renew_leases(owner, lease_ms).await?;
        Ok(())
    }

    async fn erase_as(
        self: &Arc<Self>,
        owner: &str,
        tenant: &str,
        what: &Erase,
        by: &str,
        reason: &str,
    ) -> Result<ErasureReport, EraseError> {
        let scope = self.scope(tenant, what).await?;
        let plan = self.erasure_plan(tenant, &scope).await?;
        if !plan.in_doubt.is_empty() {
            return Err(EraseError::InDoubt {
                runs: plan.in_doubt,
            });
        }
        let ended = self.take_all(owner, tenant, &plan).await?;
        let about = self.destroying(tenant, by).await?;
        // No run is ended by a store that is gone before the values are.
        self.renew_taken(owner).await?;
        self.end_runs(&about, &ended).await?;
        let records = plan.records;
        self.destroy(&about, &scope, records, reason).await?;
        self.journal.forget_keys();
        let mut report = ErasureReport {
            label: scope.label,
            records,
            ended: ended.into_iter().map(|row| row.run).collect(),
            left: Vec::new(),
        };
        self.end_late_runs(owner, what, &about, &mut report).await?;
        Ok(report)
    }

    /// Whom the records of a destruction are about.
    pub(crate) async fn destroying(&self, tenant: &str, by: &str) -> Result<About, JournalFault> {
        self.journal
            .about(tenant, DESTRUCTION, None, by, None, DESTRUCTION)
            .await
    }

    /// The leases of all runs that are to be ended, or of none.
    async fn take_all(
        &self,
        owner: &str,
        tenant: &str,
        plan: &ErasurePlan,
    ) -> Result<Vec<RunRow>, EraseError> {
        let mut taken = Vec::new();
        for run in plan.held.iter().chain(&plan.open) {
            let patience = tokio::time::Instant::now() + WAIT_FOR_RUN;
            match self.take(owner, tenant, run, patience).await {
                Ok(row) => taken.extend(row),
                Err(error) => {
                    self.give_back_all(tenant, taken).await?;
                    return Err(error);
                }
            }
        }
        Ok(taken)
    }

    /// What nothing was done to goes on as before.
    async fn give_back_all(&self, tenant: &str, taken: Vec<RunRow>) -> Result<(), JournalFault> {
        let release = |row: RunRow| Change::ReleaseRun {
            run: row.run,
            owner: row.lease_owner.unwrap_or_default(),
            token: row.lease_token,
        };
        let changes: Vec<Change> = taken.into_iter().map(release).collect();
        for some in changes.chunks(RUNS_AT_ONCE) {
            let some = some.to_vec();
            self.journal.append(tenant, Vec::new(), some).await?;
        }
        Ok(())
    }

    /// The lease of a run that is to be ended, or nothing where it ended by
    /// itself meanwhile.
    async fn take(
        &self,
        owner: &str,
        tenant: &str,
        run: &str,
        patience: tokio::time::Instant,
    ) -> Result<Option<RunRow>, EraseError> {
        loop {
            match self.journal.store.run(tenant, run).await? {
                Some(row) if row.state == RunState::InDoubt => {
                    return Err(EraseError::InDoubt {
                        runs: vec![run.to_owned()],
                    });
                }
                Some(row) if row.state.is_active() => {}
                _ => return Ok(None),
            }
            let claimed = self
                .journal
                .store
                .claim_run(tenant, run, owner, millis(LEASE));
            match claimed.await {
                Ok(row) => return self.taken(tenant, row).await,
                Err(StoreError::Rejected(Rejected::NoSuchRun(_))) => return Ok(None),
                Err(StoreError::Rejected(Rejected::Leased { .. }))
                    if tokio::time::Instant::now() < patience =>
                {
                    tokio::time::sleep(ASK_EVERY).await;
                }
                Err(StoreError::Rejected(Rejected::Leased { .. })) => {
                    return Err(EraseError::Busy {
                        run: run.to_owned(),
                    });
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A run that was taken, if it can be ended. One whose last call may have
    /// happened is let go: its host died before it could say so, or find out.
    async fn taken(&self, tenant: &str, row: RunRow) -> Result<Option<RunRow>, EraseError> {
        let ends = match row.state {
            RunState::InDoubt => Ok(false),
            state if !state.is_active() => {
                self.give_back_all(tenant, vec![row]).await?;
                return Ok(None);
            }
            // Nobody else appends to it any more.
            _ => self
                .journal
                .run_records(tenant, &row.run)
                .await
                .map(|records| in_doubt(&records).is_none()),
        };
        if let Ok(true) = ends {
            return Ok(Some(row));
        }
        let run = row.run.clone();
        self.give_back_all(tenant, vec![row]).await?;
        ends?;
        Err(EraseError::InDoubt { runs: vec![run] })
    }

    /// End runs whose leases this process has: they fail, and their approvals
    /// are void.
    async fn end_runs(&self, about: &About, rows: &[RunRow]) -> Result<(), EraseError> {
        for some in rows.chunks(RUNS_AT_ONCE) {
            let (mut records, mut changes) = (Vec::new(), Vec::new());
            for row in some {
                let (record, mut with) = self.ending(about, row).await?;
                records.push(record);
                changes.append(&mut with);
            }
            self.journal.append(&about.tenant, records, changes).await?;
        }
        Ok(())
    }

    async fn ending(
        &self,
        about: &About,
        row: &RunRow,
    ) -> Result<(Prepared, Vec<Change>), JournalFault> {
        let about = About {
            case: row.case.clone(),
            run: Some(row.run.clone()),
            workflow: row.workflow.clone(),
            ..about.clone()
        };
        let saying = Saying::new(Stage::RunClosed).fact("failure", super::ERASED);
        let record = self.failed_record(&about, row, saying)?;
        let mut changes = vec![Change::HoldsRun {
            run: row.run.clone(),
            owner: row.lease_owner.clone().unwrap_or_default(),
            token: row.lease_token,
        }];
        if let Some(id) = &row.approval
            && let Some(approval) = self.journal.store.approval(&row.tenant, id).await?
            && matches!(
                approval.state,
                ApprovalState::Pending | ApprovalState::Approved
            )
        {
            changes.push(Change::VoidApproval { id: id.clone() });
        }
        changes.push(self.failed_row(row));
        Ok((record, changes))
    }

    /// The last record of a run that fails without being executed.
    pub(crate) fn failed_record(
        &self,
        about: &About,
        row: &RunRow,
        saying: Saying,
    ) -> Result<Prepared, JournalFault> {
        let tool = format!("{}.{}", row.connector, row.tool);
        let saying = saying
            .fact("state", RunState::Failed.as_str())
            .fact("tool", tool.as_str());
        let mut record = self.journal.record(about, saying)?;
        record.closing = Some(Closing {
            tool,
            outcome: RunState::Failed.as_str().to_owned(),
            workflow: row.workflow.clone(),
        });
        Ok(record)
    }

    /// Its row then.
    pub(crate) fn failed_row(&self, row: &RunRow) -> Change {
        Change::PutRun(Box::new(RunRow {
            state: RunState::Failed,
            updated_ms: self.journal.now_ms(),
            sealed: None,
            ..row.clone()
        }))
    }

    /// Each record of an erasure is durable in the transaction that destroys
    /// what it names.
    async fn destroy(
        &self,
        about: &About,
        scope: &Scope,
        records: u64,
        reason: &str,
    ) -> Result<(), EraseError> {
        for erasures in scope.erasures.chunks(RUNS_AT_ONCE) {
            let (mut said, mut changes) = (Vec::new(), Vec::new());
            for erasure in erasures {
                let saying = Saying::new(Stage::ValuesErased)
                    .fact("label", scope.label.as_str())
                    .fact("records", records)
                    .fact("runs", scope.runs.len())
                    .value("reason", reason.as_bytes().to_vec());
                let saying = match erasure {
                    Erasure::Subject(subject) => saying.fact("subject", subject.as_str()),
                    Erasure::Run(run) => saying.fact("run", run.as_str()),
                    Erasure::Places(..) => saying,
                };
                said.push(self.journal.record(about, saying)?);
                changes.push(Change::Erase(erasure.clone()));
            }
            self.journal.append(&about.tenant, said, changes).await?;
        }
        Ok(())
    }

    /// Another process may have begun a run under the destroyed key while it
    /// believed in it. What such a run sealed nobody can open; it is ended, since
    /// it could never go on.
    async fn end_late_runs(
        self: &Arc<Self>,
        owner: &str,
        what: &Erase,
        about: &About,
        report: &mut ErasureReport,
    ) -> Result<(), EraseError> {
        tokio::time::sleep(KEY_BELIEVED_FOR).await;
        let tenant = about.tenant.as_str();
        for run in self.scope(tenant, what).await?.runs {
            let Some(row) = self.journal.store.run(tenant, &run).await? else {
                continue;
            };
            if !row.state.is_active() || !self.is_erased(tenant, &run).await? {
                continue;
            }
            let patience = tokio::time::Instant::now() + ASK_EVERY;
            match self.take(owner, tenant, &run, patience).await {
                Ok(Some(row)) => {
                    self.end_runs(about, &[row]).await?;
                    report.ended.push(run);
                }
                Ok(None) => {}
                Err(EraseError::Busy { .. } | EraseError::InDoubt { .. }) => report.left.push(run),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a run has records whose values are kept no longer.
    async fn is_erased(&self, tenant: &str, run: &str) -> Result<bool, JournalFault> {
        let records = self.journal.run_records(tenant, run).await?;
        Ok(records.iter().any(|record| record.gone))
    }

    /// End a run whose lease this host has, and which cannot go on because its
    /// values were erased while it waited. None of its calls is in doubt.
    pub(crate) async fn end_erased(&self, row: &RunRow) -> Result<(), CallError> {
        let about = self.destroying(&row.tenant, "tollgate").await?;
        let (record, changes) = self.ending(&about, row).await?;
        self.journal
            .append(&row.tenant, vec![record], changes)
            .await?;
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
