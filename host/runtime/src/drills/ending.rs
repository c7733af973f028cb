//! The end of a drill: by a decision, or because its time is over. The record says
//! what it was, and the run ends in the same transaction. Nothing is executed, filed
//! in a queue or counted into a case.

use serde_json::json;
use tollgate_journal::{Closing, Prepared, Stage};
use tollgate_store::{ApprovalRow, Change, RunState as StoredState};

use crate::api::{Failure, RunState};
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::{About, Saying};

/// How a drill ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// People said yes to what they should not have.
    Approved,
    /// A person said no.
    Denied,
    /// A person changed what was asked for.
    Edited,
    /// Nobody decided in time.
    Expired,
}

impl Came {
    fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Edited => "edited",
            Self::Expired => "expired",
        }
    }

    /// What whoever decided is told.
    fn told(self, planted_by: &str) -> Failure {
        let came = match self {
            Self::Approved => "it was approved, and should not have been",
            Self::Denied | Self::Edited => "and it was noticed",
            Self::Expired => "and nobody decided on it in time",
        };
        Failure {
            kind: "drill".to_owned(),
            message: format!(
                "this was a drill, planted by {planted_by} to see whether such a request is noticed: {came}; nothing was sent"
            ),
            hint: (self == Self::Approved)
                .then(|| "look at the card once more: what should have stopped you?".to_owned()),
            pointer: None,
        }
    }
}

impl Inner {
    /// The record of a drill's end. `about` says who decided.
    pub(crate) fn drill_decided(row: &ApprovalRow, planted_by: &str, came: Came) -> Saying {
        Saying::new(Stage::DrillDecided)
            .at(row.position)
            .fact("approval", row.id.as_str())
            .fact("kind", row.approval.as_str())
            .fact("digest", row.digest.as_str())
            .fact("decision", came.as_str())
            .fact("planted_by", planted_by)
    }

    /// The last record of a drill's run, and what ends its row and its approval.
    /// `decides` is the change that the decision is, with its conditions: while the
    /// approval is pending nobody else ends the run, so no lease is asked for.
    pub(crate) async fn drill_ended(
        &self,
        about: &About,
        row: &ApprovalRow,
        planted_by: &str,
        came: Came,
        decides: Change,
    ) -> Result<(Prepared, Vec<Change>), JournalFault> {
        let closing = Closing {
            tool: format!("{}.{}", row.connector, row.tool),
            outcome: RunState::Denied.as_str().to_owned(),
            workflow: about.workflow.clone(),
        };
        let saying = Saying::new(Stage::RunClosed)
            .fact("tool", closing.tool.as_str())
            .fact("state", closing.outcome.as_str())
            .fact("drill", true)
            .json("failure", &json!(came.told(planted_by)));
        let about = About {
            principal: "tollgate".to_owned(),
            ..about.clone()
        };
        let mut closed = self.journal.record(&about, saying)?;
        closed.closing = Some(closing);
        let mut changes = vec![decides];
        // A yes must never be one that a call can use.
        if came == Came::Approved {
            changes.push(Change::VoidApproval { id: row.id.clone() });
        }
        if let Some(mut run) = self.journal.store.run(&row.tenant, &row.run).await? {
            run.state = StoredState::Denied;
            run.updated_ms = self.journal.now_ms();
            run.sealed = None;
            changes.push(Change::PutRun(Box::new(run)));
        }
        Ok((closed, changes))
    }
}
