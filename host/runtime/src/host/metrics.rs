//! What this host counts while it works, and what it counts when it is asked.

use std::time::Duration;

use tollgate_journal::Tenant;
use tollgate_metrics::{Outcome, Standing};

use super::{Host, Inner};
use crate::api::{Principal, RunReport, RunState};
use crate::error::CallError;
use crate::runs::Run;

impl Host {
    /// The metrics of a tenant, as OpenMetrics text: what this process did since it
    /// began, and what waits in the store. Nothing of another tenant is in it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn metrics(&self, tenant: &Tenant) -> Result<String, CallError> {
        let journal = &self.inner().journal;
        let waiting = journal.store.waiting(tenant).await?;
        let heads = journal.store.heads().await?;
        let head = heads.iter().find(|head| head.tenant == *tenant);
        let standing = Standing {
            approvals_pending: waiting.approvals,
            queue_items_open: waiting.items,
            journal_records: head.map_or(0, |head| head.count),
        };
        Ok(journal.metrics.of(tenant).text(&standing))
    }
}

impl Inner {
    /// An execution of a tool call ended. Its names are those of what is installed:
    /// no caller and no guest can bring another one.
    pub(crate) fn counted(
        &self,
        run: &Run,
        ended: &Result<RunReport, CallError>,
        took: Duration,
        fuel: u64,
    ) {
        let outcome = match ended {
            Ok(report) => match report.state {
                RunState::Done | RunState::Undone => Outcome::Done,
                RunState::Failed | RunState::Edited => Outcome::Failed,
                RunState::Denied => Outcome::Denied,
                RunState::Held => Outcome::Held,
                RunState::InDoubt => Outcome::InDoubt,
                RunState::Open => Outcome::Open,
            },
            Err(_) => Outcome::Open,
        };
        let tenant = self.journal.metrics.of(&run.tenant);
        tenant.call(&run.connector, &run.tool.name, outcome, took, fuel);
    }

    /// A request became no run.
    pub(crate) fn refused(&self, who: &Principal, refusal: &CallError) {
        self.journal.metrics.of(&who.tenant).refused(refusal.kind());
    }
}
