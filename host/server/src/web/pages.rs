//! From what a handler knows to a page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tollgate_policy::visible;
use tollgate_runtime::{Card, LogPage, QueueItem, RunReport};

use super::Visitor;
use super::card::{CardView, RunView};
use super::item::{ItemView, Step};
use super::timeline::Timeline;
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
    items: Vec<ItemView>,
    all: bool,
}

/// Who is signed in, and the word for the form that signs out.
pub(super) struct Who<'a> {
    pub(super) name: String,
    pub(super) tenant: String,
    pub(super) word: &'a str,
}

impl<'a> Who<'a> {
    pub(super) fn new(visitor: &'a Visitor) -> Self {
        Self {
            name: visible(&visitor.who.name),
            tenant: visible(&visitor.who.tenant),
            word: visitor.session.word(),
        }
    }
}

/// The lists of held calls and of calls in doubt.
pub(super) fn inbox(visitor: &Visitor, cards: &[Card], items: &[QueueItem], all: bool) -> Response {
    let page = InboxPage {
        who: Who::new(visitor),
        cards: cards
            .iter()
            .map(|card| CardView::new(card, &visitor.who))
            .collect(),
        items: items
            .iter()
            .map(|item| ItemView::new(item, &visitor.who))
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
#[template(path = "item.html")]
struct ItemPage<'a> {
    who: Who<'a>,
    item: ItemView,
    step: Step,
    problem: Option<String>,
}

/// One item of a queue: to be decided on, or to be confirmed.
pub(super) fn item(
    visitor: &Visitor,
    item: &QueueItem,
    step: Step,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let page = ItemPage {
        who: Who::new(visitor),
        item: ItemView::new(item, &visitor.who),
        step,
        problem: problem.map(|refusal| visible(&refusal.sentence())),
    };
    rendered(status, &page)
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage<'a> {
    who: Who<'a>,
    run: RunView,
    name: String,
    tool: String,
    timeline: Timeline,
}

/// A run's story.
pub(super) fn run(visitor: &Visitor, run: &RunReport, page: &LogPage) -> Response {
    let page = RunPage {
        who: Who::new(visitor),
        run: RunView::new(run),
        name: visible(&run.run),
        tool: visible(&format!("{}.{}", run.connector, run.tool)),
        timeline: Timeline::new(&run.run, page),
    };
    rendered(StatusCode::OK, &page)
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

pub(super) fn rendered(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
