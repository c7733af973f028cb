//! The typed values that a case begins with.
//!
//! They are trusted: rules may say that a value must be one of them. So each has a
//! type and, where it is free, a pattern, and a value that does not fit opens no
//! case. The attack: a customer's mail brings more than the operator named, or an
//! amount in place of an order number.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::Date;
use time::macros::format_description;

use super::words;
use crate::mail::MailAddress;
use crate::{EXACT_INTEGER_MAX, Pattern, visible};

/// Longest text of an input without a bound of its own, in characters.
const TEXT_CHARS_MAX: u64 = 200;

/// Most digits of a decimal, before and after its point together.
const DECIMAL_DIGITS_MAX: usize = 30;

words! {
    /// The type of an input.
    InputType {
        /// A text.
        Text = "string",
        /// A whole number of at most 2^53.
        Integer = "integer",
        /// A number with a fixed point, as a text: `"12.50"`.
        Decimal = "decimal",
        /// Yes or no.
        Boolean = "boolean",
        /// A day, as `2027-01-31`.
        Date = "date",
        /// A mail address.
        Email = "email",
    }
}

/// One input, as the workflow declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDecl {
    /// Its type.
    pub kind: InputType,
    /// What a text must fit as a whole.
    pub pattern: Option<Pattern>,
    /// Most characters of a text.
    pub max: u64,
    /// Whether a case cannot begin without it.
    pub required: bool,
    /// What it is, for people.
    pub about: Option<String>,
}

impl InputDecl {
    /// An input of this type that a case needs, and nothing more said of it.
    #[must_use]
    pub fn of(kind: InputType) -> Self {
        Self {
            kind,
            pattern: None,
            max: TEXT_CHARS_MAX,
            required: true,
            about: None,
        }
    }
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the input `{name}` {problem}")]
pub struct InputFault {
    /// Which.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

impl InputFault {
    fn new(name: &str, problem: impl Into<String>) -> Self {
        Self {
            name: visible(name),
            problem: problem.into(),
        }
    }
}

/// The inputs of a case, each of its declared type, and no others.
///
/// # Errors
/// With the first one that does not fit.
pub fn check_inputs(
    declared: &BTreeMap<String, InputDecl>,
    given: &Map<String, Value>,
) -> Result<Map<String, Value>, InputFault> {
    if let Some(unknown) = given.keys().find(|name| !declared.contains_key(*name)) {
        let known: Vec<_> = declared.keys().map(String::as_str).collect();
        return Err(InputFault::new(
            unknown,
            format!("is none of this workflow; it has {}", listed(&known)),
        ));
    }
    let mut inputs = Map::new();
    for (name, decl) in declared {
        match given.get(name) {
            None | Some(Value::Null) if decl.required => {
                return Err(InputFault::new(name, "is missing"));
            }
            None | Some(Value::Null) => {}
            Some(value) => {
                let fits = decl.check(value);
                fits.map_err(|problem| InputFault::new(name, problem))?;
                inputs.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(inputs)
}

/// The same from texts, as they are typed on a command line.
///
/// # Errors
/// With the first one that does not fit.
pub fn inputs_from_text<'t>(
    declared: &BTreeMap<String, InputDecl>,
    given: impl IntoIterator<Item = (&'t str, &'t str)>,
) -> Result<Map<String, Value>, InputFault> {
    let mut typed = Map::new();
    for (name, text) in given {
        let value = match declared.get(name).map(|decl| decl.kind) {
            Some(InputType::Integer) => text.parse::<i64>().map(Value::from).ok(),
            Some(InputType::Boolean) => text.parse::<bool>().map(Value::from).ok(),
            _ => None,
        };
        let value = value.unwrap_or_else(|| Value::from(text));
        if typed.insert(name.to_owned(), value).is_some() {
            return Err(InputFault::new(name, "is given twice"));
        }
    }
    check_inputs(declared, &typed)
}

impl InputDecl {
    fn check(&self, value: &Value) -> Result<(), String> {
        match self.kind {
            InputType::Integer => {
                let exact = value.as_i64();
                let exact = exact.filter(|n| n.unsigned_abs() <= EXACT_INTEGER_MAX);
                return is(exact.is_some(), "is not a whole number of at most 2^53");
            }
            InputType::Boolean => return is(value.is_boolean(), "is not true or false"),
            InputType::Decimal => {
                is(
                    value.as_str().is_some_and(is_decimal),
                    "is not a decimal number as a text, for example \"12.50\"",
                )?;
            }
            InputType::Date => {
                let day = format_description!("[year]-[month]-[day]");
                let fits = |text: &str| text.len() == 10 && Date::parse(text, day).is_ok();
                is(
                    value.as_str().is_some_and(fits),
                    "is not a day as a text, for example \"2027-01-31\"",
                )?;
            }
            InputType::Email => {
                let fits = |text| MailAddress::parse(text).is_some();
                is(value.as_str().is_some_and(fits), "is not a mail address")?;
            }
            InputType::Text => is(value.is_string(), "is not a text")?,
        }
        let text = value.as_str().unwrap_or_default();
        is(
            text.chars().count() as u64 <= self.max,
            &format!("has more than {} characters", self.max),
        )?;
        match &self.pattern {
            Some(pattern) => is(
                pattern.matches(text) == Some(true),
                &format!("does not fit the pattern `{}`", pattern.as_str()),
            ),
            None => Ok(()),
        }
    }
}

fn is(fits: bool, problem: &str) -> Result<(), String> {
    match fits {
        true => Ok(()),
        false => Err(problem.to_owned()),
    }
}

/// Digits with one point at most and digits on both its sides; one text for one
/// number of places, so that `007` and `+7` are none.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = match text.split_once('.') {
        Some((whole, part)) => (whole, Some(part)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.len() <= DECIMAL_DIGITS_MAX
        && digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && part.is_none_or(digits)
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "no inputs".to_owned(),
        names => format!("`{}`", names.join("`, `")),
    }
}
