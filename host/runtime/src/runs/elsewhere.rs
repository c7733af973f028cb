//! Runs that another host works on: waiting for them, and finding the first run
//! of a repeated request wherever it is.

use std::time::Duration;
use tollgate_journal::Tenant;

use tollgate_policy::Effect;
use tollgate_store::{RunRow, RunState as StoredState};

use super::{Run, UNDO_KEY};
use crate::api::RunReport;
use crate::error::CallError;
use crate::host::Inner;

/// How long a request key counts after its run has ended.
const KEY_COUNTS_MS: u64 = 24 * 60 * 60 * 1_000;

/// How often a run of another host is looked at where no event tells of it.
pub(crate) const POLL: Duration = Duration::from_millis(500);

/// How long a caller waits for a run that another host works on. It can ask
/// again at any time.
const WAIT: Duration = Duration::from_secs(30);

impl Inner {
    /// The first run of a request that may write, where the store has one. The run
    /// remembers when it looked: one that is done on another host since is the
    /// first one too.
    pub(super) async fn first_of(&self, run: &mut Run) -> Result<Option<RunRow>, CallError> {
        if run.tool.effect == Effect::Read && !run.is_triggered() {
            return Ok(None);
        }
        // Undoing may be tried again after it failed.
        let key = run.request_key.as_deref();
        let keyed = key.is_some_and(|key| !key.starts_with(UNDO_KEY));
        let ended_since = keyed.then(|| run.opened_ms.saturating_sub(KEY_COUNTS_MS));
        let store = &self.journal.store;
        let looked = store
            .run_of_request(&run.tenant, run.same(), ended_since)
            .await?;
        run.looked_at = Some(looked.count);
        Ok(looked.first)
    }

    /// The report of a request's first run, once nobody works on it.
    pub(super) async fn repeated(
        &self,
        run: &Run,
        first: &str,
        input_digest: &str,
    ) -> Result<RunReport, CallError> {
        if input_digest != run.input_digest.to_string() {
            let key = run.request_key.clone().unwrap_or_default();
            return Err(CallError::KeyReused(key));
        }
        self.live.settled(first).await;
        self.settled_elsewhere(&run.tenant, first).await
    }

    /// The report of a run once no other host works on it, or after a while.
    pub(crate) async fn settled_elsewhere(
        &self,
        tenant: &Tenant,
        run: &str,
    ) -> Result<RunReport, CallError> {
        let end = tokio::time::Instant::now() + WAIT;
        loop {
            let changed = self.watching.changed.notified();
            let row = self.journal.store.run(tenant, run).await?;
            if !row.is_some_and(|row| self.is_elsewhere(&row)) || tokio::time::Instant::now() >= end
            {
                return self.report(tenant, run).await;
            }
            let _ = tokio::time::timeout(POLL, changed).await;
        }
    }

    /// Whether another host has a run to work on it.
    fn is_elsewhere(&self, row: &RunRow) -> bool {
        matches!(row.state, StoredState::Open | StoredState::Held)
            && row
                .lease_owner
                .as_deref()
                .is_some_and(|owner| owner != &*self.owner)
    }
}
