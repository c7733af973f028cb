//! Schemas, from OpenAPI's dialects to JSON Schema 2020-12.
//!
//! What is referred to comes along under `$defs`, once, so that a description
//! whose types refer to each other a thousand times stays as long as it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::document::Document;

/// How deep a schema may nest.
const DEPTH_MAX: usize = 48;

/// Most definitions that one tool may bring along.
const DEFINITIONS_MAX: usize = 200;

/// Keywords that say nothing about which values fit.
const DROPPED: [&str; 9] = [
    "discriminator",
    "xml",
    "externalDocs",
    "example",
    "examples",
    "readOnly",
    "writeOnly",
    "$schema",
    "$id",
];

/// Schemas of one tool while they are gathered.
pub(super) struct Schemas<'a> {
    document: &'a Document,
    /// Names by reference.
    names: BTreeMap<String, String>,
    definitions: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self {
            document,
            names: BTreeMap::new(),
            definitions: BTreeMap::new(),
        }
    }

    /// A schema of the description as one of ours.
    pub(super) fn take(&mut self, schema: &Value) -> Result<Value, String> {
        self.convert(schema, 0)
    }

    /// What was referred to.
    pub(super) fn definitions(self) -> Option<Value> {
        (!self.definitions.is_empty()).then(|| json!(self.definitions))
    }

    fn convert(&mut self, schema: &Value, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err("its schema nests too deep".to_owned());
        }
        let Value::Object(members) = schema else {
            // `true`, `false`, and what is no schema at all.
            return Ok(if schema.is_boolean() {
                schema.clone()
            } else {
                json!(true)
            });
        };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            return self.refer(reference, depth);
        }
        let mut made = Map::new();
        for (key, value) in members {
            if DROPPED.contains(&key.as_str()) || key.starts_with("x-") || key == "nullable" {
                continue;
            }
            let value = match key.as_str() {
                "properties" | "patternProperties" | "$defs" | "definitions" => {
                    self.each(value, depth)?
                }
                "items"
                | "additionalProperties"
                | "not"
                | "contains"
                | "propertyNames"
                | "if"
                | "then"
                | "else" => self.convert(value, depth + 1)?,
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
                    let list: Result<Vec<Value>, String> = list
                        .iter()
                        .map(|item| self.convert(item, depth + 1))
                        .collect();
                    Value::Array(list?)
                }
                _ => value.clone(),
            };
            made.insert(key.clone(), value);
        }
        from_three_zero(members, &mut made);
        Ok(Value::Object(made))
    }

    fn each(&mut self, schemas: &Value, depth: usize) -> Result<Value, String> {
        let mut made = Map::new();
        for (name, schema) in schemas.as_object().into_iter().flatten() {
            made.insert(name.clone(), self.convert(schema, depth + 1)?);
        }
        Ok(Value::Object(made))
    }

    fn refer(&mut self, reference: &str, depth: usize) -> Result<Value, String> {
        if let Some(name) = self.names.get(reference) {
            return Ok(json!({ "$ref": format!("#/$defs/{name}") }));
        }
        if self.names.len() >= DEFINITIONS_MAX {
            return Err("its schema refers to too many others".to_owned());
        }
        let schema = self.document.at(reference)?;
        let name = format!("d{}", self.names.len() + 1);
        self.names.insert(reference.to_owned(), name.clone());
        let made = self.convert(schema, depth + 1)?;
        self.definitions.insert(name.clone(), made);
        Ok(json!({ "$ref": format!("#/$defs/{name}") }))
    }
}

/// Keywords that OpenAPI 3.0 has otherwise than JSON Schema: `nullable`, and
/// `exclusiveMinimum` and `exclusiveMaximum` as flags.
fn from_three_zero(members: &Map<String, Value>, made: &mut Map<String, Value>) {
    for (exclusive, limit) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match members.get(exclusive) {
            Some(Value::Bool(true)) => {
                made.remove(exclusive);
                if let Some(limit) = made.remove(limit) {
                    made.insert(exclusive.to_owned(), limit);
                }
            }
            Some(Value::Bool(false)) => {
                made.remove(exclusive);
            }
            _ => {}
        }
    }
    if members.get("nullable") != Some(&Value::Bool(true)) {
        return;
    }
    match made.get_mut("type") {
        Some(Value::String(kind)) => {
            let kinds = json!([kind, "null"]);
            made.insert("type".to_owned(), kinds);
        }
        _ => {
            let schema = Value::Object(std::mem::take(made));
            made.insert("anyOf".to_owned(), json!([schema, { "type": "null" }]));
        }
    }
    if let Some(Value::Array(values)) = made.get_mut("enum")
        && !values.contains(&Value::Null)
    {
        values.push(Value::Null);
    }
}
