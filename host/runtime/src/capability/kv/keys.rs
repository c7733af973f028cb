//! Listing keys.

use serde_json::json;
use tollgate_policy::Effect;

use super::key::grant;
use super::{INTERFACE, KvError};
use crate::capability::Backends;
use crate::door::{Described, Imported, Next, Operation, Performed, Prior, Refusal, Scope};

/// Most keys in one listing.
const KEYS_MAX: u32 = 1_000;

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
