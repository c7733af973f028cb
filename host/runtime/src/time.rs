//! Points in time as text.

use thiserror::Error;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

/// RFC 3339 with milliseconds, always three digits: columns stay columns.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Unix milliseconds as RFC 3339, UTC.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    i128::from(ms)
        .checked_mul(1_000_000)
        .and_then(|ns| OffsetDateTime::from_unix_timestamp_nanos(ns).ok())
        .and_then(|at| at.format(FORMAT).ok())
        .unwrap_or_else(|| format!("{ms} ms after 1970"))
}

/// The day a point in time lies in, UTC, as `2026-11-22`.
pub(crate) fn day(ms: u64) -> String {
    rfc3339(ms).chars().take(10).collect()
}

/// A text that names no point in time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "`{}` is no point in time; write `2h` (ago; s, m, h, d or w), `2026-11-01` (UTC) or `2026-11-01T14:05:00Z`",
    tollgate_policy::visible(.0)
)]
pub struct NoMoment(String);

/// A point in time as people write it, in Unix milliseconds: so long before
/// `now_ms`, a day's begin (UTC), or RFC 3339.
///
/// # Errors
///
/// When it is none of these, or lies before 1970.
pub fn moment(text: &str, now_ms: u64) -> Result<u64, NoMoment> {
    let none = || NoMoment(text.chars().take(64).collect());
    if let Some(length) = length_ms(text) {
        return Ok(now_ms.saturating_sub(length));
    }
    let day = format_description!("[year]-[month]-[day]");
    let at = match Date::parse(text, day) {
        Ok(date) => date.midnight().assume_utc(),
        Err(_) => OffsetDateTime::parse(text, &Rfc3339).map_err(|_| none())?,
    };
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| none())
}

/// A length of time as people write it, `90d`, in milliseconds.
#[must_use]
pub fn length_ms(text: &str) -> Option<u64> {
    let unit = match text.chars().last()? {
        's' => 1_000,
        'm' => 60_000,
        'h' => 3_600_000,
        'd' => 86_400_000,
        'w' => 604_800_000,
        _ => return None,
    };
    let count = &text[..text.len() - 1];
    let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    count
        .parse::<u64>()
        .ok()
        .filter(|_| plain)?
        .checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::{length_ms, moment};

    #[test]
    fn a_moment_is_so_long_ago_a_day_or_a_time() {
        let now = 1_790_000_000_000;
        let cases = [
            ("2h", Some(now - 7_200_000)),
            ("0s", Some(now)),
            ("99999999w", Some(0)),
            ("1970-01-02", Some(86_400_000)),
            ("1970-01-01T00:00:01.5Z", Some(1_500)),
            ("1970-01-01T02:00:00+01:00", Some(3_600_000)),
            ("1969-12-31", None),
            ("", None),
            ("h", None),
            ("+2h", None),
            ("2 h", None),
            ("2026-13-01", None),
            ("yesterday", None),
            ("2\u{e4}", None),
        ];
        for (text, expected) in cases {
            assert_eq!(moment(text, now).ok(), expected, "{text}");
        }
        assert_eq!(length_ms("90d"), Some(7_776_000_000));
        assert_eq!(length_ms("18446744073709551615w"), None);
    }
}
