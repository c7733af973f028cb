//! REST at `/v1`, for programs and for people with a program. JSON in and out,
//! errors as problem details, nothing cached.
//!
//! A call answers 200 when its run has ended, well or not (`state` says which),
//! and 202 with a `Location` while it is open, held or in doubt. Only what is
//! no run at all is an HTTP error.
//!
//! What people decide on and read (approvals, queues, the log) needs a person's token.
//! An agent's or a service's is refused here with the reason, before the host
//! refuses it once more.

mod casework;
mod decisions;
mod log;
pub(crate) mod queue;
pub(crate) mod report;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tollgate_runtime::{
    Card, Principal, PrincipalKind, RunReport, RunState, ToolCall, ToolInfo, UndoOptions,
    UndoReport,
};

use crate::exact;
use crate::gatekeeper::{Gatekeeper, Refusal, to_the_end};
use crate::problem::Problem;

/// Longest time a request may wait for a run, in seconds. Proxies commonly give
/// up after one minute.
pub(crate) const WAIT_MAX_S: u64 = 60;

/// The document served at `/v1/openapi.json`.
const OPENAPI: &str = include_str!("rest/openapi.json");

type Host = State<Arc<dyn Gatekeeper>>;
type Who = Extension<Principal>;
type Answer<T> = Result<T, Problem>;

/// All routes below `/v1` but the document.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>) -> Router {
    let for_people = Router::new()
        .route("/approvals", get(approvals))
        .route("/approvals/{id}", get(approval))
        .route("/approvals/{id}/approve", post(approve))
        .route("/approvals/{id}/deny", post(deny))
        .route("/approvals/{id}/revoke", post(decisions::revoke))
        .route("/approvals/{id}/edit", post(decisions::edit))
        .route(
            "/batch",
            get(decisions::batch).post(decisions::decide_batch),
        )
        .route(
            "/delegations",
            get(decisions::delegations).post(decisions::delegate),
        )
        .route("/delegations/{id}/end", post(decisions::end_delegation))
        .route("/drills", post(decisions::plant_drill))
        .route("/log", get(log::log))
        .route("/report", get(report::report))
        .route("/queue", get(queue::list))
        .route("/queues", get(queue::queues))
        .route("/queue/{id}", get(queue::item))
        .route("/queue/{id}/resolve", post(queue::resolve))
        .route(
            "/workflows",
            get(casework::workflows).post(casework::install),
        )
        .route(
            "/workflows/{name}",
            get(casework::workflow).delete(casework::remove),
        )
        .layer(from_fn(people_only));
    Router::new()
        .route("/calls", post(call))
        .route("/tools", get(tools))
        .route("/cases", get(casework::cases).post(casework::open))
        .route("/cases/{case}", get(casework::case))
        .route("/cases/{case}/close", post(casework::close))
        .route("/runs/{run}", get(run))
        .route("/runs/{run}/undo", post(undo))
        .merge(for_people)
        .fallback(async || {
            Problem::from(Refusal::new(
                "not_found",
                "there is no such route under /v1",
            ))
        })
        .with_state(gatekeeper)
}

/// The OpenAPI document. It needs no token: it says nothing about this host.
pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// The attack: an agent with a shell finds the REST address and approves its
/// own call.
async fn people_only(Extension(who): Who, request: Request, next: Next) -> Response {
    match must_be_person(&who) {
        Ok(()) => next.run(request).await,
        Err(refusal) => Problem::from(refusal).into_response(),
    }
}

/// Refuse whoever is no person.
pub(crate) fn must_be_person(who: &Principal) -> Result<(), Refusal> {
    let holder = match who.kind {
        PrincipalKind::Person => return Ok(()),
        PrincipalKind::Agent => "an agent",
        PrincipalKind::Service => "a service",
    };
    Err(Refusal::new(
        "not_a_person",
        format!("this token belongs to {holder}; only a person may do this"),
    )
    .with_hint("Somebody must do it with a token of their own."))
}

async fn tools(State(host): Host, Extension(who): Who) -> Json<Vec<ToolInfo>> {
    Json(host.tools(&who))
}

async fn call(State(host): Host, Extension(who): Who, body: Bytes) -> Answer<Response> {
    let call: ToolCall = parsed(&body)?;
    let report = to_the_end(&host, |host| async move { host.call(&who, call).await }).await?;
    Ok(reported(&report))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    wait: Option<u64>,
}

async fn run(
    State(host): Host,
    Extension(who): Who,
    Path(run): Path<String>,
    query: Result<Query<Wait>, QueryRejection>,
) -> Answer<Response> {
    let Query(Wait { wait }) = query.map_err(|error| malformed(error.body_text()))?;
    let report = match wait {
        None | Some(0) => host.run(&who, &run).await?,
        Some(seconds) if seconds > WAIT_MAX_S => {
            return Err(malformed(format!("`wait` is at most {WAIT_MAX_S} seconds")));
        }
        Some(seconds) => host.wait(&who, &run, Duration::from_secs(seconds)).await?,
    };
    Ok(reported(&report))
}

async fn undo(
    State(host): Host,
    Extension(who): Who,
    Path(run): Path<String>,
    body: Bytes,
) -> Answer<Json<UndoReport>> {
    let options = if body.is_empty() {
        UndoOptions::default()
    } else {
        parsed(&body)?
    };
    let report = to_the_end(
        &host,
        |host| async move { host.undo(&who, &run, options).await },
    );
    Ok(Json(report.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    #[serde(default)]
    all: bool,
}

async fn approvals(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Shown>, QueryRejection>,
) -> Answer<Json<Vec<Card>>> {
    let Query(Shown { all }) = query.map_err(|error| malformed(error.body_text()))?;
    Ok(Json(host.cards(&who, all).await?))
}

async fn approval(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
) -> Answer<Json<Card>> {
    Ok(Json(host.card(&who, &id).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approve {
    digest: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    signature: Option<String>,
}

async fn approve(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Response> {
    let Approve {
        digest,
        reason,
        signature,
    } = parsed(&body)?;
    let report = to_the_end(&host, |host| async move {
        let (reason, signature) = (reason.as_deref(), signature.as_deref());
        host.approve(&who, &id, &digest, reason, signature).await
    });
    Ok(reported(&report.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deny {
    digest: String,
    reason: String,
    #[serde(default)]
    signature: Option<String>,
}

async fn deny(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Response> {
    let Deny {
        digest,
        reason,
        signature,
    } = parsed(&body)?;
    if reason.trim().is_empty() {
        return Err(reason_missing().into());
    }
    let report = to_the_end(&host, |host| async move {
        host.deny(&who, &id, &digest, &reason, signature.as_deref())
            .await
    });
    Ok(reported(&report.await?))
}

/// The refusal of a denial without words.
pub(crate) fn reason_missing() -> Refusal {
    Refusal::new("reason_missing", "a denial needs a reason")
        .with_hint("Say why: whoever asked reads it, and it goes into the record.")
}

fn reported(report: &RunReport) -> Response {
    match report.state {
        RunState::Open | RunState::Held | RunState::InDoubt => {
            let mut response = (StatusCode::ACCEPTED, Json(report)).into_response();
            if let Ok(place) = HeaderValue::try_from(format!("/v1/runs/{}", report.run)) {
                response.headers_mut().insert(header::LOCATION, place);
            }
            response
        }
        _ => Json(report).into_response(),
    }
}

/// JSON read strictly: a key said twice, or a number that does not survive, is
/// refused here and not silently made into something else.
///
/// The attack: serde reads a struct from an array as well, member by member in the
/// order of the source, so `["…"]` would be a digest. Only an object is a body.
fn parsed<T: DeserializeOwned>(body: &Bytes) -> Answer<T> {
    let value = exact::read(body, "/input").map_err(|refusal| match refusal.kind.as_ref() {
        "malformed" => malformed(refusal.message),
        _ => Problem::from(refusal),
    })?;
    if !value.is_object() {
        return Err(malformed("the body is not a JSON object"));
    }
    serde_json::from_value(value).map_err(|error| malformed(error.to_string()))
}

fn malformed(message: impl Into<String>) -> Problem {
    Problem::from(
        Refusal::new("malformed", message).with_hint("See /v1/openapi.json for what is expected."),
    )
}
