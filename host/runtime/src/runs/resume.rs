//! Rebuilding a run from its journal, to go on with it: after a decision, after
//! a crash, after a restart on any machine that has the store and the keys.

mod rebuild;
mod report;
mod stuck;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tollgate_journal::Tenant;

use tollgate_store::{ApprovalRow, ApprovalState, Rejected, RunRow, RunState as StoredState};

use super::execute::Start;
use super::open::unpanicked;
use super::{Lease, Run, awake_ms};
use crate::api::{RunReport, RunState};
use crate::error::CallError;
use crate::host::Inner;
use crate::watch::Place;

pub(crate) use rebuild::{Rebuilt, closing, opening};
pub(crate) use report::{public, state_named};

impl Inner {
    /// Go on with a run whose held call was decided on, or that a crash or
    /// another host left open. Waits where somebody does already.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
    ) -> Result<RunReport, CallError> {
        match self.go_on_here(tenant, run).await? {
            Some(report) => Ok(report),
            None => self.settled_elsewhere(tenant, run).await,
        }
    }

    /// The same without waiting for another host. Nothing where one has it.
    async fn go_on_here(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
    ) -> Result<Option<RunReport>, CallError> {
        // Whoever works on it may have looked before the decision: look again after.
        let lease = loop {
            match self.live.take_up(tenant, run) {
                Some(lease) => break lease,
                None => self.live.settled(run).await,
            }
        };
        let inner = Arc::clone(self);
        let (tenant, run) = (tenant.to_owned(), run.to_owned());
        tokio::spawn(async move { inner.resuming(&tenant, &run, &lease).await })
            .await
            .unwrap_or_else(|panic| Err(CallError::Connector(panic.to_string())))
    }

    async fn resuming(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
        lease: &Arc<Lease>,
    ) -> Result<Option<RunReport>, CallError> {
        let resumed = unpanicked(self.claimed(tenant, run, lease)).await;
        self.tried(tenant, run, &resumed).await;
        self.live.lay_down(run);
        // Decided or recorded is decided and recorded: it is taken up again when
        // the journal is back, or the connector can be started.
        match &resumed {
            Err(CallError::Connector(_)) if lease.is_open() => self.strand_for_long(tenant, run),
            Err(CallError::Unavailable(_) | CallError::Unsettled(_)) => self.strand(tenant, run),
            _ if lease.is_open() => self.strand_for(tenant, run, lease.paused_for()),
            _ => {}
        }
        self.changed();
        resumed
    }

    /// Claim a run and go on with it. Nothing where another host has it.
    async fn claimed(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
        lease: &Arc<Lease>,
    ) -> Result<Option<RunReport>, CallError> {
        let store = &self.journal.store;
        let row = store.run(tenant, run).await?;
        if !self.can_go_on(row.as_ref()).await? {
            return self.report(tenant, run).await.map(Some);
        }
        let asked = awake_ms();
        let claim = store.claim_run(tenant, run, lease.owner(), lease.length_ms());
        let row = match claim.await {
            Ok(row) => row,
            Err(error) if matches!(error.rejected(), Some(Rejected::Leased { .. })) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        lease.taken(row.lease_token, asked);
        fail::fail_point!("resume::claimed");
        match self.rebuild(tenant, run).await {
            Ok(rebuilt) => self.go_on(rebuilt, lease).await.map(Some),
            Err(CallError::Connector(why)) => self.unstartable(tenant, run, lease, why).await,
            // It can never go on; whoever waits for it is told so.
            Err(CallError::Erased(_)) => {
                self.erased(row, lease).await?;
                self.report(tenant, run).await.map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// Execute a run again whose last call is in doubt: it is looked at where it
    /// is made again.
    pub(super) fn again<'a>(
        self: &'a Arc<Self>,
        run: &'a Run,
        lease: &'a Arc<Lease>,
    ) -> Pin<Box<dyn Future<Output = Result<RunReport, CallError>> + Send + 'a>> {
        Box::pin(async move {
            let rebuilt = self.rebuild(&run.tenant, &run.run).await;
            match rebuilt {
                Ok(rebuilt) => self.go_on(rebuilt, lease).await,
                // Taken up again when the store is back.
                Err(_) => Ok(RunReport::of(run, RunState::Open)),
            }
        })
    }

    async fn go_on(
        self: &Arc<Self>,
        rebuilt: Rebuilt,
        lease: &Arc<Lease>,
    ) -> Result<RunReport, CallError> {
        let run = Arc::clone(&rebuilt.run);
        let row = self.journal.store.run(&run.tenant, &run.run).await?;
        let Some(row) = row.filter(is_unfinished) else {
            lease.given_back();
            return self.report(&run.tenant, &run.run).await;
        };
        let approval = self.decision_on(&row).await?;
        if row.state == StoredState::Held && !approval.as_ref().is_some_and(is_decided) {
            self.give_back(&run.tenant, &run.run, lease).await?;
            return self.report(&run.tenant, &run.run).await;
        }
        let recorded = rebuilt.recorded();
        let case = self.case_facts(&run, &self.in_force(&run)).await?;
        let start = Start {
            same_engine: rebuilt.same_engine(self.sandbox.fingerprint()),
            committed: recorded.iter().any(|call| call.intent),
            about: rebuilt.about,
            opening: Vec::new(),
            recorded,
            denial: approval
                .as_ref()
                .and_then(|row| crate::approvals::denial(&rebuilt.records, &row.id)),
            approval,
            known: true,
            accepted: None,
            case,
            boundary: self.boundary(&run).await?,
        };
        self.execute(&run, &rebuilt.installed, start, lease).await
    }

    /// Whether there is something to go on with.
    async fn can_go_on(&self, row: Option<&RunRow>) -> Result<bool, CallError> {
        match row {
            Some(row) if row.state == StoredState::Held => Ok(self
                .decision_on(row)
                .await?
                .as_ref()
                .is_some_and(is_decided)),
            Some(row) => Ok(row.state == StoredState::Open),
            None => Ok(false),
        }
    }

    /// Let others have a run.
    async fn give_back(&self, tenant: &Tenant, run: &str, lease: &Lease) -> Result<(), CallError> {
        if let Some(release) = lease.release(run) {
            self.journal
                .append(tenant, Vec::new(), vec![release])
                .await?;
            lease.given_back();
        }
        Ok(())
    }

    async fn decision_on(&self, row: &RunRow) -> Result<Option<ApprovalRow>, CallError> {
        match &row.approval {
            Some(id) => Ok(self.journal.store.approval(&row.tenant, id).await?),
            None => Ok(None),
        }
    }

    /// Go on with a run on a task of its own, for nobody in particular. It has its
    /// place until then.
    pub(crate) fn resume_later(self: &Arc<Self>, tenant: &Tenant, run: &str, place: Place) {
        let inner = Arc::clone(self);
        let (tenant, run) = (tenant.to_owned(), run.to_owned());
        tokio::spawn(async move {
            // One that found no journal is stranded, and taken up again.
            match inner.go_on_here(&tenant, &run).await {
                // Asked for a row, and there is none: nothing of it was kept.
                Ok(_) | Err(CallError::UnknownRun(_)) => {}
                Err(error) => tracing::error!(run, %error, "a run could not be resumed"),
            }
            inner.watching.leave(place);
        });
    }
}

fn is_unfinished(row: &RunRow) -> bool {
    matches!(row.state, StoredState::Open | StoredState::Held)
}

fn is_decided(approval: &ApprovalRow) -> bool {
    matches!(
        approval.state,
        ApprovalState::Approved | ApprovalState::Denied | ApprovalState::Expired
    )
}
