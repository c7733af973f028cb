//! One hand-off, from the ticket to the report.

use std::path::Path;

use serde_json::Value;
use tollgate_runtime::{CaseReport, Host, RunState};

use super::agent::Agent;
use super::failing::Failed;
use super::people::People;
use super::quorum::Refund;
use super::report::Moment;
use super::steps::Steps;
use super::systems::Systems;

/// Who and what takes part.
pub(super) struct Story<'a> {
    pub(super) host: &'a Host,
    pub(super) systems: &'a Systems,
    pub(super) folder: &'a Path,
    /// Where the host serves.
    pub(super) url: &'a str,
    pub(super) people: People,
    pub(super) agent: Agent,
    /// The ticket's number.
    pub(super) ticket: &'a str,
    /// The name of the case.
    pub(super) case: String,
    /// Whether somebody sits at the terminal.
    pub(super) is_interactive: bool,
    pub(super) steps: Steps,
}

/// What matters afterwards.
pub(super) struct Played {
    /// The case when it had ended.
    pub(super) case: CaseReport,
    /// The figures of that moment.
    pub(super) figures: Moment,
    pub(super) failed: Failed,
    pub(super) refund: Refund,
    /// How the note on the ticket ended.
    pub(super) note_state: RunState,
    /// Runs that wrote something that can be taken back.
    pub(super) writes: Writes,
}

/// Runs by what they wrote.
pub(super) struct Writes {
    /// The row in the workbook.
    pub(super) row: String,
    /// The ticket's priority.
    pub(super) priority: String,
    /// The ticket's status.
    pub(super) status: String,
    /// The customer's property.
    pub(super) property: String,
}

impl Story<'_> {
    /// Play it to its end. Answers it as JSON.
    pub(super) async fn play(&self) -> anyhow::Result<Value> {
        self.open_case().await?;
        let known = self.look().await?;
        let failed = self.refuse_another_order().await?;
        let refund = self.refund().await?;
        let is_refunded = refund.state == RunState::Done;
        let status = self.set_status(&known.version, is_refunded).await?;
        let note_state = self.note(is_refunded).await?;
        let property = self.write_property(&known.contact).await?;
        let case = self.close_case(is_refunded).await?;
        let played = Played {
            case,
            figures: self.moment().await?,
            failed,
            refund,
            note_state,
            writes: Writes {
                row: known.row,
                priority: known.priority,
                status,
                property,
            },
        };
        self.end(&played).await
    }
}
