//! Amounts that are added up, exactly.
//!
//! The attack: many small amounts that a double rounds away, so that a sum never
//! reaches its limit. Amounts are whole numbers of 10^-18 here; a sum that does
//! not fit is no sum, and so the worst case.

use std::fmt;

use serde_json::Value;

/// Digits after the point: the smallest unit of the currencies in use has 18.
const DECIMALS: usize = 18;
const ONE: i128 = 10_i128.pow(DECIMALS as u32);

/// An exact decimal number of at least 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Read a decimal: digits, and a point with digits after it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::scaled(text, 0)
    }

    /// The amount that a value states: a number, or a text such as `"12.50"`.
    /// Nothing where it states none, has more decimals than can be kept, or is below
    /// 0: an agent could win room by calling with negative amounts.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => u64::try_from(whole).ok().and_then(Self::whole),
                None => match number.as_u64() {
                    Some(whole) => Self::whole(whole),
                    None => Self::float(number.as_f64()?),
                },
            },
            // As parameters of statements are written, where JSON has no number.
            Value::Object(members) if members.len() == 1 => {
                let written = members.get("integer").or_else(|| members.get("real"));
                Self::parse(written?.as_str()?)
            }
            _ => None,
        }
    }

    /// The sum of two; nothing where it is too large.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    fn whole(whole: u64) -> Option<Self> {
        i128::from(whole).checked_mul(ONE).map(Self)
    }

    /// The decimal that the shortest text of a double states: what was sent.
    fn float(float: f64) -> Option<Self> {
        let mut buffer = ryu_js::Buffer::new();
        let text = buffer.format(float);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        Self::scaled(mantissa, exponent.parse().ok()?)
    }

    fn scaled(text: &str, exponent: i32) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let mut units: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            units = units.checked_mul(10)?.checked_add((digit - b'0').into())?;
        }
        let power = DECIMALS as i32 + exponent - i32::try_from(fraction.len()).ok()?;
        if units == 0 {
            return Some(Self::ZERO);
        }
        let factor = 10_i128.checked_pow(u32::try_from(power).ok()?)?;
        units.checked_mul(factor).map(Self)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / ONE, self.0 % ONE);
        let rest = format!("{rest:018}");
        match rest.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            rest => write!(f, "{whole}.{rest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn an_amount_is_what_the_value_states() {
        for (value, expected) in [
            (json!(5), Some("5")),
            (json!(0.1), Some("0.1")),
            (json!(12.50), Some("12.5")),
            (json!("12.50"), Some("12.5")),
            (json!("0012"), Some("12")),
            (json!(1e-7), Some("0.0000001")),
            (json!(0), Some("0")),
            (json!(1e20), Some("100000000000000000000")),
            (json!({"real": "0.25"}), Some("0.25")),
            (
                json!({"integer": "9007199254740993"}),
                Some("9007199254740993"),
            ),
            (json!(u64::MAX), Some("18446744073709551615")),
            (json!(-5), None),
            (json!(-0.5), None),
            (json!("-5"), None),
            (json!("1e3"), None),
            (json!("12,50"), None),
            (json!(" 5"), None),
            (json!("5."), None),
            (json!("."), None),
            (json!(""), None),
            (json!(1e300), None),
            (json!(1e-30), None),
            (json!({"real": "5", "integer": "1"}), None),
            (json!(null), None),
            (json!([5]), None),
        ] {
            let found = Amount::of(&value).map(|amount| amount.to_string());
            assert_eq!(found.as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn small_amounts_add_up_and_large_ones_do_not_wrap() {
        let tenth = Amount::of(&json!(0.1)).unwrap();
        let sum = (0..1_000_000).try_fold(Amount::ZERO, |sum, _| sum.plus(tenth));
        assert_eq!(sum.unwrap().to_string(), "100000");
        let most = Amount(i128::MAX);
        assert_eq!(most.plus(tenth), None);
        assert_eq!(Amount::parse(&"9".repeat(40)), None);
    }
}
