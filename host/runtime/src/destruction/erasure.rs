//! Erasing what is sealed of a person, a hand-off or a run.
//!
//! The values go, and with a subject its key: copies of the database that were
//! made before open no more than the database does. Leaves, commitments and
//! proofs stay, so everything still verifies. Runs that would need the values to
//! go on are ended first, each under its lease, so that no host works on one
//! while its input goes.

mod ending;
mod plan;
mod taking;

use std::sync::Arc;

use tollgate_journal::{Stage, Tenant};
use tollgate_store::{Change, Erasure};

use super::DESTRUCTION;
use crate::error::JournalFault;
use crate::host::{Host, Inner};
use crate::journal::{About, Saying};
use crate::names;

/// Runs ended by one submission. Each makes one record and at most three
/// changes.
const RUNS_AT_ONCE: usize = 200;

use plan::Scope;
pub use plan::{Erase, EraseError, ErasurePlan, ErasureReport};

/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 2_000;

impl Host {
    /// What an erasure would be about. Nothing changes.
    ///
    /// # Errors
    ///
    /// When there is nothing of that name, or the store cannot be read.
    pub async fn plan_erasure(
        &self,
        tenant: &Tenant,
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
        tenant: &Tenant,
        what: &Erase,
        by: &str,
        reason: &str,
    ) -> Result<ErasureReport, EraseError> {
        self.inner().erase(tenant, what, by, reason).await
    }
}

impl Inner {
    async fn erase(
        self: &Arc<Self>,
        tenant: &Tenant,
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

    async fn erase_as(
        self: &Arc<Self>,
        owner: &str,
        tenant: &Tenant,
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
    pub(crate) async fn destroying(
        &self,
        tenant: &Tenant,
        by: &str,
    ) -> Result<About, JournalFault> {
        self.journal
            .about(tenant, DESTRUCTION, None, by, None, DESTRUCTION)
            .await
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
}
