//! A run as its journal tells it, with the component it opened with.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tollgate_journal::{Stage, Tenant};
use tollgate_policy::Digest;

use crate::connectors::Installed;
use crate::door::{RecordedCall, recorded_calls};
use crate::drills::is_drill;
use crate::error::{CallError, InstallError};
use crate::host::Inner;
use crate::journal::{About, OpenRecord};
use crate::runs::{Edits, Run, Undoes};

/// What is said of a drill's run. The attack: somebody tries to take a card's run back
/// to learn whether it is one, so a run that waits gets the same answer.
const NOT_ENDED: &str = "the run is held; only one that has ended can be taken back";

/// The same once everybody knows.
const OVER: &str = "the run was a drill: it did nothing, and nothing of it can be executed";

/// A run as its journal tells it, for a reader: it has no component to go on with.
pub(crate) struct Shown {
    pub(crate) run: Arc<Run>,
    pub(crate) records: Vec<OpenRecord>,
}

/// A run as its journal tells it, that can be executed again. There is none of a
/// drill.
pub(crate) struct Rebuilt {
    pub(crate) run: Arc<Run>,
    pub(crate) installed: Arc<Installed>,
    pub(crate) about: About,
    pub(crate) records: Vec<OpenRecord>,
}

impl Rebuilt {
    pub(crate) fn recorded(&self) -> Vec<RecordedCall> {
        recorded_calls(&self.records)
    }

    /// The record of the run's opening.
    pub(crate) fn opening(&self) -> Option<&OpenRecord> {
        opening(&self.records)
    }

    /// The record of its end, where it has one.
    pub(crate) fn closing(&self) -> Option<&OpenRecord> {
        closing(&self.records)
    }

    /// Whether recorded fuel was measured by an engine like this host's.
    pub(crate) fn same_engine(&self, fingerprint: &str) -> bool {
        self.opening().and_then(|record| record.fact("engine")) == Some(fingerprint)
    }
}

pub(crate) fn opening(records: &[OpenRecord]) -> Option<&OpenRecord> {
    records
        .iter()
        .find(|record| record.leaf.stage == Stage::RunOpened)
}

pub(crate) fn closing(records: &[OpenRecord]) -> Option<&OpenRecord> {
    records
        .iter()
        .rfind(|record| record.leaf.stage == Stage::RunClosed)
}

impl Inner {
    /// Rebuild a run. It keeps the component and configuration it opened with.
    ///
    /// Whatever executes, replays, edits or takes back a former run begins here, and a
    /// drill's run has none of that.
    pub(crate) async fn rebuild(&self, tenant: &Tenant, run: &str) -> Result<Rebuilt, CallError> {
        let (Shown { run, records }, installed) = self.read_run(tenant, run).await?;
        if is_drill(&records) {
            let why = match closing(&records) {
                Some(_) => OVER,
                None => NOT_ENDED,
            };
            return Err(CallError::NotAllowed(why.to_owned()));
        }
        Ok(Rebuilt {
            about: self.about(&run).await?,
            run,
            installed,
            records,
        })
    }

    /// A run as a reader sees it.
    pub(crate) async fn read_back(&self, tenant: &Tenant, run: &str) -> Result<Shown, CallError> {
        let (shown, _) = self.read_run(tenant, run).await?;
        Ok(shown)
    }

    async fn read_run(
        &self,
        tenant: &Tenant,
        run: &str,
    ) -> Result<(Shown, Arc<Installed>), CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        if records.iter().any(|record| record.gone) {
            return Err(CallError::Erased(run.to_owned()));
        }
        let fact = |name: &str| opened.fact(name).unwrap_or_default().to_owned();
        let damaged = |what: &str| {
            CallError::Connector(format!("the record of run {run} has no usable {what}"))
        };
        let digest = |name: &str| fact(name).parse::<Digest>().map_err(|_| damaged(name));
        let (manifest_digest, component) = (digest("manifest")?, digest("component")?);
        let installed = self
            .connectors
            .opened_under(
                self.loader(),
                self.journal.store.as_ref(),
                tenant,
                &fact("connector"),
                &manifest_digest,
                &component,
            )
            .await
            .map_err(not_loaded)?;
        let tool = installed
            .tool(&fact("tool"))
            .ok_or_else(|| damaged("tool"))?;
        let input_text = opened
            .text("input")
            .ok_or_else(|| damaged("input"))?
            .to_owned();
        let rebuilt = Run {
            tenant: tenant.clone(),
            case: opened.leaf.case.clone(),
            run: run.to_owned(),
            principal: opened.leaf.principal.clone(),
            workflow: opened.leaf.workflow.clone(),
            connector: fact("connector"),
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component,
            manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input: serde_json::from_str(&input_text).map_err(|_| damaged("input"))?,
            input_digest: Digest::of(input_text.as_bytes()),
            input_text,
            request_key: opened.fact("request_key").map(str::to_owned),
            reason: opened.text("reason").map(str::to_owned),
            trigger: opened.text("trigger").map(str::to_owned),
            context: opened.text("context").map(str::to_owned),
            subject: opened.leaf.subject.clone(),
            undoes: opened.fact("undoes").map(|of| Undoes {
                run: of.to_owned(),
                by_host: opened.says("by_host"),
                fields: opened.says("fields"),
                compensates: opened.says("compensates"),
            }),
            edits: opened.fact("edits").map(|of| Edits {
                run: of.to_owned(),
                authors: texts(opened.leaf.facts.get("edited_by")),
            }),
            opened_ms: opened.leaf.at,
            looked_at: None,
            same: OnceLock::new(),
        };
        let run = Arc::new(rebuilt);
        Ok((Shown { run, records }, installed))
    }

    /// Whom a run's records are about, from its first one: without its component.
    pub(crate) async fn about_recorded(
        &self,
        tenant: &Tenant,
        run: &str,
    ) -> Result<About, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        Ok(self
            .journal
            .about(
                tenant,
                &opened.leaf.case,
                Some(run),
                &opened.leaf.principal,
                opened.leaf.workflow.as_deref(),
                &opened.leaf.subject,
            )
            .await?)
    }
}

/// A fact that is a list of texts.
fn texts(fact: Option<&Value>) -> Vec<String> {
    let list = fact.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Why a run's connector is not there. A store that does not answer says nothing of
/// the connector, and nothing is handed to a person for it.
fn not_loaded(error: InstallError) -> CallError {
    match error {
        InstallError::Journal(fault) => fault.into(),
        error => CallError::Connector(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use tollgate_store::StoreError;

    use super::*;

    #[test]
    fn only_what_cannot_pass_says_that_the_connector_cannot_be_started() {
        let away = InstallError::from(StoreError::Closed);
        assert_eq!(
            not_loaded(away).kind(),
            CallError::from(StoreError::Closed).kind()
        );
        let gone = InstallError::NotAConnector("it is gone".to_owned());
        assert!(matches!(not_loaded(gone), CallError::Connector(_)));
    }
}
