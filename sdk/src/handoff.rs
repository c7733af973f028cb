//! Queues that people own. What a connector cannot or should not do itself, it
//! hands to them, with the reason.

use serde::Serialize;

use crate::bindings::tollgate::connector::handoff as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::handoff::Urgency;

/// Why nothing was handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The item cannot be taken as it is.
    #[error("this cannot be handed over: {0}")]
    Invalid(String),
    /// The queue holds as many open items as the manifest allows.
    #[error("the queue holds {0} open items, as many as the manifest allows")]
    Full(u64),
}

/// What is handed over.
#[derive(Debug, Clone)]
pub struct Item<'a, D> {
    /// What a person should do or decide, in a sentence.
    pub summary: &'a str,
    /// Why the connector did not do it.
    pub reason: &'a str,
    /// What a person needs to decide; becomes a JSON object.
    pub details: &'a D,
    /// How soon somebody should look.
    pub urgency: Urgency,
}

/// Puts an item into a named queue. The answer is its id.
///
/// # Errors
/// The host refused the call, or the queue cannot take the item.
pub fn escalate<D: Serialize>(queue: &str, item: &Item<'_, D>) -> Result<String, Error> {
    let details = serde_json::to_string(item.details)
        .map_err(|error| Error::Invalid(format!("the details are no JSON: {error}")))?;
    let item = wire::Item {
        summary: item.summary.to_owned(),
        reason: item.reason.to_owned(),
        details,
        urgency: item.urgency,
    };
    Ok(wire::escalate(queue, &item)?)
}

from_wire!(Invalid(why), Full(allowed));

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Invalid(_) => Self::failed(message),
            Error::Full(_) => Self::limited(message).hint("tell the owner of the queue"),
        }
    }
}
