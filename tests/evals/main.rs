//! The scenarios of every connector in `plugins`, run by the same code that
//! `tollgate eval` runs. A connector with a folder `evals` joins by having it.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};
use tollgate_eval::{EvalOptions, Outcome, evaluate};
use tollgate_runtime::Compiler;
use tollgate_tests::{component, workspace};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> = connectors()
        .into_iter()
        .map(|name| Trial::test(name.clone(), move || suite(&name)))
        .collect();
    assert!(!trials.is_empty(), "no connector has evals");
    trials.push(Trial::test("page", page));
    libtest_mimic::run(&arguments, trials).exit();
}

fn evals(connector: &str) -> PathBuf {
    workspace().join("plugins").join(connector).join("evals")
}

fn connectors() -> Vec<String> {
    let plugins = fs::read_dir(workspace().join("plugins")).unwrap();
    let names = plugins.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| evals(name).is_dir()).collect();
    names.sort();
    names
}

fn suite(connector: &str) -> Result<(), Failed> {
    let options = EvalOptions {
        component: Some(component(&format!("plugins/{connector}")).path.clone()),
        ..EvalOptions::new(Compiler::InProcess)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let report = runtime.block_on(evaluate(&evals(connector), &options, |_| {}))?;
    let mut said = String::new();
    for one in &report.scenarios {
        if one.outcome != Outcome::Passed {
            said.push_str(&format!("\n{}: {}\n", one.name, one.about));
            for finding in &one.findings {
                said.push_str(&format!(
                    "  {}\n",
                    finding.to_string().replace('\n', "\n  ")
                ));
            }
        }
    }
    if report.passed() {
        Ok(())
    } else {
        Err(said.into())
    }
}

/// `plugins/EVALS.md` names each scenario, and none that does not exist.
fn page() -> Result<(), Failed> {
    let page = fs::read_to_string(workspace().join("plugins/EVALS.md"))?;
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for section in page.split("\n## ").skip(1) {
        let (connector, rows) = section.split_once('\n').unwrap_or((section, ""));
        for row in rows.lines().filter(|row| row.starts_with('|')) {
            let names = row.split('`').skip(1).step_by(2);
            named.extend(names.map(|name| (connector.to_owned(), name.to_owned())));
        }
    }
    let mut there = BTreeSet::new();
    for connector in connectors() {
        for folder in fs::read_dir(evals(&connector))? {
            let folder = folder?.path();
            if folder.join("scenario.toml").is_file() {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                there.insert((connector.clone(), name));
            }
        }
    }
    let missing: Vec<_> = there.difference(&named).collect();
    let unknown: Vec<_> = named.difference(&there).collect();
    if missing.is_empty() && unknown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "plugins/EVALS.md does not name {missing:?}, and names {unknown:?}, which do not exist"
    )
    .into())
}
