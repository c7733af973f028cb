//! Weeks as ISO 8601 counts them, in UTC.

use std::fmt;

use serde::{Serialize, Serializer};
use time::{Date, OffsetDateTime, Weekday};

/// Milliseconds of a week.
const LENGTH_MS: u64 = 7 * 24 * 3_600 * 1_000;

/// 1970-01-05 was the first Monday after the epoch.
const FIRST_MONDAY_MS: u64 = 4 * 24 * 3_600 * 1_000;

/// A week, by the Monday it begins on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week {
    /// Weeks since the one before the first Monday of 1970.
    number: u64,
}

impl Week {
    /// The week a point in time lies in, Unix milliseconds.
    #[must_use]
    pub fn of(at_ms: u64) -> Self {
        let since = at_ms.saturating_add(LENGTH_MS - FIRST_MONDAY_MS);
        Self {
            number: since / LENGTH_MS,
        }
    }

    /// When it begins, Unix milliseconds. The first one begins at the epoch.
    #[must_use]
    pub fn begins_ms(self) -> u64 {
        (self.number * LENGTH_MS).saturating_sub(LENGTH_MS - FIRST_MONDAY_MS)
    }

    /// The week after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self {
            number: self.number + 1,
        }
    }

    /// The weeks from this one to `last`, both with them.
    pub fn until(self, last: Self) -> impl Iterator<Item = Self> {
        (self.number..=last.number).map(|number| Self { number })
    }

    fn date(self) -> Date {
        let seconds = i64::try_from(self.begins_ms() / 1_000).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).map_or(Date::MAX, OffsetDateTime::date)
    }
}

impl fmt::Display for Week {
    /// `2026-W47`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, week, _): (i32, u8, Weekday) = self.date().to_iso_week_date();
        write!(f, "{year:04}-W{week:02}")
    }
}

impl Serialize for Week {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use time::format_description::well_known::Rfc3339;

    fn of(text: &str) -> String {
        let at = OffsetDateTime::parse(text, &Rfc3339).unwrap();
        let ms = u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap();
        Week::of(ms).to_string()
    }

    #[test]
    fn weeks_begin_on_mondays_and_years_with_their_first_thursday() {
        for (at, week) in [
            ("1970-01-01T00:00:00Z", "1970-W01"),
            ("1970-01-05T00:00:00Z", "1970-W02"),
            ("2020-12-31T23:59:59.999Z", "2020-W53"),
            ("2021-01-03T23:59:59.999Z", "2020-W53"),
            ("2021-01-04T00:00:00Z", "2021-W01"),
            ("2026-11-22T12:00:00Z", "2026-W47"),
            ("2026-11-23T00:00:00Z", "2026-W48"),
        ] {
            assert_eq!(of(at), week, "{at}");
        }
    }

    #[test]
    fn a_week_ends_where_the_next_begins() {
        let week = Week::of(1_700_000_000_000);
        assert_eq!(Week::of(week.begins_ms()), week);
        assert_eq!(Week::of(week.next().begins_ms() - 1), week);
        assert_eq!(Week::of(week.next().begins_ms()), week.next());
    }
}
