//! Sizes and times with their unit, so that no reader has to guess it.
//!
//! `MB` was refused, because half of all readers take it for a million bytes
//! and the other half for 1 048 576.

use std::time::Duration;

const BYTE_UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

const TIME_UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// A size such as `64MiB`.
pub(super) fn bytes(text: &str) -> Result<u64, &'static str> {
    scaled(text, &BYTE_UNITS)
        .ok_or("write a whole number and its unit, B, KiB, MiB or GiB, for example \"64MiB\"")
}

/// A time such as `30s`.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    let millis = scaled(text, &TIME_UNITS);
    millis
        .map(Duration::from_millis)
        .ok_or("write a whole number and its unit, ms, s, m, h or d, for example \"30s\"")
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_have_one_reading() {
        assert_eq!(bytes("64MiB"), Ok(64 << 20));
        assert_eq!(bytes("0B"), Ok(0));
        assert_eq!(duration("3d"), Ok(Duration::from_secs(259_200)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for bad in [
            "",
            "64",
            "64MB",
            "64mib",
            "64 MiB",
            " 64MiB",
            "-1B",
            "1.5MiB",
            "0x10B",
            "99999999999GiB",
            "GiB",
            "1_0B",
        ] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
        for bad in [
            "",
            "30",
            "30S",
            "30 s",
            "1w",
            "-1s",
            "1.5h",
            "99999999999999999d",
            "1M",
        ] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }
}
