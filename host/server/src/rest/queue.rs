//! Queues: what waits for a person to settle it. An agent sees its run in doubt
//! and has no way to say what became of it.

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::Value;
use tollgate_runtime::{QueueItem, QueueSummary, Resolution};

use super::{Answer, Host, Who, malformed, parsed, reported};
use crate::gatekeeper::{Refusal, to_the_end};

pub(super) async fn list(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Listed>, QueryRejection>,
) -> Answer<Json<Vec<QueueItem>>> {
    let Query(Listed { all, dead }) = query.map_err(|error| malformed(error.body_text()))?;
    let mut items = host.queue(&who, all).await?;
    items.retain(|item| !dead || item.is_dead());
    Ok(Json(items))
}

/// The queues of this person, with how much waits in each.
pub(super) async fn queues(
    State(host): Host,
    Extension(who): Who,
) -> Answer<Json<Vec<QueueSummary>>> {
    Ok(Json(host.queues(&who).await?))
}

/// Which items are listed.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Listed {
    all: bool,
    /// Only those that did not reach where their owner looks.
    dead: bool,
}

pub(super) async fn item(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
) -> Answer<Json<QueueItem>> {
    Ok(Json(host.queue_item(&who, &id).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resolve {
    resolution: Resolution,
    note: String,
    #[serde(default)]
    reply: Option<Value>,
}

pub(super) async fn resolve(
    State(host): Host,
    Extension(who): Who,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer<Response> {
    let Resolve {
        resolution,
        note,
        reply,
    } = parsed(&body)?;
    let note = noted(&note)?;
    if reply.is_some() && resolution == Resolution::NotDone {
        return Err(malformed("a call that did not happen has no `reply`"));
    }
    let report = to_the_end(&host, |host| async move {
        host.resolve(&who, &id, resolution, &note, reply).await
    });
    Ok(reported(&report.await?))
}

/// A resolution is a person's word for what happened; it says how they know.
pub(crate) fn noted(note: &str) -> Result<String, Refusal> {
    match note.trim() {
        "" => Err(
            Refusal::new("note_missing", "a resolution needs a note")
                .with_hint("Say how you know: it goes into the record, and nobody can check it later without it."),
        ),
        note => Ok(note.to_owned()),
    }
}
