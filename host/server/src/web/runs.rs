//! The page of a run.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use tollgate_runtime::LogFilter;

use super::{Pages, Visitor, pages};

/// Records on one page.
const RECORDS: u32 = 500;

#[derive(Deserialize)]
pub(super) struct From {
    after: Option<u64>,
}

pub(super) async fn show(
    State(pages): State<Pages>,
    visitor: Visitor,
    Path(run): Path<String>,
    Query(From { after }): Query<From>,
) -> Response {
    let report = match pages.gatekeeper.run(&visitor.who, &run).await {
        Ok(report) => report,
        Err(refusal) => return pages::refusal(&refusal),
    };
    let filter = LogFilter {
        run: Some(run),
        linked: true,
        after,
        limit: Some(RECORDS),
        ..LogFilter::default()
    };
    match pages.gatekeeper.log(&visitor.who, filter).await {
        Ok(page) => pages::run(&visitor, &report, &page),
        Err(refusal) => pages::refusal(&refusal),
    }
}
