//! Writing and removing a whole file.

use std::time::Duration;

use serde_json::json;
use tollgate_policy::FileVerb;

use super::change::{Change, look, look_for, make};
use super::place::describe_place;
use super::{FilesError, INTERFACE, version};
use crate::capability::Backends;
use crate::capability::kv::GuestExpected;
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use crate::exact::Base64;

/// Write a whole file.
pub(crate) struct Write;

impl Operation for Write {
    const CALL: &'static str = "files.write";
    type Arguments = (String, String, Vec<u8>, GuestExpected);
    type Reply = Result<String, FilesError>;
    type Plan = Change;

    fn describe(
        (directory, path, bytes, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Change, Self::Reply> {
        let arguments = json!({
            "bytes": Base64::text(&bytes),
            "size": bytes.len(),
            "expected": expected.json(),
        });
        describe_place(scope, directory, &path, FileVerb::Write, arguments, Err).then(|place| {
            if bytes.len() as u64 > place.max_size {
                Next::Answer(Err(FilesError::TooLarge(place.max_size)))
            } else {
                Next::Perform(Change {
                    place,
                    bytes: Some(bytes),
                    expected,
                })
            }
        })
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn prior(
        change: &Change,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        look(change, backends).await.map_err(Err)
    }

    async fn perform(
        change: Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let new_version = version(change.bytes.as_deref().unwrap_or_default());
        make(change, prior, backends)
            .await
            .map(|reply| reply.map(|()| new_version))
    }

    fn undo_window(change: &Change) -> Option<Duration> {
        change.place.window
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        change: &Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        let reply = version(change.bytes.as_deref().unwrap_or_default());
        look_for(change, prior, backends, Ok(reply)).await
    }

    fn assumed(change: &Change, _: Option<&Prior>) -> Option<Self::Reply> {
        change.bytes.as_deref().map(|bytes| Ok(version(bytes)))
    }
}

impl Imported for Write {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "write";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Remove a file.
pub(crate) struct Remove;

impl Operation for Remove {
    const CALL: &'static str = "files.remove";
    type Arguments = (String, String, GuestExpected);
    type Reply = Result<(), FilesError>;
    type Plan = Change;

    fn describe(
        (directory, path, expected): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Change, Self::Reply> {
        let arguments = json!({ "expected": expected.json() });
        describe_place(scope, directory, &path, FileVerb::Remove, arguments, Err).then(|place| {
            Next::Perform(Change {
                place,
                bytes: None,
                expected,
            })
        })
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(FilesError::Refused(refusal))
    }

    async fn prior(
        change: &Change,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        look(change, backends).await.map_err(Err)
    }

    async fn perform(
        change: Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        make(change, prior, backends).await
    }

    fn undo_window(change: &Change) -> Option<Duration> {
        change.place.window
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        change: &Change,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        look_for(change, prior, backends, Ok(())).await
    }

    fn assumed(_: &Change, _: Option<&Prior>) -> Option<Self::Reply> {
        Some(Ok(()))
    }
}

impl Imported for Remove {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "remove";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}
