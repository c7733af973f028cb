//! The report, by query parameters.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::{Extension, Json};
use serde::Deserialize;
use tollgate_report::{Period, Report};
use tollgate_runtime::{Clock as _, SystemClock, moment};

use super::{Answer, Host, Who, malformed};

/// A misspelt parameter would give other figures; it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    since: Option<String>,
    until: Option<String>,
    workflow: Option<String>,
}

impl Asked {
    /// The period that is meant; without words the whole time up to now.
    pub(crate) fn period(&self) -> Result<Period, String> {
        let now_ms = SystemClock.now_ms();
        let at = |text: &Option<String>, otherwise| match text {
            Some(text) => moment(text, now_ms).map_err(|error| error.to_string()),
            None => Ok(otherwise),
        };
        Ok(Period {
            since_ms: at(&self.since, 0)?,
            until_ms: at(&self.until, now_ms)?,
        })
    }

    /// Leave what was not asked for out.
    pub(crate) fn narrow(&self, report: &mut Report) {
        if let Some(workflow) = &self.workflow {
            report.workflows.retain(|one| one.workflow == *workflow);
        }
    }
}

pub(super) async fn report(
    State(host): Host,
    Extension(who): Who,
    query: Result<Query<Asked>, QueryRejection>,
) -> Answer<Json<Report>> {
    let Query(asked) = query.map_err(|error| malformed(error.body_text()))?;
    let mut report = host
        .figures(&who, asked.period().map_err(malformed)?)
        .await?;
    asked.narrow(&mut report);
    Ok(Json(report))
}
