//! How fast requests of one pool may follow each other: the operator's rate, and
//! what the server asked for.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// The times of requests within the window, and until when the server wants none.
/// A log of times keeps what a token bucket does not: there is no window at all with
/// more requests than granted.
#[derive(Debug)]
pub struct Pace {
    rate: Option<(u32, Duration)>,
    sent: VecDeque<Instant>,
    held_until: Option<Instant>,
}

impl Pace {
    /// Nothing has gone yet.
    #[must_use]
    pub fn new(rate: Option<(u32, Duration)>) -> Self {
        Self {
            rate,
            sent: VecDeque::new(),
            held_until: None,
        }
    }

    /// Lets one request go now, or says after which time to ask again.
    ///
    /// # Errors
    /// The time after which to ask again.
    pub fn admit(&mut self, now: Instant) -> Result<(), Duration> {
        self.admit_by(self.rate, now)
    }

    /// The same by a rate that may be another one than before. What went under that
    /// one still counts. The attack: a manifest is put in force again and again, and
    /// each time the count starts from nothing.
    pub(crate) fn admit_by(
        &mut self,
        rate: Option<(u32, Duration)>,
        now: Instant,
    ) -> Result<(), Duration> {
        if let Some(until) = self.held_until
            && until > now
        {
            return Err(until - now);
        }
        self.held_until = None;
        let Some((most, window)) = rate else {
            return Ok(());
        };
        self.rate = rate;
        self.forget(now, window);
        if self.sent.len() < most as usize {
            self.sent.push_back(now);
            return Ok(());
        }
        match self.sent.front() {
            Some(first) => Err(window.saturating_sub(now - *first)),
            None => Err(window),
        }
    }

    /// Nothing goes before that time has passed. A later word of the server does
    /// not shorten an earlier one.
    pub fn hold(&mut self, now: Instant, time: Duration) {
        let until = now + time;
        self.held_until = Some(self.held_until.map_or(until, |known| known.max(until)));
    }

    /// Whether nothing is lost if this is forgotten.
    pub fn at_rest(&mut self, now: Instant) -> bool {
        if let Some((_, window)) = self.rate {
            self.forget(now, window);
        }
        self.sent.is_empty() && self.held_until.is_none_or(|until| until <= now)
    }

    fn forget(&mut self, now: Instant, window: Duration) {
        while let Some(first) = self.sent.front()
            && now.saturating_duration_since(*first) >= window
        {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_window_has_more_requests_than_granted() {
        let start = Instant::now();
        let mut pace = Pace::new(Some((3, SECOND * 10)));
        let at = |seconds: u32| start + SECOND * seconds;
        for seconds in [0, 8, 9] {
            assert_eq!(pace.admit(at(seconds)), Ok(()));
        }
        assert_eq!(pace.admit(at(9)), Err(SECOND), "until the first is gone");
        assert_eq!(pace.admit(at(10)), Ok(()));
        // A bucket of three would be refilled by now.
        assert_eq!(pace.admit(at(11)), Err(SECOND * 7));
    }

    #[test]
    fn another_rate_does_not_start_from_nothing() {
        let start = Instant::now();
        let mut pace = Pace::new(Some((2, SECOND * 10)));
        assert_eq!(pace.admit(start), Ok(()));
        assert_eq!(pace.admit(start), Ok(()));
        assert_eq!(
            pace.admit_by(Some((2, SECOND * 20)), start),
            Err(SECOND * 20)
        );
        assert_eq!(pace.admit_by(Some((3, SECOND * 20)), start), Ok(()));
        assert_eq!(pace.admit_by(None, start), Ok(()), "no rate at all");
        assert!(!pace.at_rest(start + SECOND * 19));
        assert!(pace.at_rest(start + SECOND * 20));
    }

    #[test]
    fn a_hold_is_kept_and_not_shortened() {
        let start = Instant::now();
        let mut pace = Pace::new(None);
        pace.hold(start, SECOND * 5);
        pace.hold(start, SECOND);
        assert!(!pace.at_rest(start));
        assert_eq!(pace.admit(start + SECOND), Err(SECOND * 4));
        assert_eq!(pace.admit(start + SECOND * 5), Ok(()));
        assert!(pace.at_rest(start + SECOND * 5));
    }
}
