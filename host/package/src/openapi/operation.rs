//! One operation of a description → one tool.

use serde_json::{Map, Value, json};
use tollgate_openapi::{Body, Carried, Effect, Operation, Part, Undo};

use super::ApiOptions;
use super::document::{Document, Raw};
use super::parameter::{self, Parameters};
use super::schema::Schemas;

/// The longest name of a tool, bytes.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// Longest description of a tool, characters.
const TEXT_CHARS_MAX: usize = 2_000;

/// A tool, with what the manifest needs of it.
pub(super) struct Made {
    pub(super) operation: Operation,
    pub(super) parameters: Parameters,
    /// The path as it stands in the description.
    pub(super) template: String,
}

pub(super) fn make(
    document: &Document,
    raw: &Raw<'_>,
    options: &ApiOptions,
) -> Result<Made, String> {
    let parameters = parameter::make(document, raw)?;
    let path = path(raw.path, &parameters)?;
    let mut schemas = Schemas::new(document);
    let (body, body_schema) = body(document, raw, &mut schemas)?.unzip();
    let input = input(&parameters, body_schema, schemas)?;
    let name = name(raw);
    let effect = match options.effects.get(&name) {
        Some(effect) => *effect,
        None if matches!(raw.method.as_str(), "GET" | "HEAD") => Effect::Read,
        None => Effect::Irreversible,
    };
    let undo = undo(document, raw, effect)?;
    let text = words(raw.operation.get("description"))
        .or_else(|| words(raw.operation.get("summary")))
        .unwrap_or_default();
    let ending = "Errors say what the server answered and what to do next.";
    Ok(Made {
        operation: Operation {
            title: words(raw.operation.get("summary"))
                .map_or_else(|| name.replace('_', " "), |title| one_line(&title, 80)),
            text: format!("{text}\n\n{} {}. {ending}", raw.method, raw.path)
                .trim_start()
                .to_owned(),
            name,
            method: raw.method.clone(),
            path,
            parameters: parameters
                .made
                .iter()
                .map(|made| made.parameter.clone())
                .collect(),
            body,
            effect,
            undo,
            input,
            output: output(document, raw),
        },
        parameters,
        template: raw.path.to_owned(),
    })
}

/// A write is one that the host can put back: it reads the resource at the same
/// path before and after, and puts the members back that were named. A PUT replaces
/// the others as well.
fn undo(document: &Document, raw: &Raw<'_>, effect: Effect) -> Result<Undo, String> {
    if effect != Effect::Write {
        return Ok(Undo::None);
    }
    let has_get = document
        .operations()
        .any(|other| other.method == "GET" && other.path == raw.path);
    if raw.method == "PATCH" && has_get {
        return Ok(Undo::Restore);
    }
    Err("only a PATCH with a GET of the same path can be a `write`".to_owned())
}

/// From the operation's id, or from method and path.
fn name(raw: &Raw<'_>) -> String {
    let id = raw.operation.get("operationId").and_then(Value::as_str);
    let name = match id.map(snake).filter(|name| !name.is_empty()) {
        Some(name) => name,
        None => snake(&format!("{} {}", raw.method, raw.path)),
    };
    let mut name = name;
    name.truncate(NAME_BYTES_MAX);
    name.trim_end_matches('_').to_owned()
}

/// `listOrders`, `list-orders` and `List Orders` → `list_orders`.
pub(super) fn snake(text: &str) -> String {
    let mut name = String::new();
    let mut before_lower = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && before_lower {
                name.push('_');
            }
            before_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
            name.push(c.to_ascii_lowercase());
        } else {
            if !name.is_empty() && !name.ends_with('_') {
                name.push('_');
            }
            before_lower = false;
        }
    }
    name.trim_end_matches('_').to_owned()
}

fn path(template: &str, parameters: &Parameters) -> Result<Vec<Vec<Part>>, String> {
    let segments = template.strip_prefix('/').unwrap_or(template).split('/');
    segments.map(|segment| parts(segment, parameters)).collect()
}

/// `v{major}.json` is text, an input and text.
fn parts(segment: &str, parameters: &Parameters) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = segment;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').map(|length| open + length);
        let close = close.ok_or_else(|| format!("its path has a `{{` without end: {segment}"))?;
        let name = &rest[open + 1..close];
        let found = parameters
            .made
            .iter()
            .find(|made| made.parameter.carried == Carried::Path && made.parameter.name == name);
        let found = found.ok_or_else(|| format!("its path parameter `{name}` is not described"))?;
        if open > 0 {
            parts.push(Part::Text(rest[..open].to_owned()));
        }
        parts.push(Part::Input(found.parameter.input.clone()));
        rest = &rest[close + 1..];
    }
    let inputs = parts.iter().filter(|part| matches!(part, Part::Input(_)));
    if inputs.count() > 1 {
        return Err(format!(
            "its path has two parameters in one segment: {segment}"
        ));
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    Ok(parts)
}

/// A content with its schema, and whether it must be there.
type Content = (Body, (Value, bool));

/// The content and its schema: JSON where it is offered, else a form.
fn body(
    document: &Document,
    raw: &Raw<'_>,
    schemas: &mut Schemas<'_>,
) -> Result<Option<Content>, String> {
    let Some(described) = raw.operation.get("requestBody") else {
        return Ok(None);
    };
    let described = document.resolve(described)?;
    let is_required = described["required"] == true;
    let kinds = described["content"].as_object();
    let kind = |name: &str| {
        name.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let fits = |wanted: fn(&str) -> bool| {
        kinds
            .into_iter()
            .flatten()
            .find(move |(name, _)| wanted(&kind(name)))
    };
    let found = fits(|kind| kind == "application/json")
        .or_else(|| fits(|kind| kind.ends_with("+json")))
        .or_else(|| fits(|kind| kind == "application/x-www-form-urlencoded"));
    let Some((content_type, media)) = found else {
        return if is_required {
            let kinds: Vec<&str> = kinds
                .into_iter()
                .flatten()
                .map(|(name, _)| name.as_str())
                .collect();
            Err(format!(
                "its content is {}, not JSON or a form",
                kinds.join(", ")
            ))
        } else {
            Ok(None)
        };
    };
    let schema = schemas.take(media.get("schema").unwrap_or(&json!(true)))?;
    let content_type = content_type.clone();
    Ok(Some((Body { content_type }, (schema, is_required))))
}

fn input(
    parameters: &Parameters,
    body: Option<(Value, bool)>,
    mut schemas: Schemas<'_>,
) -> Result<Value, String> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for made in &parameters.made {
        let mut schema = schemas.take(&made.schema)?;
        if let (Value::Object(members), Some(about)) = (&mut schema, &made.about) {
            members.insert("description".to_owned(), json!(about));
        }
        if made.is_required {
            required.push(json!(made.parameter.input));
        }
        properties.insert(made.parameter.input.clone(), schema);
    }
    if let Some((schema, is_required)) = body {
        if is_required {
            required.push(json!("body"));
        }
        properties.insert("body".to_owned(), schema);
    }
    let mut input = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if let (Value::Object(members), Some(definitions)) = (&mut input, schemas.definitions()) {
        members.insert("$defs".to_owned(), definitions);
    }
    Ok(input)
}

/// The shape that every tool of a description has. The answer's own schema is not
/// held against the server: an answer that strays from it came all the same, and
/// a write must not look failed for it.
fn output(document: &Document, raw: &Raw<'_>) -> Value {
    let answers = raw.operation.get("responses").and_then(Value::as_object);
    let good = answers
        .into_iter()
        .flatten()
        .find(|(code, _)| code.starts_with('2'));
    let about = good
        .and_then(|(_, answer)| document.resolve(answer).ok())
        .and_then(|answer| words(answer.get("description")))
        .unwrap_or_else(|| "The content.".to_owned());
    json!({
        "type": "object",
        "properties": {
            "status": { "type": "integer", "description": "The status code." },
            "body": { "description": format!("{about} (JSON)") },
            "text": { "type": "string", "description": "The content, where it is not JSON." },
            "truncated": { "type": "boolean", "description": "Whether `text` is only its beginning." },
        },
        "required": ["status"],
    })
}

/// Text for people, bounded, without control characters but line ends.
pub(super) fn words(text: Option<&Value>) -> Option<String> {
    let text = text?.as_str()?.trim();
    let clean = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    let text: String = text.chars().map(clean).take(TEXT_CHARS_MAX).collect();
    (!text.is_empty()).then_some(text)
}

pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(chars_max).collect()
}
