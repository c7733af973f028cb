//! What a serving host does by itself: it renews its leases, ends approvals whose
//! time has passed, takes over runs that nobody works on, goes on with those that
//! the journal was not there for, and loads what another process installed.
//! Nothing of a held run is in memory: the store is asked. The tasks hold the
//! host only while they work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast};
use tollgate_journal::Stage;
use tollgate_store::{ApprovalRow, Change, EventKind, RunState};

use crate::error::{CallError, HostError};
use crate::host::Inner;
use crate::journal::Saying;
use crate::runs::awake_ms;

/// How long a serving host sleeps at most between two looks.
const TICK: Duration = Duration::from_secs(1);

/// How often due approvals are asked for, and what is installed: a connector that
/// another process installs is callable within this time also where the store
/// cannot tell of it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How long until a run is tried again whose connector cannot be started.
const RETRY_LATER: Duration = Duration::from_secs(60);

/// Runs that are taken over at once; the rest is for other hosts, or for later.
const TAKE_OVER: u32 = 32;

/// Due approvals that are ended at once.
const DUE: u32 = 100;

/// A lease is renewed so often while it lasts, and lapsed ones are looked for.
const IN_A_LEASE: u32 = 3;

/// A run of this host that cannot go on now.
struct Stranded {
    tenant: String,
    run: String,
    /// Not tried again before.
    after: Instant,
}

/// What is to be looked after.
#[derive(Default)]
pub(crate) struct Watching {
    /// Whoever waits for a run should look again.
    pub(crate) changed: Notify,
    /// The watch should look now.
    wake: Arc<Notify>,
    /// Events may have been missed, so any run may wait to be taken over.
    missed: AtomicBool,
    /// Something was installed.
    installed: AtomicBool,
    stranded: Mutex<Vec<Stranded>>,
}

impl Watching {
    fn stranded(&self) -> MutexGuard<'_, Vec<Stranded>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the watch looked last at what.
struct Looked {
    leases: Instant,
    due: Instant,
    installed: Instant,
}

impl Inner {
    /// Start everything that a serving host does by itself.
    pub(crate) fn watch(self: &Arc<Self>) {
        self.keep_leases();
        self.listen();
        let weak = Arc::downgrade(self);
        let wake = Arc::clone(&self.watching.wake);
        let tick = TICK.min(self.lease / IN_A_LEASE);
        tokio::spawn(async move {
            let now = Instant::now();
            let mut looked = Looked {
                leases: now,
                due: now,
                installed: now,
            };
            while let Some(inner) = weak.upgrade() {
                inner.look_after(&mut looked).await;
                // Not kept alive while it sleeps.
                drop(inner);
                let _ = tokio::time::timeout(tick, wake.notified()).await;
            }
        });
    }

    async fn look_after(self: &Arc<Self>, looked: &mut Looked) {
        self.settle_stranded();
        let missed = self.watching.missed.swap(false, Ordering::SeqCst);
        if missed || looked.leases.elapsed() >= self.lease / IN_A_LEASE {
            looked.leases = Instant::now();
            match self.take_over().await {
                // There may be more.
                Ok(true) => self.watching.missed.store(true, Ordering::SeqCst),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "runs could not be taken over"),
            }
        }
        if missed || looked.due.elapsed() >= LOOK_EVERY {
            looked.due = Instant::now();
            if let Err(error) = self.expire_due(false).await {
                tracing::warn!(%error, "deadlines could not be looked at");
            }
        }
        let installed = self.watching.installed.swap(false, Ordering::SeqCst);
        if missed || installed || looked.installed.elapsed() >= LOOK_EVERY {
            looked.installed = Instant::now();
            self.load_changed().await;
        }
    }

    // ── leases ─────────────────────────────────────────────────────────────

    /// A task of its own: nothing that takes long may cost a lease.
    fn keep_leases(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let every = self.lease / IN_A_LEASE;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(inner) = weak.upgrade() else {
                    return;
                };
                inner.renew().await;
            }
        });
    }

    async fn renew(&self) {
        let leases = self.live.leases();
        if leases.is_empty() && self.watching.stranded().is_empty() {
            return;
        }
        let asked = awake_ms();
        let renewed = self
            .journal
            .store
            .renew_leases(&self.owner, self.lease_ms());
        match renewed.await {
            Ok(_) => {
                let answered = awake_ms();
                for lease in leases {
                    lease.renewed(asked, answered);
                }
            }
            Err(error) => tracing::warn!(%error, "leases could not be renewed"),
        }
    }

    /// Take over runs that nobody works on. Whether there may be more.
    pub(crate) async fn take_over(self: &Arc<Self>) -> Result<bool, CallError> {
        let store = &self.journal.store;
        let rows = store
            .claim_lapsed(&self.owner, self.lease_ms(), TAKE_OVER)
            .await?;
        for row in &rows {
            self.resume_later(&row.tenant, &row.run);
        }
        Ok(rows.len() as u64 == u64::from(TAKE_OVER))
    }

    /// What processes left behind that served this home before: the home's lock
    /// proves that they are dead, so their runs need not wait for their leases to
    /// lapse. What this does not find lapses soon.
    pub(crate) async fn recover(self: &Arc<Self>, before: &[String]) -> Result<(), HostError> {
        let store = &self.journal.store;
        for head in store.heads().await? {
            // A decided one can have been taken up, and not have gone on yet.
            let taken_up = [RunState::Open, RunState::Held, RunState::InDoubt];
            let rows = store.runs(&head.tenant, &taken_up).await?;
            let releases: Vec<Change> = rows
                .into_iter()
                .filter_map(|row| {
                    let owner = row.lease_owner.filter(|owner| before.contains(owner))?;
                    Some(Change::ReleaseRun {
                        run: row.run,
                        owner,
                        token: row.lease_token,
                    })
                })
                .collect();
            if !releases.is_empty() {
                self.journal
                    .append(&head.tenant, Vec::new(), releases)
                    .await?;
            }
        }
        while self.take_over().await.map_err(HostError::from)? {}
        Ok(())
    }

    // ── events ─────────────────────────────────────────────────────────────

    fn listen(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let mut events = self.journal.store.events();
        tokio::spawn(async move {
            loop {
                let event = events.recv().await;
                let Some(inner) = weak.upgrade() else {
                    return;
                };
                match event {
                    Ok(event) => inner.heard(&event.what),
                    Err(broadcast::error::RecvError::Lagged(_)) => inner.heard(&EventKind::Missed),
                    Err(broadcast::error::RecvError::Closed) => return,
                }
            }
        });
    }

    fn heard(&self, what: &EventKind) {
        match what {
            EventKind::Missed => {
                self.watching.missed.store(true, Ordering::SeqCst);
                self.watching.wake.notify_one();
            }
            EventKind::Connector(_) => {
                self.watching.installed.store(true, Ordering::SeqCst);
                self.watching.wake.notify_one();
            }
            _ => {}
        }
        self.changed();
    }

    /// Tell whoever waits for a run to look again.
    pub(crate) fn changed(&self) {
        self.watching.changed.notify_waiters();
    }

    // ── deadlines ──────────────────────────────────────────────────────────

    pub(crate) async fn expire_due(self: &Arc<Self>, wait: bool) -> Result<(), CallError> {
        loop {
            let due = self.journal.store.due_approvals(DUE).await?;
            let mut ended = 0;
            for row in &due {
                if !self.expire(row).await? {
                    continue;
                }
                ended += 1;
                if wait {
                    self.resume(&row.tenant, &row.run).await?;
                } else {
                    // A guest may take its time; other deadlines do not wait for it.
                    self.resume_later(&row.tenant, &row.run);
                }
            }
            if ended == 0 || due.len() as u64 != u64::from(DUE) {
                return Ok(());
            }
        }
    }

    /// End an approval whose time has passed; its run goes on with that answer.
    async fn expire(self: &Arc<Self>, row: &ApprovalRow) -> Result<bool, CallError> {
        let mut about = self.about_recorded(&row.tenant, &row.run).await?;
        about.principal = "tollgate".to_owned();
        let saying = Saying::new(Stage::ApprovalDecided)
            .at(row.position)
            .fact("approval", row.id.as_str())
            .fact("decision", "expired");
        let record = self.journal.record(&about, saying)?;
        let expire = Change::ExpireApproval {
            id: row.id.clone(),
            at_ms: self.journal.now_ms(),
        };
        match self
            .journal
            .append(&row.tenant, vec![record], vec![expire])
            .await
        {
            Ok(()) => Ok(true),
            // Another host, or a person, was faster.
            Err(fault) if fault.rejected().is_some() => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    // ── runs that cannot go on now ─────────────────────────────────────────

    /// Remember a run that cannot go on until the store takes records again.
    pub(crate) fn strand(&self, tenant: &str, run: &str) {
        self.strand_for(tenant, run, Duration::ZERO);
    }

    /// Remember a run whose connector cannot be started: an operator has to look.
    pub(crate) fn strand_for_long(&self, tenant: &str, run: &str) {
        self.strand_for(tenant, run, RETRY_LATER);
    }

    /// Remember a run that is left alone for this long.
    pub(crate) fn strand_for(&self, tenant: &str, run: &str, time: Duration) {
        self.watching.stranded().push(Stranded {
            tenant: tenant.to_owned(),
            run: run.to_owned(),
            after: Instant::now() + time,
        });
    }

    /// Try stranded runs again. One that cannot go on yet comes back.
    pub(crate) fn settle_stranded(self: &Arc<Self>) {
        let now = Instant::now();
        let due: Vec<Stranded> = self
            .watching
            .stranded()
            .extract_if(.., |stranded| stranded.after <= now)
            .collect();
        for stranded in due {
            self.resume_later(&stranded.tenant, &stranded.run);
        }
    }
}
