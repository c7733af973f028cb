//! Small values that the host keeps for a connector, apart for every tenant and
//! connector. A store exists because the manifest names it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::{Effect, KvGrant};
use tollgate_store::{Change, Expected, KvEntry, Rejected, StoreError, Submission, kv_version};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use super::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use crate::exact::Base64;

const INTERFACE: &str = "tollgate:connector/kv@0.1.0";

/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 256;

/// Longest value, bytes: what is larger belongs into a file.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Most keys in one listing.
const KEYS_MAX: u32 = 1_000;

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Entry {
    value: Vec<u8>,
    version: String,
}

/// An entry as it is recorded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordedEntry {
    value: Base64,
    version: String,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum GuestExpected {
    #[component(name = "anything")]
    Anything,
    #[component(name = "absent")]
    Absent,
    #[component(name = "version")]
    Version(String),
}

impl GuestExpected {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Anything => json!("anything"),
            Self::Absent => json!("absent"),
            Self::Version(version) => json!({ "version": version }),
        }
    }

    /// Whether a thing of this version, or none, is as expected.
    pub(crate) fn holds(&self, version: Option<&str>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => version.is_none(),
            Self::Version(expected) => version == Some(expected),
        }
    }
}

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "full")]
    Full(u64),
}

impl From<StoreError> for KvError {
    fn from(error: StoreError) -> Self {
        match error.rejected() {
            Some(Rejected::VersionConflict { .. }) => Self::Conflict,
            Some(Rejected::QuotaReached { allowed, .. }) => Self::Full(*allowed),
            _ => Self::Refused(Refusal::outside(error.to_string())),
        }
    }
}

/// A key that is granted and can be named.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    store: String,
    key: String,
    quota: u64,
}

fn grant<'a>(scope: &Scope<'a>, store: &str) -> Result<&'a KvGrant, Refusal> {
    scope.manifest.grant.kv.get(store).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no store `{store}`"),
            format!("[grant.kv.{store}]\nmax_bytes = \"1MiB\""),
        )
    })
}

fn describe_key<R>(
    scope: &Scope<'_>,
    store: String,
    key: String,
    effect: Effect,
    mut arguments: Value,
    answer: impl FnOnce(KvError) -> R,
) -> Described<Key, R> {
    arguments["key"] = json!(key);
    let next = match grant(scope, &store) {
        Err(refusal) => Next::Refuse(refusal),
        Ok(_) if key.is_empty() || key.len() > KEY_BYTES_MAX => Next::Answer(answer(
            KvError::Invalid(format!("a key is 1 to {KEY_BYTES_MAX} bytes of text")),
        )),
        Ok(grant) => Next::Perform(Key {
            store: store.clone(),
            key,
            quota: grant.max_bytes,
        }),
    };
    Described {
        identity: format!("kv:{}/{store}", scope.connector),
        destination: store,
        effect,
        arguments,
        next,
    }
}

async fn read(
    backends: &Backends,
    scope: &Scope<'_>,
    key: &Key,
) -> Result<Option<KvEntry>, StoreError> {
    backends
        .store
        .kv_get(scope.tenant, scope.connector, &key.store, &key.key)
        .await
}

/// What is there, for the record: the key, and its value where it has one.
fn image(key: &Key, entry: Option<&KvEntry>) -> Value {
    json!({
        "key": key.key,
        "value": entry.map(|entry| Base64::text(&entry.value)),
        "version": entry.map(|entry| entry.version.as_str()),
    })
}

fn prior_of(key: &Key, entry: Option<&KvEntry>) -> Prior {
    Prior {
        version: entry.map_or_else(|| "absent".to_owned(), |entry| entry.version.clone()),
        value: image(key, entry),
    }
}

/// The condition that what is replaced is what was captured.
fn unchanged(prior: Option<&Prior>) -> Expected {
    match prior.and_then(|prior| prior.value["version"].as_str()) {
        Some(version) => Expected::Version(version.to_owned()),
        None => Expected::Absent,
    }
}

/// What became of a write that would leave `left` (a version, or nothing): the
/// version that a write gives is its own, so what is there tells who was here.
async fn look_for<R>(
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

async fn change(backends: &Backends, scope: &Scope<'_>, change: Change) -> Result<(), StoreError> {
    let submission = Submission {
        tenant: scope.tenant.to_owned(),
        records: Vec::new(),
        changes: vec![change],
    };
    backends.store.append(submission).await.map(drop)
}

/// Read a key.
pub(crate) struct Get;

impl Operation for Get {
    const CALL: &'static str = "kv.get";
    type Arguments = (String, String);
    type Reply = Result<Option<RecordedEntry>, KvError>;
    type Plan = Key;

    fn describe((store, key): Self::Arguments, scope: &Scope<'_>) -> Described<Key, Self::Reply> {
        describe_key(scope, store, key, Effect::Read, json!({}), Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(KvError::Refused(refusal))
    }

    async fn perform(
        key: Key,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let entry = read(backends, scope, &key).await.map_err(KvError::from);
        Performed::answered(entry.map(|entry| {
            entry.map(|entry| RecordedEntry {
                value: Base64(entry.value),
                version: entry.version,
            })
        }))
    }
}

impl Imported for Get {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "get";
    type Results = (Result<Option<Entry>, KvError>,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply.map(|entry| {
            entry.map(|entry| Entry {
                value: entry.value.0,
                version: entry.version,
            })
        }),)
    }
}

/// Write a key.
pub(crate) struct Set;

/// A write that is granted.
pub(crate) struct SetPlan {
    key: Key,
    value: Vec<u8>,
    expected: GuestExpected,
}

impl Operation for Set {
    const CALL: &'static str = "kv.set";
    type Arguments = (String, String, Vec<u8>, GuestExpected);
    type Reply = Result<String, KvError>;
    type Plan = SetPlan;

    fn describe(
        (store, key, value, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<SetPlan, Self::Reply> {
        let arguments = json!({ "value": Base64::text(&value), "expected": expected.json() });
        let key = describe_key(scope, store, key, Effect::Write, arguments, Err);
        key.then(|key| {
            if value.len() > VALUE_BYTES_MAX {
                Next::Answer(Err(KvError::Invalid(format!(
                    "a value is at most {VALUE_BYTES_MAX} bytes, this one has {}",
                    value.len()
                ))))
            } else {
                Next::Perform(SetPlan {
                    key,
                    value,
                    expected,
                })
            }
        })
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(KvError::Refused(refusal))
    }

    async fn prior(
        plan: &SetPlan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        let entry = read(backends, scope, &plan.key)
            .await
            .map_err(|error| Err(KvError::from(error)))?;
        let version = entry.as_ref().map(|entry| entry.version.as_str());
        if !plan.expected.holds(version) {
            return Err(Err(KvError::Conflict));
        }
        Ok(Some(prior_of(&plan.key, entry.as_ref())))
    }

    async fn perform(
        plan: SetPlan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let entry = KvEntry {
            version: kv_version(&plan.value, scope.run, scope.position),
            value: plan.value,
        };
        write(plan.key, entry, unchanged(prior), scope, backends).await
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        plan: &SetPlan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        let ours = kv_version(&plan.value, scope.run, scope.position);
        let reply = Ok(ours.clone());
        look_for(&plan.key, Some(&ours), prior, scope, backends, reply).await
    }
}

async fn write(
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

impl Imported for Set {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "set";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Remove a key.
pub(crate) struct Delete;

impl Operation for Delete {
    const CALL: &'static str = "kv.delete";
    type Arguments = (String, String, GuestExpected);
    type Reply = Result<(), KvError>;
    type Plan = (Key, GuestExpected);

    fn describe(
        (store, key, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Self::Plan, Self::Reply> {
        let arguments = json!({ "expected": expected.json() });
        describe_key(scope, store, key, Effect::Write, arguments, Err)
            .then(|key| Next::Perform((key, expected)))
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(KvError::Refused(refusal))
    }

    async fn prior(
        (key, expected): &Self::Plan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        let entry = read(backends, scope, key)
            .await
            .map_err(|error| Err(KvError::from(error)))?;
        if !expected.holds(entry.as_ref().map(|entry| entry.version.as_str())) {
            return Err(Err(KvError::Conflict));
        }
        Ok(Some(prior_of(key, entry.as_ref())))
    }

    async fn perform(
        (key, _): Self::Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        remove(key, unchanged(prior), scope, backends).await
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (key, _): &Self::Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        look_for(key, None, prior, scope, backends, Ok(())).await
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Self::Reply> {
        Some(Ok(()))
    }
}

async fn remove(
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

impl Imported for Delete {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "delete";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// List keys.
pub(crate) struct Keys;

impl Operation for Keys {
    const CALL: &'static str = "kv.keys";
    type Arguments = (String, String);
    type Reply = Result<Vec<String>, KvError>;
    type Plan = (String, String);

    fn describe(
        (store, prefix): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Self::Plan, Self::Reply> {
        Described {
            identity: format!("kv:{}/{store}", scope.connector),
            destination: store.clone(),
            effect: Effect::Read,
            arguments: json!({ "prefix": prefix }),
            next: match grant(scope, &store) {
                Ok(_) => Next::Perform((store, prefix)),
                Err(refusal) => Next::Refuse(refusal),
            },
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(KvError::Refused(refusal))
    }

    async fn perform(
        (store, prefix): Self::Plan,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let keys = backends
            .store
            .kv_keys(scope.tenant, scope.connector, &store, &prefix, KEYS_MAX)
            .await;
        Performed::answered(keys.map_err(KvError::from))
    }
}

impl Imported for Keys {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "keys";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Put back what a write to a key replaced.
pub(crate) struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "kv.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (Key, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let name = restoring.written["key"].as_str().unwrap_or_default();
        let arguments = restoring.arguments();
        describe_key(
            scope,
            restoring.destination.clone(),
            name.to_owned(),
            Effect::Write,
            arguments,
            |error| Err(RestoreFailure::Failed(format!("{error:?}"))),
        )
        .then(|key| Next::Perform((key, restoring)))
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (key, restoring): &Self::Plan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let entry = read(backends, scope, key)
            .await
            .map_err(|error| Err(RestoreFailure::Failed(error.to_string())))?;
        let now = image(key, entry.as_ref());
        if now["version"] != restoring.written["version"] {
            return Err(Err(RestoreFailure::Conflict(now)));
        }
        Ok(Some(prior_of(key, entry.as_ref())))
    }

    async fn perform(
        (key, restoring): Self::Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        let entry = restored(&restoring, scope);
        let performed = match entry {
            Some(entry) => write(key, entry, unchanged(prior), scope, backends)
                .await
                .map(|reply| reply.map(drop)),
            None => remove(key, unchanged(prior), scope, backends).await,
        };
        performed.map(|reply| {
            reply.map_err(|error| match error {
                KvError::Conflict => RestoreFailure::Conflict(Value::Null),
                other => RestoreFailure::Failed(format!("{other:?}")),
            })
        })
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (key, restoring): &Self::Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let left = restored(restoring, scope).map(|entry| entry.version);
        look_for(key, left.as_deref(), prior, scope, backends, Ok(())).await
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}

/// What goes back: the value with its version, so that an earlier write of the
/// same run, or of the run before it, can then be taken back as well.
fn restored(restoring: &Restoring, scope: &Scope<'_>) -> Option<KvEntry> {
    let value = restoring.before["value"].as_str().and_then(Base64::parse)?;
    Some(KvEntry {
        version: match restoring.before["version"].as_str() {
            Some(version) => version.to_owned(),
            None => kv_version(&value, scope.run, scope.position),
        },
        value,
    })
}
