//! The wall clock. Each reading is recorded, and the same when a run is
//! replayed.

use crate::Refusal;
use crate::bindings::tollgate::connector::clock as wire;
#[doc(inline)]
pub use crate::bindings::tollgate::connector::clock::Instant;

/// Now, in UTC.
///
/// # Errors
/// The manifest does not grant the clock, or a limit is reached.
pub fn now() -> Result<Instant, Refusal> {
    wire::now().map_err(Refusal::from)
}

impl Instant {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn unix_millis(&self) -> u64 {
        self.seconds
            .saturating_mul(1000)
            .saturating_add(u64::from(self.nanoseconds / 1_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_do_not_overflow() {
        let instant = Instant {
            seconds: 1_700_000_000,
            nanoseconds: 999_999_999,
        };
        assert_eq!(instant.unix_millis(), 1_700_000_000_999);
        let last = Instant {
            seconds: u64::MAX,
            nanoseconds: 0,
        };
        assert_eq!(last.unix_millis(), u64::MAX);
    }
}
