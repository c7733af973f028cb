//! A host's hold on a run that has a row in the store. The store's clock judges
//! leases. Beside it a host keeps its own, shorter idea of how long one lasts, so
//! that it stops by itself before another host may begin.
//!
//! The attack: a host is stopped (a paused virtual machine, a closed laptop),
//! loses its runs to another one, wakes and sends what the other has sent. So the
//! time is taken from a clock that runs while the machine sleeps, and counted
//! from before the lease was asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tollgate_store::Change;

/// How long a lease lasts unless it is renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// The token of a lease that comes with a new row.
const FIRST_TOKEN: u64 = 1;

/// Milliseconds of a clock that nobody sets and that runs on while the machine
/// sleeps.
pub(crate) fn awake_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000) + nanos / 1_000_000
}

/// One run's lease, as this host knows it.
pub(crate) struct Lease {
    owner: Arc<str>,
    length: Duration,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    held: Option<Held>,
    /// A row with a lease was asked for, and the store did not say what came of it.
    asked: bool,
    /// How long the run is left alone before it is tried again.
    pause: Duration,
}

#[derive(Clone, Copy)]
struct Held {
    token: u64,
    /// By [`awake_ms`].
    until: u64,
}

impl Lease {
    pub(crate) fn new(owner: Arc<str>, length: Duration) -> Self {
        Self {
            owner,
            length,
            state: Mutex::default(),
        }
    }

    pub(crate) fn owner(&self) -> &str {
        &self.owner
    }

    /// How long the store is asked to give it, milliseconds.
    pub(crate) fn length_ms(&self) -> u64 {
        u64::try_from(self.length.as_millis()).unwrap_or(u64::MAX)
    }

    /// The token that a row gets with its first lease.
    pub(crate) fn first_token() -> u64 {
        FIRST_TOKEN
    }

    /// A new row is about to be asked for.
    pub(crate) fn asks(&self) {
        self.state().asked = true;
    }

    /// The store made no row.
    pub(crate) fn refused(&self) {
        self.state().asked = false;
    }

    /// The store gave the lease, asked for at this time.
    pub(crate) fn taken(&self, token: u64, asked_ms: u64) {
        let until = asked_ms.saturating_add(self.length_ms());
        *self.state() = State {
            held: Some(Held { token, until }),
            ..State::default()
        };
    }

    /// The store renewed the lease with this token between these two times. One
    /// that may have lapsed before the answer is not believed.
    pub(crate) fn renewed(&self, token: u64, asked_ms: u64, answered_ms: u64) {
        let until = asked_ms.saturating_add(self.length_ms());
        if let Some(held) = &mut self.state().held
            && held.token == token
            && answered_ms < held.until
        {
            held.until = held.until.max(until);
        }
    }

    /// The run is held or over: nobody has its lease.
    pub(crate) fn given_back(&self) {
        *self.state() = State::default();
    }

    /// Whether the store may know of a lease that somebody has to take care of.
    pub(crate) fn is_open(&self) -> bool {
        let state = self.state();
        state.held.is_some() || state.asked
    }

    /// What must be true for a record of this run to be kept.
    pub(crate) fn condition(&self, run: &str) -> Option<Change> {
        self.state().held.map(|held| Change::HoldsRun {
            run: run.to_owned(),
            owner: self.owner.to_string(),
            token: held.token,
        })
    }

    /// How long it lasts at least, milliseconds; a whole lease where there is no
    /// row yet that could be taken.
    pub(crate) fn remaining_ms(&self, now_ms: u64) -> u64 {
        match self.state().held {
            Some(held) => held.until.saturating_sub(now_ms),
            None => self.length_ms(),
        }
    }

    /// Leave the run alone for a while, under its lease: what it needs is away, and
    /// trying at once would only use its attempts up.
    pub(crate) fn pause(&self, time: Duration) {
        self.state().pause = time;
    }

    /// How long it is left alone.
    pub(crate) fn paused_for(&self) -> Duration {
        self.state().pause
    }

    /// The change that gives it back before it lapses.
    pub(crate) fn release(&self, run: &str) -> Option<Change> {
        self.state().held.map(|held| Change::ReleaseRun {
            run: run.to_owned(),
            owner: self.owner.to_string(),
            token: held.token,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease() -> Lease {
        Lease::new(Arc::from("host-1"), Duration::from_secs(15))
    }

    #[test]
    fn a_lease_counts_from_before_it_was_asked_for() {
        let lease = lease();
        lease.taken(1, 1_000);
        assert_eq!(lease.remaining_ms(4_000), 12_000);
        assert_eq!(lease.remaining_ms(16_000), 0);
    }

    #[test]
    fn a_renewal_that_may_have_come_too_late_is_not_believed() {
        let lease = lease();
        lease.taken(1, 0);
        lease.renewed(1, 10_000, 10_100);
        assert_eq!(lease.remaining_ms(10_100), 14_900);
        // Asked in time, answered after the end: the store may have given it away.
        lease.renewed(1, 24_000, 25_000);
        assert_eq!(lease.remaining_ms(25_000), 0);
    }

    #[test]
    fn a_renewal_of_another_token_is_of_a_lease_that_somebody_else_took() {
        let lease = lease();
        lease.taken(2, 0);
        lease.renewed(3, 10_000, 10_100);
        assert_eq!(lease.remaining_ms(10_100), 4_900);
    }

    #[test]
    fn a_run_that_is_held_or_over_has_no_lease_to_lose() {
        let lease = lease();
        assert!(!lease.is_open());
        lease.asks();
        assert!(lease.is_open());
        lease.taken(3, 0);
        assert!(lease.is_open());
        lease.given_back();
        assert!(!lease.is_open());
        assert!(lease.condition("run-1").is_none());
    }
}
