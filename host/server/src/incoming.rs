//! Requests of other systems that have no token: webhooks and callbacks. A signature is
//! all that they are believed for, and the host behind verifies it over the very bytes
//! that came.
//!
//! Attacks named: many senders of large bodies, or of slow ones (both bounded here,
//! before anything is verified); a page of another site (refused by [`crate::guard`],
//! as everywhere, and it has no key); a header that stands twice, so that two readers
//! take two values (neither is taken).
//!
//! A cookie or a token that comes along is not looked at: no rights are got here but
//! those that the operator gave to the trigger or the callback.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};
use tollgate_runtime::Delivery;

use crate::gatekeeper::{Gatekeeper, Refusal};
use crate::problem::Problem;

/// The longest time for a body to come.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// Most requests at once: what they hold in memory is bounded by this.
const AT_ONCE: usize = 64;

/// When a sender that came too early should come again, in seconds.
const AGAIN_AFTER: HeaderValue = HeaderValue::from_static("10");

/// What a handler needs.
#[derive(Clone)]
pub(crate) struct Face {
    pub(crate) gatekeeper: Arc<dyn Gatekeeper>,
    places: Arc<Semaphore>,
    /// The longest body, bytes.
    body_max: usize,
}

impl Face {
    pub(crate) fn new(gatekeeper: Arc<dyn Gatekeeper>, body_max: usize) -> Self {
        Self {
            gatekeeper,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            body_max,
        }
    }

    /// A place among those that are looked at; it is kept until the answer is made.
    pub(crate) fn place(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        let place = self.places.try_acquire();
        place.map_err(|_| Refusal::new("limited", "there are too many deliveries at once"))
    }

    /// A request as it came.
    pub(crate) async fn delivery(&self, request: Request) -> Result<Delivery, Refusal> {
        let (head, body) = request.into_parts();
        Ok(Delivery {
            headers: single(&head.headers),
            body: read(&head.headers, body, self.body_max).await?,
        })
    }
}

async fn read(headers: &HeaderMap, body: Body, most: usize) -> Result<Vec<u8>, Refusal> {
    let too_large = || {
        let message = format!("a delivery has at most {most} bytes");
        Refusal::new("too_large", message)
    };
    let stated = headers.get(header::CONTENT_LENGTH);
    let stated = stated.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WITHIN, to_bytes(body, most)).await {
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

/// A refusal, with whose turn it is.
pub(crate) fn refused(refusal: Refusal) -> Response {
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
