//! What an error of Matrix means for a caller. The status decides, and where one
//! stands for several things, `errcode` (client-server API, "Standard error
//! response").

use serde::de::DeserializeOwned;
use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::prelude::*;

use crate::message::maybe_there;

#[derive(Default, Deserialize)]
struct Envelope {
    #[serde(default)]
    errcode: String,
    #[serde(default)]
    error: String,
    retry_after_ms: Option<u64>,
}

/// Sends a request and reads its answer.
pub(super) fn checked<T: DeserializeOwned>(request: Request) -> Result<T, ToolError> {
    let answer = request.send()?;
    if answer.is_success() {
        answer.json()
    } else {
        Err(of(&answer))
    }
}

/// The same of a post by this run. Who is told "posted" in a way that cannot be read,
/// or of a fault of the server, may have posted.
pub(super) fn posted<T: DeserializeOwned>(request: Request, run: &str) -> Result<T, ToolError> {
    let answer = request.send()?;
    if answer.is_success() {
        return answer.json().map_err(|error| maybe_there(error, run));
    }
    let error = of(&answer);
    Err(if answer.status() >= 500 {
        maybe_there(error, run)
    } else {
        error
    })
}

/// The same where there may be nothing.
pub(super) fn found<T: DeserializeOwned>(request: Request) -> Result<Option<T>, ToolError> {
    let answer = request.send()?;
    if answer.is_success() {
        return answer.json().map(Some);
    }
    // A path that the server does not know is 404 as well, `M_UNRECOGNIZED`: that
    // must not be read as "not encrypted".
    if answer.status() == 404 && envelope(&answer).errcode == "M_NOT_FOUND" {
        return Ok(None);
    }
    Err(of(&answer))
}

fn envelope(answer: &Response) -> Envelope {
    answer.json().unwrap_or_default()
}

fn of(answer: &Response) -> ToolError {
    special(answer.status(), &envelope(answer)).unwrap_or_else(|| answer.problem())
}

/// Where the status alone would say too little.
fn special(status: u16, envelope: &Envelope) -> Option<ToolError> {
    let said = crate::text::name(&envelope.error).unwrap_or_default();
    Some(match (status, envelope.errcode.as_str()) {
        // A room that does not exist is answered in the same way.
        (403, "M_FORBIDDEN") => ToolError::denied(format!(
            "the account is not in this room, or may not do this there ({said})"
        ))
        .hint("asking again does not help; somebody in the room must invite the account"),
        (400, _) if envelope.error.contains("'from'") => {
            ToolError::invalid_input("/page", "is no page")
                .hint("give what the last answer had as `next`, or leave it out to begin")
        }
        (429, _) => {
            let milliseconds = envelope.retry_after_ms?;
            ToolError::unavailable(format!("too many requests ({said})"))
                .hint(format!("try again in {} s", milliseconds.div_ceil(1000)))
        }
        (404, "M_UNRECOGNIZED") => ToolError::failed("the server does not know this request")
            .hint("the operator must check `base_url`: it ends with /_matrix/client"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, errcode: &str, error: &str) -> Option<ToolError> {
        let envelope = Envelope {
            errcode: errcode.into(),
            error: error.into(),
            retry_after_ms: Some(4042),
        };
        special(status, &envelope)
    }

    #[test]
    fn a_room_that_is_not_ours_needs_an_invitation() {
        let error = said(403, "M_FORBIDDEN", "User @m:x not in room !r");
        assert!(matches!(error, Some(ToolError::Denied(_))), "{error:?}");
    }

    #[test]
    fn a_pause_is_whole_seconds() {
        let Some(ToolError::Unavailable(failure)) =
            said(429, "M_LIMIT_EXCEEDED", "Too Many Requests")
        else {
            panic!("a limit of the rate passes");
        };
        assert_eq!(failure.hint.as_deref(), Some("try again in 5 s"));
    }

    #[test]
    fn a_wrong_page_is_the_callers_and_other_errors_are_left_to_the_status() {
        let error = said(400, "M_UNKNOWN", "'from' parameter is invalid");
        assert!(
            matches!(error, Some(ToolError::InvalidInput { pointer, .. }) if pointer == "/page")
        );
        assert_eq!(said(401, "M_UNKNOWN_TOKEN", "x"), None);
        assert_eq!(said(413, "M_TOO_LARGE", "x"), None);
    }
}
