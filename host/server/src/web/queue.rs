//! Items of a queue: a person looks, says what became of the call, reads what
//! follows from that, and confirms it.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::Value;
use tollgate_runtime::Resolution;

use super::item::{Answer, Step};
use super::{Pages, Visitor, encoded, pages};
use crate::exact;
use crate::gatekeeper::{Refusal, to_the_end};
use crate::problem::status_of;
use crate::rest::queue::noted;

pub(super) async fn show(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    page(&pages, &visitor, &id, Step::Look, StatusCode::OK, None).await
}

/// The item, with what went wrong above it.
async fn page(
    pages: &Pages,
    visitor: &Visitor,
    id: &str,
    step: Step,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    match pages.gatekeeper.queue_item(&visitor.who, id).await {
        Ok(item) => pages::item(visitor, &item, step, status, problem),
        Err(refusal) => pages::refusal(problem.unwrap_or(&refusal)),
    }
}

#[derive(Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    word: String,
    resolution: Resolution,
    #[serde(default)]
    note: String,
    #[serde(default)]
    reply: String,
    #[serde(default)]
    confirmed: bool,
}

pub(super) async fn resolve(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Said>, FormRejection>,
) -> Response {
    let Ok(Form(said)) = form else {
        return pages::message(StatusCode::BAD_REQUEST, "This form cannot be read.", None);
    };
    if let Err(refusal) = visitor.sent_this(&headers, &said.word) {
        let message = &refusal.message;
        return pages::message(StatusCode::FORBIDDEN, message, refusal.hint.as_deref());
    }
    match resolved(&pages, &visitor, &id, said).await {
        Ok(Some(answer)) => {
            let step = Step::Confirm(answer);
            page(&pages, &visitor, &id, step, StatusCode::OK, None).await
        }
        // A reload after this shows the item again and sends nothing.
        Ok(None) => Redirect::to(&format!("/queue/{}", encoded(&id))).into_response(),
        Err(refusal) => {
            let status = status_of(&refusal);
            page(&pages, &visitor, &id, Step::Look, status, Some(&refusal)).await
        }
    }
}

/// What is to be confirmed first, or nothing where it was.
async fn resolved(
    pages: &Pages,
    visitor: &Visitor,
    id: &str,
    said: Said,
) -> Result<Option<Answer>, Refusal> {
    let note = noted(&said.note)?;
    let reply = reply(&said)?;
    if !said.confirmed {
        return Ok(Some(Answer::new(said.resolution, note, said.reply)));
    }
    let (who, id) = (visitor.who.clone(), id.to_owned());
    let resolution = said.resolution;
    to_the_end(&pages.gatekeeper, |host| async move {
        host.resolve(&who, &id, resolution, &note, reply).await
    })
    .await?;
    Ok(None)
}

/// What the person says the call answered. For a call that did not happen the
/// field means nothing.
fn reply(said: &Said) -> Result<Option<Value>, Refusal> {
    if said.resolution == Resolution::NotDone || said.reply.trim().is_empty() {
        return Ok(None);
    }
    exact::read(said.reply.as_bytes(), "")
        .map(Some)
        .map_err(|refusal| {
            Refusal::new(
                "reply_unfit",
                format!("the answer is not JSON: {}", refusal.message),
            )
            .with_hint("Write it as JSON, or leave it empty.")
        })
}
