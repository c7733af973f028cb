//! Whether a completion is correct: the read that the workflow names, made by the
//! host as a run of its own in the case, with the case's trusted inputs.

use std::sync::Arc;

use serde_json::{Map, Value};
use tollgate_journal::Stage;
use tollgate_policy::{Digest, Effect};
use tollgate_store::{CaseRow, RecordFilter};

use super::HOST;
use crate::api::{Principal, PrincipalKind, RunState, ToolCall};
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::OpenRecord;
use crate::runs::{CASE_KEY, Request};

impl Inner {
    /// Whether a completion of this case is correct. Nothing where it cannot be told:
    /// the workflow names no read, the case has not the inputs for it, or it could
    /// not be made.
    pub(super) async fn is_correct(self: &Arc<Self>, row: &CaseRow) -> Option<bool> {
        let known = self.workflows_of(&row.tenant).await.ok()?;
        let done = known.get(&row.workflow)?.done_when.as_ref()?;
        let inputs = self.inputs_of(row).await.ok()?;
        let input = match done.input_of(&inputs) {
            Ok(input) => input,
            Err(missing) => {
                tracing::info!(case = row.case, missing, "a completion cannot be judged");
                return None;
            }
        };
        let tool = self.connectors.get(&row.tenant, &done.connector);
        let effect = tool.and_then(|one| one.tool(&done.tool).map(|tool| tool.decl.effect));
        if effect != Some(Effect::Read) {
            let tool = format!("{}.{}", done.connector, done.tool);
            tracing::error!(workflow = row.workflow, tool, "done_when is no read");
            return None;
        }
        let who = Principal {
            identified: Default::default(),
            tenant: row.tenant.clone(),
            name: HOST.to_owned(),
            kind: PrincipalKind::Service,
            groups: Vec::new(),
        };
        let request = Request {
            call: ToolCall {
                connector: done.connector.clone(),
                tool: done.tool.clone(),
                input,
                case: Some(row.case.clone()),
                workflow: Some(row.workflow.clone()),
                reason: Some("is the case done?".to_owned()),
                request_key: Some(format!("{CASE_KEY}{}", Digest::of(row.case.as_bytes()))),
                ..ToolCall::default()
            },
            undoes: None,
            accepted: None,
        };
        match self.call(&who, request).await {
            Ok(report) => match (report.state, report.output, report.failure) {
                (RunState::Done, Some(output), _) => Some(done.holds(&output)),
                // What is not there is not done.
                (_, _, Some(failure)) if failure.kind == "not_found" => Some(false),
                _ => None,
            },
            Err(error) => {
                tracing::warn!(case = row.case, %error, "a completion could not be looked at");
                None
            }
        }
    }

    /// The trusted inputs of a case.
    async fn inputs_of(&self, row: &CaseRow) -> Result<Map<String, Value>, JournalFault> {
        let opened = self.case_record(row, Stage::CaseOpened).await?;
        let inputs = opened.and_then(|opened| opened.json("inputs"));
        Ok(inputs
            .and_then(|inputs| inputs.as_object().cloned())
            .unwrap_or_default())
    }

    /// The last record of a case itself at this stage.
    pub(super) async fn case_record(
        &self,
        row: &CaseRow,
        stage: Stage,
    ) -> Result<Option<OpenRecord>, JournalFault> {
        let filter = RecordFilter {
            case: Some(row.case.clone()),
            stage: Some(stage),
            newest_first: true,
            limit: Some(1),
            ..RecordFilter::default()
        };
        let found = self.journal.read(&row.tenant, &filter).await?;
        Ok(found.into_iter().next())
    }
}
