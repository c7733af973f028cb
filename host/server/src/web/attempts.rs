//! A brake on guessing tokens and passwords at the sign-in form. Tokens are far too
//! long to guess; the brake keeps the attempts from costing the host anything, and
//! makes them show. It counts by address, so one guesser locks out nobody else.
//!
//! Passwords are counted by name as well: whoever has many addresses still has few
//! tries (NIST SP 800-63B, 5.2.2). The price is that such a one can keep a person from
//! signing in by password; the token and the provider are not counted by name.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures per address, or name, before it has to wait: enough for a person who pastes
/// the wrong line a few times.
const FAILURES_MAX: u32 = 10;

/// How long failures count.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses, or names, remembered at once. When there are more, all are let go: memory
/// must not grow with the number of attackers.
const ADDRESSES_MAX: usize = 4_096;

/// Failures by address; those without one (a local socket) share a place.
#[derive(Debug)]
pub(super) struct Attempts<K = Option<IpAddr>>(Mutex<HashMap<K, (Instant, u32)>>);

impl<K> Default for Attempts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Attempts<K> {
    pub(super) fn may_try(&self, peer: K) -> bool {
        self.may_try_at(peer, Instant::now())
    }

    pub(super) fn failed(&self, peer: K) {
        self.failed_at(peer, Instant::now());
    }

    fn may_try_at(&self, peer: K, now: Instant) -> bool {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(&peer).is_none_or(|(since, count)| {
            *count < FAILURES_MAX || now.saturating_duration_since(*since) >= WINDOW
        })
    }

    fn failed_at(&self, peer: K, now: Instant) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= ADDRESSES_MAX {
            failures.clear();
        }
        let (since, count) = failures.entry(peer).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_try_in_a_minute_waits_and_nobody_else_does() {
        let attempts = Attempts::<Option<IpAddr>>::default();
        let guesser = Some(IpAddr::from([192, 0, 2, 1]));
        let start = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(attempts.may_try_at(guesser, start));
            attempts.failed_at(guesser, start);
        }
        assert!(!attempts.may_try_at(guesser, start));
        assert!(attempts.may_try_at(Some(IpAddr::from([192, 0, 2, 2])), start));
        assert!(attempts.may_try_at(guesser, start + WINDOW));
    }
}
