//! What the door does with a call of a workflow's run: nothing that writes in
//! shadow, nothing that writes unseen under supervision, nothing at all where the
//! workflow or the case is not there any more.

use std::sync::Arc;
use std::time::Duration;

use tollgate_policy::workflow::{Mode, Workflow};
use tollgate_policy::{Approval, limits};
use tollgate_store::CaseState;

use crate::api::RunState;
use crate::error::JournalFault;
use crate::failure::FailureKind;
use crate::host::Inner;
use crate::runs::{End, Run};

/// The name of the approval, and of what asked for it, under supervision.
pub(crate) const SUPERVISED: &str = "supervised";

/// How long a supervisor has to decide, and the call then to be made.
const DECIDE_WITHIN: Duration = Duration::from_secs(24 * 3_600);
const EXECUTE_WITHIN: Duration = Duration::from_secs(3_600);

/// The boundary of one execution of one run.
#[derive(Default)]
pub(crate) struct Boundary {
    /// Why nothing of the run may happen any more.
    refused: Option<String>,
    mode: Option<Mode>,
    supervision: Option<Approval>,
}

impl Boundary {
    /// Of a run that just entered its case.
    pub(crate) fn entered(run: &Run, workflow: &Workflow) -> Self {
        // What was done before the workflow went back to shadow can be taken back,
        // with the owner looking on.
        let mode = match (workflow.mode, &run.undoes) {
            (Mode::Shadow, Some(_)) => Mode::Supervised,
            (mode, _) => mode,
        };
        Self {
            refused: None,
            mode: Some(mode),
            supervision: (mode == Mode::Supervised).then(|| Approval {
                name: SUPERVISED.to_owned(),
                approvers: vec![workflow.owner.clone()],
                decide_within: DECIDE_WITHIN,
                execute_within: EXECUTE_WITHIN,
                title: None,
                quorum: 1,
                deny_stands: limits::DENY_STANDS,
                exception: false,
            }),
        }
    }

    fn refused(why: String) -> Self {
        Self {
            refused: Some(why),
            ..Self::default()
        }
    }

    /// Why nothing may happen any more.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refused.as_deref()
    }

    /// Whether what writes is judged and not done.
    pub(crate) fn is_shadow(&self) -> bool {
        self.mode == Some(Mode::Shadow)
    }

    /// The approval that every write needs.
    pub(crate) fn supervision(&self) -> Option<&Approval> {
        self.supervision.as_ref()
    }
}

/// What the rules said of a write in shadow.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) call: &'static str,
    pub(crate) destination: String,
    /// The approval that it would have waited for.
    pub(crate) held_for: Option<String>,
    /// The row that says so, where one does.
    pub(crate) rule: Option<String>,
}

impl Judged {
    /// What would have happened, as a part of a sentence.
    pub(crate) fn told(&self) -> String {
        let (call, to) = (self.call, &self.destination);
        let would = match &self.held_for {
            Some(approval) => format!("would have been held for `{approval}`"),
            None => "would have been made".to_owned(),
        };
        match &self.rule {
            Some(rule) => format!("`{call}` on `{to}` {would}, by the rule `{rule}`"),
            None => format!("`{call}` on `{to}` {would}"),
        }
    }
}

/// The end of a run in which writes were not done, whatever its connector made of
/// that.
pub(crate) fn in_shadow(run: &Run, end: End, judged: &[Judged]) -> End {
    if judged.is_empty() || !matches!(end, End::Done { .. } | End::Failed(..)) {
        return end;
    }
    let told: Vec<String> = judged.iter().map(Judged::told).collect();
    let workflow = run.workflow.as_deref().unwrap_or_default();
    let hint = format!("the workflow `{workflow}` is in shadow: its reads are made, and no write");
    let message = format!("not done; {}", told.join("; "));
    let kind = FailureKind::Shadow;
    End::Failed(RunState::Denied, kind, kind.with(message, Some(&hint)))
}

impl Inner {
    /// The boundary of a run as it stands now. A run that goes on after a hold may
    /// find its workflow changed, or its case over.
    pub(crate) async fn boundary(&self, run: &Run) -> Result<Boundary, JournalFault> {
        let Some(name) = &run.workflow else {
            return Ok(Boundary::default());
        };
        let known = self.workflows_of(&run.tenant).await?;
        let workflow: Option<&Arc<Workflow>> = known.get(name);
        let row = self.journal.store.case(&run.tenant, &run.case).await?;
        if run.undoes.is_some() || run.is_of_host() {
            return Ok(workflow.map_or_else(Boundary::default, |workflow| {
                Boundary::entered(run, workflow)
            }));
        }
        let Some(row) = row else {
            // From before there were workflows: the name was a word then.
            return Ok(Boundary::default());
        };
        let (connector, tool) = (&run.connector, &run.tool.name);
        Ok(match workflow {
            None => Boundary::refused(format!("there is no workflow `{name}` any more")),
            Some(workflow) if !workflow.has_tool(connector, tool) => Boundary::refused(format!(
                "`{connector}.{tool}` is no tool of the workflow `{name}` any more"
            )),
            Some(_) if row.state != CaseState::Open => {
                Boundary::refused(format!("the case `{}` is {}", row.case, row.state.as_str()))
            }
            Some(workflow) => Boundary::entered(run, workflow),
        })
    }
}
