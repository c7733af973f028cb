//! Webhooks that open runs: `POST /hooks/NAME`. Who sends one has no token; its
//! signature is all that it is believed for, and the host behind verifies that over
//! the very bytes that came.
//!
//! Attacks named: many senders of large bodies, or of slow ones (both bounded here,
//! before anything is verified); a name that is guessed by the answer (an unknown
//! one, a wrong signature and an old one are answered alike); a page of another
//! site (refused by [`crate::guard`], as everywhere, and it has no key); a header
//! that stands twice, so that two readers take two values (neither is taken).
//!
//! A cookie or a token that comes along is not looked at: no rights are got here
//! but those that the operator gave to the trigger.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::json;
use tokio::sync::Semaphore;
use tollgate_runtime::{Delivered, Delivery};

use crate::gatekeeper::{Gatekeeper, Refusal, to_the_end};
use crate::problem::Problem;

/// The longest body, bytes. GitHub's are larger in rare cases (up to 25 MB): such
/// a delivery is refused, and says so.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest time for a body to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Most deliveries at once: what they hold in memory is bounded by this.
const AT_ONCE: usize = 64;

/// When a sender that came too early should come again, in seconds.
const AGAIN_AFTER: HeaderValue = HeaderValue::from_static("10");

/// What the handler needs.
#[derive(Clone)]
struct Face {
    gatekeeper: Arc<dyn Gatekeeper>,
    places: Arc<Semaphore>,
}

/// The one route.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>) -> Router {
    Router::new()
        .route("/hooks/{name}", post(deliver))
        .with_state(Face {
            gatekeeper,
            places: Arc::new(Semaphore::new(AT_ONCE)),
        })
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
    let _place = face
        .places
        .try_acquire()
        .map_err(|_| Refusal::new("limited", "there are too many deliveries at once"))?;
    let (head, body) = request.into_parts();
    let delivery = Delivery {
        headers: single(&head.headers),
        body: read(&head.headers, body).await?,
    };
    to_the_end(&face.gatekeeper, |host| async move {
        host.deliver(&name, delivery).await
    })
    .await
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        let message = format!("a delivery has at most {BODY_BYTES_MAX} bytes");
        Refusal::new("too_large", message)
    };
    let stated = headers.get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        // The body broke off, or is longer than it said.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Refusal::new(
            "too_slow",
            "the delivery did not come to its end in ten seconds",
        )),
    }
}

/// Headers that are text and stand once.
fn single(headers: &HeaderMap) -> HashMap<String, String> {
    let once = headers.keys().filter_map(|name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Some((name.to_string(), value.to_str().ok()?.to_owned())),
            _ => None,
        }
    });
    once.collect()
}

fn refused(refusal: Refusal) -> Response {
    let status = match refusal.kind.as_ref() {
        "too_slow" => Some(StatusCode::REQUEST_TIMEOUT),
        // Nothing of it is the sender's fault, who should send it again.
        "failed" => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    };
    let problem = match status {
        Some(status) => Problem::with_status(status, refusal),
        None => Problem::from(refusal),
    };
    let mut response = problem.into_response();
    let later = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    if later.contains(&response.status()) {
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, AGAIN_AFTER);
    }
    response
}
