//! One import call a tool call: what the benchmarks measure.

use tollgate_sdk::config;
use tollgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct Read {
    /// Which value of the manifest's `[config]`.
    key: String,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    value: String,
}

/// Reads one value that the operator fixed.
#[tool(title = "Read a value", effect = "read")]
fn read(input: Read) -> Result<Found, ToolError> {
    let value = config::get::<String>(&input.key)?.unwrap_or_default();
    Ok(Found { value })
}

/// Notes one value; held wherever the manifest requires an approval.
#[tool(title = "Note a value", effect = "write", undo = "restore")]
fn note(input: Read) -> Result<Found, ToolError> {
    let value = config::get::<String>(&input.key)?.unwrap_or_default();
    kv::set(
        "notes",
        &input.key,
        value.as_bytes(),
        &kv::Expected::Anything,
    )?;
    Ok(Found { value })
}

connector!(read, note);
