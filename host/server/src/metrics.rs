//! `/metrics`, for Prometheus: the figures of the caller's own tenant.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tollgate_metrics::CONTENT_TYPE;
use tollgate_runtime::Principal;

use crate::gatekeeper::Gatekeeper;
use crate::problem::Problem;

/// The route. Who asks is established before it.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .with_state(gatekeeper)
}

async fn metrics(
    State(host): State<Arc<dyn Gatekeeper>>,
    Extension(who): Extension<Principal>,
) -> Result<Response, Problem> {
    let text = host.metrics(&who).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}
