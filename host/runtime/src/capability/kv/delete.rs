//! Removing a key.

use std::time::Duration;

use serde_json::json;
use tollgate_policy::Effect;

use super::change::{look_for, prior_of, remove, unchanged};
use super::expected::GuestExpected;
use super::key::{Key, describe_key, read};
use super::{INTERFACE, KvError};
use crate::capability::Backends;
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};

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

    fn undo_window((key, _): &Self::Plan) -> Option<Duration> {
        key.window
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

impl Imported for Delete {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "delete";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}
