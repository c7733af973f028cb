//! What can be checked afterwards: the journal, a replay, the way back, and where
//! the credentials are not.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_runtime::{Host, LogFilter, LogPlace, RunState, Tenant, UndoOptions, UndoReport};

use super::story::{Runs, Story};
use super::systems::PROPERTY;
use super::{program, scene, text};
use crate::output;

impl Story<'_> {
    /// Checks everything, and tells it as JSON too.
    pub(super) async fn end(&self, host: &Host, runs: &Runs) -> anyhow::Result<Value> {
        let verified = host.verify(&Tenant::default()).await?;
        self.steps.say(format!(
            "The journal: {} records, {}",
            verified.records,
            verified
                .problem
                .as_deref()
                .unwrap_or("every one fits its tree")
        ));
        let is_identical = self.replay(host, runs).await?;
        let undone = self.take_back(runs).await?;
        let secrets = self.look_for_secrets(host).await?;
        self.point_out(&runs.refund);
        let refunds = scene::refunds(self.folder).await?;
        let is_ok = verified.problem.is_none()
            && is_identical
            && undone["ok"] == true
            && secrets["ok"] == true
            && refunds == i64::from(runs.refund_state == RunState::Done);
        Ok(json!({
            "ok": is_ok,
            "folder": self.folder,
            "ticket": self.ticket,
            "refund_run": runs.refund,
            "refund_state": runs.refund_state,
            "agent_sees": runs.agent_sees,
            "note_state": runs.note_state,
            "refunds": refunds,
            "records": verified.records,
            "root": verified.root,
            "verified": verified.problem.is_none(),
            "replay_identical": is_identical,
            "undo": undone,
            "secrets": secrets,
        }))
    }

    async fn replay(&self, host: &Host, runs: &Runs) -> anyhow::Result<bool> {
        let mut difference = None;
        for run in [&runs.row, &runs.status, &runs.property] {
            let replayed = host.replay(&Tenant::default(), run).await?;
            difference = difference.or(replayed.difference);
        }
        self.steps.say(format!(
            "Replaying three writes from the journal, with no effect: {}",
            difference.as_deref().unwrap_or("identical")
        ));
        Ok(difference.is_none())
    }

    /// The latest write first. What a colleague wrote since stays.
    async fn take_back(&self, runs: &Runs) -> anyhow::Result<Value> {
        self.steps.say("Taking back what can be taken back:");
        let property = self.undo("the customer's property", &runs.property).await?;
        let status = self.undo("the ticket's status", &runs.status).await?;
        let row = self.undo("the row in the workbook", &runs.row).await?;
        let priority = self.undo("the ticket's priority", &runs.priority).await?;
        if let Some(failure) = priority
            .undo_run
            .as_ref()
            .and_then(|run| run.failure.as_ref())
        {
            self.steps.more(format!(
                "    {}",
                tollgate_policy::visible(&failure.message)
            ));
        }

        let ticket = self.systems.ticket(self.ticket).await?;
        let last_case = self.systems.property().await?;
        let left = self
            .agent
            .call(
                "spreadsheet.read_rows",
                json!({ "file": "tracker.xlsx" }),
                "check the tracker",
            )
            .await?;
        let rows = left.content["rows"].as_array().map_or(0, Vec::len);
        self.steps.more(format!(
            "Now: {PROPERTY} {}, status {}, {rows} row, priority {}, as the colleague left it",
            text(&last_case),
            text(&ticket["Status"]),
            text(&ticket["Priority"])
        ));
        let is_ok = [&property, &status, &row]
            .iter()
            .all(|one| one.outcome == "undone")
            && priority.outcome == "conflict";
        Ok(json!({
            "ok": is_ok,
            "property": property.outcome,
            "status": status.outcome,
            "row": row.outcome,
            "priority": priority.outcome,
            "now": { "property": last_case, "status": ticket["Status"], "rows": rows, "priority": ticket["Priority"] },
        }))
    }

    async fn undo(&self, what: &str, run: &str) -> anyhow::Result<UndoReport> {
        let undone = self.mira.undo(run, UndoOptions::default()).await?;
        self.steps.more(format!("  {what:<24}  {}", undone.outcome));
        Ok(undone)
    }

    /// The attack: a credential that a connector, a server's answer or a mistake of
    /// the host's puts into a record. Looked for in every value that the log can
    /// open, and in the files that are handed out.
    async fn look_for_secrets(&self, host: &Host) -> anyhow::Result<Value> {
        let lines = every_line(host).await?;
        let exported = self.folder.join("journal");
        host.export(&Tenant::default(), &exported, &mut |_| ())
            .await?;
        let files = contents(&exported)?;
        let is_in = |what: &str| {
            let in_files = files.iter().any(|file| holds(file, what.as_bytes()));
            in_files || lines.iter().any(|line| line.contains(what))
        };
        let found: Vec<&str> = self
            .systems
            .secrets()
            .into_iter()
            .filter(|(_, value)| is_in(value))
            .map(|(name, _)| name)
            .collect();
        // A search that finds nothing at all would find no secret either.
        let subject = lines
            .iter()
            .filter(|line| line.contains("arrived broken"))
            .count();
        self.steps.say(format!(
            "The credentials of desk and CRM are in {} of {} records and {} exported files",
            if found.is_empty() { "none" } else { "SOME" },
            lines.len(),
            files.len()
        ));
        self.steps.more(format!(
            "(the same search finds the customer's “arrived broken” in {subject} records)"
        ));
        Ok(json!({
            "ok": found.is_empty() && subject > 0,
            "found": found,
            "records": lines.len(),
            "files": files.len(),
            "records_with_the_subject": subject,
        }))
    }

    fn point_out(&self, refund: &str) {
        let home = self.folder.display();
        output::note("");
        output::note("Look at it yourself:");
        output::note(format!(
            "  the workbook       {home}/data/tracker/tracker.xlsx"
        ));
        output::note(format!(
            "  the whole story    {} log --home {home} --case ticket-{}",
            program(),
            self.ticket
        ));
        output::note(format!(
            "  the refund alone   {} log --home {home} --run {refund}",
            program()
        ));
    }
}

/// Every record with every value, as the log prints it.
async fn every_line(host: &Host) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut filter = LogFilter::default();
    loop {
        let page = host.log_page(&Tenant::default(), &filter).await?;
        for line in &page.lines {
            lines.push(serde_json::to_string(line)?);
        }
        match page.next {
            Some(LogPlace::After(place)) => filter.after = Some(place),
            _ => return Ok(lines),
        }
    }
}

/// What is in the files below a folder.
fn contents(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(contents(&path)?);
        } else {
            found.push(fs::read(&path)?);
        }
    }
    Ok(found)
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
