//! Writing a key.

use std::time::Duration;

use serde_json::json;
use tollgate_policy::Effect;
use tollgate_store::{KvEntry, kv_version};

use super::change::{look_for, prior_of, unchanged, write};
use super::expected::GuestExpected;
use super::key::{Key, describe_key, read};
use super::{INTERFACE, KvError};
use crate::capability::Backends;
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use crate::exact::Base64;

/// Longest value, bytes: what is larger belongs into a file.
const VALUE_BYTES_MAX: usize = 64 << 10;

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

    fn undo_window(plan: &SetPlan) -> Option<Duration> {
        plan.key.window
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

impl Imported for Set {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "set";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}
