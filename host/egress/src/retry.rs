//! When a server wants to be asked again (RFC 9110, 10.2.3).

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::Incoming;

/// Longest time that is believed, so that a caller can add it to a clock.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The time that an answer asks to wait before the next request: `Retry-After` in
/// seconds or as a date, no longer than a day. Whether to try again is the caller's
/// business: it knows whether the request is one that can be repeated.
#[must_use]
pub fn retry_after(answer: &Incoming) -> Option<Duration> {
    parse(&answer.headers, SystemTime::now())
}

/// The time for which all requests are held back: what a server says that has too
/// many (429), or is not there (503).
pub(crate) fn hold(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
    .then(|| parse(headers, SystemTime::now()))
    .flatten()
}

fn parse(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let time = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a long time.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(time.min(LONGEST))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        parse(&headers, now)
    }

    #[test]
    fn seconds_and_dates_are_read_and_bounded() {
        let seconds = |n| Some(Duration::from_secs(n));
        assert_eq!(parsed("120"), seconds(120));
        // The example date of RFC 9110, 5.6.7, and half a minute after it.
        assert_eq!(parsed("Sun, 06 Nov 1994 08:50:07 GMT"), seconds(30));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:07 GMT"), seconds(0));
        assert_eq!(parsed("Fri, 31 Dec 9999 23:59:59 GMT"), Some(LONGEST));
        assert_eq!(parsed("99999999999999999999999999"), Some(LONGEST));
        for not_a_time in ["-1", "1.5", "soon", "", "1e9"] {
            assert_eq!(parsed(not_a_time), None, "{not_a_time}");
        }
    }
}
