//! The list of cases, and the page of each.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use tollgate_policy::visible;
use tollgate_runtime::{CaseQuery, CaseReport};

use super::pages::{Who, refusal, rendered};
use super::{Pages, Visitor};

#[derive(Template)]
#[template(path = "cases.html")]
struct CasesPage<'a> {
    who: Who<'a>,
    cases: Vec<CaseView>,
}

#[derive(Template)]
#[template(path = "case.html")]
struct CasePage<'a> {
    who: Who<'a>,
    case: CaseView,
}

/// A case as a page shows it. What callers wrote is made visible.
struct CaseView {
    /// As it is, for addresses.
    address: String,
    name: String,
    workflow: String,
    state: String,
    opened_by: String,
    started_by: String,
    opened: String,
    due: String,
    closed: Option<String>,
    correct: Option<&'static str>,
    why: Option<String>,
    note: Option<String>,
    inputs: Vec<(String, String)>,
    claimed: Vec<(String, String)>,
    trigger: Option<String>,
    context: Option<String>,
    counts: String,
    runs: Vec<(String, String, String, String)>,
}

impl CaseView {
    fn new(case: &CaseReport) -> Self {
        let pairs = |values: &Option<serde_json::Value>| {
            let fields = values.as_ref().and_then(serde_json::Value::as_object);
            let pair = |(name, value): (&String, &serde_json::Value)| {
                let value = match value.as_str() {
                    Some(text) => text.to_owned(),
                    None => value.to_string(),
                };
                (visible(name), visible(&value))
            };
            fields.map_or_else(Vec::new, |fields| fields.iter().map(pair).collect())
        };
        Self {
            address: case.case.clone(),
            name: visible(&case.case),
            workflow: visible(&case.workflow),
            state: case.state.clone(),
            opened_by: visible(&case.opened_by),
            started_by: visible(&case.started_by),
            opened: case.opened.clone(),
            due: case.due.clone(),
            closed: case.closed.clone(),
            correct: case.correct.map(|correct| match correct {
                true => "found correct",
                false => "found not correct",
            }),
            why: case.why.as_deref().map(visible),
            note: case.note.as_deref().map(visible),
            inputs: pairs(&case.inputs),
            claimed: pairs(&case.claimed),
            trigger: case.trigger.as_deref().map(visible),
            context: case.context.as_deref().map(visible),
            counts: format!(
                "{} runs: {} done, {} failed, {} denied",
                case.runs, case.done, case.failures, case.denials
            ),
            runs: case
                .run_list
                .iter()
                .map(|run| {
                    let state = run.state.clone().unwrap_or_else(|| "not ended".to_owned());
                    (
                        run.run.clone(),
                        visible(&run.tool),
                        visible(&run.principal),
                        state,
                    )
                })
                .collect(),
        }
    }
}

pub(super) async fn list(
    State(pages): State<Pages>,
    visitor: Visitor,
    Query(query): Query<CaseQuery>,
) -> Response {
    match pages.gatekeeper.cases(&visitor.who, query).await {
        Ok(cases) => {
            let page = CasesPage {
                who: Who::new(&visitor),
                cases: cases.iter().map(CaseView::new).collect(),
            };
            rendered(StatusCode::OK, &page)
        }
        Err(error) => refusal(&error),
    }
}

pub(super) async fn show(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(case): Path<String>,
) -> Response {
    match pages.gatekeeper.case(&visitor.who, &case).await {
        Ok(case) => {
            let page = CasePage {
                who: Who::new(&visitor),
                case: CaseView::new(&case),
            };
            rendered(StatusCode::OK, &page)
        }
        Err(error) => refusal(&error),
    }
}
