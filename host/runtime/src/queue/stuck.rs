//! Runs that nobody waits for and that cannot be gone on with: they are tried again, and
//! after some tries somebody hears of it. Where the store is away nothing can be filed
//! either, and the next tries say it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tollgate_journal::{Stage, Tenant};
use tollgate_policy::queue::FailureClass;
use tollgate_store::RunState as StoredState;

use super::filing::Filing;
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::{About, Saying};
use crate::{names, time};

/// Tries in vain after which an item is filed; after as many more it is counted again.
const TRIES: u32 = 5;

/// Who tells of it, for the record.
const BY: &str = "tollgate";

/// How often each run was tried in vain since this process began.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<(Tenant, String), u32>>);

impl Tries {
    /// Once more. Whether somebody has to hear of it now.
    fn failed(&self, tenant: &Tenant, run: &str) -> bool {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = tries.entry((tenant.clone(), run.to_owned())).or_default();
        *tries = tries.saturating_add(1);
        tries.is_multiple_of(TRIES)
    }

    fn over(&self, tenant: &Tenant, run: &str) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.remove(&(tenant.clone(), run.to_owned()));
    }
}

impl Inner {
    /// What came of going on with a run.
    pub(crate) async fn tried<T>(&self, tenant: &Tenant, run: &str, came: &Result<T, CallError>) {
        let error = match came {
            // Asked for a row, and there is none: nothing of it was kept.
            Ok(_) | Err(CallError::UnknownRun(_)) => return self.tries.over(tenant, run),
            Err(error) => error,
        };
        if !self.tries.failed(tenant, run) {
            return;
        }
        if let Err(fault) = self.file_stuck(tenant, run, error).await {
            tracing::error!(%tenant, run, %error, %fault, "a run cannot be gone on with, and nobody could be told of it");
        }
    }

    /// One open item for each run, which counts.
    async fn file_stuck(
        &self,
        tenant: &Tenant,
        run: &str,
        error: &CallError,
    ) -> Result<(), CallError> {
        let store = self.journal.store.as_ref();
        let row = store.run(tenant, run).await?;
        let waits = [StoredState::Open, StoredState::Held];
        let Some(row) = row.filter(|row| waits.contains(&row.state)) else {
            return Ok(());
        };
        let class = match error {
            CallError::Connector(_) => FailureClass::ConnectorFault,
            CallError::Unavailable(_) | CallError::Unsettled(_) => FailureClass::Unavailable,
            _ => FailureClass::Failed,
        };
        let settings = &self.backends.queues;
        let Some(filing) = Filing::new(settings.of(tenant), class, names::queue_item()) else {
            return Ok(());
        };
        let fold = Some(format!("stuck/{run}"));
        let most = settings.open_max();
        let filing = filing.placed(store, tenant, fold, most).await?;
        let now = self.journal.now_ms();
        if filing.repeats() {
            let changes = filing.changes(&row, [0; 32], now);
            return Ok(self.journal.append(tenant, Vec::new(), changes).await?);
        }
        let about = self.about_of_host(tenant, run, &row.case).await?;
        let why = format!("it cannot be gone on with, and is tried again: {error}");
        let saying = Saying::new(Stage::Handoff).value("why", why.into_bytes());
        let record = self.journal.record(&about, filing.facts(saying))?;
        let changes = filing.changes(&row, record.hash, now);
        Ok(self.journal.append(tenant, vec![record], changes).await?)
    }

    /// Whom a record of the host's about a run is about, also where what the run's own
    /// records say of that cannot be read.
    pub(crate) async fn about_of_host(
        &self,
        tenant: &Tenant,
        run: &str,
        case: &str,
    ) -> Result<About, JournalFault> {
        if let Ok(mut about) = self.about_recorded(tenant, run).await {
            about.principal = BY.to_owned();
            return Ok(about);
        }
        let subject = format!("day:{}", time::day(self.journal.now_ms()));
        let journal = &self.journal;
        let about = journal.about(tenant, case, Some(run), BY, None, &subject);
        about.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_hears_of_a_run_after_some_tries_and_not_of_each() {
        let tries = Tries::default();
        let acme = Tenant::new("acme").expect("a name");
        let told = |run| (0..12).filter(|_| tries.failed(&acme, run)).count();
        assert_eq!(told("run-1"), 2);
        tries.over(&acme, "run-1");
        assert!((1..TRIES).all(|_| !tries.failed(&acme, "run-1")));
        assert!(tries.failed(&acme, "run-1"));
        assert!(
            !tries.failed(&Tenant::default(), "run-1"),
            "each tenant's own"
        );
    }
}
