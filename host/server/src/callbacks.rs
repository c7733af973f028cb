//! Decisions that come back from announcements: `POST /v1/callbacks/NAME`. Who sends
//! one has no token: see [`crate::incoming`].
//!
//! The attack: a name that is guessed by the answer. An unknown one, a wrong signature
//! and an old one are answered alike, and before the signature holds nothing of the
//! body is read.
//!
//! Slack takes any status but 200 for an app that is broken, and shows a person nothing
//! else of it. So whoever pressed a button is answered with 200 and words for them
//! alone, whatever came of it; only what Slack did not sign is not.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use tollgate_runtime::CalledBack;

use crate::gatekeeper::{Gatekeeper, Refusal, to_the_end};
use crate::incoming::{Face, refused};

/// The longest body, bytes: a button with the message that it stands in.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The one route.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>) -> Router {
    Router::new()
        .route("/v1/callbacks/{name}", post(call_back))
        .with_state(Face::new(gatekeeper, BODY_BYTES_MAX))
}

async fn call_back(
    State(face): State<Face>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match taken(&face, name, request).await {
        Ok(CalledBack::Taken(report)) => Json(report).into_response(),
        Ok(CalledBack::Told(text)) => Json(json!({
            "response_type": "ephemeral",
            "replace_original": false,
            "text": text,
        }))
        .into_response(),
        Err(refusal) => refused(refusal),
    }
}

async fn taken(face: &Face, name: String, request: Request) -> Result<CalledBack, Refusal> {
    let _place = face.place()?;
    let request = face.delivery(request).await?;
    to_the_end(&face.gatekeeper, |host| async move {
        host.call_back(&name, request).await
    })
    .await
}
