//! Webhooks that open runs: `POST /hooks/NAME`. Who sends one has no token: see
//! [`crate::incoming`].
//!
//! The attack: a name that is guessed by the answer. An unknown one, a wrong signature
//! and an old one are answered alike.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use tollgate_runtime::Delivered;

use crate::gatekeeper::{Gatekeeper, Refusal, to_the_end};
use crate::incoming::{Face, refused};

/// The longest body, bytes. GitHub's are larger in rare cases (up to 25 MB): such
/// a delivery is refused, and says so.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The one route.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>) -> Router {
    Router::new()
        .route("/hooks/{name}", post(deliver))
        .with_state(Face::new(gatekeeper, BODY_BYTES_MAX))
}

async fn deliver(State(face): State<Face>, Path(name): Path<String>, request: Request) -> Response {
    match taken(&face, name, request).await {
        Ok(Delivered::Run { run, repeated }) => {
            let status = match repeated {
                true => StatusCode::OK,
                false => StatusCode::ACCEPTED,
            };
            let body = json!({ "run": run, "repeated": repeated });
            (status, Json(body)).into_response()
        }
        // As plain text, which no browser takes for anything else.
        Ok(Delivered::Challenge(word)) => word.into_response(),
        Err(refusal) => refused(refusal),
    }
}

async fn taken(face: &Face, name: String, request: Request) -> Result<Delivered, Refusal> {
    let _place = face.place()?;
    let delivery = face.delivery(request).await?;
    to_the_end(&face.gatekeeper, |host| async move {
        host.deliver(&name, delivery).await
    })
    .await
}
