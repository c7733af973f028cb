//! The scenarios of every connector in `plugins`, run by the same code that
//! `tollgate eval` runs. A connector with a folder `evals` joins by having it.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs;
use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};
use tollgate_eval::{EvalOptions, Outcome, evaluate};
use tollgate_runtime::Compiler;
use tollgate_tests::{component, workspace};

fn main() {
    let arguments = Arguments::from_args();
    let trials: Vec<Trial> = connectors()
        .into_iter()
        .map(|name| Trial::test(name.clone(), move || suite(&name)))
        .collect();
    assert!(!trials.is_empty(), "no connector has evals");
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
