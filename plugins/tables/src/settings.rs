//! What the operator fixed under `[config]`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tollgate_sdk::prelude::*;

use crate::field::{Field, Holds};
use crate::vendor::Vendor;

/// Values of a record, by the field's names in the manifest.
pub(crate) type Values = BTreeMap<String, Value>;

/// Which system it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Nocodb,
    Airtable,
}

/// One table, as the manifest describes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Its id at the vendor.
    pub(crate) id: String,
    /// NocoDB: the name of the field that holds the record's id.
    #[serde(default = "id_field_default")]
    pub(crate) id_field: String,
    /// The field, by its name here, in which no value may come twice.
    #[serde(default)]
    pub(crate) key: Option<String>,
    /// The fields that callers see, by the names that they use.
    pub(crate) fields: BTreeMap<String, Field>,
}

/// The tables of the manifest.
pub(crate) fn tables() -> Result<BTreeMap<String, Table>, ToolError> {
    Ok(config::require("tables")?)
}

/// The system of the manifest.
pub(crate) fn vendor() -> Result<Vendor, ToolError> {
    Ok(match config::require("kind")? {
        Kind::Nocodb => Vendor::NocoDb,
        Kind::Airtable => {
            let base: String = config::require("base")?;
            check_id("base", &base)?;
            Vendor::Airtable { base }
        }
    })
}

/// A table of the manifest. The attack: the id of a table that the same token
/// can open and the operator did not name.
pub(crate) fn table(name: &str) -> Result<Table, ToolError> {
    let mut tables = tables()?;
    let Some(table) = tables.remove(name) else {
        let known: Vec<&str> = tables.keys().map(String::as_str).collect();
        return Err(
            ToolError::not_found(format!("the manifest names no table `{name}`"))
                .hint(format!("the tables are: {}", known.join(", "))),
        );
    };
    table.check(name)?;
    Ok(table)
}

impl Table {
    /// A field, named at this place of the input.
    pub(crate) fn field(&self, name: &str, at: &str) -> Result<&Field, ToolError> {
        self.fields.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.fields.keys().map(String::as_str).collect();
            ToolError::invalid_input(at, format!("is no field; there are: {}", known.join(", ")))
        })
    }

    /// Values that may be written, by the vendor's names.
    pub(crate) fn writable(
        &self,
        values: &Values,
        at: &str,
    ) -> Result<Map<String, Value>, ToolError> {
        if values.is_empty() {
            return Err(ToolError::invalid_input(at, "names no field"));
        }
        let mut wire = Map::new();
        for (name, value) in values {
            let here = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let field = self.field(name, &here)?;
            if let Some(fault) = field.fault(value) {
                return Err(ToolError::invalid_input(here, fault));
            }
            wire.insert(field.name.clone(), value.clone());
        }
        Ok(wire)
    }

    /// What the vendor answered, as callers see it: no other field.
    pub(crate) fn read(&self, mut wire: Map<String, Value>) -> Values {
        let each = self.fields.iter();
        each.map(|(name, field)| (name.clone(), field.read(wire.remove(&field.name))))
            .collect()
    }

    /// The vendor's names of all fields.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.fields
            .values()
            .map(|field| field.name.as_str())
            .collect()
    }

    /// Names go into filters and lists of names. The attack is an accident here:
    /// a name with a bracket would change the filter of every call.
    fn check(&self, table: &str) -> Result<(), ToolError> {
        check_id(&format!("tables.{table}.id"), &self.id)?;
        let odd =
            |c: char| c.is_control() || matches!(c, ',' | '(' | ')' | '{' | '}' | '~' | '\\' | '"');
        let mut names = self.names();
        names.push(&self.id_field);
        if let Some(name) = names
            .iter()
            .find(|name| name.is_empty() || name.contains(odd))
        {
            return Err(wrong(format!(
                "the field `{name}` of the table `{table}` cannot be used: rename it without any of , ( ) {{ }} ~ \\ \""
            )));
        }
        if let Some(key) = &self.key
            && !self.fields.get(key).is_some_and(|field| {
                field.is_writable() && matches!(field.holds, Holds::Text | Holds::Number)
            })
        {
            return Err(wrong(format!(
                "the key `{key}` of the table `{table}` is no field that holds text or a number"
            )));
        }
        Ok(())
    }
}

fn check_id(place: &str, id: &str) -> Result<(), ToolError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !id.is_empty() && id.bytes().all(is_plain) {
        return Ok(());
    }
    Err(wrong(format!("`{place}` is no id")))
}

fn wrong(message: String) -> ToolError {
    ToolError::failed(message).hint("the operator can correct [config] in the manifest")
}

fn id_field_default() -> String {
    "Id".to_owned()
}

#[cfg(test)]
pub(crate) fn sample() -> Table {
    let text = serde_json::json!({"id": "m1", "key": "number", "fields": {
        "number": {"name": "Key"},
        "customer": {"name": "Name"},
        "amount": {"name": "Amount", "holds": "number"},
        "paid": {"name": "Paid", "holds": "flag"},
        "status": {"name": "Status", "holds": "choice", "choices": ["open", "done"]},
        "made": {"name": "CreatedAt", "holds": "date", "read_only": true},
    }});
    serde_json::from_value(text).unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_named_fields_are_read_and_written() {
        let table = sample();
        let answer = json!({"Key": "k-1", "Salary": 90000, "Paid": 1});
        let Value::Object(answer) = answer else {
            return;
        };
        let read = table.read(answer);
        assert_eq!(read.get("paid"), Some(&json!(true)));
        assert!(!read.contains_key("Salary") && read.len() == 6);
        for (values, at) in [
            (json!({"Salary": 1}), "/fields/Salary"),
            (json!({"made": "2026-01-01"}), "/fields/made"),
            (json!({"amount": "x"}), "/fields/amount"),
            (json!({}), "/fields"),
        ] {
            let values: Values = serde_json::from_value(values).unwrap_or_default();
            let refused = table.writable(&values, "/fields");
            assert!(
                matches!(&refused, Err(ToolError::InvalidInput { pointer, .. }) if pointer == at),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn names_that_could_change_a_filter_are_the_operator_s_to_correct() {
        let mut table = sample();
        assert!(table.check("orders").is_ok());
        table.key = Some("paid".to_owned());
        assert!(table.check("orders").is_err());
        let mut table = sample();
        table.id = "m1/records".to_owned();
        assert!(table.check("orders").is_err());
        let mut table = sample();
        if let Some(field) = table.fields.get_mut("customer") {
            field.name = "Name,eq,x)~or(Id".to_owned();
        }
        assert!(table.check("orders").is_err());
    }
}
