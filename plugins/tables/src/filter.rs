//! Conditions, typed. Each vendor's file writes them in its own language.

use serde_json::Value;
use tollgate_sdk::prelude::*;

use crate::field::{Field, Holds};
use crate::settings::Table;

/// Most conditions in one call.
pub(crate) const CONDITIONS_MAX: usize = 10;

/// Longest text in a condition, characters.
const CHARS_MAX: usize = 500;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Test {
    /// It is this value.
    Equals,
    /// It is another value, or none.
    NotEquals,
    /// The text stands somewhere in it, upper or lower case.
    Contains,
    /// Numbers only.
    GreaterThan,
    /// Numbers only.
    AtLeast,
    /// Numbers only.
    LessThan,
    /// Numbers only.
    AtMost,
    /// It holds nothing; without a value.
    Empty,
    /// It holds something; without a value.
    NotEmpty,
}

#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// The field, by its name in the manifest; `tables` lists them.
    pub(crate) field: String,
    /// How it is compared.
    pub(crate) is: Test,
    /// What it is compared with: text, a number, true or false.
    #[serde(default)]
    #[schemars(schema_with = "scalar")]
    pub(crate) value: Value,
}

/// A condition that fits its field.
#[derive(Debug)]
pub(crate) struct Checked<'t> {
    pub(crate) field: &'t Field,
    pub(crate) is: Test,
    pub(crate) value: Value,
}

/// The conditions of a call, each held against its field.
pub(crate) fn checked<'t>(
    table: &'t Table,
    conditions: &[Condition],
) -> Result<Vec<Checked<'t>>, ToolError> {
    if conditions.len() > CONDITIONS_MAX {
        let message = format!("has more than {CONDITIONS_MAX} conditions");
        return Err(ToolError::invalid_input("/filter", message));
    }
    let each = conditions.iter().enumerate();
    each.map(|(i, condition)| {
        let at = format!("/filter/{i}");
        let field = table.field(&condition.field, &format!("{at}/field"))?;
        let wrong = |message: String| Err(ToolError::invalid_input(format!("{at}/value"), message));
        if let Some(fault) = misfit(field, condition.is, &condition.value) {
            return wrong(fault);
        }
        Ok(Checked {
            field,
            is: condition.is,
            value: condition.value.clone(),
        })
    })
    .collect()
}

fn misfit(field: &Field, is: Test, value: &Value) -> Option<String> {
    if matches!(is, Test::Empty | Test::NotEmpty) {
        return (!value.is_null()).then(|| "must be left out".to_owned());
    }
    if value.is_null() {
        return Some("is missing; use `empty` for a field that holds nothing".to_owned());
    }
    let is_allowed = match is {
        Test::Contains => field.holds == Holds::Text,
        Test::GreaterThan | Test::AtLeast | Test::LessThan | Test::AtMost => {
            field.holds == Holds::Number
        }
        _ => !matches!(field.holds, Holds::Date | Holds::Other),
    };
    if !is_allowed {
        return Some("cannot be compared like that with this field".to_owned());
    }
    if let Value::String(text) = value
        && (text.is_empty()
            || text.chars().count() > CHARS_MAX
            || text.chars().any(char::is_control))
    {
        return Some(format!("must be 1 to {CHARS_MAX} characters in one line"));
    }
    field.unfit(value)
}

fn scalar(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": ["string", "number", "boolean", "null"]})
}
