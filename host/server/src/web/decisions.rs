//! Forms of people who decide: a yes taken back, an input changed, many calls
//! decided on at once, a deputy named. Plain forms, as everywhere here.

use std::collections::{BTreeMap, HashMap};

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Duration};
use tollgate_runtime::{BatchDecision, BatchFilter, NewDelegation};

use super::{Pages, Visitor, card_page, encoded, pages};
use crate::exact;
use crate::gatekeeper::{Refusal, to_the_end};
use crate::problem::status_of;

/// How a date comes from a form.
const DATE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");

type Sent = Result<Form<HashMap<String, String>>, FormRejection>;

/// The fields of a form that was sent from a page of this session.
fn fields(
    visitor: &Visitor,
    headers: &HeaderMap,
    form: Sent,
) -> Result<HashMap<String, String>, Box<Response>> {
    let Ok(Form(fields)) = form else {
        let unread = pages::message(StatusCode::BAD_REQUEST, "This form cannot be read.", None);
        return Err(Box::new(unread));
    };
    let word = fields.get("word").map_or("", String::as_str);
    match visitor.sent_this(headers, word) {
        Ok(()) => Ok(fields),
        Err(refusal) => {
            let hint = refusal.hint.as_deref();
            let forged = pages::message(StatusCode::FORBIDDEN, &refusal.message, hint);
            Err(Box::new(forged))
        }
    }
}

fn field(fields: &HashMap<String, String>, name: &str) -> String {
    fields
        .get(name)
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

pub(super) async fn revoke(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    if let Err(answer) = fields(&visitor, &headers, form) {
        return *answer;
    }
    let (who, approval) = (visitor.who.clone(), id.clone());
    let back = to_the_end(&pages.gatekeeper, |host| async move {
        host.revoke(&who, &approval, None).await
    });
    match back.await {
        Ok(_) => Redirect::to(&format!("/approvals/{}", encoded(&id))).into_response(),
        Err(refusal) => {
            let status = status_of(&refusal);
            card_page(&pages, &visitor, &id, status, Some(&refusal)).await
        }
    }
}

pub(super) async fn edit(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    let fields = match fields(&visitor, &headers, form) {
        Ok(fields) => fields,
        Err(answer) => return *answer,
    };
    let edited = async {
        let input = exact::read(field(&fields, "input").as_bytes(), "")
            .map_err(|refusal| Refusal::new("invalid_input", refusal.message))?;
        let (who, approval, digest) = (visitor.who.clone(), id.clone(), field(&fields, "digest"));
        to_the_end(&pages.gatekeeper, |host| async move {
            // A page has no private key.
            host.edit(&who, &approval, &digest, &input, None).await
        })
        .await
    };
    match edited.await {
        // Where it waits again, its new card; else what became of it.
        Ok(run) => {
            let place = match &run.pending {
                Some(pending) => format!("/approvals/{}", encoded(&pending.approval)),
                None => format!("/runs/{}", encoded(&run.run)),
            };
            Redirect::to(&place).into_response()
        }
        Err(refusal) => {
            let status = status_of(&refusal);
            card_page(&pages, &visitor, &id, status, Some(&refusal)).await
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    approval: String,
    #[serde(default)]
    sum: String,
}

pub(super) async fn batch(
    State(pages): State<Pages>,
    visitor: Visitor,
    Query(Wanted { approval, sum }): Query<Wanted>,
) -> Response {
    let filter = BatchFilter {
        approval,
        sum: Some(sum.trim().to_owned()).filter(|sum| !sum.is_empty()),
        items: None,
    };
    let shown = async {
        let batch = pages.gatekeeper.batch(&visitor.who, &filter).await?;
        Ok((batch, pages.gatekeeper.must_sign(&visitor.who).await?))
    };
    match shown.await {
        Ok((batch, signs)) => pages::batch(&visitor, &batch, signs, StatusCode::OK, None),
        Err::<_, Refusal>(refusal) => pages::refusal(&refusal),
    }
}

pub(super) async fn decide_batch(
    State(pages): State<Pages>,
    visitor: Visitor,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    let fields = match fields(&visitor, &headers, form) {
        Ok(fields) => fields,
        Err(answer) => return *answer,
    };
    let items: Vec<String> = field(&fields, "items")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    // A reason beside an item is a no to it.
    let veto: BTreeMap<String, String> = items
        .iter()
        .map(|id| (id.clone(), field(&fields, &format!("veto-{id}"))))
        .filter(|(_, why)| !why.is_empty())
        .collect();
    let given = |name| Some(field(&fields, name)).filter(|text| !text.is_empty());
    let decision = BatchDecision {
        approval: field(&fields, "approval"),
        sum: given("sum"),
        items,
        digest: field(&fields, "digest"),
        veto,
        reason: given("reason"),
        signatures: BTreeMap::new(),
    };
    let who = visitor.who.clone();
    let decided = to_the_end(&pages.gatekeeper, |host| async move {
        host.decide_batch(&who, &decision).await
    });
    match decided.await {
        Ok(report) => pages::batch_report(&visitor, &report),
        Err(refusal) => pages::refusal(&refusal),
    }
}

pub(super) async fn deputies(State(pages): State<Pages>, visitor: Visitor) -> Response {
    deputies_page(&pages, &visitor, StatusCode::OK, None).await
}

async fn deputies_page(
    pages: &Pages,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    match pages.gatekeeper.delegations(&visitor.who, true).await {
        Ok(all) => pages::deputies(visitor, &all, status, problem),
        Err(refusal) => pages::refusal(problem.unwrap_or(&refusal)),
    }
}

pub(super) async fn delegate(
    State(pages): State<Pages>,
    visitor: Visitor,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    let fields = match fields(&visitor, &headers, form) {
        Ok(fields) => fields,
        Err(answer) => return *answer,
    };
    let given = async {
        let from = field(&fields, "from");
        let new = NewDelegation {
            deputy: field(&fields, "deputy"),
            approver: field(&fields, "approver"),
            from_ms: match from.is_empty() {
                true => None,
                false => Some(day(&from, Duration::ZERO)?),
            },
            // The last day counts to its end.
            until_ms: day(&field(&fields, "until"), Duration::days(1))?.saturating_sub(1),
        };
        let who = visitor.who.clone();
        to_the_end(&pages.gatekeeper, |host| async move {
            host.delegate(&who, &new).await
        })
        .await
    };
    match given.await {
        Ok(_) => Redirect::to("/deputies").into_response(),
        Err(refusal) => {
            let status = status_of(&refusal);
            deputies_page(&pages, &visitor, status, Some(&refusal)).await
        }
    }
}

/// The begin of a day, UTC, and so long after it.
fn day(text: &str, later: Duration) -> Result<u64, Refusal> {
    let wrong = || {
        Refusal::new("no_deputy", "this is no day")
            .with_hint("Write the year, the month and the day, for example 2026-12-24.")
    };
    let date = Date::parse(text, DATE).map_err(|_| wrong())?;
    let at = date
        .midnight()
        .assume_utc()
        .checked_add(later)
        .ok_or_else(wrong)?;
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).map_err(|_| wrong())
}

pub(super) async fn end_delegation(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent,
) -> Response {
    if let Err(answer) = fields(&visitor, &headers, form) {
        return *answer;
    }
    let who = visitor.who.clone();
    let ended = to_the_end(&pages.gatekeeper, |host| async move {
        host.end_delegation(&who, &id).await
    });
    match ended.await {
        Ok(()) => Redirect::to("/deputies").into_response(),
        Err(refusal) => {
            let status = status_of(&refusal);
            deputies_page(&pages, &visitor, status, Some(&refusal)).await
        }
    }
}
