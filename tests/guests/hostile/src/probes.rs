//! Whatever a caller wants to try at a capability: paths that escape,
//! statements outside the grant, keys of any shape. The answer says what the
//! host said, so that a test can read it.

use std::fmt::Debug;

use tollgate_sdk::files::Expected as ExpectedFile;
use tollgate_sdk::kv::Expected;
use tollgate_sdk::prelude::*;
use tollgate_sdk::sql::Value;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Answer {
    /// Whether the host did it.
    done: bool,
    /// The host's answer: a summary of the result, or the error as the guest
    /// sees it.
    answer: String,
}

fn answer<T: Debug, E: Debug>(result: Result<T, E>) -> Result<Answer, ToolError> {
    Ok(match result {
        Ok(result) => Answer {
            done: true,
            answer: format!("{result:?}"),
        },
        Err(error) => Answer {
            done: false,
            answer: format!("{error:?}"),
        },
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FileVerb {
    Read,
    Write,
    Remove,
    List,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TryFile {
    verb: FileVerb,
    directory: String,
    #[serde(default)]
    path: String,
    /// The version that the file must have, or `absent`.
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    text: String,
}

/// Tries any file call, for paths that escape.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn try_file(input: TryFile) -> Result<Answer, ToolError> {
    let TryFile {
        verb,
        directory,
        path,
        expected,
        text,
    } = input;
    let expected = match expected.as_deref() {
        None => ExpectedFile::Anything,
        Some("absent") => ExpectedFile::Absent,
        Some(version) => ExpectedFile::Version(version.to_owned()),
    };
    match verb {
        FileVerb::Read => answer(files::read(&directory, &path)),
        FileVerb::Write => answer(files::write(&directory, &path, text, &expected)),
        FileVerb::Remove => answer(files::remove(&directory, &path, &expected)),
        FileVerb::List => answer(files::list(&directory)),
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KvVerb {
    Get,
    Set,
    Delete,
    Keys,
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TryKv {
    verb: KvVerb,
    store: String,
    key: String,
    /// The version that the key must have, or `absent`.
    #[serde(default)]
    expected: Option<String>,
    #[serde(default)]
    value: String,
}

/// Tries any call of the store.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn try_kv(input: TryKv) -> Result<Answer, ToolError> {
    let TryKv {
        verb,
        store,
        key,
        expected,
        value,
    } = input;
    let expected = match expected.as_deref() {
        None => Expected::Anything,
        Some("absent") => Expected::Absent,
        Some(version) => Expected::Version(version.to_owned()),
    };
    match verb {
        KvVerb::Get => answer(kv::get(&store, &key)),
        KvVerb::Set => answer(kv::set(&store, &key, value, &expected)),
        KvVerb::Delete => answer(kv::delete(&store, &key, &expected)),
        KvVerb::Keys => answer(kv::keys(&store, &key)),
    }
}

#[derive(Deserialize, JsonSchema)]
pub(crate) struct TrySql {
    database: String,
    statement: String,
    /// Text parameters, in order.
    #[serde(default)]
    parameters: Vec<String>,
    /// Whether to call `execute` instead of `query`.
    #[serde(default)]
    execute: bool,
    /// Whether to call `preview` instead of either.
    #[serde(default)]
    preview: bool,
}

/// Tries any statement, whatever it is.
#[tool(effect = "write", undo = "restore")]
pub(crate) fn try_sql(input: TrySql) -> Result<Answer, ToolError> {
    let values: Vec<Value> = input.parameters.into_iter().map(Value::from).collect();
    if input.preview {
        answer(sql::preview(&input.database, &input.statement, &values))
    } else if input.execute {
        answer(sql::execute(&input.database, &input.statement, &values))
    } else {
        answer(sql::query(&input.database, &input.statement, &values))
    }
}
