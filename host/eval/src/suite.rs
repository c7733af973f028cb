//! All scenarios of a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use tollgate_runtime::Compiler;

use crate::connector::Workshop;
use crate::error::EvalError;
use crate::fit::like;
use crate::report::{Finding, Outcome, Report, ScenarioReport};
use crate::run;
use crate::scenario::{SCENARIO_FILE, Scenario};

/// How deep scenarios may lie below the suite's folder.
const DEPTH_MAX: usize = 8;

/// How to run a suite.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// How components are compiled.
    pub compiler: Compiler,
    /// A component to use for every scenario, instead of building each one's
    /// connector.
    pub component: Option<PathBuf>,
    /// Only scenarios of this name; `*` is any text.
    pub only: Option<String>,
    /// How many scenarios run at once.
    pub at_once: usize,
}

impl EvalOptions {
    /// Every scenario, a connector built where one is needed, two at once.
    #[must_use]
    pub fn new(compiler: Compiler) -> Self {
        Self {
            compiler,
            component: None,
            only: None,
            at_once: 2,
        }
    }
}

/// Run every scenario below a folder, each in a host of its own. `done` hears of
/// each one as it ends.
///
/// # Errors
///
/// When there is nothing to run. What goes wrong in a scenario is in its report.
pub async fn evaluate(
    folder: &Path,
    options: &EvalOptions,
    mut done: impl FnMut(&ScenarioReport),
) -> Result<Report, EvalError> {
    let scenarios = find(folder, options.only.as_deref())?;
    let workshop = Arc::new(Workshop::new(
        options.compiler.clone(),
        options.component.clone(),
    ));
    let running = scenarios.into_iter().map(|(name, folder)| {
        let workshop = Arc::clone(&workshop);
        async move { one(name, &folder, &workshop).await }
    });
    let mut running = stream::iter(running).buffered(options.at_once.max(1));
    let mut scenarios = Vec::new();
    while let Some(report) = running.next().await {
        done(&report);
        scenarios.push(report);
    }
    Ok(Report { scenarios })
}

async fn one(name: String, folder: &Path, workshop: &Workshop) -> ScenarioReport {
    let begun = Instant::now();
    let (about, result) = match Scenario::read(folder) {
        Err(broken) => (String::new(), Err(broken)),
        Ok(scenario) => {
            let about = scenario.about.clone();
            (about, run::run(folder, scenario, workshop).await)
        }
    };
    let (outcome, findings) = match result {
        Ok(findings) if findings.is_empty() => (Outcome::Passed, findings),
        Ok(findings) => (Outcome::Failed, findings),
        Err(broken) => (Outcome::Broken, vec![Finding::says(broken)]),
    };
    ScenarioReport {
        name,
        about,
        outcome,
        time_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        findings,
    }
}

/// Scenarios by name, in the order of their names.
fn find(folder: &Path, only: Option<&str>) -> Result<Vec<(String, PathBuf)>, EvalError> {
    let mut found = Vec::new();
    look(folder, folder, 0, &mut found).map_err(|source| EvalError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    found.sort();
    if found.is_empty() {
        return Err(EvalError::NoScenario {
            path: folder.to_owned(),
        });
    }
    let Some(only) = only else {
        return Ok(found);
    };
    let (chosen, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(name, _)| like(only, name));
    if chosen.is_empty() {
        return Err(EvalError::NoneChosen {
            only: only.to_owned(),
            names: others.into_iter().map(|(name, _)| name).collect(),
        });
    }
    Ok(chosen)
}

fn look(
    suite: &Path,
    folder: &Path,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> io::Result<()> {
    if folder.join(SCENARIO_FILE).is_file() {
        let below = folder.strip_prefix(suite).unwrap_or(folder);
        // The suite's folder can be one scenario itself.
        let name = if below.as_os_str().is_empty() {
            folder.canonicalize()?.file_name().map(PathBuf::from)
        } else {
            Some(below.to_owned())
        };
        let name = name.unwrap_or_default().display().to_string();
        found.push((name, folder.to_owned()));
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // A link could lead back up and never end.
        if entry.file_type()?.is_dir() && depth < DEPTH_MAX {
            look(suite, &entry.path(), depth + 1, found)?;
        }
    }
    Ok(())
}
