//! Parameters of path, query and headers.

use serde_json::Value;
use tollgate_openapi::{Carried, Parameter};

use super::document::{Document, Raw};
use super::operation::{snake, words};

/// Headers that the host sets, or that are no input.
const NOT_INPUTS: [&str; 6] = [
    "accept",
    "content-type",
    "authorization",
    "cookie",
    "host",
    "user-agent",
];

/// The header that carries the key under which a receiver takes two requests for
/// one (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A parameter, ready for tool and manifest.
pub(super) struct Made {
    pub(super) parameter: Parameter,
    /// What the manifest's route lets it hold.
    pub(super) kind: &'static str,
    pub(super) is_required: bool,
    pub(super) schema: Value,
    pub(super) about: Option<String>,
}

/// The parameters of an operation.
pub(super) struct Parameters {
    pub(super) made: Vec<Made>,
    /// Whether the host puts an idempotency key into a header.
    pub(super) has_key: bool,
}

pub(super) fn make(document: &Document, raw: &Raw<'_>) -> Result<Parameters, String> {
    let mut parameters = Parameters {
        made: Vec::new(),
        has_key: false,
    };
    for described in gathered(document, raw)? {
        let text = |name: &str| described[name].as_str().unwrap_or_default();
        let name = text("name");
        let carried = match text("in") {
            "path" => Carried::Path,
            "query" => Carried::Query,
            "header" if NOT_INPUTS.contains(&name.to_ascii_lowercase().as_str()) => continue,
            "header" if name.eq_ignore_ascii_case(IDEMPOTENCY_KEY) => {
                parameters.has_key = true;
                continue;
            }
            "header" => Carried::Header,
            "cookie" => {
                refuse_if_required(described, "it needs a cookie")?;
                continue;
            }
            other => return Err(format!("a parameter is in `{other}`")),
        };
        let schema = described.get("schema").unwrap_or(&Value::Null);
        let resolved = document.resolve(schema)?;
        if let Some(why) = unwritable(described, resolved, carried) {
            refuse_if_required(described, &why)?;
            continue;
        }
        let name = match carried {
            Carried::Header => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        parameters.made.push(Made {
            kind: kind(resolved, carried),
            is_required: carried == Carried::Path || described["required"] == true,
            schema: schema.clone(),
            about: words(described.get("description")),
            parameter: Parameter {
                input: snake(&name),
                name,
                carried,
            },
        });
    }
    tell_apart(&mut parameters.made);
    Ok(parameters)
}

/// Those of the operation, and those of its path that it does not replace.
fn gathered<'a>(document: &'a Document, raw: &Raw<'a>) -> Result<Vec<&'a Value>, String> {
    let listed = |members: &'a serde_json::Map<String, Value>| {
        let list = members.get("parameters").and_then(Value::as_array);
        list.into_iter()
            .flatten()
            .map(|value| document.resolve(value))
    };
    let mut all: Vec<&Value> = listed(raw.operation).collect::<Result<_, _>>()?;
    for shared in listed(raw.shared) {
        let shared = shared?;
        let same = |own: &&Value| own["name"] == shared["name"] && own["in"] == shared["in"];
        if !all.iter().any(same) {
            all.push(shared);
        }
    }
    Ok(all)
}

fn refuse_if_required(described: &Value, why: &str) -> Result<(), String> {
    if described["required"] == true {
        let name = described["name"].as_str().unwrap_or_default();
        return Err(format!("its parameter `{name}` cannot be given: {why}"));
    }
    Ok(())
}

/// Why a value of this cannot be written as one text.
fn unwritable(described: &Value, schema: &Value, carried: Carried) -> Option<String> {
    if described.get("content").is_some() {
        return Some("it holds a document of its own".to_owned());
    }
    match schema["type"].as_str() {
        Some("object") => Some("it is an object".to_owned()),
        Some("array") if carried == Carried::Query && described["explode"] != false => {
            Some("it repeats its name for each value".to_owned())
        }
        _ => None,
    }
}

/// What a route lets the parameter hold. A query may hold text; a path holds an
/// identifier unless the description says something narrower.
fn kind(schema: &Value, carried: Carried) -> &'static str {
    let format = schema["format"].as_str();
    match (schema["type"].as_str(), format) {
        (Some("integer"), _) => "int",
        (Some("boolean"), _) => "flag",
        (Some("string"), Some("uuid")) => "uuid",
        (Some("string"), Some("date" | "date-time")) => "date",
        _ if carried == Carried::Path => "id",
        _ => "text",
    }
}

/// One input member for each: where names meet, the later one says where it goes.
fn tell_apart(made: &mut [Made]) {
    for index in 0..made.len() {
        let (before, rest) = made.split_at_mut(index);
        let Some(own) = rest.first_mut() else {
            continue;
        };
        let taken =
            |name: &str| name == "body" || before.iter().any(|other| other.parameter.input == name);
        if taken(&own.parameter.input) {
            let place = match own.parameter.carried {
                Carried::Path => "path",
                Carried::Query => "query",
                Carried::Header => "header",
            };
            own.parameter.input = format!("{place}_{}", own.parameter.input);
        }
    }
}
