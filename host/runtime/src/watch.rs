//! What a serving host does by itself: it renews its leases, ends approvals whose
//! time has passed, takes over runs that nobody works on, goes on with those that
//! the journal was not there for, and loads what another process installed.
//! Nothing of a held run is in memory: the store is asked. The tasks hold the
//! host only while they work.

mod stranded;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tollgate_journal::{Stage, Tenant};
use tollgate_store::{ApprovalRow, Change, EventKind, RunState, StoreError};

use crate::drills::Came;
use crate::error::{CallError, HostError, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;
use crate::queue::Task;
use crate::runs::awake_ms;
use stranded::Stranded;

/// How long a serving host sleeps at most between two looks.
const TICK: Duration = Duration::from_secs(1);

/// How often due approvals are asked for, and what is installed: a connector that
/// another process installs is callable within this time also where the store
/// cannot tell of it.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs that are taken over at once; the rest is for other hosts, or for later.
const TAKE_OVER: usize = 32;

/// Runs that this host goes on with at the same time for nobody in particular.
const PLACES: usize = 64;

/// Due approvals that are ended at once.
const DUE: u32 = 100;

/// How long at most until an approval is tried again that could not be ended.
/// The first time it is tried at the next look, then after twice as long each.
const UNENDED_AT_MOST: Duration = Duration::from_secs(600);

/// A lease is renewed so often while it lasts, and lapsed ones are looked for.
const IN_A_LEASE: u32 = 3;

/// A right to go on with one run, given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// The places of runs that are gone on with for nobody in particular. After an
/// outage there may be more such runs than a host has memory for: those without a
/// place stay in the store, for any host.
struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PLACES)))
    }
}

impl Places {
    /// Those that are free now, at most so many.
    fn free(&self, most: usize) -> Vec<Place> {
        (0..most)
            .map_while(|_| Arc::clone(&self.0).try_acquire_owned().ok())
            .collect()
    }
}

/// An approval, by tenant and identifier.
type Approval = (Tenant, String);

fn named(row: &ApprovalRow) -> Approval {
    (row.tenant.clone(), row.id.clone())
}

/// An approval whose time has passed and that could not be ended.
struct Unended {
    tries: u32,
    /// Not tried again before.
    after: Instant,
}

/// What is to be looked after.
#[derive(Default)]
pub(crate) struct Watching {
    /// Whoever waits for a run should look again.
    pub(crate) changed: Notify,
    /// There may be something to deliver.
    pub(crate) deliver: Arc<Notify>,
    /// The watch should look now.
    wake: Arc<Notify>,
    /// Events may have been missed, so any run may wait to be taken over.
    missed: AtomicBool,
    /// There may be runs to take over that there was no place for.
    more: AtomicBool,
    /// Something was installed.
    installed: AtomicBool,
    stranded: Mutex<Vec<Stranded>>,
    unended: Mutex<HashMap<Approval, Unended>>,
    places: Places,
}

impl Watching {
    fn stranded(&self) -> MutexGuard<'_, Vec<Stranded>> {
        self.stranded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unended(&self) -> MutexGuard<'_, HashMap<Approval, Unended>> {
        self.unended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run that had a place needs it no more.
    pub(crate) fn leave(&self, place: Place) {
        drop(place);
        if self.more.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }
}

/// When the watch looked last at what.
struct Looked {
    stranded: Instant,
    leases: Instant,
    due: Instant,
    /// That look did not come to the end of what is due.
    more_due: bool,
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
                stranded: now,
                leases: now,
                due: now,
                more_due: false,
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
        let missed = self.watching.missed.swap(false, Ordering::SeqCst);
        let more = self.watching.more.swap(false, Ordering::SeqCst);
        let lease_part = self.lease / IN_A_LEASE;
        // Not at each look: what is stranded again at once would keep it awake.
        if missed || looked.stranded.elapsed() >= TICK.min(lease_part) {
            looked.stranded = Instant::now();
            self.settle_stranded();
        }
        if missed || more || looked.leases.elapsed() >= lease_part {
            looked.leases = Instant::now();
            match self.take_over().await {
                Ok(true) => self.go_on_when_there_is_place(),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "runs could not be taken over"),
            }
        }
        if missed || looked.more_due || looked.due.elapsed() >= LOOK_EVERY {
            looked.due = Instant::now();
            let more_cases = self.expire_cases().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "cases could not be looked at");
                false
            });
            looked.more_due = self.expire_some().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "deadlines could not be looked at");
                false
            });
            looked.more_due |= more_cases;
            if looked.more_due {
                self.watching.wake.notify_one();
            }
        }
        let installed = self.watching.installed.swap(false, Ordering::SeqCst);
        if missed || installed || looked.installed.elapsed() >= LOOK_EVERY {
            looked.installed = Instant::now();
            if let Err(error) = self.load_workflows().await {
                tracing::warn!(%error, "workflows could not be read");
            }
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
        if !self.live.has_leases() && self.watching.stranded().is_empty() {
            return;
        }
        let asked = awake_ms();
        let renewed = self
            .journal
            .store
            .renew_leases(&self.owner, self.lease_ms());
        match renewed.await {
            Ok(renewed) => {
                for (tenant, run) in self.live.renewed(&renewed, asked, awake_ms()) {
                    let waits = |one: &Stranded| one.tenant == tenant && one.run == run;
                    let stranded = self.watching.stranded().iter().any(waits);
                    if !stranded {
                        self.strand(&tenant, &run);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "leases could not be renewed"),
        }
    }

    /// Take over runs that nobody works on, as many as there are places for.
    /// Whether there may be more.
    pub(crate) async fn take_over(self: &Arc<Self>) -> Result<bool, CallError> {
        let places = self.watching.places.free(TAKE_OVER);
        let limit = u32::try_from(places.len()).unwrap_or(u32::MAX);
        if limit == 0 {
            return Ok(true);
        }
        let store = &self.journal.store;
        let rows = store
            .claim_lapsed(&self.owner, self.lease_ms(), limit)
            .await?;
        let all = rows.len() >= places.len();
        for (row, place) in rows.iter().zip(places) {
            self.resume_later(&row.tenant, &row.run, place);
        }
        Ok(all)
    }

    /// The same until there are no more.
    pub(crate) async fn take_over_all(self: &Arc<Self>) -> Result<(), CallError> {
        while self.take_over().await? {
            // Never closed, so this is one that is free.
            drop(self.watching.places.0.acquire().await);
        }
        Ok(())
    }

    /// There is something to go on with: look for it at once.
    pub(crate) fn look_now(&self) {
        self.watching.more.store(true, Ordering::SeqCst);
        self.watching.wake.notify_one();
    }

    /// Look again at once, or when a run leaves its place.
    fn go_on_when_there_is_place(&self) {
        self.watching.more.store(true, Ordering::SeqCst);
        // Asked after: a place that is left from now on wakes the watch.
        if self.watching.places.0.available_permits() > 0 {
            self.watching.wake.notify_one();
        }
    }

    /// What processes left behind that served this home before: the home's lock
    /// proves that they are dead, so their runs need not wait for their leases to
    /// lapse. What this does not find lapses soon.
    pub(crate) async fn recover(self: &Arc<Self>, before: &[String]) -> Result<(), HostError> {
        for head in self.journal.store.heads().await? {
            // One tenant's trouble is not the others'.
            if let Err(error) = self.release(&head.tenant, before).await {
                let tenant = &head.tenant;
                tracing::error!(%tenant, %error, "runs that were left behind wait for their leases to lapse");
                let why = error.to_string();
                self.task_failed(tenant, Task::Release, &why).await;
            }
        }
        match self.take_over().await {
            Ok(true) => self.go_on_when_there_is_place(),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "runs could not be taken over yet");
                self.watching.more.store(true, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Let go of a tenant's runs that dead processes have.
    async fn release(&self, tenant: &Tenant, dead: &[String]) -> Result<(), JournalFault> {
        // A decided one can have been taken up, and not have gone on yet.
        let taken_up = [RunState::Open, RunState::Held, RunState::InDoubt];
        let rows = self.journal.store.runs(tenant, &taken_up).await?;
        let releases: Vec<Change> = rows
            .into_iter()
            .filter_map(|row| {
                let owner = row.lease_owner.filter(|owner| dead.contains(owner))?;
                Some(Change::ReleaseRun {
                    run: row.run,
                    owner,
                    token: row.lease_token,
                })
            })
            .collect();
        if releases.is_empty() {
            return Ok(());
        }
        self.journal.append(tenant, Vec::new(), releases).await
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
            EventKind::Connector(_) | EventKind::Workflow(_) => {
                self.watching.installed.store(true, Ordering::SeqCst);
                self.watching.wake.notify_one();
            }
            EventKind::Queue(_) => self.watching.deliver.notify_one(),
            _ => {}
        }
        self.changed();
    }

    /// Tell whoever waits for a run to look again.
    pub(crate) fn changed(&self) {
        self.watching.changed.notify_waiters();
    }

    // ── deadlines ──────────────────────────────────────────────────────────

    /// End all approvals whose time has passed, and go on with their runs. One that
    /// cannot be ended keeps no other one from its end; the first error is the
    /// answer.
    pub(crate) async fn expire_due(self: &Arc<Self>) -> Result<(), CallError> {
        let (mut seen, mut failed) = (HashSet::new(), None);
        loop {
            let due = self.due_beside(&seen).await?;
            if due.is_empty() {
                return failed.map_or(Ok(()), Err);
            }
            for row in due {
                seen.insert(named(&row));
                let ended = match self.expire(&row).await {
                    Ok(true) => self.resume(&row.tenant, &row.run).await.map(drop),
                    ended => ended.map(drop),
                };
                if let Err(error) = ended {
                    self.not_ended(&row, &error).await;
                    failed.get_or_insert(error);
                }
            }
        }
    }

    /// End some of the approvals whose time has passed. Whether there may be more.
    async fn expire_some(self: &Arc<Self>) -> Result<bool, CallError> {
        let now = Instant::now();
        let waiting: HashSet<Approval> = {
            let unended = self.watching.unended();
            let waiting = unended.iter().filter(|(_, unended)| unended.after > now);
            waiting.map(|(approval, _)| approval.clone()).collect()
        };
        let due = self.due_beside(&waiting).await?;
        let all = due.len() as u64 >= u64::from(DUE);
        for row in &due {
            let ended = match self.expire(row).await {
                Ok(ended) => ended,
                Err(error) => {
                    self.not_ended(row, &error).await;
                    false
                }
            };
            if !ended {
                self.put_off(row, now);
                continue;
            }
            self.watching.unended().remove(&named(row));
            // Decided on: without a place it is one that nobody works on.
            match self.watching.places.free(1).pop() {
                Some(place) => self.resume_later(&row.tenant, &row.run, place),
                None => self.watching.more.store(true, Ordering::SeqCst),
            }
        }
        Ok(all)
    }

    async fn not_ended(&self, row: &ApprovalRow, error: &CallError) {
        let why = format!("{} of {}: {error}", row.id, row.run);
        self.task_failed(&row.tenant, Task::EndApproval, &why).await;
    }

    /// Some due approvals that are none of these, soonest first.
    async fn due_beside(&self, these: &HashSet<Approval>) -> Result<Vec<ApprovalRow>, StoreError> {
        let beside = u32::try_from(these.len()).unwrap_or(u32::MAX);
        let limit = DUE.saturating_add(beside);
        let mut due = self.journal.store.due_approvals(limit).await?;
        due.retain(|row| !these.contains(&named(row)));
        due.truncate(usize::try_from(DUE).unwrap_or(usize::MAX));
        Ok(due)
    }

    /// Leave an approval alone for a while, so that it does not hide others.
    fn put_off(&self, row: &ApprovalRow, now: Instant) {
        let mut unended = self.watching.unended();
        // Those that are over by now, by another host or a person, are forgotten.
        unended.retain(|_, unended| unended.after + 2 * UNENDED_AT_MOST > now);
        let unended = unended.entry(named(row)).or_insert(Unended {
            tries: 0,
            after: now,
        });
        let longer = 2_u32.saturating_pow(unended.tries);
        unended.tries = unended.tries.saturating_add(1);
        unended.after = now + LOOK_EVERY.saturating_mul(longer).min(UNENDED_AT_MOST);
    }

    /// End an approval whose time has passed; its run goes on with that answer.
    async fn expire(self: &Arc<Self>, row: &ApprovalRow) -> Result<bool, CallError> {
        let mut about = self.about_recorded(&row.tenant, &row.run).await?;
        about.principal = "tollgate".to_owned();
        let planter = self.planter(row).await?;
        let saying = match &planter {
            Some(planter) => Self::drill_decided(row, planter, Came::Expired),
            None => Saying::new(Stage::ApprovalDecided)
                .at(row.position)
                .fact("approval", row.id.as_str())
                .fact("decision", "expired"),
        };
        let mut records = vec![self.journal.record(&about, saying)?];
        let expire = Change::ExpireApproval {
            id: row.id.clone(),
            at_ms: self.journal.now_ms(),
        };
        let mut changes = vec![expire.clone()];
        if let Some(planter) = &planter {
            let ended = self.drill_ended(&about, row, planter, Came::Expired, expire);
            let closed;
            (closed, changes) = ended.await?;
            records.push(closed);
        }
        match self.journal.append(&row.tenant, records, changes).await {
            Ok(()) => Ok(true),
            // Another host, or a person, was faster.
            Err(fault) if fault.rejected().is_some() => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }
}
