//! What can be checked afterwards: the journal, a replay, the way back, where the
//! credentials are not, and the figures.

use serde_json::{Value, json};
use tollgate_runtime::{RunState, Tenant};

use super::quorum::GRANTED_CENTS;
use super::scene;
use super::story::{Played, Story, Writes};
use super::words::program;
use crate::output;

impl Story<'_> {
    /// Checks everything, and tells it as JSON too.
    pub(super) async fn end(&self, played: &Played) -> anyhow::Result<Value> {
        let verified = self.host.verify(&Tenant::default()).await?;
        self.steps.say(format!(
            "The journal: {} records, {}",
            verified.records,
            verified
                .problem
                .as_deref()
                .unwrap_or("every one fits its tree")
        ));
        let is_identical = self.replay(&played.writes).await?;
        let undone = self.take_back(&played.writes).await?;
        let secrets = self.look_for_secrets().await?;
        let is_refunded = played.refund.state == RunState::Done;
        let report = self.report(&played.figures, is_refunded).await?;
        let (refunds, cents) = scene::refunds(self.folder).await?;
        let expected = match is_refunded {
            true => (1, GRANTED_CENTS),
            false => (0, 0),
        };
        let checks = [
            ("the journal", verified.problem.is_none()),
            ("the replay", is_identical),
            ("what was taken back", undone["ok"] == true),
            ("the search for credentials", secrets["ok"] == true),
            ("the report", report["ok"] == true),
            ("the refunds in the database", (refunds, cents) == expected),
        ];
        let differs: Vec<&str> = checks
            .iter()
            .filter(|(_, is_as_said)| !is_as_said)
            .map(|(what, _)| *what)
            .collect();
        self.point_out(&played.refund.run);
        for what in &differs {
            output::note(format!("THIS IS NOT AS IT SHOULD BE: {what}"));
        }
        Ok(json!({
            "ok": differs.is_empty(),
            "differs": differs,
            "folder": self.folder,
            "ticket": self.ticket,
            "case": {
                "case": played.case.case,
                "workflow": played.case.workflow,
                "opened_by": played.case.opened_by,
                "inputs": played.case.inputs,
                "state": played.case.state,
                "correct": played.case.correct,
            },
            "failure": played.failed.shown(),
            "refund_run": played.refund.run,
            "refund_state": played.refund.state,
            "quorum": played.refund.quorum(),
            "edit": played.refund.edit(),
            "agent_sees": played.refund.agent_sees,
            "note_state": played.note_state,
            "refunds": refunds,
            "refunded_cents": cents,
            "records": verified.records,
            "root": verified.root,
            "verified": verified.problem.is_none(),
            "replay_identical": is_identical,
            "undo": undone,
            "secrets": secrets,
            "report": report,
        }))
    }

    async fn replay(&self, writes: &Writes) -> anyhow::Result<bool> {
        let mut difference = None;
        for run in [&writes.row, &writes.status, &writes.property] {
            let replayed = self.host.replay(&Tenant::default(), run).await?;
            difference = difference.or(replayed.difference);
        }
        self.steps.say(format!(
            "Replaying three writes from the journal, with no effect: {}",
            difference.as_deref().unwrap_or("identical")
        ));
        Ok(difference.is_none())
    }

    fn point_out(&self, refund: &str) {
        let home = self.folder.display();
        let program = program();
        output::note("");
        output::note("Look at it yourself:");
        output::note(format!(
            "  the workbook       {home}/data/tracker/tracker.xlsx"
        ));
        output::note(format!("  the workflow       {home}/workflow.toml"));
        output::note(format!(
            "  the whole story    {program} log --home {home} --case {}",
            self.case
        ));
        output::note(format!(
            "  the refund alone   {program} log --home {home} \\"
        ));
        output::note(format!("                       --run {refund}"));
        output::note(format!(
            "  the figures again  {program} report --home {home}"
        ));
    }
}
