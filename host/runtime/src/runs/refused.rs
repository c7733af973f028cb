//! A call of a tool that the rules deny as a whole: it becomes a run that is recorded and
//! over, and no guest is started for it.

use std::sync::Arc;
use std::time::Duration;

use tollgate_journal::{Prepared, Stage};
use tollgate_policy::{CaseFacts, Outcome, ToolFacts};

use super::Run;
use crate::api::{Failure, RunReport, RunState};
use crate::connectors::Installed;
use crate::error::CallError;
use crate::failure::FailureKind;
use crate::host::Inner;
use crate::journal::{About, Saying};

impl Inner {
    pub(super) async fn deny_tool(
        self: &Arc<Self>,
        run: &Arc<Run>,
        about: &About,
        mut records: Vec<Prepared>,
        failure: (Option<String>, Failure),
    ) -> Result<RunReport, CallError> {
        let (rule, failure) = failure;
        let denied = Saying::new(Stage::CallDenied)
            .fact("call", format!("{}.{}", run.connector, run.tool.name))
            .maybe("rule", rule.as_deref());
        records.push(self.journal.record(about, denied)?);
        let closing = run.closing(RunState::Denied);
        let closed = Saying::new(Stage::RunClosed)
            .fact("tool", closing.tool.as_str())
            .fact("state", closing.outcome.as_str())
            .json("failure", &serde_json::json!(failure));
        let filing = match FailureKind::Denied.class() {
            Some(class) => self.filing_of(class, run).await?,
            None => None,
        };
        let closed = match &filing {
            Some(filing) => filing.facts(closed),
            None => closed,
        };
        let mut closed = self.journal.record(about, closed)?;
        closed.closing = Some(closing);
        let (hash, now) = (closed.hash, self.journal.now_ms());
        let changes = filing.map(|filing| filing.changes(&**run, hash, now));
        records.push(closed);
        let mut changes = changes.unwrap_or_default();
        changes.extend(run.leaving(RunState::Denied));
        self.journal.append(&run.tenant, records, changes).await?;
        self.settle_case(run, RunState::Denied).await;
        let denied = Ok(RunReport {
            failure: Some(failure),
            ..RunReport::of(run, RunState::Denied)
        });
        self.counted(run, &denied, Duration::ZERO, 0);
        denied
    }
}

/// Why the tool may not be called at all, where a rule denies it or none allows
/// it.
pub(super) fn tool_denied(
    run: &Run,
    installed: &Installed,
    case: Option<&CaseFacts>,
) -> Option<(Option<String>, Failure)> {
    // The attack: an agent that removes what others made, by the tool that is there
    // to remove what its own call made.
    if run.tool.terms.undo_only && run.undoes.is_none() {
        let failure = Failure {
            kind: "denied".into(),
            message: format!(
                "`{}` only takes another call back, and is not called by itself",
                run.tool.name
            ),
            hint: Some("take the run back: `tollgate undo RUN`".into()),
            pointer: None,
        };
        return Some((None, failure));
    }
    let manifest = &installed.manifest;
    let decision = manifest.compiled.decide_tool(&ToolFacts {
        tool: &run.tool.name,
        input: &run.input,
        workflow: run.workflow.as_deref(),
        principal: &run.principal,
        undo: run.undoes.is_some(),
        case,
    });
    if decision.outcome != Outcome::Deny {
        return None;
    }
    let rule = decision.rule.and_then(|index| manifest.rules.get(index));
    let failure = Failure {
        kind: FailureKind::Denied.as_str().to_owned(),
        message: match rule {
            Some(rule) => rule
                .reason
                .clone()
                .unwrap_or_else(|| format!("the rule `{}` denies this call", rule.name)),
            None => format!("no rule allows `{}` with this input", run.tool.name),
        },
        hint: rule.is_none().then(|| {
            format!(
                "an operator can allow it with [[rule]] tool = \"{}\", then = \"allow\"",
                run.tool.name
            )
        }),
        pointer: None,
    };
    Some((rule.map(|rule| rule.name.clone()), failure))
}
