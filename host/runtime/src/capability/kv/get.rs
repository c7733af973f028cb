//! Reading a key.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::Effect;
use wasmtime::component::{ComponentType, Lift, Lower};

use super::key::{Key, describe_key, read};
use super::{INTERFACE, KvError};
use crate::capability::Backends;
use crate::door::{Described, Imported, Operation, Performed, Prior, Refusal, Scope};
use crate::exact::Base64;

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
