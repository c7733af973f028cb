//! NocoDB, records API v2 (nocodb.com/apis/v2/data), below `/api/v2`. Its
//! writes answer ids only, so each is read back. There are no conditional writes
//! and no idempotency keys.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollgate_sdk::http::Response;
use tollgate_sdk::{ToolError, http};

use super::{DESTINATION, Page, Raw, unreadable};
use crate::filter::{Checked, Test};
use crate::settings::Table;

/// What ends a value, a condition or a list in `where`, and the wildcards of
/// `like`. There is no way to escape them (tried against 0.301), so that a value
/// with one is refused.
const MARKS: [char; 8] = [',', '(', ')', '~', '%', '_', '"', '\\'];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    list: Vec<Map<String, Value>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    #[serde(default)]
    is_last_page: bool,
}

pub(super) fn list(
    table: &Table,
    conditions: &[Checked<'_>],
    limit: u32,
    from: Option<&str>,
) -> Result<Page, ToolError> {
    let offset = from.map_or(Ok(0), |from| from.parse::<u32>().map_err(|_| next_fault()))?;
    let mut fields = table.names();
    fields.push(&table.id_field);
    let filter = (!conditions.is_empty())
        .then(|| filter(conditions))
        .transpose()?;
    let answer = http::get(DESTINATION, ["tables", &table.id, "records"])
        .query("fields", fields.join(","))
        .query("limit", limit)
        .query("offset", offset)
        .query("sort", &table.id_field)
        .query_some("where", filter)
        .send()?;
    // An offset past the end, where records were removed meanwhile.
    if offset > 0 && answer.status() == 422 && says(&answer, "ERR_INVALID_OFFSET_VALUE") {
        return Ok(Page {
            records: Vec::new(),
            next: None,
        });
    }
    let found: Listed = answer.success()?.json()?;
    let count = u32::try_from(found.list.len()).unwrap_or(u32::MAX);
    let next = offset.saturating_add(count);
    let records = found.list.into_iter().map(|fields| raw(table, fields));
    Ok(Page {
        records: records.collect::<Result<_, _>>()?,
        next: (!found.page_info.is_last_page && count > 0).then(|| next.to_string()),
    })
}

pub(super) fn get(table: &Table, id: &str) -> Result<Raw, ToolError> {
    check_id(id)?;
    let mut fields = table.names();
    fields.push(&table.id_field);
    let answer = http::get(DESTINATION, ["tables", &table.id, "records", id])
        .query("fields", fields.join(","))
        .send()?;
    raw(table, answer.success()?.json()?)
}

pub(super) fn create(table: &Table, records: &[Map<String, Value>]) -> Result<Vec<Raw>, ToolError> {
    let answer = http::post(DESTINATION, ["tables", &table.id, "records"])
        .json(&records)
        .send()?
        .success()?;
    let made: Vec<Map<String, Value>> =
        answer.json().map_err(|error| unreadable(error.message()))?;
    if made.len() != records.len() {
        return Err(unreadable("it names another number of records"));
    }
    let each = made.into_iter();
    each.map(|one| {
        let id = id_of(table, &one).ok_or_else(|| unreadable("a record has no id"))?;
        get(table, &id).map_err(|error| unreadable(error.message()))
    })
    .collect()
}

pub(super) fn update(
    table: &Table,
    id: &str,
    fields: &Map<String, Value>,
) -> Result<Raw, ToolError> {
    let mut content = fields.clone();
    content.insert(table.id_field.clone(), wire_id(id)?);
    http::patch(DESTINATION, ["tables", &table.id, "records"])
        .json(&content)
        .send()?
        .success()?;
    get(table, id).map_err(|error| unreadable(error.message()))
}

pub(super) fn delete(table: &Table, id: &str) -> Result<(), ToolError> {
    let mut content = Map::new();
    content.insert(table.id_field.clone(), wire_id(id)?);
    http::delete(DESTINATION, ["tables", &table.id, "records"])
        .json(&content)
        .send()?
        .success()?;
    Ok(())
}

/// `(Name,eq,Lamp)~and(Amount,gt,3)`. The attack: the value
/// `x)~or(Salary,gt,0`, which ends its condition and begins another one.
fn filter(conditions: &[Checked<'_>]) -> Result<String, ToolError> {
    let each = conditions.iter().enumerate();
    let written = each.map(|(i, condition)| one(condition, i));
    Ok(written.collect::<Result<Vec<_>, _>>()?.join("~and"))
}

fn one(condition: &Checked<'_>, index: usize) -> Result<String, ToolError> {
    let name = &condition.field.name;
    let operator = match (condition.is, &condition.value) {
        (Test::Equals, Value::Bool(true)) | (Test::NotEquals, Value::Bool(false)) => {
            return Ok(format!("({name},checked)"));
        }
        (Test::Equals, Value::Bool(false)) | (Test::NotEquals, Value::Bool(true)) => {
            return Ok(format!("({name},notchecked)"));
        }
        (Test::Empty, _) => return Ok(format!("({name},blank)")),
        (Test::NotEmpty, _) => return Ok(format!("({name},notblank)")),
        (Test::Equals, _) => "eq",
        (Test::NotEquals, _) => "neq",
        (Test::Contains, _) => "like",
        (Test::GreaterThan, _) => "gt",
        (Test::AtLeast, _) => "gte",
        (Test::LessThan, _) => "lt",
        (Test::AtMost, _) => "lte",
    };
    let value = match &condition.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let is_wild = condition.is == Test::Contains;
    let marks = MARKS
        .iter()
        .filter(|mark| is_wild || !matches!(mark, '%' | '_'));
    let mut found = marks.filter(|mark| value.contains(**mark));
    if let Some(mark) = found.next() {
        let message = format!("has `{mark}`, which NocoDB would take for a part of the filter");
        return Err(
            ToolError::invalid_input(format!("/filter/{index}/value"), message)
                .hint("use a value without it, or read the records and compare them"),
        );
    }
    // NocoDB reads these words, and an empty value, as something else.
    let is_word = matches!(value.trim(), "null" | "true" | "false" | "") || value.trim() != value;
    if is_word && condition.value.is_string() {
        let message = "is a word or has spaces at an end that NocoDB reads differently";
        return Err(ToolError::invalid_input(
            format!("/filter/{index}/value"),
            message,
        ));
    }
    Ok(format!("({name},{operator},{value})"))
}

fn raw(table: &Table, fields: Map<String, Value>) -> Result<Raw, ToolError> {
    let id = id_of(table, &fields).ok_or_else(|| {
        ToolError::failed(format!("a record has no field `{}`", table.id_field))
            .hint("the operator can set `id_field` of the table under [config]")
    })?;
    Ok(Raw { id, fields })
}

fn id_of(table: &Table, fields: &Map<String, Value>) -> Option<String> {
    match fields.get(&table.id_field)? {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// A number where it is one: NocoDB compares ids by kind.
fn wire_id(id: &str) -> Result<Value, ToolError> {
    check_id(id)?;
    Ok(id
        .parse::<u64>()
        .map_or_else(|_| json!(id), |number| json!(number)))
}

fn check_id(id: &str) -> Result<(), ToolError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if (1..=64).contains(&id.len()) && id.bytes().all(is_plain) {
        return Ok(());
    }
    Err(ToolError::invalid_input("/id", "is no id of a record"))
}

fn says(answer: &Response, code: &str) -> bool {
    let content = answer.json::<Value>().unwrap_or_default();
    content.get("error").and_then(Value::as_str) == Some(code)
}

fn next_fault() -> ToolError {
    ToolError::invalid_input("/next", "is not what an earlier page said")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;
    use crate::filter::{Condition, checked};
    use crate::settings::sample;

    fn written(conditions: Value) -> Result<String, ToolError> {
        let table = sample();
        let conditions: Vec<Condition> = serde_json::from_value(conditions).unwrap();
        filter(&checked(&table, &conditions)?)
    }

    #[test]
    fn conditions_become_one_filter() {
        let filter = written(json!([
            {"field": "customer", "is": "equals", "value": "Lamp & Co. = 1"},
            {"field": "amount", "is": "at_least", "value": 2.5},
            {"field": "paid", "is": "equals", "value": false},
            {"field": "status", "is": "not_empty"},
        ]));
        assert_eq!(
            filter.unwrap(),
            "(Name,eq,Lamp & Co. = 1)~and(Amount,gte,2.5)~and(Paid,notchecked)~and(Status,notblank)"
        );
    }

    #[test]
    fn a_value_cannot_end_its_condition() {
        for value in [
            "x)~or(Salary,gt,0",
            "a,b",
            "(",
            ")",
            "~not",
            "\"x",
            "a\\",
            "null",
            " x",
            "x\ny",
            "",
        ] {
            let filter = written(json!([{"field": "customer", "is": "equals", "value": value}]));
            assert!(
                matches!(&filter, Err(ToolError::InvalidInput { pointer, .. }) if pointer == "/filter/0/value"),
                "{value}: {filter:?}"
            );
        }
        let wild = json!([{"field": "customer", "is": "contains", "value": "%"}]);
        assert!(written(wild).is_err());
        let field = json!([{"field": "x,eq,1)~or(Id", "is": "equals", "value": "x"}]);
        assert!(written(field).is_err());
        let kind = json!([{"field": "amount", "is": "equals", "value": "1)~or(Id,gt,0"}]);
        assert!(written(kind).is_err());
    }

    #[test]
    fn an_id_is_one_segment() {
        assert_eq!(wire_id("7").unwrap(), json!(7));
        assert_eq!(wire_id("a-7").unwrap(), json!("a-7"));
        assert!(wire_id("7/../x").is_err() && wire_id("").is_err() && wire_id("7,8").is_err());
    }
}
