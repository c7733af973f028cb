//! Serial numbers and ISO 8601.
//!
//! A workbook keeps a date as days since 1899-12-30, or since 1904-01-01 in
//! files that began on old Macs. The first counts a 29 February 1900 that never
//! was, so days before March 1900 are one off. Times carry no zone, so text
//! with a zone is left as text.

use time::{Date, Duration, Month, PrimitiveDateTime, Time};

/// Which day is day zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Epoch {
    /// The usual one.
    #[default]
    Y1900,
    /// `date1904` is set in the workbook.
    Y1904,
}

const MILLIS_A_DAY: f64 = 86_400_000.0;

/// The ISO text of a serial number, or nothing where it is no date.
pub(crate) fn to_iso(serial: f64, epoch: Epoch) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let millis = (serial.fract() * MILLIS_A_DAY).round();
    let days = serial.trunc();
    if days == 0.0 && epoch == Epoch::Y1900 {
        return Some(clock_text(at(Date::MIN.midnight(), millis)?.time()));
    }
    let moment = at(day(days, epoch)?.midnight(), millis)?;
    let date = moment.date();
    let text = format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    );
    Some(if moment.time() == Time::MIDNIGHT {
        text
    } else {
        format!("{text}T{}", clock_text(moment.time()))
    })
}

/// The serial number of ISO text: a date, a date with time, or a time.
pub(crate) fn to_serial(text: &str, epoch: Epoch) -> Option<f64> {
    let (date, clock) = match text.split_once('T') {
        Some((date, clock)) => (Some(date), Some(clock)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    let days = match date {
        Some(date) => number(parse_date(date)?, epoch)?,
        None => 0.0,
    };
    let millis = clock.map_or(Some(0.0), parse_clock)?;
    Some(days + millis / MILLIS_A_DAY)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded by the caller to one day"
)]
fn at(midnight: PrimitiveDateTime, millis: f64) -> Option<PrimitiveDateTime> {
    midnight.checked_add(Duration::milliseconds(millis as i64))
}

fn zero(epoch: Epoch) -> Option<Date> {
    match epoch {
        Epoch::Y1900 => Date::from_calendar_date(1899, Month::December, 30).ok(),
        Epoch::Y1904 => Date::from_calendar_date(1904, Month::January, 1).ok(),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by the caller")]
fn day(days: f64, epoch: Epoch) -> Option<Date> {
    let shift = i64::from(epoch == Epoch::Y1900 && days < 60.0);
    zero(epoch)?.checked_add(Duration::days(days as i64 + shift))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "days of a calendar fit a double"
)]
fn number(date: Date, epoch: Epoch) -> Option<f64> {
    let days = (date - zero(epoch)?).whole_days();
    let days = if epoch == Epoch::Y1900 && days <= 60 {
        days - 1
    } else {
        days
    };
    let first = i64::from(epoch == Epoch::Y1900);
    (days >= first).then_some(days as f64)
}

fn clock_text(time: Time) -> String {
    let (h, m, s, ms) = time.as_hms_milli();
    if ms == 0 {
        format!("{h:02}:{m:02}:{s:02}")
    } else {
        format!("{h:02}:{m:02}:{s:02}.{ms:03}")
    }
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = u8::try_from(digits(parts.next()?, 2)?).ok()?;
    let day = u8::try_from(digits(parts.next()?, 2)?).ok()?;
    if parts.next().is_some() {
        return None;
    }
    Date::from_calendar_date(i32::try_from(year).ok()?, Month::try_from(month).ok()?, day).ok()
}

/// Milliseconds since midnight of `HH:MM`, `HH:MM:SS` or `HH:MM:SS.mmm`.
fn parse_clock(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2).filter(|h| *h < 24)?;
    let minute = digits(parts.next()?, 2).filter(|m| *m < 60)?;
    let (second, milli) = match parts.next() {
        None => (0, 0),
        Some(rest) => match rest.split_once('.') {
            None => (digits(rest, 2)?, 0),
            Some((second, milli)) => (digits(second, 2)?, digits(milli, 3)?),
        },
    };
    if second > 59 || parts.next().is_some() {
        return None;
    }
    Some(f64::from(
        ((hour * 60 + minute) * 60 + second) * 1000 + milli,
    ))
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn known_days_translate_both_ways() {
        for (serial, text, epoch) in [
            (1.0, "1900-01-01", Epoch::Y1900),
            (59.0, "1900-02-28", Epoch::Y1900),
            (61.0, "1900-03-01", Epoch::Y1900),
            (46_348.0, "2026-11-22", Epoch::Y1900),
            (46_348.5, "2026-11-22T12:00:00", Epoch::Y1900),
            (0.25, "06:00:00", Epoch::Y1900),
            (44_886.0, "2026-11-22", Epoch::Y1904),
        ] {
            assert_eq!(to_iso(serial, epoch).as_deref(), Some(text));
            assert!(
                (to_serial(text, epoch).unwrap() - serial).abs() < 1e-9,
                "{text}"
            );
        }
    }

    #[test]
    fn a_time_within_half_a_millisecond_of_midnight_is_the_next_day() {
        assert_eq!(
            to_iso(46_347.999_999_999, Epoch::Y1900).as_deref(),
            Some("2026-11-22")
        );
    }

    #[test]
    fn what_is_no_plain_date_stays_text() {
        for text in [
            "",
            "2026",
            "2026-13-01",
            "2026-11-22T10:00:00Z",
            "22.11.2026",
            "2026-11-2",
            "25:00",
            "1:00",
        ] {
            assert_eq!(to_serial(text, Epoch::Y1900), None, "{text}");
        }
    }

    #[test]
    fn a_serial_beyond_the_calendar_is_no_date() {
        for serial in [-1.0, 3e6, f64::NAN, f64::INFINITY] {
            assert_eq!(to_iso(serial, Epoch::Y1900), None);
        }
    }
}
