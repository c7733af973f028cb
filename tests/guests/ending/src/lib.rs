//! Ends in every way that a tool can end, so that tests can see whose work each is;
//! and sends to its desk what it is told to, as a connector that delivers does.

use serde_json::Value;
use tollgate_sdk::http::{self, Method};
use tollgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum How {
    Well,
    InvalidInput,
    NotFound,
    Conflict,
    Denied,
    Limited,
    Unavailable,
    Failed,
    Panic,
    /// With these parts, joined, as its output.
    Says(Vec<String>),
}

#[derive(Deserialize, JsonSchema)]
struct End {
    how: How,
}

#[derive(Serialize, JsonSchema)]
struct Said {
    text: String,
}

/// Ends as it is told to.
#[tool(effect = "read")]
fn end(input: End) -> Result<Said, ToolError> {
    let text = match input.how {
        How::Well => String::new(),
        How::Says(parts) => parts.concat(),
        How::InvalidInput => return Err(ToolError::invalid_input("/how", "as it was told")),
        How::NotFound => return Err(ToolError::not_found("as it was told")),
        How::Conflict => return Err(ToolError::conflict("as it was told")),
        How::Denied => return Err(ToolError::denied("as it was told")),
        How::Limited => return Err(ToolError::limited("as it was told")),
        How::Unavailable => return Err(ToolError::unavailable("as it was told")),
        How::Failed => return Err(ToolError::failed("as it was told")),
        How::Panic => panic!("as it was told"),
    };
    Ok(Said { text })
}

#[derive(Deserialize, JsonSchema)]
struct Note {
    /// Where its desk has notes.
    path: Vec<String>,
    note: Value,
}

#[derive(Serialize, JsonSchema)]
struct Sent {
    status: u16,
}

/// Sends a note to the desk, which cannot be taken back.
#[tool(effect = "irreversible")]
fn deliver(input: Note) -> Result<Sent, ToolError> {
    let request = http::request(Method::Post, "desk", &input.path).json(&input.note);
    let response = request.send()?.success()?;
    Ok(Sent {
        status: response.status(),
    })
}

connector!(end, deliver);
