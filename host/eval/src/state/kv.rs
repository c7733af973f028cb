//! Key-value stores of a scenario: `kv.toml`, a table for each store, a key for
//! each key. Text is kept as it is, everything else as JSON.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_store::{
    Change, Expected, SqliteOptions, SqliteStore, Store as _, Submission, kv_version,
};

use super::State;
use crate::fit::differences;
use crate::report::Finding;
use crate::scenario::{ExpectKv, read_text};
use crate::value::resolve;

/// The file beside a scenario.
const FILE: &str = "kv.toml";

/// The host's store in its home.
const STORE_FILE: &str = "tollgate.db";

/// Put there what the file says, before the host is started.
pub(super) async fn put(state: &State) -> Result<(), String> {
    let path = state.scenario.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    let text = read_text(&path)?;
    let wrong = |said: String| format!("{}: {said}", path.display());
    let stores: BTreeMap<String, BTreeMap<String, Value>> =
        toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let mut changes = Vec::new();
    for (store, keys) in stores {
        let quota = *state
            .stores
            .get(&store)
            .ok_or_else(|| wrong(format!("the manifest grants no store `{store}`")))?;
        for (key, value) in keys {
            let value = match resolve(&value, &[]).map_err(wrong)? {
                Value::String(text) => text.into_bytes(),
                other => other.to_string().into_bytes(),
            };
            changes.push(Change::SetKv {
                connector: state.connector.clone(),
                store: store.clone(),
                version: kv_version(&value, "scenario", 0),
                key,
                value,
                expected: Expected::Absent,
                quota,
            });
        }
    }
    let store = open(state).await?;
    let done = store
        .append(Submission {
            tenant: state.tenant.clone(),
            records: Vec::new(),
            changes,
        })
        .await;
    store.close().await;
    done.map(|_| ()).map_err(|error| wrong(error.to_string()))
}

/// What is not as expected.
pub(super) async fn findings(state: &State, expected: &[ExpectKv]) -> Result<Vec<Finding>, String> {
    let mut findings = Vec::new();
    if expected.is_empty() {
        return Ok(findings);
    }
    let store = open(state).await?;
    for one in expected {
        let entry = store
            .kv_get(&state.tenant, &state.connector, &one.store, &one.key)
            .await
            .map_err(|error| error.to_string())?;
        let what = format!("key {} of store {}", one.key, one.store);
        let value = entry.map(|entry| entry.value);
        findings.extend(compare(&what, one, value)?);
    }
    store.close().await;
    Ok(findings)
}

fn compare(
    what: &str,
    expected: &ExpectKv,
    value: Option<Vec<u8>>,
) -> Result<Vec<Finding>, String> {
    let Some(value) = value else {
        let missing = Finding::says(format!("{what} is not there"));
        return Ok(if expected.absent {
            Vec::new()
        } else {
            vec![missing]
        });
    };
    if expected.absent {
        return Ok(vec![Finding::says(format!(
            "{what} is there and must not be"
        ))]);
    }
    let text = Value::from(String::from_utf8_lossy(&value).into_owned());
    if let Some(wanted) = &expected.text {
        return Ok(differences(what, &wanted.clone().into(), &text));
    }
    let Some(wanted) = &expected.json else {
        return Ok(Vec::new());
    };
    let found = serde_json::from_slice(&value).unwrap_or(text);
    Ok(differences(what, &resolve(wanted, &[])?, &found))
}

async fn open(state: &State) -> Result<SqliteStore, String> {
    let path = state.home.join(STORE_FILE);
    SqliteStore::open(&path, SqliteOptions::default())
        .await
        .map_err(|error| error.to_string())
}
