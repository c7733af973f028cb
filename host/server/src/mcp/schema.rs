//! A tool's schemas as its clients see them: the input with the reserved
//! argument, the output with the pending shape beside it.

use std::sync::Arc;

use rmcp::model::JsonObject;
use serde_json::{Map, Value, json};

use super::caller;

/// Deepest schema rewritten. A deeper one is declared as "anything".
const DEPTH_MAX: usize = 64;

/// The input schema with the reserved argument added.
pub(super) fn input(own: &Value) -> Arc<JsonObject> {
    let mut schema = own.as_object().cloned().unwrap_or_default();
    schema.insert("type".into(), json!("object"));
    let properties = schema.entry("properties").or_insert_with(|| json!({}));
    if !properties.is_object() {
        *properties = json!({});
    }
    if let Some(properties) = properties.as_object_mut() {
        properties.insert(caller::ARGUMENT.into(), caller::schema());
    }
    Arc::new(schema)
}

/// What a call may answer: the tool's output, or that it is pending.
pub(super) fn output(own: &Value) -> Arc<JsonObject> {
    let mut own = match own {
        Value::Object(schema) => schema.clone(),
        _ => JsonObject::new(),
    };
    let dialect = own.remove("$schema");
    let is_object = own.get("type") == Some(&json!("object"));
    let mut own = Value::Object(own);
    if !own
        .as_object()
        .is_some_and(|schema| schema.contains_key("$id"))
        && !rebase(&mut own, "#/$defs/output", DEPTH_MAX)
    {
        own = json!({});
    }
    let mut any_of = vec![json!({"$ref": "#/$defs/output"})];
    if !is_object {
        any_of.push(wrapped());
    }
    any_of.push(json!({"$ref": "#/$defs/pending"}));
    let mut schema = JsonObject::new();
    if let Some(dialect) = dialect {
        schema.insert("$schema".into(), dialect);
    }
    schema.insert("type".into(), json!("object"));
    schema.insert("anyOf".into(), Value::Array(any_of));
    schema.insert("$defs".into(), json!({"output": own, "pending": pending()}));
    Arc::new(schema)
}

fn wrapped() -> Value {
    json!({
        "type": "object",
        "properties": {"result": {"$ref": "#/$defs/output"}},
        "required": ["result"],
        "additionalProperties": false,
    })
}

/// The pending shape.
fn pending() -> Value {
    json!({
        "type": "object",
        "description": "The call is not completed: held for approval, still running, or in doubt.",
        "properties": {
            "_tollgate": {
                "type": "object",
                "properties": {
                    "state": {"enum": ["open", "held", "in_doubt"]},
                    "run": {"type": "string", "description": "Ask tollgate.run about it."},
                    "case": {"type": "string"},
                    "message": {"type": "string"},
                    "pending": {
                        "type": "object",
                        "properties": {
                            "approval": {"type": "string"},
                            "approvers": {"type": "array", "items": {"type": "string"}},
                            "decide_by": {"type": "string"},
                            "title": {"type": "string"},
                        },
                        "required": ["approval", "approvers", "decide_by", "title"],
                    },
                },
                "required": ["state", "run", "case", "message"],
            },
        },
        "required": ["_tollgate"],
        "additionalProperties": false,
    })
}

/// Let every local reference of a schema start at `base`, where the schema now
/// stands. False when it is too deep to be walked.
fn rebase(schema: &mut Value, base: &str, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match schema {
        Value::Object(keywords) => keywords
            .iter_mut()
            .all(|(keyword, value)| rebase_keyword(keyword, value, base, depth - 1)),
        Value::Array(schemas) => schemas
            .iter_mut()
            .all(|schema| rebase(schema, base, depth - 1)),
        _ => true,
    }
}

fn rebase_keyword(keyword: &str, value: &mut Value, base: &str, depth: usize) -> bool {
    match keyword {
        "$ref" | "$dynamicRef" => {
            if let Value::String(reference) = value
                && let Some(local) = reference.strip_prefix('#')
                && (local.is_empty() || local.starts_with('/'))
            {
                *reference = format!("{base}{local}");
            }
            true
        }
        // Values, not schemas: a `$ref` in here is data.
        "const" | "enum" | "default" | "examples" => true,
        "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
            match value.as_object_mut() {
                Some(named) => rebase_each(named, base, depth),
                None => true,
            }
        }
        _ => rebase(value, base, depth),
    }
}

fn rebase_each(named: &mut Map<String, Value>, base: &str, depth: usize) -> bool {
    named.values_mut().all(|schema| rebase(schema, base, depth))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn accepts(schema: &JsonObject, value: &Value) -> bool {
        jsonschema::validator_for(&Value::Object(schema.clone()))
            .unwrap()
            .is_valid(value)
    }

    fn held() -> Value {
        json!({"_tollgate": {"state": "held", "run": "r", "case": "c", "message": "m"}})
    }

    #[test]
    fn an_output_keeps_its_type_and_a_held_call_fits_too() {
        let own = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"total": {"$ref": "#/$defs/cents"}, "next": {"$ref": "#"}},
            "required": ["total"],
            "additionalProperties": false,
            "$defs": {"cents": {"type": "integer"}},
        });
        let schema = output(&own);
        assert!(accepts(&schema, &json!({"total": 7, "next": {"total": 8}})));
        assert!(!accepts(&schema, &json!({"total": "7"})));
        assert!(!accepts(
            &schema,
            &json!({"total": 7, "next": {"total": "8"}})
        ));
        assert!(!accepts(&schema, &json!({})));
        assert!(accepts(&schema, &held()));
        assert!(!accepts(&schema, &json!({"_tollgate": {"state": "held"}})));
    }

    #[test]
    fn an_output_that_is_no_object_stands_under_result() {
        let schema = output(&json!({"type": "array", "items": {"type": "integer"}}));
        assert!(accepts(&schema, &json!({"result": [1]})));
        assert!(!accepts(&schema, &json!({"result": ["1"]})));
        assert!(accepts(&schema, &held()));
    }

    #[test]
    fn data_that_looks_like_a_reference_is_left_alone() {
        let own = json!({
            "type": "object",
            "properties": {"default": {"$ref": "#/$defs/x"}, "$ref": {"const": {"$ref": "#/y"}}},
            "$defs": {"x": {"type": "integer"}},
        });
        let schema = Value::Object(output(&own).as_ref().clone());
        let own = "/$defs/output/properties";
        let at = |path: &str| schema.pointer(&format!("{own}/{path}")).unwrap();
        assert_eq!(at("default/$ref"), "#/$defs/output/$defs/x");
        assert_eq!(at("$ref/const/$ref"), "#/y");
    }

    #[test]
    fn a_schema_too_deep_to_walk_is_declared_as_anything() {
        let mut own = json!({"type": "integer"});
        for _ in 0..100 {
            own = json!({"not": own});
        }
        let own = json!({"type": "object", "properties": {"x": own}});
        assert!(accepts(&output(&own), &json!({"x": true})));
    }

    #[test]
    fn the_reserved_argument_is_declared_even_where_nothing_else_is_allowed() {
        let schema = input(&json!({
            "type": "object",
            "properties": {"order": {"type": "integer"}},
            "additionalProperties": false,
        }));
        assert!(accepts(
            &schema,
            &json!({"order": 1, "_tollgate": {"case": "c"}})
        ));
        assert!(!accepts(
            &schema,
            &json!({"order": 1, "_tollgate": {"who": "c"}})
        ));
        assert!(accepts(&input(&json!(true)), &json!({})));
    }
}
