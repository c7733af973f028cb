//! What people do with held calls beside a yes or a no: take a yes back, change the
//! input, decide on many at once, name a deputy; and what an operator plants to see
//! whether they look. Nothing of it is an agent's.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::Value;
use tollgate_runtime::{
    Batch, BatchDecision, BatchFilter, BatchReport, Delegation, NewDelegation, NewDrill,
};

use super::{Answer, Host, Shown, Who, malformed, parsed, reported};
use crate::gatekeeper::to_the_end;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    #[serde(default)]
    signature: Option<String>,
}

pub(super) async fn revoke(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Response> {
    // Who has no key has nothing to say beside the name of the approval.
    let Revoke { signature } = match body.is_empty() {
        true => Revoke::default(),
        false => parsed(&body)?,
    };
    let report = to_the_end(&host, |host| async move {
        host.revoke(&who, &id, signature.as_deref()).await
    });
    Ok(reported(&report.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    digest: String,
    input: Value,
    #[serde(default)]
    signature: Option<String>,
}

pub(super) async fn edit(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Response> {
    let Edit {
        digest,
        input,
        signature,
    } = parsed(&body)?;
    let report = to_the_end(&host, |host| async move {
        host.edit(&who, &id, &digest, &input, signature.as_deref())
            .await
    });
    Ok(reported(&report.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    approval: String,
    #[serde(default)]
    sum: Option<String>,
}

pub(super) async fn batch(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Answer<Json<Batch>> {
    let Query(Wanted { approval, sum }) = query.map_err(|error| malformed(error.body_text()))?;
    let filter = BatchFilter {
        approval,
        sum,
        items: None,
    };
    Ok(Json(host.batch(&who, &filter).await?))
}

pub(super) async fn decide_batch(
    State(host): Host,
    Extension(who): Who,
    body: Bytes,
) -> Answer<Json<BatchReport>> {
    let decision: BatchDecision = parsed(&body)?;
    let report = to_the_end(&host, |host| async move {
        host.decide_batch(&who, &decision).await
    });
    Ok(Json(report.await?))
}

pub(super) async fn delegations(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Shown>, QueryRejection>,
) -> Answer<Json<Vec<Delegation>>> {
    let Query(Shown { all }) = query.map_err(|error| malformed(error.body_text()))?;
    Ok(Json(host.delegations(&who, all).await?))
}

pub(super) async fn delegate(
    State(host): Host,
    Extension(who): Who,
    body: Bytes,
) -> Answer<Response> {
    let new: NewDelegation = parsed(&body)?;
    let given = to_the_end(&host, |host| async move { host.delegate(&who, &new).await });
    Ok((StatusCode::CREATED, Json(given.await?)).into_response())
}

pub(super) async fn end_delegation(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let ended = to_the_end(
        &host,
        |host| async move { host.end_delegation(&who, &id).await },
    );
    ended.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn plant_drill(
    State(host): Host,
    Extension(who): Who,
    body: Bytes,
) -> Answer<Response> {
    let new: NewDrill = parsed(&body)?;
    let planted = to_the_end(
        &host,
        |host| async move { host.plant_drill(&who, new).await },
    );
    Ok((StatusCode::CREATED, Json(planted.await?)).into_response())
}
