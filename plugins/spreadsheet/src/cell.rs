//! What one cell holds, as JSON sees it.
//!
//! Dates are ISO 8601 text: JSON has no dates, and a serial number would mean
//! nothing to a reader. Two values are the same when a person would see the
//! same: a spreadsheet program turns `5` into text and back as it pleases, and
//! an undo must not fail for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use crate::limits;

/// The value of a cell: nothing, true or false, a number, or text. Dates are
/// ISO 8601 text such as `2026-11-22` or `2026-11-22T09:30:00`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Cell {
    /// An empty cell.
    #[default]
    Empty,
    /// True or false.
    Bool(bool),
    /// A number. Above 15 digits send text: spreadsheets keep no more.
    Number(f64),
    /// Text, or a date in ISO 8601.
    Text(String),
}

/// Integers up to here are exact both in JSON and in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Spreadsheet programs keep 15 digits of a number, whatever the file holds.
const FIFTEEN_DIGITS: f64 = 1e15;

impl Cell {
    /// Text, or an empty cell where there is none.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Empty
        } else {
            Self::Text(text)
        }
    }

    /// Whether there is nothing in the cell.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty) || matches!(self, Self::Text(text) if text.is_empty())
    }

    /// Whether a person would see the same value.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => {
                a == b || (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
            }
            (Self::Text(a), Self::Text(b)) => a == b,
            _ => self.shown() == other.shown(),
        }
    }

    /// The value as text, the way csv holds it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// Why the value cannot stand in a cell, if it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Number(n) if !n.is_finite() => Err("the number is not finite".to_owned()),
            Self::Number(n) if n.fract() == 0.0 && n.abs() >= FIFTEEN_DIGITS => {
                Err("a spreadsheet keeps only 15 digits of a number; send it as text".to_owned())
            }
            Self::Text(text) => check_text(text),
            _ => Ok(()),
        }
    }
}

/// XML 1.0 has no place for control characters and non-characters. A carriage
/// return is allowed: it is written as an escape that the format has for it.
fn check_text(text: &str) -> Result<(), String> {
    let units = text.encode_utf16().count();
    if units > limits::CELL_TEXT {
        return Err(format!(
            "the text has {units} characters, and a cell holds {}",
            limits::CELL_TEXT
        ));
    }
    match text.chars().find(|c| !is_allowed(*c)) {
        Some(c) => Err(format!(
            "the text holds U+{:04X}, which no cell can hold",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r') || !(c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}'))
}

impl Serialize for Cell {
    /// A number beyond ±2^53 becomes text: two of them could share one double.
    #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Number(n) if n.abs() > EXACT || !n.is_finite() => to.collect_str(n),
            Self::Number(n) if n.fract() == 0.0 => to.serialize_i64(*n as i64),
            Self::Number(n) => to.serialize_f64(*n),
            Self::Text(text) => to.serialize_str(text),
        }
    }
}

impl fmt::Display for Cell {
    /// For messages: text in quotes, cut where it is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing"),
            Self::Text(text) if text.chars().count() > 80 => {
                write!(f, "{:?}…", text.chars().take(80).collect::<String>())
            }
            Self::Text(text) => write!(f, "{text:?}"),
            other => f.write_str(&other.shown()),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}
