//! Domains: Tryton's conditions, as lists of `[field, operator, value]`.

use serde_json::{Value, json};
use tollgate_sdk::ToolError;

use super::{contact, value};
use crate::settings::{Archive, Type};
use crate::system::{Comparison, Condition};
use crate::value::Scalar;

/// All conditions of a search.
pub(super) fn all(conditions: &[Condition]) -> Result<Value, ToolError> {
    let each = conditions.iter().enumerate();
    let each = each.map(|(i, condition)| clause(i, condition));
    Ok(each.collect::<Result<Vec<_>, _>>()?.into())
}

fn clause(i: usize, condition: &Condition) -> Result<Value, ToolError> {
    let operator = match condition.is {
        Comparison::Equal | Comparison::Empty => "=",
        Comparison::NotEqual | Comparison::NotEmpty => "!=",
        Comparison::Contains => "ilike",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    let wanted = crate::tools::value_of(i, condition)?;
    let wanted = match (condition.is, wanted) {
        (Comparison::Contains, Some(part)) => format!("%{}%", plain(&part.text())).into(),
        (_, wanted) => value::write(wanted, None),
    };
    if contact::is_name(&condition.property) {
        return Ok(contact::clause(&condition.property, operator, &wanted));
    }
    Ok(json!([condition.property, operator, wanted]))
}

/// A text in which `%` and `_` mean themselves.
fn plain(text: &str) -> String {
    let text = text.replace('\\', "\\\\");
    text.replace('%', "\\%").replace('_', "\\_")
}

/// Records with this value, those that are put away among them: the value of a
/// unique field is taken by those as well.
pub(super) fn equal(of: &Type, property: &str, wanted: &Scalar) -> Value {
    let clause = if contact::is_one(of, property) {
        contact::clause(property, "=", &value::write(Some(wanted), None))
    } else {
        json!([property, "=", value::write(Some(wanted), None)])
    };
    with_archived(of, vec![clause])
}

/// The record of this id.
pub(super) fn id(of: &Type, id: &str) -> Value {
    with_archived(of, vec![json!(["id", "=", value::number(id)])])
}

/// The records of these ids.
pub(super) fn ids(of: &Type, ids: &[String]) -> Value {
    let ids = ids.iter().map(|id| value::number(id)).collect::<Vec<_>>();
    with_archived(of, vec![json!(["id", "in", ids])])
}

/// The records of which a field holds this record.
pub(super) fn linked(of: &Type, field: &str, id: &str) -> Value {
    with_archived(of, vec![json!([field, "=", value::number(id)])])
}

/// Tryton leaves out what is not active, unless the domain speaks of it.
fn with_archived(of: &Type, mut clauses: Vec<Value>) -> Value {
    if let Some(Archive::Field(field)) = &of.archive {
        clauses.push(json!([field, "in", [true, false]]));
    }
    clauses.into()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn conditions(of: Value) -> Vec<Condition> {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn what_a_caller_writes_is_a_value_and_never_a_pattern() {
        let wanted = conditions(json!([
            {"property": "name", "is": "contains", "value": "100%_\\"},
            {"property": "code", "is": "not_empty"},
        ]));
        assert_eq!(
            all(&wanted).unwrap(),
            json!([["name", "ilike", "%100\\%\\_\\\\%"], ["code", "!=", null]])
        );
    }

    #[test]
    fn a_condition_without_its_value_is_refused() {
        let wanted = conditions(json!([{"property": "name", "is": "equal"}]));
        assert!(
            matches!(all(&wanted), Err(ToolError::InvalidInput { pointer, .. }) if pointer == "/where/0/value")
        );
    }

    #[test]
    fn what_is_put_away_counts_where_a_value_must_be_unique() {
        let of = json!({"model": "party.party", "read": ["code"], "archive": {"field": "active"}});
        let of: Type = serde_json::from_value(of).unwrap();
        assert_eq!(
            equal(&of, "code", &Scalar::Text("K-1".into())),
            json!([["code", "=", "K-1"], ["active", "in", [true, false]]])
        );
    }
}
