//! The tools.

use serde_json::{Map, Value};
use tollgate_sdk::http::Response;
use tollgate_sdk::prelude::*;
use tollgate_sdk::text;

use crate::{endpoint, event};

/// The longest part of a receiver's answer that is passed on, characters.
const ANSWER_MAX: usize = 1_000;

/// What to do where nobody can tell how far a receiver came. Another call is another
/// event to it.
const LOOK_FIRST: &str = "the receiver may have done a part of it, or nothing; somebody must look \
     there first, since another call sends another event, with an id of its own";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deliver {
    /// The endpoint, by the name that `endpoints` lists.
    #[schemars(length(min = 1, max = 64))]
    endpoint: String,
    /// The type of the event: letters, digits and `_` in groups with `.` between
    /// them, such as `order.paid`.
    #[schemars(length(min = 1, max = 128))]
    event_type: String,
    /// When it happened, a date and time of RFC 3339, where that is not now.
    #[serde(default)]
    #[schemars(length(max = 40))]
    occurred_at: Option<String>,
    /// What the receiver needs to know: an object. It is sent as it is.
    data: Map<String, Value>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Delivered {
    /// The receiver's status, 200 to 299.
    status: u16,
    /// The beginning of the receiver's answer, as text. It is the receiver's words.
    answer: String,
    /// Whether the answer was longer.
    answer_cut: bool,
}

/// Sends one event to a named endpoint, signed by the host. It cannot be called
/// back, so a person approves it first. An answer that got lost is asked
/// for again under the same delivery id. An error says whether the receiver refused
/// the event for good (`denied`, `invalid_input`, `not_found`: do not repeat it) or
/// cannot take it now (`unavailable`: do what its hint says).
#[tool(title = "Send an event", effect = "irreversible")]
pub(crate) fn deliver(input: Deliver) -> Result<Delivered, ToolError> {
    let content = event::content(&input.event_type, input.occurred_at.as_deref(), input.data)?;
    let endpoints = endpoint::all()?;
    let endpoint = endpoint::find(&endpoints, &input.endpoint, &input.event_type)?;
    let answer = http::post(&endpoint.destination, endpoint.segments())
        .json(&content)
        .send()?;
    if !answer.is_success() {
        return Err(refused(&answer));
    }
    // A platform in front of the receiver answers 200 by itself: n8n does while it
    // starts, and where a workflow fails before it answers.
    if !endpoint.is_confirmed_by(answer.body()) {
        let status = answer.status();
        let message = format!("the receiver did not say that it took the event (status {status})");
        return Err(ToolError::unavailable(message).hint(LOOK_FIRST));
    }
    let (text, answer_cut) = beginning(answer.body());
    Ok(Delivered {
        status: answer.status(),
        answer: text,
        answer_cut: answer_cut || answer.is_truncated(),
    })
}

/// What a status means to whoever sends webhooks, where that is other than usual: of
/// 410 the specification of Standard Webhooks says it ("Deliverability and
/// reliability"). No caller chose the path, so nobody who calls can mend a 404.
fn refused(answer: &Response) -> ToolError {
    match answer.status() {
        410 => ToolError::denied("the receiver wants no more events at this endpoint (status 410)")
            .hint("asking again does not help; the operator must remove or correct the endpoint"),
        401 | 403 => ToolError::denied("the receiver does not accept the signature, or its sender")
            .hint("asking again does not help; the operator must compare the keys and clocks"),
        404 => answer.problem().hint(
            "asking again does not help; the operator must compare the endpoint's path, and see \
             that what listens there is switched on",
        ),
        500 => answer.problem().hint(LOOK_FIRST),
        _ => answer.problem(),
    }
}

/// The beginning of an answer, which may be no text at all.
fn beginning(body: &[u8]) -> (String, bool) {
    text::cut(String::from_utf8_lossy(body).into_owned(), ANSWER_MAX)
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Endpoints {
    /// All endpoints, by name.
    endpoints: Vec<Known>,
}

#[derive(Serialize, JsonSchema)]
struct Known {
    /// Its name, for `deliver`.
    name: String,
    /// What it is for, where the operator says it.
    about: Option<String>,
    /// The types of events it takes; nothing where it takes any.
    events: Option<Vec<String>>,
}

/// Lists the endpoints that events can be sent to, with the types that each takes.
#[tool(title = "List endpoints", effect = "read")]
pub(crate) fn endpoints() -> Result<Endpoints, ToolError> {
    let all = endpoint::all()?.into_iter().map(|(name, endpoint)| Known {
        name,
        about: endpoint.about,
        events: endpoint.events,
    });
    Ok(Endpoints {
        endpoints: all.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_beginning_of_an_answer_is_passed_on() {
        assert_eq!(beginning(b"ok"), ("ok".to_owned(), false));
        assert_eq!(beginning(&[0xff]), ("\u{fffd}".to_owned(), false));
        let (text, cut) = beginning("ä".repeat(1_001).as_bytes());
        assert!(cut && text.chars().count() == 1_000);
    }
}
