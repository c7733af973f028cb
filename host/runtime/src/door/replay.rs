//! The replay step: what the journal has of a call is answered from it, and a
//! call that is not the recorded one is stopped before anything is sent.

use super::{Door, Operation, Passing, RecordedCall, leaks};
use crate::error::Ending;

/// How a call is not the recorded one.
pub(super) enum Differs {
    /// The run cannot go on.
    Known(Ending),
    /// It cannot either, and what the recorded call did is not known.
    Doubtful(String),
}

/// What the replay step found.
pub(super) enum Found {
    Reply(Vec<u8>),
    /// An intent without an outcome.
    Doubt,
    New,
}

impl Door {
    /// Compare a call with the recorded one at its position. A call in doubt that
    /// the connector does not make again is a person's.
    pub(super) async fn replay(&self, passing: &Passing) -> Result<Found, Ending> {
        match self.compare(passing) {
            Ok(found) => Ok(found),
            Err(Differs::Known(ending)) => Err(self.end(ending)),
            Err(Differs::Doubtful(difference)) => {
                let why = format!("the connector does something else now: {difference}");
                Err(self.not_made_again(passing.position, &why).await)
            }
        }
    }

    pub(super) fn compare(&self, passing: &Passing) -> Result<Found, Differs> {
        let Some(recorded) = self.recorded.get(passing.position as usize) else {
            return if self.replay_only {
                Err(Differs::Known(Ending::ReplayedToEnd))
            } else {
                Ok(Found::New)
            };
        };
        if let Some(difference) = self.difference(passing, recorded) {
            return Err(if recorded.is_doubtful() && !self.replay_only {
                Differs::Doubtful(difference)
            } else {
                Differs::Known(Ending::Diverged {
                    position: passing.position,
                    difference,
                })
            });
        }
        match &recorded.reply {
            Some(reply) => {
                self.state().replayed += 1;
                Ok(Found::Reply(reply.clone()))
            }
            // The run ended here, or waits here: that it came to the call again is all that
            // can be repeated.
            None if self.replay_only => {
                self.state().replayed += 1;
                Err(Differs::Known(recorded.without_reply(passing.position)))
            }
            None => Ok(Found::Doubt),
        }
    }

    fn difference(&self, passing: &Passing, recorded: &RecordedCall) -> Option<String> {
        if recorded.call != passing.call {
            return Some(format!(
                "the record has `{}`, the connector now calls `{}`",
                recorded.call, passing.call
            ));
        }
        // It was refused, for what is not in its record.
        if recorded.withheld.as_deref() == Some(leaks::ARGUMENTS) {
            return None;
        }
        if recorded.destination != passing.destination {
            return Some(format!("the destination of `{}` differs", passing.call));
        }
        if recorded.arguments != passing.text.as_bytes() {
            return Some(format!("the arguments of `{}` differ", passing.call));
        }
        match (self.same_engine, recorded.fuel, passing.fuel) {
            (true, Some(then), Some(now)) if then != now => Some(format!(
                "`{}` was reached with {then} fuel used, now with {now}",
                passing.call
            )),
            _ => None,
        }
    }
}

pub(super) fn decode<O: Operation>(position: u32, bytes: &[u8]) -> Result<O::Reply, Ending> {
    serde_json::from_slice(bytes).map_err(|error| Ending::Diverged {
        position,
        difference: format!(
            "the recorded reply of `{}` cannot be read: {error}",
            O::CALL
        ),
    })
}
