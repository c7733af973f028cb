//! What leaves a run, without secrets: its output, its inverse, the words of its
//! failure. They enter the journal and leave the host after this and not before.

use tollgate_secrets::Found;

use super::execute::End;
use crate::api::{Failure, RunState};
use crate::door::Door;
use crate::failure::FailureKind;

/// An end without any live secret, and the one that was in its output.
pub(super) async fn screened(door: &Door, end: End) -> (End, Option<Found>) {
    match end {
        End::Done { output, inverse } => {
            let (_, mut found) = door.scanned(output.to_string().into_bytes()).await;
            if let (None, Some(inverse)) = (&found, &inverse) {
                found = door.scanned(inverse.to_string().into_bytes()).await.1;
            }
            let Some(found) = found else {
                return (End::Done { output, inverse }, None);
            };
            // What the run did is done; only what it says of it is not passed on.
            let message = format!("the tool's answer contained {found}; it was withheld");
            let hint = "what the tool did was done; its run's log shows the calls";
            let kind = FailureKind::SecretBlocked;
            let failure = kind.with(message, Some(hint));
            (End::Failed(RunState::Failed, kind, failure), Some(found))
        }
        End::Failed(state, kind, failure) => {
            let clean = |words: String| door.clean(&words);
            let failure = Failure {
                kind: failure.kind,
                message: clean(failure.message),
                hint: failure.hint.map(clean),
                pointer: failure.pointer.map(clean),
            };
            (End::Failed(state, kind, failure), None)
        }
        other => (other, None),
    }
}
