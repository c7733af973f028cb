//! Workflows and cases. Workflows are a person's to read and an operator's to
//! change; cases are opened and closed by whoever works in them.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use tollgate_runtime::{CaseClaim, CaseQuery, CaseReport, NewCase, WorkflowInfo, WorkflowPlan};

use super::{Answer, Host, Who, malformed, parsed};
use crate::gatekeeper::to_the_end;

pub(super) async fn workflows(
    State(host): Host,
    Extension(who): Who,
) -> Answer<Json<Vec<WorkflowInfo>>> {
    Ok(Json(host.workflows(&who).await?))
}

pub(super) async fn workflow(
    State(host): Host,
    Extension(who): Who,
    Path(name): Path<String>,
) -> Answer<Json<WorkflowInfo>> {
    Ok(Json(host.workflow(&who, &name).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Install {
    text: String,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    unbind: bool,
}

pub(super) async fn install(
    State(host): Host,
    Extension(who): Who,
    body: Bytes,
) -> Answer<Json<WorkflowPlan>> {
    let Install {
        text,
        dry_run,
        unbind,
    } = parsed(&body)?;
    let plan = to_the_end(&host, |host| async move {
        host.install_workflow(&who, &text, dry_run, unbind).await
    });
    Ok(Json(plan.await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unbind {
    #[serde(default)]
    unbind: bool,
}

pub(super) async fn remove(
    State(host): Host,
    Extension(who): Who,
    Path(name): Path<String>,
    query: Result<Query<Unbind>, QueryRejection>,
) -> Answer<Json<WorkflowPlan>> {
    let Query(Unbind { unbind }) = query.map_err(|error| malformed(error.body_text()))?;
    let plan = to_the_end(&host, |host| async move {
        host.remove_workflow(&who, &name, unbind).await
    });
    Ok(Json(plan.await?))
}

pub(super) async fn cases(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<CaseQuery>, QueryRejection>,
) -> Answer<Json<Vec<CaseReport>>> {
    let Query(query) = query.map_err(|error| malformed(error.body_text()))?;
    Ok(Json(host.cases(&who, query).await?))
}

pub(super) async fn open(
    State(host): Host,
    Extension(who): Who,
    body: Bytes,
) -> Answer<Json<CaseReport>> {
    let new: NewCase = parsed(&body)?;
    let opened = to_the_end(&host, |host| async move { host.open_case(&who, new).await });
    Ok(Json(opened.await?))
}

pub(super) async fn case(
    State(host): Host,
    Extension(who): Who,
    Path(case): Path<String>,
) -> Answer<Json<CaseReport>> {
    Ok(Json(host.case(&who, &case).await?))
}

pub(super) async fn close(
    State(host): Host,
    Extension(who): Who,
    Path(case): Path<String>,
    body: Bytes,
) -> Answer<Json<CaseReport>> {
    let claim: CaseClaim = parsed(&body)?;
    let closed = to_the_end(&host, |host| async move {
        host.close_case(&who, &case, claim).await
    });
    Ok(Json(closed.await?))
}
