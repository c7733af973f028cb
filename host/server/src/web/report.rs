//! The report: figures and plots of each workflow.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use tollgate_policy::visible;
use tollgate_report::{ApprovalFigures, NO_WORKFLOW, Report, Table, WorkflowFigures, plot};
use tollgate_runtime::rfc3339;

use super::pages::{Who, message, refusal, rendered};
use super::{Pages, Visitor};
use crate::rest::report::Asked;

/// Weeks in columns; the plots show more.
const WEEKS: usize = 4;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'a> {
    who: Who<'a>,
    until: String,
    records: u64,
    workflows: Vec<WorkflowView>,
    approvals: Vec<ApprovalView>,
}

/// An approval as the page shows it.
struct ApprovalView {
    name: String,
    table: Table,
}

impl From<&ApprovalFigures> for ApprovalView {
    fn from(figures: &ApprovalFigures) -> Self {
        Self {
            name: visible(&figures.approval),
            table: figures.table(WEEKS),
        }
    }
}

/// A workflow as the page shows it.
struct WorkflowView {
    name: String,
    is_none: bool,
    by_hand: Option<String>,
    table: Table,
    /// Made by the drawing library from numbers alone: no word of anybody is in it.
    svg: Option<String>,
}

impl From<&WorkflowFigures> for WorkflowView {
    fn from(figures: &WorkflowFigures) -> Self {
        let by_hand = figures.baseline.map(|baseline| {
            let (low, high) = baseline.minutes;
            let touches = baseline.touches;
            format!("By hand {low:.0} to {high:.0} minutes and {touches:.0} touches a case.")
        });
        let drawn = plot(figures);
        if let Err(error) = &drawn {
            tracing::warn!(%error, "a report has no plots");
        }
        Self {
            name: visible(&figures.workflow),
            is_none: figures.workflow == NO_WORKFLOW,
            by_hand,
            table: figures.table(WEEKS),
            svg: drawn.ok(),
        }
    }
}

pub(super) async fn show(
    State(pages): State<Pages>,
    visitor: Visitor,
    query: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = match query {
        Ok(Query(asked)) => asked,
        Err(error) => return unreadable(&error.body_text()),
    };
    let period = match asked.period() {
        Ok(period) => period,
        Err(why) => return unreadable(&why),
    };
    match pages.gatekeeper.figures(&visitor.who, period).await {
        Ok(mut report) => {
            asked.narrow(&mut report);
            page(&visitor, &report)
        }
        Err(error) => refusal(&error),
    }
}

fn unreadable(why: &str) -> Response {
    const HINT: &str = "Write /report?since=12w, a day, or nothing.";
    message(StatusCode::BAD_REQUEST, &visible(why), Some(HINT))
}

fn page(visitor: &Visitor, report: &Report) -> Response {
    let page = ReportPage {
        who: Who::new(visitor),
        until: rfc3339(report.until_ms),
        records: report.records,
        workflows: report.workflows.iter().map(WorkflowView::from).collect(),
        approvals: report.approvals.iter().map(ApprovalView::from).collect(),
    };
    rendered(StatusCode::OK, &page)
}
