//! Taking the leases of the runs that an erasure ends, and keeping them until it
//! is over.

use std::convert::Infallible;
use std::time::Duration;
use tollgate_journal::Tenant;

use tollgate_store::{Change, Rejected, RunRow, RunState, StoreError};

use super::{EraseError, ErasurePlan, RUNS_AT_ONCE};
use crate::door::in_doubt;
use crate::error::JournalFault;
use crate::host::Inner;

/// How long to wait for a run that another host works on, before the erasure is
/// given up with nothing destroyed. Longer than a lease, so that a run whose
/// host died is waited for, too.
const WAIT_FOR_RUN: Duration = Duration::from_secs(45);

/// How often to ask for the lease of such a run.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(200);

/// The lease taken on a run that is to be ended.
const LEASE: Duration = Duration::from_secs(60);

/// How often the leases are renewed while they last: to take many runs can last
/// longer than one lease.
const RENEW_EVERY: Duration = Duration::from_secs(20);

impl Inner {
    /// Keep what an erasure has taken until it is over.
    pub(super) async fn keep_taken(&self, owner: &str) -> Infallible {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            // Each record asks for the lease: one that was lost destroys nothing.
            if let Err(error) = self.renew_taken(owner).await {
                tracing::warn!(%error, "leases of an erasure could not be renewed");
            }
        }
    }

    pub(super) async fn renew_taken(&self, owner: &str) -> Result<(), StoreError> {
        let lease_ms = millis(LEASE);
        self.journal.store.renew_leases(owner, lease_ms).await?;
        Ok(())
    }

    /// The leases of all runs that are to be ended, or of none.
    pub(super) async fn take_all(
        &self,
        owner: &str,
        tenant: &Tenant,
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
    async fn give_back_all(&self, tenant: &Tenant, taken: Vec<RunRow>) -> Result<(), JournalFault> {
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
    pub(super) async fn take(
        &self,
        owner: &str,
        tenant: &Tenant,
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
    pub(super) async fn taken(
        &self,
        tenant: &Tenant,
        row: RunRow,
    ) -> Result<Option<RunRow>, EraseError> {
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
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
