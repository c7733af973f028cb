//! From a bearer token to a principal, for MCP and REST. A cookie is never
//! looked at here, so a browser cannot be made to use these routes with a
//! person's session. Tokens in the address are refused by not being read: they
//! end up in logs and histories.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::gatekeeper::{Gatekeeper, Refusal};
use crate::problem::Problem;

/// Longest token looked up, in bytes. Ours are far shorter; hashing a megabyte
/// for somebody unknown is work given away.
const TOKEN_MAX_BYTES: usize = 512;

/// Put the principal into the request, or answer 401.
pub(crate) async fn establish(
    State(gatekeeper): State<Arc<dyn Gatekeeper>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(token) = token(request.headers()) else {
        return challenge("Bearer realm=\"tollgate\"", missing());
    };
    match gatekeeper.authenticate(token).await {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            // Nothing behind this point has use for the token.
            request.headers_mut().remove(header::AUTHORIZATION);
            next.run(request).await
        }
        Err(refusal) if refusal.is_unavailable() => Problem::from(refusal).into_response(),
        Err(refusal) => challenge(
            "Bearer realm=\"tollgate\", error=\"invalid_token\"",
            refusal,
        ),
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let mut stated = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (stated.next(), stated.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_MAX_BYTES).contains(&token.len()))
        .then_some(token)
}

fn missing() -> Refusal {
    Refusal::new("no_token", "this request carries no bearer token")
        .with_hint("Send `Authorization: Bearer <token>` with a token the operator issued to you.")
}

fn challenge(scheme: &'static str, refusal: Refusal) -> Response {
    let mut response = Problem::with_status(StatusCode::UNAUTHORIZED, refusal).into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    response
}
