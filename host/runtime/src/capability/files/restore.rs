//! Putting back what a write replaced.

use serde_json::Value;
use tollgate_policy::FileVerb;

use super::FilesError;
use super::change::{Change, look, look_for, make};
use super::place::describe_place;
use crate::capability::Backends;
use crate::capability::kv::GuestExpected;
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{Described, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope};
use crate::exact::Base64;

/// Put back what a write replaced, or remove what it made.
pub(crate) struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "files.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (Change, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let path = restoring.written["path"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let bytes = restoring.before["bytes"].as_str().and_then(Base64::parse);
        let expected = match restoring.written["version"].as_str() {
            Some(version) => GuestExpected::Version(version.to_owned()),
            None => GuestExpected::Absent,
        };
        let destination = restoring.destination.clone();
        let arguments = restoring.arguments();
        describe_place(
            scope,
            destination,
            &path,
            FileVerb::Write,
            arguments,
            |error| Err(RestoreFailure::Failed(format!("{error:?}"))),
        )
        .then(|place| {
            let change = Change {
                place,
                bytes,
                expected,
            };
            Next::Perform((change, restoring))
        })
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (change, _): &Self::Plan,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        match look(change, backends).await {
            Ok(prior) => Ok(prior),
            Err(FilesError::Conflict) => {
                let anything = Change {
                    expected: GuestExpected::Anything,
                    ..change.clone()
                };
                let now = look(&anything, backends).await.ok().flatten();
                Err(Err(RestoreFailure::Conflict(
                    now.map_or(Value::Null, |prior| prior.value),
                )))
            }
            Err(error) => Err(Err(RestoreFailure::Failed(format!("{error:?}")))),
        }
    }

    async fn perform(
        (change, _): Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        make(change, prior, backends).await.map(|reply| {
            reply.map_err(|error| match error {
                FilesError::Conflict => RestoreFailure::Conflict(Value::Null),
                other => RestoreFailure::Failed(format!("{other:?}")),
            })
        })
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (change, _): &Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        look_for(change, prior, backends, Ok(())).await
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}
