//! An input becomes a request, an answer becomes an output.

use serde_json::{Map, Value, json};
use tollgate_sdk::http::{self, Method, Request, Response};
use tollgate_sdk::{Outcome, ToolError};

use crate::operation::{Body, Carried, Operation, Part};

/// Longest text of an answer that is not JSON, characters.
const TEXT_CHARS_MAX: usize = 100_000;

pub(crate) fn call(
    destination: &str,
    operation: &Operation,
    input: &str,
) -> Result<Outcome, ToolError> {
    let request = request(destination, operation, input)?;
    let answer = request.send()?.success()?;
    Ok(Outcome {
        output: output(&answer)?.to_string(),
        inverse: None,
    })
}

fn request(destination: &str, operation: &Operation, input: &str) -> Result<Request, ToolError> {
    // The host has compared it with the schema.
    let input: Map<String, Value> = serde_json::from_str(input)
        .map_err(|error| ToolError::invalid_input("", error.to_string()))?;
    let path: Result<Vec<String>, ToolError> = operation
        .path
        .iter()
        .map(|parts| segment(parts, &input))
        .collect();
    let mut request = http::request(method(&operation.method)?, destination, path?);
    for parameter in &operation.parameters {
        let Some(value) = input.get(&parameter.input).filter(|value| !value.is_null()) else {
            continue;
        };
        request = match (parameter.carried, value) {
            (Carried::Path, _) => request,
            (Carried::Query, Value::Array(items)) if parameter.repeats => {
                let name = &parameter.input;
                let texts: Result<Vec<String>, _> =
                    items.iter().map(|item| text(name, item)).collect();
                let texts = texts?.into_iter();
                texts.fold(request, |request, text| {
                    request.query(&parameter.name, text)
                })
            }
            (Carried::Query, _) => request.query(&parameter.name, text(&parameter.input, value)?),
            (Carried::Header, _) => request.header(&parameter.name, text(&parameter.input, value)?),
        };
    }
    match (&operation.body, input.get("body")) {
        (Some(body), Some(content)) => with_body(request, body, content),
        _ => Ok(request),
    }
}

fn method(name: &str) -> Result<Method, ToolError> {
    Ok(match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => return Err(ToolError::failed(format!("`{other}` is no method"))),
    })
}

/// One segment of the path. A value stays within it: the host encodes it.
fn segment(parts: &[Part], input: &Map<String, Value>) -> Result<String, ToolError> {
    parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Input(name) => match input.get(name) {
                Some(value) => text(name, value),
                None => Err(ToolError::invalid_input(
                    format!("/{name}"),
                    "is needed for the path",
                )),
            },
        })
        .collect()
}

/// A value as it stands in a URL or a header; a list is divided by commas
/// (OpenAPI: style `simple`, or `form` without `explode`).
fn text(name: &str, value: &Value) -> Result<String, ToolError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(items) => {
            let items: Result<Vec<String>, _> = items.iter().map(|item| text(name, item)).collect();
            Ok(items?.join(","))
        }
        Value::Null | Value::Object(_) => Err(ToolError::invalid_input(
            format!("/{name}"),
            "must be text, a number, true, false, or a list of these",
        )),
    }
}

fn with_body(request: Request, body: &Body, content: &Value) -> Result<Request, ToolError> {
    let kind = body.content_type.as_str();
    if kind == "application/x-www-form-urlencoded" {
        let Value::Object(members) = content else {
            return Err(ToolError::invalid_input("/body", "must be an object"));
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in members {
            form.append_pair(name, &text(&format!("body/{name}"), value)?);
        }
        return Ok(request.content(kind, form.finish().into_bytes()));
    }
    Ok(request.content(kind, content.to_string().into_bytes()))
}

/// The output: status, and the content as JSON or text.
fn output(answer: &Response) -> Result<Value, ToolError> {
    let status = answer.status();
    if answer.body().is_empty() {
        return Ok(json!({ "status": status }));
    }
    let declared = answer.header("content-type").unwrap_or_default();
    let kind = declared.split(';').next().unwrap_or_default().trim();
    if kind == "application/json" || kind.ends_with("+json") {
        let body: Value = answer.json()?;
        return Ok(json!({ "status": status, "body": body }));
    }
    let text = String::from_utf8_lossy(answer.body());
    let cut: String = text.chars().take(TEXT_CHARS_MAX).collect();
    let truncated = answer.is_truncated() || cut.len() < text.len();
    Ok(json!({ "status": status, "text": cut, "truncated": truncated }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;
    use crate::operation::{Effect, Parameter, Undo};

    fn operation() -> Operation {
        Operation {
            name: "get_order".into(),
            title: "t".into(),
            text: "t".into(),
            method: "GET".into(),
            path: vec![
                vec![Part::Text("orders".into())],
                vec![Part::Input("id".into()), Part::Text(".json".into())],
            ],
            parameters: vec![Parameter {
                input: "fields".into(),
                name: "fields".into(),
                carried: Carried::Query,
                repeats: false,
            }],
            body: None,
            effect: Effect::Read,
            undo: Undo::None,
            input: json!({}),
            output: json!({}),
        }
    }

    #[test]
    fn values_fill_the_path_and_stay_in_their_segment() {
        let input = json!({"id": "../7"});
        let input = input.as_object().unwrap();
        let path: Vec<String> = operation()
            .path
            .iter()
            .map(|parts| segment(parts, input).unwrap())
            .collect();
        assert_eq!(path, ["orders", "../7.json"]);
    }

    #[test]
    fn a_list_is_divided_by_commas_and_an_object_is_refused() {
        assert_eq!(text("f", &json!(["a", 1, true])).unwrap(), "a,1,true");
        let error = text("f", &json!({"a": 1})).unwrap_err();
        assert!(matches!(error, ToolError::InvalidInput { pointer, .. } if pointer == "/f"));
    }

    #[test]
    fn a_list_repeats_its_name_where_the_description_says_so() {
        let mut operation = operation();
        operation.parameters[0].repeats = true;
        let input = r#"{"id": 7, "fields": ["a", 2]}"#;
        let request = format!("{:?}", request("api", &operation, input).unwrap());
        let places = request.match_indices("\"fields\"").count();
        assert_eq!(places, 2, "{request}");
    }

    #[test]
    fn a_value_that_the_path_needs_is_asked_for() {
        let error = request("api", &operation(), "{}").unwrap_err();
        assert!(matches!(error, ToolError::InvalidInput { pointer, .. } if pointer == "/id"));
        assert!(request("api", &operation(), r#"{"id": 7, "fields": null}"#).is_ok());
    }
}
