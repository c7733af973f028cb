//! What a parameter may hold.

use serde_json::Value;
use time::{
    Date, OffsetDateTime, format_description::well_known::Rfc3339, macros::format_description,
};

use super::Kind;
use crate::EXACT_INTEGER_MAX;
use crate::manifest::limits::HTTP_SEGMENT_BYTES_MAX;

/// The longest decimal number: 2^64 has 20 digits.
const INT_DIGITS_MAX: usize = 20;

/// The longest id, in bytes. It bounds what an id can carry out.
const ID_BYTES_MAX: usize = 128;

/// The longest date and time, in bytes: with nanoseconds and an offset it has 35.
const DATE_BYTES_MAX: usize = 40;

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Int,
        Self::Id,
        Self::Uuid,
        Self::Date,
        Self::Flag,
        Self::Text,
        Self::Key,
    ];

    /// The name used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Id => "id",
            Self::Uuid => "uuid",
            Self::Date => "date",
            Self::Flag => "flag",
            Self::Text => "text",
            Self::Key => "key",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What it holds, for messages.
    pub(crate) const fn holds(self) -> &'static str {
        match self {
            Self::Int => "1 to 20 decimal digits",
            Self::Id => "1 to 128 of `A-Z a-z 0-9 _ - . ~ : @ !`, not beginning with `.`",
            Self::Uuid => "a UUID in its usual form",
            Self::Date => "a date such as 2026-01-31, or a date and time of RFC 3339",
            Self::Flag => "`true` or `false`",
            Self::Text => "a text of 1 to 2048 bytes",
            Self::Key => "nothing: the host puts the idempotency key there",
        }
    }

    /// Whether a value is of this kind.
    #[must_use]
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::Int => {
                (1..=INT_DIGITS_MAX).contains(&value.len())
                    && value.bytes().all(|b| b.is_ascii_digit())
            }
            Self::Id => {
                (1..=ID_BYTES_MAX).contains(&value.len())
                    && !value.starts_with('.')
                    && value.bytes().all(is_id_byte)
            }
            Self::Uuid => is_uuid(value),
            Self::Date => is_date(value),
            Self::Flag => matches!(value, "true" | "false"),
            Self::Text => (1..=HTTP_SEGMENT_BYTES_MAX).contains(&value.len()),
            Self::Key => value.is_empty(),
        }
    }

    /// Whether every value of the other kind is one of this.
    pub(super) fn covers(self, other: Self) -> bool {
        match self {
            Self::Text => other != Self::Key,
            Self::Id => matches!(other, Self::Int | Self::Id | Self::Uuid | Self::Flag),
            Self::Int | Self::Uuid | Self::Date | Self::Flag | Self::Key => self == other,
        }
    }

    /// The value as rules see it. `007` and numbers that JSON cannot hold exactly
    /// stay texts, so that two requests never look like one; a rule that compares
    /// numbers then takes the worst case.
    pub(super) fn json(self, value: &str) -> Value {
        match self {
            Self::Int => {
                let exact = value.parse::<u64>().ok();
                let exact = exact.filter(|number| *number <= EXACT_INTEGER_MAX);
                match exact.filter(|number| number.to_string() == value) {
                    Some(number) => Value::from(number),
                    None => Value::from(value),
                }
            }
            Self::Flag => Value::from(value == "true"),
            Self::Id | Self::Uuid | Self::Date | Self::Text | Self::Key => Value::from(value),
        }
    }
}

fn is_id_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'~' | b':' | b'@' | b'!')
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// Only digits, signs and `T`, `Z` reach the parser, so that no other spelling
/// it may know passes.
fn is_date(value: &str) -> bool {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'+' | b'T' | b'Z');
    if value.len() > DATE_BYTES_MAX || !value.bytes().all(plain) || value.starts_with(['+', '-']) {
        return false;
    }
    if value.len() == 10 {
        return Date::parse(value, format_description!("[year]-[month]-[day]")).is_ok();
    }
    value.as_bytes().get(10) == Some(&b'T') && OffsetDateTime::parse(value, &Rfc3339).is_ok()
}
