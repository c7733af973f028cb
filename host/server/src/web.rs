//! Pages for the people who decide: an inbox of held calls and of calls in doubt,
//! a page for each with the evidence, and a page per run that tells its story.
//! Server-rendered, without script, so that the strictest policy of the browser
//! can stay on.
//!
//! What an agent or a connector wrote is hostile text: it is escaped, isolated
//! from the text around it, its invisible and reordering characters are shown
//! by code point, and the agent's own words stand apart under a label. The
//! decision itself is bound to the digest of the card that was shown, so a page
//! left open cannot approve something else.
//!
//! Signing in takes a person's token, or the word of the provider where people sign in
//! ([`oidc`]), and gives a session; see [`session`].

mod attempts;
mod card;
mod cases;
mod decisions;
mod item;
mod login;
mod moment;
mod oidc;
mod pages;
mod queue;
mod report;
mod runs;
mod session;
mod signing;
mod timeline;
mod undo;

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use tollgate_runtime::{Principal, RunReport};

use crate::gatekeeper::{Gatekeeper, Refusal, to_the_end};
use crate::guard::is_from_our_page;
use crate::problem::status_of;
use crate::rest::{must_be_person, reason_missing};
use attempts::Attempts;
use oidc::Pending;
use session::{Holder, Sessions};

/// Longest form, in bytes: a reason and some hidden fields.
const FORM_MAX_BYTES: usize = 64 * 1024;

const STYLE: &str = include_str!("web/style.css");

/// What the pages share.
#[derive(Clone)]
struct Pages {
    gatekeeper: Arc<dyn Gatekeeper>,
    sessions: Arc<Sessions>,
    attempts: Arc<Attempts>,
    /// The same for names, whatever address a password is guessed from.
    guesses: Arc<Attempts<String>>,
    pending: Arc<Pending>,
}

/// All pages. `secure` marks the cookie for TLS only.
pub(crate) fn routes(gatekeeper: Arc<dyn Gatekeeper>, secure: bool) -> Router {
    let pages = Pages {
        gatekeeper,
        sessions: Arc::new(Sessions::new(secure)),
        attempts: Arc::default(),
        guesses: Arc::default(),
        pending: Arc::new(Pending::new(secure)),
    };
    Router::new()
        .route("/", get(inbox))
        .route("/approvals/{id}", get(show))
        .route("/approvals/{id}/approve", post(approve))
        .route("/approvals/{id}/deny", post(deny))
        .route("/approvals/{id}/revoke", post(decisions::revoke))
        .route("/approvals/{id}/edit", post(decisions::edit))
        .route(
            "/batch",
            get(decisions::batch).post(decisions::decide_batch),
        )
        .route(
            "/deputies",
            get(decisions::deputies).post(decisions::delegate),
        )
        .route("/deputies/{id}/end", post(decisions::end_delegation))
        .route("/queue/{id}", get(queue::show))
        .route("/queue/{id}/resolve", post(queue::resolve))
        .route("/report", get(report::show))
        .route("/cases", get(cases::list))
        .route("/cases/{case}", get(cases::show))
        .route("/runs/{run}", get(runs::show))
        .route("/runs/{run}/undo", get(undo::plan).post(undo::execute))
        .route("/login", get(login::page).post(login::sent))
        .route("/login/oidc", get(oidc::begin))
        .route("/login/oidc/callback", get(oidc::callback))
        .route("/logout", post(logout))
        .route("/style.css", get(style))
        .fallback(async || pages::message(StatusCode::NOT_FOUND, "There is no such page.", None))
        .layer(DefaultBodyLimit::max(FORM_MAX_BYTES))
        .with_state(pages)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE)
}

/// A person with a session. Its token or proof is looked up again on every request, so
/// a revoked one ends the session at once.
struct Visitor {
    who: Principal,
    session: session::Open,
}

impl FromRequestParts<Pages> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Response> {
        let to_login = || Redirect::to(&login_address(parts.uri.path())).into_response();
        let session = pages.sessions.of(&parts.headers).ok_or_else(to_login)?;
        let who = match session.holder() {
            Holder::Token(token) => pages.gatekeeper.authenticate(token).await,
            Holder::Proof(proof) => pages.gatekeeper.proved(proof).await,
        };
        match who {
            Ok(who) if must_be_person(&who).is_ok() => Ok(Self { who, session }),
            Err(refusal) if refusal.is_unavailable() => Err(pages::refusal(&refusal)),
            _ => {
                pages.sessions.close(&parts.headers);
                Err(to_login())
            }
        }
    }
}

impl Visitor {
    /// The attack: a page of another site posts our form from this person's
    /// browser. It can neither state our origin nor know the session's word.
    fn sent_this(&self, headers: &HeaderMap, word: &str) -> Result<(), Refusal> {
        if is_from_our_page(headers) && self.session.knows(word) {
            return Ok(());
        }
        Err(Refusal::new(
            "forged_form",
            "this form was not sent from a page of your session; nothing was decided",
        )
        .with_hint("Open the page again and repeat what you wanted."))
    }
}

#[derive(Deserialize)]
struct Shown {
    #[serde(default)]
    all: Option<String>,
}

async fn inbox(
    State(pages): State<Pages>,
    visitor: Visitor,
    Query(Shown { all }): Query<Shown>,
) -> Response {
    let all = all.is_some();
    let items = pages.gatekeeper.queue(&visitor.who, all).await;
    match (pages.gatekeeper.cards(&visitor.who, all).await, items) {
        (Ok(cards), Ok(items)) => pages::inbox(&visitor, &cards, &items, all),
        (Err(refusal), _) | (_, Err(refusal)) => pages::refusal(&refusal),
    }
}

async fn show(State(pages): State<Pages>, visitor: Visitor, Path(id): Path<String>) -> Response {
    card_page(&pages, &visitor, &id, StatusCode::OK, None).await
}

/// The card, with what went wrong above it.
async fn card_page(
    pages: &Pages,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let card = match pages.gatekeeper.card(&visitor.who, id).await {
        Ok(card) => card,
        Err(refusal) => return pages::refusal(problem.unwrap_or(&refusal)),
    };
    let run = match card.state.as_str() {
        "pending" => None,
        _ => pages.gatekeeper.run(&visitor.who, &card.run).await.ok(),
    };
    let signs = match pages.gatekeeper.must_sign(&visitor.who).await {
        Ok(signs) => signs,
        Err(refusal) => return pages::refusal(&refusal),
    };
    pages::card(visitor, &card, run.as_ref(), signs, status, problem)
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    word: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    reason: String,
}

async fn approve(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    decide(&pages, visitor, id, &headers, form, Verdict::Approve).await
}

async fn deny(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
) -> Response {
    decide(&pages, visitor, id, &headers, form, Verdict::Deny).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Approve,
    Deny,
}

async fn decide(
    pages: &Pages,
    visitor: Visitor,
    id: String,
    headers: &HeaderMap,
    form: Result<Form<Decision>, FormRejection>,
    verdict: Verdict,
) -> Response {
    let Ok(Form(form)) = form else {
        return pages::message(StatusCode::BAD_REQUEST, "This form cannot be read.", None);
    };
    if let Err(refusal) = visitor.sent_this(headers, &form.word) {
        let message = &refusal.message;
        return pages::message(StatusCode::FORBIDDEN, message, refusal.hint.as_deref());
    }
    match decided(pages, &visitor, &id, form, verdict).await {
        // A reload after this shows the card again and sends nothing.
        Ok(_) => Redirect::to(&format!("/approvals/{}", encoded(&id))).into_response(),
        Err(refusal) => {
            let status = status_of(&refusal);
            card_page(pages, &visitor, &id, status, Some(&refusal)).await
        }
    }
}

async fn decided(
    pages: &Pages,
    visitor: &Visitor,
    id: &str,
    form: Decision,
    verdict: Verdict,
) -> Result<RunReport, Refusal> {
    if verdict == Verdict::Deny && form.reason.trim().is_empty() {
        return Err(reason_missing());
    }
    let (who, id) = (visitor.who.clone(), id.to_owned());
    to_the_end(&pages.gatekeeper, |host| async move {
        match verdict {
            Verdict::Approve => {
                let reason = Some(form.reason.trim()).filter(|reason| !reason.is_empty());
                // A page has no private key: who has one is told to use the command.
                host.approve(&who, &id, &form.digest, reason, None).await
            }
            Verdict::Deny => {
                host.deny(&who, &id, &form.digest, form.reason.trim(), None)
                    .await
            }
        }
    })
    .await
}

#[derive(Deserialize)]
struct Logout {
    #[serde(default)]
    word: String,
}

async fn logout(
    State(pages): State<Pages>,
    visitor: Visitor,
    headers: HeaderMap,
    form: Result<Form<Logout>, FormRejection>,
) -> Response {
    let word = form.map(|Form(Logout { word })| word).unwrap_or_default();
    if let Err(refusal) = visitor.sent_this(&headers, &word) {
        let hint = refusal.hint.as_deref();
        return pages::message(StatusCode::FORBIDDEN, &refusal.message, hint);
    }
    pages.sessions.close(&headers);
    let forget = pages.sessions.forgotten();
    ([(header::SET_COOKIE, forget)], Redirect::to("/login")).into_response()
}

fn login_address(path: &str) -> String {
    match after_login(path) {
        "/" => "/login".to_owned(),
        next => format!("/login?next={}", encoded(next)),
    }
}

/// Where to go after signing in. The attack: a link to our login that ends on
/// somebody else's copy of it. Only cards, items of a queue and runs are places to
/// go.
fn after_login(next: &str) -> &str {
    let is_place = ["/approvals/", "/queue/", "/runs/"]
        .iter()
        .any(|room| next.strip_prefix(room).is_some_and(is_name));
    if is_place { next } else { "/" }
}

fn is_name(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !id.is_empty() && id.bytes().all(fits)
}

/// Percent-encoded for a path segment or a query value.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{after_login, login_address};

    #[test]
    fn signing_in_leads_nowhere_else() {
        for good in ["/approvals/a-1", "/queue/que-1", "/runs/run-1"] {
            assert_eq!(after_login(good), good);
        }
        for bad in [
            "",
            "//x.test",
            "https://x.test",
            "/approvals/../x",
            "/runs/x/..",
            "/queue/x?next=y",
            "/approvals/",
            "/\\x",
        ] {
            assert_eq!(after_login(bad), "/", "{bad}");
        }
        assert_eq!(
            login_address("/approvals/a-1"),
            "/login?next=%2Fapprovals%2Fa-1"
        );
    }
}
