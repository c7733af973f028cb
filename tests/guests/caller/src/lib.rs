//! Tools that send whatever request their caller gives, each declared another way,
//! so that a test can send anything and see what the host makes of it.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_sdk::http::{self, Method};
use tollgate_sdk::prelude::*;

/// A request, and where it goes.
#[derive(Deserialize, Serialize, JsonSchema)]
struct Ask {
    destination: String,
    method: String,
    path: Vec<String>,
    /// Names and values, in order.
    #[serde(default)]
    query: Vec<(String, String)>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Content as JSON.
    #[serde(default)]
    json: Option<Value>,
    /// Content as text, of this type.
    #[serde(default)]
    text: Option<(String, String)>,
    /// The request that takes this one back.
    #[serde(default)]
    back: Option<Value>,
}

/// What came of it.
#[derive(Serialize, JsonSchema)]
struct Came {
    status: Option<u16>,
    headers: BTreeMap<String, String>,
    body: String,
    truncated: bool,
    /// The error as the guest sees it.
    error: Option<String>,
}

fn send(ask: &Ask) -> Result<Came, ToolError> {
    let method = match ask.method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => return Err(ToolError::failed(format!("no method `{other}`"))),
    };
    let mut request = http::request(method, &ask.destination, &ask.path);
    for (name, value) in &ask.query {
        request = request.query(name, value);
    }
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    if let Some(json) = &ask.json {
        request = request.json(json);
    }
    if let Some((content_type, text)) = &ask.text {
        request = request.content(content_type, text.clone().into_bytes());
    }
    Ok(match request.send() {
        Ok(response) => Came {
            status: Some(response.status()),
            headers: SHOWN
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), response.header(name)?.to_owned())))
                .collect(),
            body: String::from_utf8_lossy(response.body()).into_owned(),
            truncated: response.is_truncated(),
            error: None,
        },
        Err(error) => Came {
            status: None,
            headers: BTreeMap::new(),
            body: String::new(),
            truncated: false,
            error: Some(format!("{error:?}")),
        },
    })
}

/// Headers that are looked for in answers.
const SHOWN: [&str; 7] = [
    "content-type",
    "etag",
    "location",
    "retry-after",
    "set-cookie",
    "x-kept",
    "x-other",
];

/// Sends a request, and says that it reads.
#[tool(effect = "read")]
fn read(input: Ask) -> Result<Came, ToolError> {
    send(&input)
}

/// Sends a request, and says that the host can put back what it changes.
#[tool(effect = "write", undo = "restore")]
fn change(input: Ask) -> Result<Came, ToolError> {
    send(&input)
}

/// Sends a request that `remove` takes back.
#[tool(effect = "write", undo = "remove")]
fn create(input: Ask) -> Result<Undoable<Came, Ask>, ToolError> {
    undoable(&input)
}

/// Sends a request that `create` takes back.
#[tool(effect = "write", undo = "create")]
fn remove(input: Ask) -> Result<Undoable<Came, Ask>, ToolError> {
    undoable(&input)
}

fn undoable(input: &Ask) -> Result<Undoable<Came, Ask>, ToolError> {
    let came = send(input)?;
    let back = input.back.clone().map(serde_json::from_value);
    Ok(match back {
        Some(Ok(back)) => Undoable::new(came, back),
        _ => Undoable::unchanged(came),
    })
}

/// Sends a request that nothing takes back.
#[tool(effect = "irreversible")]
fn pay(input: Ask) -> Result<Came, ToolError> {
    send(&input)
}

/// Sends one request after the other.
#[tool(effect = "write", undo = "restore")]
fn several(input: Several) -> Result<Many, ToolError> {
    let came = input.requests.iter().map(send).collect::<Result<_, _>>()?;
    Ok(Many { came })
}

#[derive(Deserialize, JsonSchema)]
struct Several {
    requests: Vec<Ask>,
}

#[derive(Serialize, JsonSchema)]
struct Many {
    came: Vec<Came>,
}

#[derive(Deserialize, JsonSchema)]
struct List {
    destination: String,
    path: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Sum {
    rows: usize,
    cents: u64,
}

#[derive(Deserialize)]
struct Row {
    cents: u64,
}

/// Reads a list of rows and adds up what they cost.
#[tool(effect = "read")]
fn sum(input: List) -> Result<Sum, ToolError> {
    let rows: Vec<Row> = http::get(&input.destination, &input.path)
        .send()?
        .success()?
        .json()?;
    Ok(Sum {
        rows: rows.len(),
        cents: rows.iter().map(|row| row.cents).sum(),
    })
}

connector!(read, change, create, remove, pay, several, sum);
