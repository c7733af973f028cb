//! Putting back what a write to a key replaced.

use serde_json::Value;
use tollgate_policy::Effect;
use tollgate_store::{KvEntry, kv_version};

use super::KvError;
use super::change::{image, look_for, prior_of, remove, unchanged, write};
use super::key::{Key, describe_key, read};
use crate::capability::Backends;
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{Described, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope};
use crate::exact::Base64;

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
