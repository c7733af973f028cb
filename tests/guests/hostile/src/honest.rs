//! Tools that behave, so that a test can tell a broken host from a stopped
//! guest.

use serde_json::Value;
use tollgate_sdk::files::Expected as ExpectedFile;
use tollgate_sdk::kv::Expected;
use tollgate_sdk::prelude::*;

/// The store and the directory of this connector.
pub(crate) const STORE: &str = "scratch";
pub(crate) const DIRECTORY: &str = "box";

#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Echo {
    /// Anything.
    value: Value,
}

/// Returns its input, with no call outside.
#[tool(effect = "read")]
pub(crate) fn echo(input: Echo) -> Result<Echo, ToolError> {
    Ok(input)
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Surroundings {
    /// Milliseconds since 1970, read first.
    at: u64,
    /// Eight random bytes as decimal text.
    random: String,
    tenant: String,
    case: String,
    run: String,
    principal: String,
    undoes: Option<String>,
}

/// Reads the clock and a random number, and says for whom it was called.
#[tool(effect = "read")]
pub(crate) fn surroundings(context: &Context) -> Result<Surroundings, ToolError> {
    Ok(Surroundings {
        at: clock::now()?.unix_millis(),
        random: random::u64()?.to_string(),
        tenant: context.tenant.clone(),
        case: context.case_id.clone(),
        run: context.run.clone(),
        principal: context.principal.clone(),
        undoes: context.undoes.clone(),
    })
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Key {
    key: String,
}

/// Returns a value of the manifest's [config], or null.
#[tool(effect = "read")]
pub(crate) fn config_value(input: Key) -> Result<Echo, ToolError> {
    Ok(Echo {
        value: config::get(&input.key)?.unwrap_or_default(),
    })
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Count {
    count: u64,
}

/// Adds one to a number in the store, only if nobody else changed it meanwhile.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn increment(input: Key) -> Result<Count, ToolError> {
    let (count, expected) = number(&input.key)?;
    kv::set(STORE, &input.key, (count + 1).to_string(), &expected)?;
    Ok(Count { count: count + 1 })
}

fn number(key: &str) -> Result<(u64, Expected), ToolError> {
    let Some(entry) = kv::get(STORE, key)? else {
        return Ok((0, Expected::Absent));
    };
    let text = String::from_utf8_lossy(&entry.value).into_owned();
    let count = text
        .parse()
        .map_err(|_| ToolError::conflict(format!("`{text}` is no number")))?;
    Ok((count, Expected::Version(entry.version)))
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Note {
    /// A key in the store.
    key: String,
    /// A file in the directory.
    path: String,
    /// What to write into both.
    text: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Noted {
    before: Option<String>,
    after: Option<String>,
    at: u64,
    random: String,
    version: String,
}

/// Reads a key, the clock and a random number; writes the key and a file; reads
/// the key again.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn read_write_read(input: Note) -> Result<Noted, ToolError> {
    let before = text(kv::get(STORE, &input.key)?);
    let at = clock::now()?.unix_millis();
    let random = random::u64()?.to_string();
    kv::set(STORE, &input.key, &input.text, &Expected::Anything)?;
    let version = files::write(DIRECTORY, &input.path, &input.text, &ExpectedFile::Anything)?;
    let after = text(kv::get(STORE, &input.key)?);
    Ok(Noted {
        before,
        after,
        at,
        random,
        version,
    })
}

fn text(entry: Option<kv::Entry>) -> Option<String> {
    entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
}

/// Writes one key twice, so that taking it back must go through both.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn write_twice(input: Note) -> Result<Count, ToolError> {
    kv::set(
        STORE,
        &input.key,
        format!("first {}", input.text),
        &Expected::Anything,
    )?;
    kv::set(
        STORE,
        &input.key,
        format!("second {}", input.text),
        &Expected::Anything,
    )?;
    Ok(Count { count: 2 })
}

/// Writes a file and claims that it cannot be taken back, as a message to
/// outside people could not.
#[tool(effect = "irreversible")]
pub(crate) fn send(input: Note) -> Result<Count, ToolError> {
    let _ = kv::get(STORE, &input.key)?;
    files::write(DIRECTORY, &input.path, &input.text, &ExpectedFile::Absent)?;
    Ok(Count { count: 1 })
}
