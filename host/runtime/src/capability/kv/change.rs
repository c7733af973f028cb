//! What every write does: say what is there, change exactly that, and find out
//! afterwards whether it was changed.

use serde_json::{Value, json};
use tollgate_store::{Change, Expected, KvEntry, StoreError, Submission};

use super::KvError;
use super::key::{Key, read};
use crate::capability::Backends;
use crate::door::{Looked, Performed, Prior, Scope};
use crate::exact::Base64;

/// What is there, for the record: the key, and its value where it has one.
pub(super) fn image(key: &Key, entry: Option<&KvEntry>) -> Value {
    json!({
        "key": key.key,
        "value": entry.map(|entry| Base64::text(&entry.value)),
        "version": entry.map(|entry| entry.version.as_str()),
    })
}

pub(super) fn prior_of(key: &Key, entry: Option<&KvEntry>) -> Prior {
    Prior {
        version: entry.map_or_else(|| "absent".to_owned(), |entry| entry.version.clone()),
        value: image(key, entry),
    }
}

/// The condition that what is replaced is what was captured.
pub(super) fn unchanged(prior: Option<&Prior>) -> Expected {
    match prior.and_then(|prior| prior.value["version"].as_str()) {
        Some(version) => Expected::Version(version.to_owned()),
        None => Expected::Absent,
    }
}

/// What became of a write that would leave `left` (a version, or nothing): the
/// version that a write gives is its own, so what is there tells who was here.
pub(super) async fn look_for<R>(
    key: &Key,
    left: Option<&str>,
    prior: Option<&Prior>,
    scope: &Scope<'_>,
    backends: &Backends,
    reply: R,
) -> Looked<R> {
    let entry = match read(backends, scope, key).await {
        Ok(entry) => entry,
        Err(error) => return Looked::unclear(error.to_string()),
    };
    let now = entry.as_ref().map(|entry| entry.version.as_str());
    if now == left {
        return Looked::Happened {
            reply,
            written: Some(image(key, entry.as_ref())),
        };
    }
    match prior {
        Some(prior) if prior.value["version"].as_str() == now => Looked::NotHappened,
        _ => Looked::changed(image(key, entry.as_ref())),
    }
}

pub(super) async fn write(
    key: Key,
    entry: KvEntry,
    expected: Expected,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Performed<Result<String, KvError>> {
    let set = Change::SetKv {
        connector: scope.connector.to_owned(),
        store: key.store.clone(),
        key: key.key.clone(),
        value: entry.value.clone(),
        version: entry.version.clone(),
        expected,
        quota: key.quota,
    };
    match change(backends, scope, set).await {
        Ok(()) => Performed::Known {
            written: Some(image(&key, Some(&entry))),
            reply: Ok(entry.version),
        },
        Err(error) if error.rejected().is_some() => Performed::answered(Err(error.into())),
        Err(error) => Performed::Unknown(error.to_string()),
    }
}

pub(super) async fn remove(
    key: Key,
    expected: Expected,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Performed<Result<(), KvError>> {
    let delete = Change::DeleteKv {
        connector: scope.connector.to_owned(),
        store: key.store.clone(),
        key: key.key.clone(),
        expected,
    };
    match change(backends, scope, delete).await {
        Ok(()) => Performed::Known {
            reply: Ok(()),
            written: Some(image(&key, None)),
        },
        Err(error) if error.rejected().is_some() => Performed::answered(Err(error.into())),
        Err(error) => Performed::Unknown(error.to_string()),
    }
}

async fn change(backends: &Backends, scope: &Scope<'_>, change: Change) -> Result<(), StoreError> {
    let submission = Submission {
        tenant: scope.tenant.to_owned(),
        records: Vec::new(),
        changes: vec![change],
    };
    backends.store.append(submission).await.map(drop)
}
