//! Airtable, Web API v0 (airtable.com/developers/web/api), below `/v0`. A record
//! is found with `POST …/listRecords`, which takes in its content what `GET`
//! takes as repeated query parameters. There are no conditional writes and no
//! idempotency keys.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollgate_sdk::{ToolError, http};

use super::{DESTINATION, Page, Raw, unreadable};
use crate::filter::{Checked, Test};
use crate::settings::Table;

#[derive(Deserialize)]
struct Listed {
    records: Vec<Record>,
    #[serde(default)]
    offset: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

impl From<Record> for Raw {
    fn from(record: Record) -> Self {
        let Record { id, fields } = record;
        Self { id, fields }
    }
}

pub(super) fn list(
    base: &str,
    table: &Table,
    conditions: &[Checked<'_>],
    limit: u32,
    from: Option<&str>,
) -> Result<Page, ToolError> {
    let mut content = json!({ "pageSize": limit, "fields": table.names() });
    if !conditions.is_empty() {
        content["filterByFormula"] = json!(formula(conditions)?);
    }
    if let Some(from) = from {
        content["offset"] = json!(from);
    }
    let path = [base, &table.id, "listRecords"];
    let answer = http::post(DESTINATION, path).json(&content).send()?;
    let found: Listed = answer.success()?.json()?;
    Ok(Page {
        records: found.records.into_iter().map(Raw::from).collect(),
        next: found.offset,
    })
}

pub(super) fn get(base: &str, table: &Table, id: &str) -> Result<Raw, ToolError> {
    check_id(id)?;
    let answer = http::get(DESTINATION, [base, &table.id, id]).send()?;
    let record: Record = answer.success()?.json()?;
    Ok(record.into())
}

pub(super) fn create(
    base: &str,
    table: &Table,
    records: &[Map<String, Value>],
) -> Result<Vec<Raw>, ToolError> {
    let records: Vec<Value> = records
        .iter()
        .map(|fields| json!({ "fields": fields }))
        .collect();
    // Without typecast a choice that does not exist is refused, not made.
    let content = json!({ "records": records, "typecast": false });
    let path = [base, table.id.as_str()];
    let answer = http::post(DESTINATION, path)
        .json(&content)
        .send()?
        .success()?;
    let made: Listed = answer.json().map_err(|error| unreadable(error.message()))?;
    if made.records.len() != records.len() {
        return Err(unreadable("it names another number of records"));
    }
    Ok(made.records.into_iter().map(Raw::from).collect())
}

pub(super) fn update(
    base: &str,
    table: &Table,
    id: &str,
    fields: &Map<String, Value>,
) -> Result<Raw, ToolError> {
    check_id(id)?;
    let content = json!({ "fields": fields, "typecast": false });
    let request = http::patch(DESTINATION, [base, &table.id, id]).json(&content);
    let answer = request.send()?.success()?;
    let record: Record = answer.json().map_err(|error| unreadable(error.message()))?;
    Ok(record.into())
}

pub(super) fn delete(base: &str, table: &Table, id: &str) -> Result<(), ToolError> {
    check_id(id)?;
    http::delete(DESTINATION, [base, &table.id, id])
        .send()?
        .success()?;
    Ok(())
}

/// `AND({Name}="Lamp",{Amount}>3)`. The attack: the value `"),1,("`, which ends
/// its text and begins a formula of its own.
fn formula(conditions: &[Checked<'_>]) -> Result<String, ToolError> {
    let each = conditions.iter().enumerate();
    let written = each.map(|(i, condition)| one(condition, i));
    let written: Vec<String> = written.collect::<Result<_, _>>()?;
    Ok(format!("AND({})", written.join(",")))
}

fn one(condition: &Checked<'_>, index: usize) -> Result<String, ToolError> {
    let field = format!("{{{}}}", condition.field.name);
    let value = || literal(&condition.value, index);
    Ok(match (condition.is, &condition.value) {
        (Test::Equals, Value::Bool(true)) | (Test::NotEquals, Value::Bool(false)) => field,
        (Test::Equals, Value::Bool(false)) | (Test::NotEquals, Value::Bool(true)) => {
            format!("NOT({field})")
        }
        (Test::Empty, _) => format!("{field}=BLANK()"),
        (Test::NotEmpty, _) => format!("{field}!=BLANK()"),
        (Test::Equals, _) => format!("{field}={}", value()?),
        (Test::NotEquals, _) => format!("{field}!={}", value()?),
        (Test::Contains, _) => format!("FIND(LOWER({}),LOWER({field}&\"\"))>0", value()?),
        // A field that holds nothing is 0 in a comparison.
        (Test::GreaterThan, _) => format!("AND({field}!=BLANK(),{field}>{})", value()?),
        (Test::AtLeast, _) => format!("AND({field}!=BLANK(),{field}>={})", value()?),
        (Test::LessThan, _) => format!("AND({field}!=BLANK(),{field}<{})", value()?),
        (Test::AtMost, _) => format!("AND({field}!=BLANK(),{field}<={})", value()?),
    })
}

/// A text between quotation marks, in which `\` and `"` are escaped; control
/// characters were refused before. A number in plain digits.
fn literal(value: &Value, index: usize) -> Result<String, ToolError> {
    match value {
        Value::String(text) => {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
            Ok(format!("\"{escaped}\""))
        }
        Value::Number(number) if !number.to_string().contains(['e', 'E']) => Ok(number.to_string()),
        _ => Err(ToolError::invalid_input(
            format!("/filter/{index}/value"),
            "cannot be written in a formula of Airtable",
        )),
    }
}

/// `rec` and 14 letters and digits; another segment would be another resource.
fn check_id(id: &str) -> Result<(), ToolError> {
    let is_record = id.starts_with("rec")
        && (4..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_record {
        return Ok(());
    }
    let message = "is no id of a record; those of Airtable begin with `rec`";
    Err(ToolError::invalid_input("/id", message))
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
        formula(&checked(&table, &conditions)?)
    }

    #[test]
    fn conditions_become_one_formula() {
        let formula = written(json!([
            {"field": "customer", "is": "contains", "value": "Lamp"},
            {"field": "amount", "is": "less_than", "value": 3},
            {"field": "paid", "is": "not_equals", "value": true},
            {"field": "status", "is": "empty"},
        ]));
        assert_eq!(
            formula.unwrap(),
            "AND(FIND(LOWER(\"Lamp\"),LOWER({Name}&\"\"))>0,AND({Amount}!=BLANK(),{Amount}<3),NOT({Paid}),{Status}=BLANK())"
        );
    }

    /// Reads the formula as Airtable does: what stands outside of quotation marks.
    fn outside(formula: &str) -> String {
        let (mut outside, mut is_in, mut chars) = (String::new(), false, formula.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' if is_in => drop(chars.next()),
                '"' => is_in = !is_in,
                c if !is_in => outside.push(c),
                _ => {}
            }
        }
        assert!(!is_in, "a text does not end: {formula}");
        outside
    }

    #[test]
    fn a_value_stays_inside_of_its_quotation_marks() {
        for value in [
            "\"),1,(\"",
            "\\",
            "\\\"",
            "\\\\\"),TRUE(),(\"",
            "{Salary}",
            "\" & {Salary} & \"",
            "'",
        ] {
            let formula =
                written(json!([{"field": "customer", "is": "equals", "value": value}])).unwrap();
            assert_eq!(outside(&formula), "AND({Name}=)", "{value}: {formula}");
        }
        let lines = json!([{"field": "customer", "is": "equals", "value": "a\nb"}]);
        assert!(written(lines).is_err());
        let huge = json!([{"field": "amount", "is": "equals", "value": 1e300}]);
        assert!(written(huge).is_err());
    }

    #[test]
    fn an_id_names_a_record_and_nothing_else() {
        assert!(check_id("recA1b2C3d4E5f6G7").is_ok());
        for id in ["listRecords", "rec", "recA/../x", "recA1?x", "", "7"] {
            assert!(check_id(id).is_err(), "{id}");
        }
    }
}
