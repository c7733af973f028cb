//! From what a handler knows to a page.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use tollgate_policy::visible;
use tollgate_runtime::{Batch, BatchReport, Card, Delegation, LogPage, QueueItem, RunReport};

use super::card::{CardView, RunView};
use super::item::{ItemView, Step};
use super::moment::Moment;
use super::signing::{CardCommands, batch_command};
use super::timeline::Timeline;
use super::undo::UndoView;
use super::{Visitor, encoded};
use crate::gatekeeper::Refusal;
use crate::problem::status_of;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    next: &'a str,
    /// The same, for an address.
    next_encoded: String,
    provider: Option<String>,
    problem: Option<String>,
}

/// The sign-in form.
pub(super) fn login(
    status: StatusCode,
    next: &str,
    provider: Option<&str>,
    problem: Option<&Refusal>,
) -> Response {
    let page = LoginPage {
        next,
        next_encoded: encoded(next),
        provider: provider.map(visible),
        problem: problem.map(|refusal| visible(&refusal.sentence())),
    };
    rendered(status, &page)
}

#[derive(Template)]
#[template(path = "signed_in.html")]
struct SignedInPage<'a> {
    next: &'a str,
}

/// Leads on into the session that was opened.
pub(super) fn signed_in(next: &str) -> Response {
    rendered(StatusCode::OK, &SignedInPage { next })
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage<'a> {
    who: Who<'a>,
    cards: Vec<CardView>,
    /// The approvals that they ask for, each once.
    kinds: Vec<String>,
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
        kinds: kinds(cards),
        items: items
            .iter()
            .map(|item| ItemView::new(item, &visitor.who))
            .collect(),
        all,
    };
    rendered(StatusCode::OK, &page)
}

fn kinds(cards: &[Card]) -> Vec<String> {
    let kinds: BTreeSet<_> = cards.iter().map(|card| visible(&card.kind)).collect();
    kinds.into_iter().filter(|kind| !kind.is_empty()).collect()
}

#[derive(Template)]
#[template(path = "card.html")]
struct CardPage<'a> {
    who: Who<'a>,
    card: CardView,
    /// What this person types instead of using the forms.
    commands: Option<CardCommands>,
    run: Option<RunView>,
    problem: Option<String>,
}

/// One held call. `signs`: who looks at it decides with a signature, so not here.
pub(super) fn card(
    visitor: &Visitor,
    card: &Card,
    run: Option<&RunReport>,
    signs: bool,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let page = CardPage {
        who: Who::new(visitor),
        card: CardView::new(card, &visitor.who),
        commands: signs.then(|| CardCommands::new(card, &visitor.who)),
        run: run.map(RunView::new),
        problem: problem.map(|refusal| visible(&refusal.sentence())),
    };
    rendered(status, &page)
}

#[derive(Template)]
#[template(path = "batch.html")]
struct BatchPage<'a> {
    who: Who<'a>,
    approval: String,
    sum: Option<(String, String, usize)>,
    items: Vec<CardView>,
    /// All of them, as the form names them.
    names: String,
    needs_reason: bool,
    digest: String,
    /// What this person types instead of using the form.
    command: Option<String>,
    problem: Option<String>,
}

/// Held calls to decide on at once. `signs`: see [`card`].
pub(super) fn batch(
    visitor: &Visitor,
    batch: &Batch,
    signs: bool,
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let names: Vec<_> = batch
        .items
        .iter()
        .map(|card| visible(&card.approval))
        .collect();
    let page = BatchPage {
        who: Who::new(visitor),
        approval: visible(&batch.approval),
        sum: batch
            .sum
            .as_ref()
            .map(|sum| (visible(&sum.field), visible(&sum.total), sum.without)),
        items: batch
            .items
            .iter()
            .map(|card| CardView::new(card, &visitor.who))
            .collect(),
        names: names.join(" "),
        needs_reason: batch.items.iter().any(|card| card.exception),
        digest: visible(&batch.digest),
        command: signs.then(|| batch_command(batch, &visitor.who)),
        problem: problem.map(|refusal| visible(&refusal.sentence())),
    };
    rendered(status, &page)
}

#[derive(Template)]
#[template(path = "batch_report.html")]
struct BatchReportPage<'a> {
    who: Who<'a>,
    /// The item, what it came to, and why not.
    items: Vec<(String, String, Option<String>)>,
}

/// What a decision over many came to.
pub(super) fn batch_report(visitor: &Visitor, report: &BatchReport) -> Response {
    let page = BatchReportPage {
        who: Who::new(visitor),
        items: report
            .items
            .iter()
            .map(|item| {
                let failure = item.failure.as_ref();
                (
                    visible(&item.approval),
                    visible(&item.outcome),
                    failure.map(|failure| visible(&failure.message)),
                )
            })
            .collect(),
    };
    rendered(StatusCode::OK, &page)
}

/// Who decides for whom, as the template shows it.
struct DelegationView {
    id: String,
    delegator: String,
    deputy: String,
    approver: String,
    from: Moment,
    until: Moment,
    state: &'static str,
    can_end: bool,
}

#[derive(Template)]
#[template(path = "deputies.html")]
struct DeputiesPage<'a> {
    who: Who<'a>,
    groups: Vec<String>,
    delegations: Vec<DelegationView>,
    problem: Option<String>,
}

/// Who decides for whom, and a form to name a deputy.
pub(super) fn deputies(
    visitor: &Visitor,
    all: &[Delegation],
    status: StatusCode,
    problem: Option<&Refusal>,
) -> Response {
    let view = |one: &Delegation| {
        let counts = matches!(one.state.as_str(), "in_force" | "planned");
        let own = one.delegator == visitor.who.name || one.deputy == visitor.who.name;
        DelegationView {
            id: visible(&one.id),
            delegator: visible(&one.delegator),
            deputy: visible(&one.deputy),
            approver: visible(&one.approver),
            from: Moment::of(&one.from),
            until: Moment::of(&one.until),
            state: match one.state.as_str() {
                "in_force" => "in force",
                "planned" => "planned",
                "ended" => "ended before its time",
                _ => "over",
            },
            can_end: counts && own,
        }
    };
    let page = DeputiesPage {
        who: Who::new(visitor),
        groups: visitor
            .who
            .groups
            .iter()
            .map(|group| visible(group))
            .collect(),
        delegations: all.iter().map(view).collect(),
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
#[template(path = "undo.html")]
struct UndoPage<'a> {
    who: Who<'a>,
    undo: &'a UndoView,
}

/// What taking a run back would come to, or came to.
pub(super) fn undo(visitor: &Visitor, undo: &UndoView) -> Response {
    let who = Who::new(visitor);
    rendered(StatusCode::OK, &UndoPage { who, undo })
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
