//! From what a handler knows to a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tollgate_policy::visible;
use tollgate_runtime::{Card, RunReport};

use super::Visitor;
use super::card::{CardView, RunView};
use crate::gatekeeper::Refusal;
use crate::problem::status_of;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    next: &'a str,
    problem: Option<String>,
}

/// The sign-in form.
pub(super) fn login(status: StatusCode, next: &str, problem: Option<&Refusal>) -> Response {
    let problem = problem.map(|refusal| visible(&refusal.sentence()));
    rendered(status, &LoginPage { next, problem })
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    who: Who<'a>,
    cards: Vec<CardView>,
    all: bool,
}

/// Who is signed in, and the word for the form that signs out.
struct Who<'a> {
    name: String,
    tenant: String,
    word: &'a str,
}

impl<'a> Who<'a> {
    fn new(visitor: &'a Visitor) -> Self {
        Self {
            name: visible(&visitor.who.name),
            tenant: visible(&visitor.who.tenant),
            word: visitor.session.word(),
        }
    }
}

/// The list of held calls.
pub(super) fn inbox(visitor: &Visitor, cards: &[Card], all: bool) -> Response {
    let page = InboxPage {
        who: Who::new(visitor),
        cards: cards
            .iter()
            .map(|card| CardView::new(card, &visitor.who))
            .collect(),
        all,
    };
    rendered(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "card.html")]
struct CardPage<'a> {
    who: Who<'a>,
    card: CardView,
    run: Option<RunView>,
    problem: Option<String>,
}

/// One held call.
pub(super) fn card(
    visitor: &Visitor,
    card: &Card,
    run: Option<&RunReport>,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let page = CardPage {
        who: Who::new(visitor),
        card: CardView::new(card, &visitor.who),
        run: run.map(RunView::new),
        problem: problem.map(|refusal| visible(&refusal.sentence())),
    };
    rendered(status, &page)
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    message: String,
    hint: Option<String>,
}

/// A page that only says something.
pub(super) fn message(status: StatusCode, message: &str, hint: Option<&str>) -> Response {
    let page = MessagePage {
        message: visible(message),
        hint: hint.map(visible),
    };
    rendered(status, &page)
}

/// A page for a host's "no".
pub(super) fn refusal(refusal: &Refusal) -> Response {
    let hint = refusal.hint.as_deref();
    message(status_of(refusal), &refusal.message, hint)
}

fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
