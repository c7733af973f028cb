//! The log, by query parameters. A page says in its `Link` header (RFC 8288)
//! where the next one is.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use tollgate_runtime::{Clock as _, LogFilter, LogPlace, RunState, SystemClock, moment, rfc3339};

use super::{Answer, Host, Who, malformed};
use crate::web::encoded;

/// Most log records in one answer.
const LIMIT_MAX: u32 = 1_000;

/// Log records in one answer where the client names no number.
const LIMIT_DEFAULT: u32 = 100;

/// A filter that is misspelt would show everything; it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Records {
    run: Option<String>,
    #[serde(default)]
    linked: bool,
    case: Option<String>,
    tool: Option<String>,
    outcome: Option<RunState>,
    workflow: Option<String>,
    principal: Option<String>,
    stage: Option<String>,
    since: Option<String>,
    until: Option<String>,
    after: Option<u64>,
    before: Option<u64>,
    #[serde(default)]
    newest: bool,
    limit: Option<u32>,
}

impl Records {
    fn filter(self) -> Answer<LogFilter> {
        let time = |text: Option<String>| {
            text.map(|text| moment(&text, SystemClock.now_ms()))
                .transpose()
                .map_err(|error| malformed(error.to_string()))
        };
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(malformed(format!("`limit` is from 1 to {LIMIT_MAX}")));
        }
        Ok(LogFilter {
            since_ms: time(self.since)?,
            until_ms: time(self.until)?,
            run: self.run,
            linked: self.linked,
            case: self.case,
            tool: self.tool,
            outcome: self.outcome,
            workflow: self.workflow,
            principal: self.principal,
            stage: self.stage,
            after: self.after,
            before: self.before,
            newest: self.newest,
            limit: Some(limit),
        })
    }
}

pub(super) async fn log(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Records>, QueryRejection>,
) -> Answer<Response> {
    let Query(records) = query.map_err(|error| malformed(error.body_text()))?;
    let filter = records.filter()?;
    let page = host.log(&who, filter.clone()).await?;
    let mut response = Json(page.lines).into_response();
    if let Some(next) = page.next {
        let link = format!("</v1/log?{}>; rel=\"next\"", query_of(&filter, next));
        if let Ok(link) = HeaderValue::try_from(link) {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

/// The same question from another place on. A time that was said as so long ago
/// is said as the time it was: it must not move from page to page.
fn query_of(filter: &LogFilter, next: LogPlace) -> String {
    let (after, before) = match next {
        LogPlace::After(place) => (Some(place.to_string()), None),
        LogPlace::Before(place) => (None, Some(place.to_string())),
    };
    let text = |text: &Option<String>| text.clone();
    let pairs = [
        ("run", text(&filter.run)),
        ("linked", filter.linked.then(|| "true".to_owned())),
        ("case", text(&filter.case)),
        ("tool", text(&filter.tool)),
        (
            "outcome",
            filter.outcome.map(|state| state.as_str().to_owned()),
        ),
        ("workflow", text(&filter.workflow)),
        ("principal", text(&filter.principal)),
        ("stage", text(&filter.stage)),
        ("since", filter.since_ms.map(rfc3339)),
        ("until", filter.until_ms.map(rfc3339)),
        ("after", after),
        ("before", before),
        ("limit", filter.limit.map(|limit| limit.to_string())),
    ];
    let said = pairs.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(format!("{name}={}", encoded(&value)))
    });
    said.collect::<Vec<_>>().join("&")
}
