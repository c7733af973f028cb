//! The figures of the workflow, counted from the journal alone: as they were when the
//! case ended, and as they are after parts of it were taken back.

use std::fs;

use anyhow::{Context as _, ensure};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};
use tollgate_report::{Period, Report, WorkflowFigures};
use tollgate_runtime::{Clock as _, SystemClock, Tenant};

use super::story::Story;
use super::workflow::NAME;
use crate::output;

/// The figures of one moment.
pub(super) struct Moment {
    /// Of everything.
    report: Report,
    /// Of the demo's workflow.
    workflow: WorkflowFigures,
}

impl Story<'_> {
    /// Count everything that is in the journal now.
    pub(super) async fn moment(&self) -> anyhow::Result<Moment> {
        let period = Period {
            since_ms: 0,
            // What happens in this millisecond is a part of it.
            until_ms: SystemClock.now_ms() + 1,
        };
        let report = self.host.figures(&Tenant::default(), period).await?;
        let workflow = report.workflows.iter().find(|one| one.workflow == NAME);
        let workflow = workflow.cloned().context("the report has no workflow")?;
        Ok(Moment { report, workflow })
    }

    /// Show the figures, and write them into the folder with their plots.
    pub(super) async fn report(&self, before: &Moment, is_refunded: bool) -> anyhow::Result<Value> {
        let now = self.moment().await?;
        self.steps.say(format!(
            "The report of the workflow {NAME}, counted from the journal alone"
        ));
        show(&before.workflow, &now.workflow);
        if is_refunded {
            self.steps
                .more("A case of which something was taken back is not correct any more, and what");
            self.steps.more("people spent on it is time lost.");
        }
        if !self.is_interactive {
            self.steps
                .more("In this demo a program said yes for the people, in milliseconds.");
        }
        let folder = self.folder.join("report");
        let plots = crate::report::draw(std::slice::from_ref(&now.workflow), &folder)?;
        let file = folder.join("report.json");
        fs::write(&file, serde_json::to_string_pretty(&now.report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
        ensure!(!plots.is_empty(), "nothing was drawn");
        for plot in &plots {
            self.steps.more(format!("plots     {}", plot.display()));
        }
        self.steps.more(format!("as JSON   {}", file.display()));

        let (then, total) = (&before.workflow.total, &now.workflow.total);
        let is_ok = then.cases.correct.count == u64::from(is_refunded)
            && (then.cases.ended, total.cases.ended) == (1, 1)
            && total.cases.correct.count == 0
            && total.runs.undone.count == 3
            && total.approvals.edited == 1
            && total.queue.settled == 1;
        Ok(json!({
            "ok": is_ok,
            "json": file,
            "plots": plots,
            "when_the_case_ended": then,
            "now": total,
        }))
    }
}

fn show(before: &WorkflowFigures, now: &WorkflowFigures) {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["", "when the case ended", "now"]);
    for (then, now) in before.table(0).rows.into_iter().zip(now.table(0).rows) {
        let cells = then.cells.into_iter().chain(now.cells);
        table.add_row(std::iter::once(then.name.to_owned()).chain(cells));
    }
    for line in table.lines() {
        output::note(format!("    {}", line.trim_end()));
    }
}
