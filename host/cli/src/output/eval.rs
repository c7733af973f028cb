//! What came of a suite of scenarios.

use comfy_table::presets;
use tollgate_eval::{Outcome, Report};
use tollgate_policy::visible;

use super::{line, new_table};

/// A table, and below it what was not as expected.
pub(crate) fn report(report: &Report) {
    let mut table = new_table(presets::NOTHING);
    table.set_header(["scenario", "about", "outcome", "time"]);
    for one in &report.scenarios {
        table.add_row([
            visible(&one.name),
            visible(&one.about),
            one.outcome.as_str().to_owned(),
            format!("{} ms", one.time_ms),
        ]);
    }
    line(table.to_string());
    let (passed, others): (Vec<_>, Vec<_>) = report
        .scenarios
        .iter()
        .partition(|one| one.outcome == Outcome::Passed);
    for one in others {
        line(format!(
            "\n{}: {}",
            visible(&one.name),
            one.outcome.as_str()
        ));
        for finding in &one.findings {
            // A finding makes its own text safe, line by line.
            let text = finding.to_string();
            text.lines().for_each(|said| line(format!("  {said}")));
        }
    }
    line(format!(
        "\n{} of {} passed",
        passed.len(),
        report.scenarios.len()
    ));
}
