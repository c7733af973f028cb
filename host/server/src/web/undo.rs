//! What taking a run back would do, and doing it. The plan is read on a page of its
//! own before the form that counts.

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use tollgate_policy::visible;
use tollgate_runtime::{UndoField, UndoOptions, UndoReport, UndoStep};

use super::card::{lines, shown};
use super::moment::Moment;
use super::{Pages, Visitor, pages};
use crate::gatekeeper::to_the_end;

/// What the undo's template shows.
pub(super) struct UndoView {
    pub(super) run: String,
    pub(super) outcome: &'static str,
    /// Whether there is something to do.
    pub(super) offered: bool,
    pub(super) fields: bool,
    /// The run that did it, where one did.
    pub(super) by: Option<String>,
    pub(super) failure: Option<String>,
    pub(super) steps: Vec<StepView>,
}

/// One call.
pub(super) struct StepView {
    pub(super) position: Option<u32>,
    pub(super) action: String,
    pub(super) outcome: &'static str,
    pub(super) is_trouble: bool,
    pub(super) until: Option<Moment>,
    pub(super) precondition: Option<String>,
    pub(super) undone_by: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) held_by: Option<String>,
    pub(super) note: Option<String>,
    /// Before, as the run left it, now.
    pub(super) three: Option<[String; 3]>,
    pub(super) fields: Vec<FieldView>,
}

/// One member.
pub(super) struct FieldView {
    pub(super) pointer: String,
    pub(super) is_left: bool,
    pub(super) before: String,
    pub(super) written: String,
    pub(super) now: String,
}

impl UndoView {
    pub(super) fn new(report: &UndoReport, options: UndoOptions) -> Self {
        let ran = report.undo_run.as_ref();
        let failure = ran.and_then(|run| run.failure.as_ref());
        Self {
            run: visible(&report.run),
            outcome: outcome(&report.outcome),
            offered: options.plan && report.steps.iter().any(|step| step.outcome == "planned"),
            fields: options.fields,
            by: ran.map(|run| visible(&run.run)),
            failure: failure.map(|failure| visible(&failure.message)),
            steps: report.steps.iter().map(StepView::new).collect(),
        }
    }
}

impl StepView {
    fn new(step: &UndoStep) -> Self {
        let trouble = ["planned", "undone", "partly", "not_needed", "not_reached"];
        let approvers = step.approvers.join(", ");
        Self {
            position: step.position,
            action: visible(&step.action),
            outcome: outcome(&step.outcome),
            is_trouble: !trouble.contains(&step.outcome.as_str()),
            until: step.until.as_deref().map(Moment::of),
            precondition: step.precondition.as_deref().map(visible),
            undone_by: step.undone_by.as_deref().map(visible),
            rule: step.rule.as_deref().map(visible),
            held_by: step
                .held_by
                .as_deref()
                .map(|approval| visible(&format!("{approval} ({approvers})"))),
            note: step.note.as_deref().map(lines),
            three: step
                .conflict
                .as_ref()
                .map(|three| [&three.before, &three.written, &three.now].map(shown)),
            fields: step.fields.iter().map(FieldView::new).collect(),
        }
    }
}

impl FieldView {
    fn new(field: &UndoField) -> Self {
        let text = |value: &Option<Value>| value.as_ref().map(shown).unwrap_or_default();
        Self {
            pointer: visible(&field.pointer),
            is_left: field.outcome == "left",
            before: text(&field.before),
            written: text(&field.written),
            now: text(&field.now),
        }
    }
}

fn outcome(outcome: &str) -> &'static str {
    match outcome {
        "planned" => "would be taken back",
        "undone" => "taken back",
        "compensated" => "compensated, with a trace",
        "partly" => "taken back as far as nobody else had changed it",
        "conflict" => "somebody changed it since: it is left as it is",
        "irreversible" => "cannot be taken back",
        "window_closed" => "its time is over: it is not offered any more",
        "denied" => "a rule does not allow it",
        "held" => "waits for a decision",
        "in_doubt" => "it is not known whether it happened",
        "not_needed" => "changed nothing",
        "not_reached" => "not reached",
        "nothing" => "there is nothing to take back",
        _ => "failed",
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    fields: bool,
}

pub(super) async fn plan(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(run): Path<String>,
    Query(Wanted { fields }): Query<Wanted>,
) -> Response {
    let options = UndoOptions { plan: true, fields };
    match pages.gatekeeper.undo(&visitor.who, &run, options).await {
        Ok(report) => pages::undo(&visitor, &UndoView::new(&report, options)),
        Err(refusal) => pages::refusal(&refusal),
    }
}

#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    word: String,
    #[serde(default)]
    fields: bool,
}

pub(super) async fn execute(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(run): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let Ok(Form(Sent { word, fields })) = form else {
        return pages::message(StatusCode::BAD_REQUEST, "This form cannot be read.", None);
    };
    if let Err(refusal) = visitor.sent_this(&headers, &word) {
        let message = &refusal.message;
        return pages::message(StatusCode::FORBIDDEN, message, refusal.hint.as_deref());
    }
    let options = UndoOptions {
        plan: false,
        fields,
    };
    let who = visitor.who.clone();
    let report = to_the_end(&pages.gatekeeper, |host| async move {
        host.undo(&who, &run, options).await
    });
    match report.await {
        Ok(report) => pages::undo(&visitor, &UndoView::new(&report, options)),
        Err(refusal) => pages::refusal(&refusal),
    }
}
