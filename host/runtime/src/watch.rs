//! What a serving host does by itself: it ends approvals whose time has passed,
//! takes up runs that the journal was not there for, and loads what another
//! process installed. One task, which holds the host only while it works.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tollgate_journal::Stage;
use tollgate_store::{ApprovalRow, ApprovalState, Change};

use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;
use crate::runs::Run;

/// How long a serving host sleeps at most between two looks at its deadlines and
/// at what is installed. A connector that another process installs is callable
/// within this time.
const WATCH_AT_MOST: Duration = Duration::from_secs(2);

/// How often to look whether the store is back for runs that it refused.
const SETTLE_EVERY: Duration = Duration::from_secs(1);

/// How long until a deadline is looked at again that the store did not answer
/// for, milliseconds.
const RETRY_MS: u64 = 1_000;

/// When something has to be decided or executed by, soonest first.
#[derive(Default)]
pub(crate) struct Deadlines {
    at: Mutex<BTreeSet<(u64, String, String)>>,
    pub(crate) changed: Arc<Notify>,
}

impl Inner {
    /// Watch the deadline of a new approval.
    pub(crate) async fn watch_deadline(&self, tenant: &str, approval: &str) {
        match self.journal.store.approval(tenant, approval).await {
            Ok(Some(row)) => self.watch(&row),
            Ok(None) => {}
            // Not lost: looked at again when the store may be back.
            Err(_) => self.watch_at(
                self.journal.now_ms().saturating_add(RETRY_MS),
                tenant,
                approval,
            ),
        }
    }

    pub(crate) fn watch_at(&self, at: u64, tenant: &str, approval: &str) {
        let mut deadlines = self
            .deadlines
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        deadlines.insert((at, tenant.to_owned(), approval.to_owned()));
    }

    pub(crate) async fn watch_execution(&self, row: &ApprovalRow) {
        self.watch_deadline(&row.tenant, &row.id).await;
    }

    pub(crate) fn watch(&self, row: &ApprovalRow) {
        let at = row.execute_by_ms.unwrap_or(row.decide_by_ms);
        let mut deadlines = self
            .deadlines
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        deadlines.insert((at, row.tenant.clone(), row.id.clone()));
        drop(deadlines);
        self.deadlines.changed.notify_waiters();
    }

    pub(crate) fn watch_deadlines(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut loaded = Instant::now();
            let mut settled = Instant::now();
            while let Some(inner) = weak.upgrade() {
                // Listened for before looking, so that no change falls between.
                let notify = Arc::clone(&inner.deadlines.changed);
                let changed = notify.notified();
                // A run that is stranded again and again must not make this spin.
                if settled.elapsed() >= SETTLE_EVERY {
                    inner.settle_stranded().await;
                    settled = Instant::now();
                }
                if loaded.elapsed() >= WATCH_AT_MOST {
                    inner.load_changed().await;
                    loaded = Instant::now();
                }
                if let Err(error) = inner.expire_due(false).await {
                    tracing::warn!(%error, "deadlines could not be looked at");
                }
                let next = inner.next_deadline();
                // Not kept alive while it sleeps.
                drop(inner);
                let _ = tokio::time::timeout(next, changed).await;
            }
        });
    }

    pub(crate) fn next_deadline(&self) -> Duration {
        let deadlines = self
            .deadlines
            .at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stranded = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
        if !stranded.is_empty() {
            return SETTLE_EVERY;
        }
        let now = self.journal.now_ms();
        deadlines.first().map_or(WATCH_AT_MOST, |(at, _, _)| {
            Duration::from_millis(at.saturating_sub(now).saturating_add(1)).min(WATCH_AT_MOST)
        })
    }

    pub(crate) async fn expire_due(self: &Arc<Self>, wait: bool) -> Result<(), CallError> {
        let now = self.journal.now_ms();
        loop {
            let due = {
                let mut deadlines = self
                    .deadlines
                    .at
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                match deadlines.first() {
                    Some((at, _, _)) if *at < now => deadlines.pop_first(),
                    _ => None,
                }
            };
            let Some((_, tenant, id)) = due else {
                return Ok(());
            };
            match self.expire(&tenant, &id, now).await {
                Ok(None) => {}
                Ok(Some(run)) if wait => {
                    self.resume(&tenant, &run).await?;
                }
                // A guest may take its time; other deadlines do not wait for it.
                Ok(Some(run)) => self.resume_later(&tenant, &run),
                Err(error) => {
                    self.watch_at(now.saturating_add(RETRY_MS), &tenant, &id);
                    return Err(error);
                }
            }
        }
    }

    /// End an approval whose time has passed; its run goes on with that answer.
    pub(crate) async fn expire(
        self: &Arc<Self>,
        tenant: &str,
        id: &str,
        now: u64,
    ) -> Result<Option<String>, CallError> {
        let Some(row) = self.journal.store.approval(tenant, id).await? else {
            return Ok(None);
        };
        if !matches!(row.state, ApprovalState::Pending | ApprovalState::Approved) {
            return Ok(None);
        }
        if row.execute_by_ms.unwrap_or(row.decide_by_ms) >= now {
            self.watch(&row);
            return Ok(None);
        }
        let mut about = self.about_recorded(tenant, &row.run).await?;
        about.principal = "tollgate".to_owned();
        let saying = Saying::new(Stage::ApprovalDecided)
            .at(row.position)
            .fact("approval", id)
            .fact("decision", "expired");
        let record = self.journal.record(&about, saying)?;
        let expire = Change::ExpireApproval {
            id: id.to_owned(),
            at_ms: now,
        };
        match self
            .journal
            .append(tenant, vec![record], vec![expire])
            .await
        {
            Ok(()) => Ok(Some(row.run)),
            Err(JournalFault::Store(error)) if error.rejected().is_some() => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Tell whoever waits for a run, or for a deadline, to look again.
    pub(crate) fn changed(&self) {
        self.deadlines.changed.notify_waiters();
    }

    /// Remember a run that cannot go on until the store takes records again.
    pub(crate) fn strand(&self, tenant: &str, run: &str) {
        let mut stranded = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
        stranded.push((tenant.to_owned(), run.to_owned()));
        drop(stranded);
        self.deadlines.changed.notify_waiters();
    }

    pub(crate) fn is_stranded(&self, run: &Run) -> bool {
        let stranded = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
        stranded.iter().any(|(_, name)| *name == run.run)
    }

    /// Once the store is back, say of stranded runs what is known.
    pub(crate) async fn settle_stranded(self: &Arc<Self>) {
        let stranded =
            std::mem::take(&mut *self.stranded.lock().unwrap_or_else(PoisonError::into_inner));
        for (tenant, run) in stranded {
            let settled = match self.journal.store.run(&tenant, &run).await {
                Ok(Some(row)) => self.settle(&row).await,
                Ok(None) => Ok(()),
                Err(error) => Err(error.into()),
            };
            if settled.is_err() {
                let mut again = self.stranded.lock().unwrap_or_else(PoisonError::into_inner);
                again.push((tenant, run));
            }
        }
    }
}
