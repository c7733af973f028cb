//! Parameters of path, query and headers.

use serde_json::Value;
use tollgate_openapi::{Carried, Parameter};

use tollgate_policy::limits::HTTP_QUERY_TIMES_MAX;

use super::document::{Document, Raw};
use super::manifest::quoted;
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

/// How often a list's value may stand in a query where the description has no bound.
const TIMES: u64 = 20;

/// Most values of an `enum` that a manifest repeats.
const CLOSED_MAX: usize = 40;

/// Longest of them, bytes.
const CLOSED_BYTES_MAX: usize = 64;

/// A parameter, ready for tool and manifest.
pub(super) struct Made {
    pub(super) parameter: Parameter,
    /// What the manifest's route lets it hold, as the manifest writes it.
    pub(super) holds: String,
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
        if let Some(why) = unwritable(described, resolved) {
            refuse_if_required(described, why)?;
            continue;
        }
        let name = match carried {
            Carried::Header => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        let repeats = repeats(described, resolved, carried);
        parameters.made.push(Made {
            holds: holds(document, resolved, carried, repeats)?,
            is_required: carried == Carried::Path || described["required"] == true,
            schema: schema.clone(),
            about: words(described.get("description")),
            parameter: Parameter {
                input: snake(&name),
                name,
                carried,
                repeats,
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

/// Why a value of this cannot be written as texts.
fn unwritable(described: &Value, schema: &Value) -> Option<&'static str> {
    if described.get("content").is_some() {
        return Some("it holds a document of its own");
    }
    (schema["type"] == "object").then_some("it is an object")
}

/// Whether a list repeats the name for each value: in a query it does unless the
/// description says otherwise (OpenAPI 3.1, 4.8.12.2, `explode`).
fn repeats(described: &Value, schema: &Value, carried: Carried) -> bool {
    let explodes = match described["style"].as_str() {
        None | Some("form") => described["explode"] != false,
        Some(_) => described["explode"] == true,
    };
    carried == Carried::Query && schema["type"] == "array" && explodes
}

/// What a route lets the parameter hold: closed values where the description closes
/// them, else a kind. In a path this is the kind alone.
fn holds(
    document: &Document,
    schema: &Value,
    carried: Carried,
    repeats: bool,
) -> Result<String, String> {
    if carried == Carried::Path {
        return Ok(kind(schema, carried).to_owned());
    }
    let each = match (repeats, schema.get("items")) {
        (true, Some(items)) => document.resolve(items)?,
        _ => schema,
    };
    let times = if repeats { times(schema) } else { 1 };
    let closed = closed(each).map(|values| values.join(", "));
    let kind = quoted(kind(each, carried));
    Ok(match (closed, times) {
        (None, 1) => kind,
        (None, times) => format!("{{ kind = {kind}, times = {times} }}"),
        (Some(values), 1) => format!("{{ one_of = [{values}] }}"),
        (Some(values), times) => format!("{{ one_of = [{values}], times = {times} }}"),
    })
}

/// How often a value may stand there: what the description says, or a page full.
fn times(schema: &Value) -> u64 {
    let said = schema["maxItems"].as_u64();
    said.unwrap_or(TIMES).clamp(1, HTTP_QUERY_TIMES_MAX as u64)
}

/// The values of an `enum` of texts, where they are few enough for a manifest.
fn closed(schema: &Value) -> Option<Vec<String>> {
    let values = schema["enum"].as_array()?;
    if values.is_empty() || values.len() > CLOSED_MAX {
        return None;
    }
    let value = |value: &Value| {
        let text = value.as_str()?;
        let fits = text.len() <= CLOSED_BYTES_MAX && !text.chars().any(char::is_control);
        fits.then(|| quoted(text))
    };
    values.iter().map(value).collect()
}

/// What a route lets a value hold. A query may hold text; a path holds an
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
