//! Errors on the wire: problem details as of RFC 9457, so that a program can
//! branch on `kind` and a person can read `detail` and `hint`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::gatekeeper::Refusal;

/// One error answer.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    refusal: Refusal,
}

/// Its members, in the order the standard lists them, and ours after them.
#[derive(Serialize)]
struct Members {
    /// A name for the kind of problem; not an address.
    #[serde(rename = "type")]
    type_: String,
    title: &'static str,
    status: u16,
    detail: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
}

impl Problem {
    /// A problem with a status of its own.
    pub(crate) fn with_status(status: StatusCode, refusal: Refusal) -> Self {
        Self { status, refusal }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self::with_status(status_of(&refusal), refusal)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, refusal } = self;
        let members = Members {
            type_: format!("urn:tollgate:problem:{}", refusal.kind),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: refusal.message,
            kind: refusal.kind.into_owned(),
            hint: refusal.hint,
            pointer: refusal.pointer,
        };
        let mut response = (status, Json(members)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

/// The status that says whose turn it is. Kinds nobody told us about are the
/// server's fault until somebody does.
pub(crate) fn status_of(refusal: &Refusal) -> StatusCode {
    if refusal.is_not_found() {
        return StatusCode::NOT_FOUND;
    }
    if refusal.is_unavailable() {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    match refusal.kind.as_ref() {
        "denied" | "rejected" | "not_a_person" | "requester" | "not_an_approver" | "author"
        | "planted" | "not_allowed" | "unknown_person" | "not_by_callback" | "forged_form"
        | "signature_missing" | "signature_wrong" => StatusCode::FORBIDDEN,
        "already_decided" | "expired" | "changed" | "conflict" | "in_doubt" | "key_reused"
        | "already_voted" | "no_vote" | "already_used" | "denied_before" | "not_editable"
        | "case_closed" | "unbinds" | "signature_used" | "repeated" => StatusCode::CONFLICT,
        "invalid_input" | "reply_unfit" | "reason_missing" | "note_missing" | "no_deputy"
        | "no_batch" => StatusCode::UNPROCESSABLE_ENTITY,
        "malformed" => StatusCode::BAD_REQUEST,
        "not_verified" | "not_signed_in" => StatusCode::UNAUTHORIZED,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "limited" => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
