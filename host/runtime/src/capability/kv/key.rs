//! What a call names: a key in a store of the manifest.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_policy::{Effect, KvGrant};
use tollgate_store::{KvEntry, StoreError};

use super::KvError;
use crate::capability::Backends;
use crate::door::{Described, Next, Refusal, Scope};

/// Longest key, bytes.
const KEY_BYTES_MAX: usize = 256;

/// A key that is granted and can be named.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(super) store: String,
    pub(super) key: String,
    pub(super) quota: u64,
    /// For how long a write to it may be taken back.
    pub(super) window: Option<Duration>,
}

pub(super) fn grant<'a>(scope: &Scope<'a>, store: &str) -> Result<&'a KvGrant, Refusal> {
    scope.manifest.grant.kv.get(store).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no store `{store}`"),
            format!("[grant.kv.{store}]\nmax_bytes = \"1MiB\""),
        )
    })
}

pub(super) fn describe_key<R>(
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
            window: grant.window,
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

pub(super) async fn read(
    backends: &Backends,
    scope: &Scope<'_>,
    key: &Key,
) -> Result<Option<KvEntry>, StoreError> {
    backends
        .store
        .kv_get(scope.tenant, scope.connector, &key.store, &key.key)
        .await
}
