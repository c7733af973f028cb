//! Decimal numbers, to tell whether a double holds one exactly.

use serde_json::{Number, Value};

use super::{CanonicalError, EXACT_INTEGER_MAX, Step, pointer};

/// A decimal number: `0.digits × 10^point`, without zeros at either end.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    /// The shortest digits that read back as the same double, as ECMAScript's
    /// `Number::toString` has them: of two that are as near it takes the even one,
    /// the standard library the farther from zero.
    pub(super) fn of(float: f64) -> Self {
        let text = ryu_js::Buffer::new().format_finite(float).to_owned();
        Self::read(&text).expect("a written double is a readable numeral")
    }

    /// Reads a JSON numeral. Nothing where the exponent is absurd.
    pub(super) fn read(numeral: &str) -> Option<Self> {
        let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
        let exponent: i64 = exponent.parse::<i32>().ok()?.into();
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let zeros = (all.len() - digits.len()) as i64;
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits,
                point: 0,
            });
        }
        Some(Self {
            negative,
            digits,
            point: whole.len() as i64 - zeros + exponent,
        })
    }
}

pub(super) fn inexact(path: &[Step], number: &str) -> CanonicalError {
    let number = number.chars().take(40).collect();
    CanonicalError::InexactNumber {
        pointer: pointer(path),
        number,
    }
}

/// The number a numeral stands for, if a double holds just that: its shortest
/// digits are the numeral's own.
pub(super) fn exact(numeral: &str) -> Option<Value> {
    let written = Decimal::read(numeral)?;
    let float: f64 = numeral.parse().ok()?;
    if !float.is_finite() || float.abs() > EXACT_INTEGER_MAX as f64 || Decimal::of(float) != written
    {
        return None;
    }
    if float.fract() == 0.0 {
        return Some((float as i64).into());
    }
    Number::from_f64(float).map(Value::Number)
}
