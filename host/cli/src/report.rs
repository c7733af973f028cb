//! `tollgate report`: what became of hand-offs, from the journal.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comfy_table::presets;
use tollgate_policy::visible;
use tollgate_report::{NO_WORKFLOW, Period, Report, WorkflowFigures, plot};
use tollgate_runtime::{Clock as _, Host, SystemClock, moment};

use crate::arguments::{self, Home};
use crate::exit::Exit;
use crate::output::{self, line, new_table};
use crate::serve::existing;

pub(crate) async fn report(
    home: &Home,
    asked: &arguments::Report,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let now_ms = SystemClock.now_ms();
    let at = |text: &Option<String>, otherwise| match text {
        Some(text) => moment(text, now_ms),
        None => Ok(otherwise),
    };
    let period = Period {
        since_ms: at(&asked.since, 0)?,
        until_ms: at(&asked.until, now_ms)?,
    };
    let host = Host::open(existing(home)?).await?;
    let report = host.figures(&asked.of.tenant, period).await;
    host.shutdown().await;
    let mut report = report?;
    if let Some(workflow) = &asked.workflow {
        report.workflows.retain(|one| one.workflow == *workflow);
    }
    if let Some(folder) = &asked.svg {
        draw(&report.workflows, folder)?;
    }
    match as_json {
        true => output::json(&report),
        false => told(&report, asked.weeks),
    }
    Ok(Exit::Success)
}

/// Figures in words. The demo shows its own the same way.
pub(crate) fn told(report: &Report, weeks: usize) {
    if report.workflows.is_empty() && report.approvals.is_empty() {
        line("nothing has ended in this time");
    }
    for workflow in &report.workflows {
        line(name(workflow));
        print(workflow.table(weeks));
    }
    for approval in &report.approvals {
        line(format!("approval {}", visible(&approval.approval)));
        print(approval.table(weeks));
    }
}

fn print(shown: tollgate_report::Table) {
    let mut table = new_table(presets::NOTHING);
    table.set_header(std::iter::once(String::new()).chain(shown.columns));
    for row in shown.rows {
        table.add_row(std::iter::once(row.name.to_owned()).chain(row.cells));
    }
    line(table.to_string());
}

fn name(workflow: &WorkflowFigures) -> String {
    match workflow.workflow.as_str() {
        NO_WORKFLOW => "outside of any workflow".to_owned(),
        name => format!("workflow {}", visible(name)),
    }
}

/// The plots, a file for each workflow. Answers their paths.
///
/// The attack: a workflow of an old version was named like a path. Its file is named
/// by letters, digits, `-` and `_` alone.
pub(crate) fn draw(workflows: &[WorkflowFigures], folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut drawn = Vec::new();
    for (at, workflow) in workflows.iter().enumerate() {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let file = match workflow.workflow.chars().all(plain) {
            true => format!("{}.svg", workflow.workflow),
            false => format!("workflow-{at}.svg"),
        };
        let path = folder.join(file);
        fs::write(&path, plot(workflow)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        drawn.push(path);
    }
    Ok(drawn)
}
