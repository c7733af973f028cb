//! Which runs this process works on, so that a repeated request waits for the
//! first one instead of doing the work twice. What is held, in doubt or another
//! host's stands in the store alone: nothing of it is in memory.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use tokio::sync::watch;
use tollgate_store::Renewed;

use super::Run;
use super::lease::Lease;

/// How the request key of an undo begins.
pub(crate) const UNDO_KEY: &str = "undo/";

/// How the request key of a run begins that goes on with a changed input.
pub(crate) const EDIT_KEY: &str = "edit/";
/// How the request key of what the host does in a case begins.
pub(crate) const CASE_KEY: &str = "case:";

/// A run that a task of this process works on now.
struct Working {
    tenant: Tenant,
    sender: watch::Sender<()>,
    lease: Arc<Lease>,
}

/// What a request is called here: its tenant, and [`Run::same`].
type Same = (Tenant, String);

#[derive(Default)]
struct Inner {
    /// First runs of requests: name and digest of the input.
    same: HashMap<Same, (String, String)>,
    working: HashMap<String, Working>,
    /// Leases that the last renewal named and nobody here works under.
    unknown: HashSet<(Tenant, String, u64)>,
}

/// All of them.
pub(crate) struct Live {
    owner: Arc<str>,
    length: Duration,
    inner: Mutex<Inner>,
}

/// What a request found.
pub(crate) enum Found {
    /// Nothing like it in this process: the caller goes on with it.
    New(Arc<Lease>),
    /// The first one.
    First(String),
    /// The same request key with another input.
    KeyReused,
}

impl Live {
    pub(crate) fn new(owner: Arc<str>, length: Duration) -> Self {
        Self {
            owner,
            length,
            inner: Mutex::default(),
        }
    }

    /// Enter a run unless the same request is worked on.
    pub(crate) fn enter(&self, run: &Run) -> Found {
        // Everything is made before the lock is taken: all runs meet here.
        let same = (run.tenant.clone(), run.same().to_owned());
        let going = (run.run.clone(), run.input_digest.to_string());
        let (name, working) = (run.run.clone(), self.work(&run.tenant));
        let lease = Arc::clone(&working.lease);
        let mut inner = self.inner();
        match inner.same.entry(same) {
            Entry::Occupied(first) if first.get().1 == going.1 => {
                Found::First(first.get().0.clone())
            }
            Entry::Occupied(_) => Found::KeyReused,
            Entry::Vacant(place) => {
                place.insert(going);
                inner.working.insert(name, working);
                Found::New(lease)
            }
        }
    }

    fn work(&self, tenant: &Tenant) -> Working {
        Working {
            tenant: tenant.to_owned(),
            sender: watch::channel(()).0,
            lease: Arc::new(Lease::new(Arc::clone(&self.owner), self.length)),
        }
    }

    /// Take a run of the store up. Nothing: somebody of this process does already.
    pub(crate) fn take_up(&self, tenant: &Tenant, run: &str) -> Option<Arc<Lease>> {
        let working = self.work(tenant);
        let mut inner = self.inner();
        match inner.working.entry(run.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => Some(Arc::clone(&place.insert(working).lease)),
        }
    }

    /// Stop working on a run that a request entered.
    pub(crate) fn leave(&self, run: &Run) {
        let same = (run.tenant.clone(), run.same().to_owned());
        let mut inner = self.inner();
        inner.working.remove(&run.run);
        if inner
            .same
            .get(&same)
            .is_some_and(|going| going.0 == run.run)
        {
            inner.same.remove(&same);
        }
    }

    /// Stop working on a run that was taken up.
    pub(crate) fn lay_down(&self, run: &str) {
        self.inner().working.remove(run);
    }

    /// Whether this process has leases that it may have to renew.
    pub(crate) fn has_leases(&self) -> bool {
        let inner = self.inner();
        inner
            .working
            .values()
            .any(|working| working.lease.is_open())
    }

    /// The store renewed these between two times, and no others: a database of
    /// several that could not be asked has renewed nothing. One that speaks of
    /// another tenant's run has no say in it. The answer is tenant and run of
    /// leases that nobody here works under, now and at the last renewal: the
    /// answer to their claim was lost, and renewed for ever they would keep every
    /// host from the run. Of one renewal alone, the claim may be on its way here.
    pub(crate) fn renewed(
        &self,
        renewed: &[Renewed],
        asked_ms: u64,
        answered_ms: u64,
    ) -> Vec<(Tenant, String)> {
        let mut inner = self.inner();
        let mut unknown = HashSet::new();
        for renewed in renewed {
            match inner.working.get(&renewed.run) {
                Some(working) if working.tenant == renewed.tenant => {
                    let lease = &working.lease;
                    lease.renewed(renewed.token, asked_ms, answered_ms);
                }
                Some(_) => {}
                None => {
                    let named = (renewed.tenant.clone(), renewed.run.clone());
                    unknown.insert((named.0, named.1, renewed.token));
                }
            }
        }
        let twice = unknown.intersection(&inner.unknown);
        let orphans = twice.map(|(tenant, run, _)| (tenant.clone(), run.clone()));
        let orphans = orphans.collect();
        inner.unknown = unknown;
        orphans
    }

    /// Wait until nobody of this process works on the run.
    pub(crate) async fn settled(&self, run: &str) {
        let working = self
            .inner()
            .working
            .get(run)
            .map(|working| working.sender.subscribe());
        if let Some(mut waiting) = working {
            // An error means the sender is gone: nobody works on it any more.
            while waiting.changed().await.is_ok() {}
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn of(tenant: &str) -> Tenant {
        tenant.parse().unwrap()
    }

    #[test]
    fn only_the_leases_that_a_store_names_are_prolonged_and_only_by_their_own_tenants_store() {
        let live = Live::new(Arc::from("host-1"), Duration::from_secs(15));
        let take = |tenant: &str, run| {
            let lease = live.take_up(&of(tenant), run);
            let lease = lease.unwrap_or_else(|| panic!("somebody works on {run}"));
            lease.taken(1, 0);
            lease
        };
        let (reached, away) = (take("acme", "run-1"), take("beta", "run-2"));
        let named = |tenant: &str, run: &str| Renewed {
            tenant: of(tenant),
            run: run.to_owned(),
            token: 1,
        };
        // The store of acme is hostile, the one of beta could not be asked.
        let renewed = [named("acme", "run-1"), named("acme", "run-2")];
        live.renewed(&renewed, 10_000, 10_100);
        assert_eq!(reached.remaining_ms(10_100), 14_900);
        assert_eq!(away.remaining_ms(10_100), 4_900);
    }

    #[test]
    fn a_lease_whose_claim_was_never_answered_is_found_at_the_second_renewal() {
        let live = Live::new(Arc::from("host-1"), Duration::from_secs(15));
        let named = |token| Renewed {
            tenant: of("acme"),
            run: "run-1".into(),
            token,
        };
        assert!(live.renewed(&[named(3)], 0, 0).is_empty());
        // Claimed anew since: that claim may be on its way.
        assert!(live.renewed(&[named(4)], 0, 0).is_empty());
        let orphans = live.renewed(&[named(4)], 0, 0);
        assert_eq!(orphans, [(of("acme"), "run-1".to_owned())]);
        let _lease = live.take_up(&of("acme"), "run-1");
        assert!(live.renewed(&[named(4)], 0, 0).is_empty());
    }
}
