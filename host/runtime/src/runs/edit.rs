//! A run that goes on with the input of another one as a person changed it.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tollgate_policy::Digest;

use super::input::input;
use super::refused::tool_denied;
use super::{EDIT_KEY, Edits, Run};
use crate::api::{Principal, PrincipalKind, ToolCall};
use crate::error::{CallError, DecideError};
use crate::host::Inner;
use crate::names;

impl Inner {
    /// The run that `author` makes of a held one. It is a new call of what is
    /// installed now, in the name of who asked, and passes what every new call
    /// passes: schema, limits, rules, no secret in it.
    pub(crate) async fn edited_run(
        &self,
        of: &Run,
        author: &str,
        changed: &Value,
    ) -> Result<Run, DecideError> {
        let gone = || DecideError::NotEditable("its connector has no such tool now".to_owned());
        let installed = self.connectors.get(&of.tenant, &of.connector);
        let installed = installed.ok_or_else(gone)?;
        let tool = installed.tool(&of.tool.name).ok_or_else(gone)?;
        let asker = Principal {
            identified: Default::default(),
            tenant: of.tenant.clone(),
            name: of.principal.clone(),
            kind: PrincipalKind::Agent,
            groups: Vec::new(),
        };
        let call = ToolCall {
            input: changed.clone(),
            ..ToolCall::default()
        };
        self.carries_no_secret(&asker, &call).map_err(unfit)?;
        let input_text = input(changed, &installed, tool).map_err(unfit)?;
        let input_digest = Digest::of(input_text.as_bytes());
        if input_digest == of.input_digest {
            return Err(DecideError::NotEditable("nothing is different".to_owned()));
        }
        let mut authors: Vec<String> = of.authors().to_vec();
        authors.retain(|name| name != author);
        authors.push(author.to_owned());
        let run = Run {
            tenant: of.tenant.clone(),
            case: of.case.clone(),
            run: names::run(),
            principal: of.principal.clone(),
            workflow: of.workflow.clone(),
            connector: of.connector.clone(),
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component: installed.manifest.component,
            manifest_digest: installed.manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input: serde_json::from_str(&input_text).unwrap_or_else(|_| changed.clone()),
            input_text,
            input_digest,
            // One run goes on, however often it is asked for.
            request_key: Some(format!("{EDIT_KEY}{}", of.run)),
            reason: of.reason.clone(),
            trigger: of.trigger.clone(),
            context: of.context.clone(),
            subject: of.subject.clone(),
            undoes: None,
            edits: Some(Edits {
                run: of.run.clone(),
                authors,
            }),
            opened_ms: self.journal.now_ms(),
            looked_at: None,
            same: OnceLock::new(),
        };
        let case = self.case_facts(&run, &installed.manifest).await?;
        if let Some((_, failure)) = tool_denied(&run, &installed, case.as_ref()) {
            return Err(DecideError::InputUnfit {
                pointer: String::new(),
                message: failure.message,
            });
        }
        Ok(run)
    }

    /// The same, with the store's count of records from which on an equal run would
    /// be a first one.
    pub(crate) async fn with_look(&self, mut run: Run) -> Result<Run, CallError> {
        let store = &self.journal.store;
        let looked = store.run_of_request(&run.tenant, run.same(), None).await?;
        run.looked_at = Some(looked.count);
        Ok(run)
    }
}

fn unfit(error: CallError) -> DecideError {
    match error {
        CallError::InvalidInput { pointer, message } => {
            DecideError::InputUnfit { pointer, message }
        }
        other => DecideError::Unavailable(other.to_string()),
    }
}
