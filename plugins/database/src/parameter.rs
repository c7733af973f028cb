//! Values, from JSON to SQL.
//!
//! JSON has one kind of number, and many programs keep it as a double. So what
//! must be exact can be said exactly: `{"integer": "9007199254740993"}`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value as Json;
use tollgate_sdk::ToolError;
use tollgate_sdk::sql::Value;

/// One value as a caller writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(crate) struct Parameter(Json);

impl JsonSchema for Parameter {
    fn schema_name() -> Cow<'static, str> {
        "Parameter".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let exactly = |key: &str, of: Json| {
            serde_json::json!({
                "type": "object",
                "properties": { key: of },
                "required": [key],
                "additionalProperties": false,
            })
        };
        let integer = exactly(
            "integer",
            serde_json::json!({"type": "string", "pattern": "^-?[0-9]{1,19}$"}),
        );
        let real = exactly("real", serde_json::json!({"type": "number"}));
        let bytes = exactly(
            "bytes",
            serde_json::json!({"type": "string", "contentEncoding": "base64"}),
        );
        json_schema!({
            "description": "null, true, false, a number, text, or exactly: \
                {\"integer\": \"decimal text\"}, {\"real\": number}, {\"bytes\": \"base64\"}.",
            "anyOf": [
                {"type": ["null", "boolean", "number", "string"]},
                integer,
                real,
                bytes,
            ],
        })
    }
}

impl Parameter {
    /// The value for the database. `pointer` names it in an error.
    pub(crate) fn to_value(&self, pointer: &str) -> Result<Value, ToolError> {
        match &self.0 {
            Json::Null => Ok(Value::Null),
            Json::Bool(truth) => Ok((*truth).into()),
            Json::Number(number) => number_value(number, pointer),
            Json::String(text) => Ok(text.as_str().into()),
            Json::Object(tagged) => tagged_value(tagged, pointer),
            Json::Array(_) => Err(ToolError::invalid_input(pointer, "a list is not one value")),
        }
    }
}

fn number_value(number: &serde_json::Number, pointer: &str) -> Result<Value, ToolError> {
    if let Some(integer) = number.as_i64() {
        return Ok(integer.into());
    }
    match number.as_f64() {
        Some(real) if !number.is_u64() => Ok(real.into()),
        _ => Err(too_large(pointer)),
    }
}

fn tagged_value(tagged: &serde_json::Map<String, Json>, pointer: &str) -> Result<Value, ToolError> {
    let mut pairs = tagged.iter();
    match (pairs.next(), pairs.next()) {
        (Some((kind, Json::String(text))), None) if kind == "integer" => text
            .parse()
            .map(Value::Integer)
            .map_err(|_| too_large(pointer)),
        (Some((kind, Json::Number(number))), None) if kind == "real" => number
            .as_f64()
            .map(Value::Real)
            .ok_or_else(|| too_large(pointer)),
        (Some((kind, Json::String(text))), None) if kind == "bytes" => STANDARD
            .decode(text)
            .map(Value::Blob)
            .map_err(|error| ToolError::invalid_input(pointer, format!("is not base64: {error}"))),
        _ => Err(ToolError::invalid_input(
            pointer,
            "an object is one of {\"integer\": \"…\"}, {\"real\": …}, {\"bytes\": \"…\"}",
        )),
    }
}

fn too_large(pointer: &str) -> ToolError {
    ToolError::invalid_input(pointer, "is not an integer of 64 bits")
}

/// Values by position, as `query` takes them.
pub(crate) fn in_order(parameters: &[Parameter]) -> Result<Vec<Value>, ToolError> {
    let value = |(position, parameter): (usize, &Parameter)| {
        parameter.to_value(&format!("/parameters/{position}"))
    };
    parameters.iter().enumerate().map(value).collect()
}

/// Values by name, put into the order in which a statement wants them. Each
/// name must be given, and no other: a misspelt name must not become a null.
pub(crate) fn by_name(
    wanted: &[String],
    given: &BTreeMap<String, Parameter>,
) -> Result<Vec<Value>, ToolError> {
    if let Some(name) = given.keys().find(|name| !wanted.contains(name)) {
        let message = format!(
            "there is no parameter `{name}`; there are: {}",
            wanted.join(", ")
        );
        return Err(ToolError::invalid_input(pointer_to(name), message));
    }
    let value = |name: &String| match given.get(name) {
        Some(parameter) => parameter.to_value(&pointer_to(name)),
        None => Err(ToolError::invalid_input(
            "/params",
            format!("the parameter `{name}` is missing"),
        )),
    };
    wanted.iter().map(value).collect()
}

fn pointer_to(name: &str) -> String {
    format!("/params/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn value(json: Json) -> Result<Value, ToolError> {
        Parameter(json).to_value("/parameters/0")
    }

    fn given(json: Json) -> BTreeMap<String, Parameter> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn scalars_become_values() {
        assert_eq!(value(json!(null)).unwrap(), Value::Null);
        assert_eq!(value(json!(true)).unwrap(), Value::Integer(1));
        assert_eq!(value(json!(-7)).unwrap(), Value::Integer(-7));
        assert_eq!(value(json!(0.5)).unwrap(), Value::Real(0.5));
        assert_eq!(value(json!("7")).unwrap(), Value::Text("7".into()));
    }

    #[test]
    fn integers_beyond_a_double_keep_their_last_digit() {
        let one = value(json!({"integer": "9007199254740992"})).unwrap();
        let other = value(json!({"integer": "9007199254740993"})).unwrap();
        assert_ne!(one, other);
        assert_eq!(
            value(json!({"integer": "-9223372036854775808"})).unwrap(),
            Value::Integer(i64::MIN)
        );
    }

    #[test]
    fn reals_and_bytes_can_be_said_exactly() {
        assert_eq!(value(json!({"real": 5})).unwrap(), Value::Real(5.0));
        assert_eq!(
            value(json!({"bytes": "AP8="})).unwrap(),
            Value::Blob(vec![0, 255])
        );
    }

    #[test]
    fn what_is_no_value_is_pointed_at() {
        for json in [
            json!([1]),
            json!({}),
            json!({"integer": 5}),
            json!({"integer": "9223372036854775808"}),
            json!({"integer": "5; DROP TABLE orders"}),
            json!({"bytes": "!"}),
            json!({"integer": "1", "real": 1}),
            json!(u64::MAX),
        ] {
            let error = value(json.clone()).unwrap_err();
            let at_fault = matches!(&error, ToolError::InvalidInput { pointer, .. } if pointer == "/parameters/0");
            assert!(at_fault, "{json}: {error:?}");
        }
    }

    #[test]
    fn names_are_put_into_the_statement_s_order() {
        let wanted = ["amount".to_owned(), "id".to_owned(), "id".to_owned()];
        let values = by_name(&wanted, &given(json!({"id": 7, "amount": 2}))).unwrap();
        assert_eq!(
            values,
            [Value::Integer(2), Value::Integer(7), Value::Integer(7)]
        );
    }

    #[test]
    fn a_missing_or_misspelt_name_is_refused() {
        let wanted = ["id".to_owned()];
        let error = by_name(&wanted, &given(json!({}))).unwrap_err();
        assert_eq!(error.message(), "the parameter `id` is missing");
        let error = by_name(&wanted, &given(json!({"id": 1, "i/d": 1}))).unwrap_err();
        assert!(
            matches!(&error, ToolError::InvalidInput { pointer, .. } if pointer == "/params/i~1d")
        );
    }

    #[test]
    fn the_schema_accepts_what_is_documented() {
        let schema = serde_json::to_value(schemars::schema_for!(Parameter)).unwrap();
        assert_eq!(schema["anyOf"].as_array().unwrap().len(), 4);
    }
}
