//! Numbers compared exactly.
//!
//! The attack: two integers beyond 2^53 that differ in the last digit become
//! one when both are made doubles, and the larger passes the smaller's limit.

use std::cmp::Ordering;

/// A number in a manifest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A whole one.
    Integer(i64),
    /// A finite one with a point or an exponent.
    Float(f64),
}

impl Number {
    /// How a JSON number compares with this one.
    #[must_use]
    pub fn compare(self, seen: &serde_json::Number) -> Option<Ordering> {
        if let (Self::Integer(own), Some(seen)) = (self, seen.as_i64()) {
            return Some(seen.cmp(&own));
        }
        exact(seen)?.partial_cmp(self.into())
    }
}

/// How two JSON numbers compare.
pub(super) fn compare(a: &serde_json::Number, b: &serde_json::Number) -> Option<Ordering> {
    exact(a)?.partial_cmp(exact(b)?)
}

/// A number with nothing rounded.
#[derive(Clone, Copy)]
enum Exact {
    Integer(i128),
    Float(f64),
}

fn exact(number: &serde_json::Number) -> Option<Exact> {
    let integer = number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from));
    integer
        .map(Exact::Integer)
        .or_else(|| number.as_f64().filter(|f| f.is_finite()).map(Exact::Float))
}

impl From<Number> for Exact {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(i) => Self::Integer(i.into()),
            Number::Float(f) => Self::Float(f),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Exact::from(*self).partial_cmp(Exact::from(*other))
    }
}

impl Exact {
    fn partial_cmp(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(&b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(&b),
            (Self::Integer(a), Self::Float(b)) => integer_with_float(a, b),
            (Self::Float(a), Self::Integer(b)) => integer_with_float(b, a).map(Ordering::reverse),
        }
    }
}

/// The float's whole part is exact as an `i128` (or saturates far beyond any
/// 64-bit integer); where the whole parts are equal, the fraction decides.
fn integer_with_float(integer: i128, float: f64) -> Option<Ordering> {
    let whole = float.trunc() as i128;
    let by_fraction = 0.0.partial_cmp(&float.fract())?;
    Some(integer.cmp(&whole).then(by_fraction))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn neighbours_beyond_2_53_stay_apart() {
        let compare =
            |number: Number, json: &str| number.compare(&serde_json::from_str(json).unwrap());
        for (number, json, expected) in [
            (
                Number::Integer(9_007_199_254_740_992),
                "9007199254740993",
                Greater,
            ),
            (
                Number::Integer(9_007_199_254_740_993),
                "9007199254740993",
                Equal,
            ),
            (Number::Integer(i64::MAX), "18446744073709551615", Greater),
            (Number::Integer(i64::MAX), "9223372036854775808.0", Greater),
            (Number::Integer(i64::MIN), "-9223372036854775808.0", Equal),
            (Number::Integer(5), "5.0", Equal),
            (Number::Integer(5), "5.5", Greater),
            (Number::Integer(-5), "-5.5", Less),
            (Number::Integer(0), "-0.0", Equal),
            (Number::Float(0.5), "1", Greater),
            (Number::Float(-0.5), "0", Greater),
            (Number::Float(1e300), "18446744073709551615", Less),
            (Number::Float(2.5), "2.5", Equal),
        ] {
            assert_eq!(
                compare(number, json),
                Some(expected),
                "{json} against {number:?}"
            );
        }
    }
}
