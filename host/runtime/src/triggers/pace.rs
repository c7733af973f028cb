//! How many verified deliveries a trigger or a callback takes in a time, on one host.
//!
//! Only verified ones count. The attack: a stranger sends many, and the sender's
//! own are refused for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The times of deliveries within the window.
pub(crate) struct Pace {
    most: usize,
    window: Duration,
    taken: VecDeque<Instant>,
}

impl Pace {
    pub(crate) fn new((most, window): (u32, Duration)) -> Self {
        Self {
            most: most as usize,
            window,
            taken: VecDeque::new(),
        }
    }

    /// Lets one in, or says after which time to come again.
    pub(crate) fn admit(&mut self) -> Result<(), Duration> {
        self.admit_at(Instant::now())
    }

    fn admit_at(&mut self, now: Instant) -> Result<(), Duration> {
        while let Some(first) = self.taken.front()
            && now.saturating_duration_since(*first) >= self.window
        {
            self.taken.pop_front();
        }
        if self.taken.len() < self.most {
            self.taken.push_back(now);
            return Ok(());
        }
        let first = self.taken.front().copied().unwrap_or(now);
        Err(self
            .window
            .saturating_sub(now.saturating_duration_since(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_has_more_than_the_rate() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let mut pace = Pace::new((2, 10 * second));
        assert_eq!(pace.admit_at(start), Ok(()));
        assert_eq!(pace.admit_at(start + 4 * second), Ok(()));
        assert_eq!(pace.admit_at(start + 6 * second), Err(4 * second));
        assert_eq!(pace.admit_at(start + 10 * second), Ok(()));
        assert_eq!(pace.admit_at(start + 11 * second), Err(3 * second));
    }
}
