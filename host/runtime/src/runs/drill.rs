//! The run that a drill seems to belong to: it is made to be looked at, and ends
//! when somebody decides.

use std::sync::{Arc, OnceLock};

use tollgate_policy::Digest;

use super::Run;
use super::input::input;
use super::refused::tool_denied;
use crate::api::{DrillTemplate, Principal, ToolCall};
use crate::error::CallError;
use crate::host::Inner;
use crate::{names, time};

/// Separates what finds a drill's run from what finds a call's.
const DOMAIN: &str = "tollgate drill run v1";

impl Inner {
    /// A run as a new call would open one: of what is installed now, with an input
    /// that fits, and no secret in it.
    pub(crate) fn drill_run(
        &self,
        who: &Principal,
        template: &DrillTemplate,
    ) -> Result<Run, CallError> {
        let call = ToolCall {
            connector: template.connector.clone(),
            tool: template.tool.clone(),
            input: template.input.clone(),
            workflow: template.workflow.clone(),
            trigger: template.trigger.clone(),
            context: template.context.clone(),
            reason: template.reason.clone(),
            ..ToolCall::default()
        };
        let installed = self.connectors.get(&who.tenant, &call.connector);
        let installed = installed.ok_or_else(|| self.unknown(who, &call))?;
        let tool = installed.tool(&call.tool);
        let tool = tool.ok_or_else(|| self.unknown(who, &call))?;
        self.carries_no_secret(who, &call)?;
        // Its arguments are shown too.
        let shown = ToolCall {
            input: serde_json::json!([template.arguments, template.prior]),
            ..ToolCall::default()
        };
        self.carries_no_secret(who, &shown)?;
        let input_text = input(&call.input, &installed, tool)?;
        let opened_ms = self.journal.now_ms();
        let run = names::run();
        // The attack on a real call: it asks for the same as a drill, and is answered
        // with a run that never does anything.
        let same = Digest::of_parts(DOMAIN, &[run.as_bytes()]).to_string();
        let run = Run {
            tenant: who.tenant.clone(),
            case: names::own_case(),
            run,
            principal: template.requester.clone(),
            workflow: call.workflow,
            connector: call.connector,
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component: installed.manifest.component,
            manifest_digest: installed.manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input: serde_json::from_str(&input_text).unwrap_or(call.input),
            input_digest: Digest::of(input_text.as_bytes()),
            input_text,
            request_key: None,
            reason: call.reason,
            trigger: call.trigger,
            context: call.context,
            subject: format!("day:{}", time::day(opened_ms)),
            undoes: None,
            edits: None,
            opened_ms,
            looked_at: None,
            same: OnceLock::from(same),
        };
        match tool_denied(&run, &installed, None) {
            None => Ok(run),
            Some((_, failure)) => Err(CallError::Denied {
                message: failure.message,
                hint: failure.hint,
            }),
        }
    }
}
