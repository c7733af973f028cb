//! Points in time as text.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 3339 with milliseconds, always three digits: columns stay columns.
const FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// Unix milliseconds as RFC 3339, UTC.
pub(crate) fn rfc3339(ms: u64) -> String {
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
