//! Taking back what can be taken back, and leaving alone what somebody changed since.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tollgate_runtime::{ToolCall, UndoOptions, UndoReport};

use super::story::{Story, Writes};
use super::systems::{LAST_CASE, PROPERTY};
use super::words::text;

impl Story<'_> {
    /// The latest write first. What a colleague wrote since stays.
    pub(super) async fn take_back(&self, writes: &Writes) -> anyhow::Result<Value> {
        self.steps.say("Mira takes back what can be taken back:");
        let property = self
            .undo("the customer's property", &writes.property)
            .await?;
        let status = self.undo("the ticket's status", &writes.status).await?;
        let row = self.undo("the row in the workbook", &writes.row).await?;
        let priority = self.undo("the ticket's priority", &writes.priority).await?;
        let (conflict, queue) = self.conflict(&priority).await?;

        let ticket = self.systems.ticket(self.ticket).await?;
        let last_case = self.systems.property().await?;
        let rows = self.rows_left().await?;
        self.steps.more(format!(
            "Now: {PROPERTY} {}, status {}, {rows} row, priority {}, as the colleague left it",
            text(&last_case),
            text(&ticket["Status"]),
            text(&ticket["Priority"])
        ));
        let is_ok = [&property, &status, &row]
            .iter()
            .all(|one| one.outcome == "undone")
            && (last_case.as_str(), rows) == (Some(LAST_CASE), 1);
        Ok(json!({
            "ok": is_ok,
            "property": property.outcome,
            "status": status.outcome,
            "row": row.outcome,
            "priority": priority.outcome,
            "conflict": conflict,
            "queue": queue,
            "now": { "property": last_case, "status": ticket["Status"], "rows": rows, "priority": ticket["Priority"] },
        }))
    }

    /// What is there and what was expected; and the item that somebody finds it in.
    async fn conflict(&self, undone: &UndoReport) -> anyhow::Result<(String, String)> {
        ensure!(
            undone.outcome == "conflict",
            "the undo of the ticket's priority met no conflict: {}",
            undone.outcome
        );
        let run = undone.undo_run.as_ref();
        let run = run.context("an undo that was tried is a run")?;
        let failure = run.failure.as_ref();
        let failure = failure.context("a conflict says what it found")?;
        let found = tollgate_policy::visible(&failure.message);
        self.steps.more(format!("    {found}"));
        let items = self.people.mira.client.queue(false, false).await?;
        let item = items.iter().find(|item| item.run == run.run);
        let item = item.context("no queue has the conflict")?;
        self.steps.more(format!(
            "    nothing is overwritten: it waits in the queue `{}` for {}",
            item.queue, item.owner
        ));
        Ok((found, item.queue.clone()))
    }

    /// Mira looks: the case is over, and the agent can do nothing in it any more.
    async fn rows_left(&self) -> anyhow::Result<usize> {
        let read = ToolCall {
            connector: "spreadsheet".to_owned(),
            tool: "read_rows".to_owned(),
            input: json!({ "file": "tracker.xlsx" }),
            ..ToolCall::default()
        };
        let output = self.people.mira.read(&read).await?;
        Ok(output["rows"].as_array().map_or(0, Vec::len))
    }

    async fn undo(&self, what: &str, run: &str) -> anyhow::Result<UndoReport> {
        let undone = self
            .people
            .mira
            .client
            .undo(run, UndoOptions::default())
            .await?;
        self.steps.more(format!("  {what:<24}  {}", undone.outcome));
        Ok(undone)
    }
}
