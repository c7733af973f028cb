//! Times as people read them: absolute, so that it can be quoted, and relative,
//! so that nobody has to count.

use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, UtcOffset};
use tollgate_policy::visible;

const ABSOLUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");

/// One point in time, as text.
pub(super) struct Moment {
    /// For machines.
    pub(super) stamp: String,
    /// `22 November 2026, 14:05 UTC`
    pub(super) absolute: String,
    /// `in 2 hours`
    pub(super) relative: String,
}

impl Moment {
    /// From RFC 3339; what is not a time is shown as it is.
    pub(super) fn of(stamp: &str) -> Self {
        Self::seen_at(stamp, OffsetDateTime::now_utc())
    }

    fn seen_at(stamp: &str, now: OffsetDateTime) -> Self {
        let at = OffsetDateTime::parse(stamp, &Rfc3339).map(|at| at.to_offset(UtcOffset::UTC));
        let absolute = at.ok().and_then(|at| at.format(ABSOLUTE).ok());
        Self {
            stamp: visible(stamp),
            absolute: absolute.unwrap_or_else(|| visible(stamp)),
            relative: at.map(|at| relative(at - now)).unwrap_or_default(),
        }
    }
}

/// A length of time in words.
pub(super) fn length(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..120 => (seconds, "second"),
        120..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn relative(distance: Duration) -> String {
    let words = length(distance.whole_seconds().unsigned_abs());
    if distance.is_negative() {
        format!("{words} ago")
    } else {
        format!("in {words}")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_time_is_told_in_both_ways() {
        let now = datetime!(2026-11-22 12:00 UTC);
        let moment = Moment::seen_at("2026-11-22T16:05:00+02:00", now);
        assert_eq!(moment.absolute, "22 November 2026, 14:05 UTC");
        assert_eq!(moment.relative, "in 2 hours");
        let past = Moment::seen_at("2026-11-22T11:59:59Z", now);
        assert_eq!(past.relative, "1 second ago");
        let none = Moment::seen_at("soon", now);
        assert_eq!(
            (none.absolute.as_str(), none.relative.as_str()),
            ("soon", "")
        );
    }
}
