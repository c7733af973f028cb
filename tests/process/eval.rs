//! `tollgate eval`: what a program and a person learn from its exit code, its
//! JSON and its text.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_tests::{component, workspace};

use crate::program::{self, Ended};

/// A suite with a scenario that passes and one that does not.
fn suite() -> TempDir {
    let suite = tempfile::tempdir().unwrap();
    let connector = workspace().join("plugins/database");
    let orders = connector.join("evals/orders.sql");
    for (name, status) in [("right", "delivered"), ("wrong", "lost\u{9b}")] {
        let folder = suite.path().join(name);
        fs::create_dir(&folder).unwrap();
        let scenario = format!(
            "about = \"{name} \u{202e}\"\nconnector = {connector:?}\ndatabase = {orders:?}\n\
             [[call]]\ntool = \"lookup\"\n\
             input = {{ query = \"order\", params = {{ order_id = 1042 }} }}\n\
             expect = {{ output = {{ rows = [{{ status = \"{status}\" }}] }} }}\n"
        );
        fs::write(folder.join("scenario.toml"), scenario).unwrap();
    }
    suite
}

fn eval(suite: &TempDir, more: &[&str]) -> Ended {
    let component = component("plugins/database");
    let mut command = program::command(["eval", "--component"]);
    command.arg(&component.path).args(more).arg(suite.path());
    program::run(&mut command)
}

#[test]
fn one_scenario_that_fails_is_exit_code_1_and_a_difference() {
    let suite = suite();
    let ended = eval(&suite, &[]).exits(1);
    for words in [
        "right ⟨U+202E⟩",
        "1 of 2 passed",
        "call 1 (lookup): output /rows/0/status",
        "expected  \"lost⟨U+009B⟩\"",
        "found     \"delivered\"",
    ] {
        assert!(ended.stdout.contains(words), "`{words}`: {}", ended.stdout);
    }
    let report = eval(&suite, &["--json"]).exits(1).json();
    let outcomes: Vec<&Value> = [0, 1]
        .iter()
        .map(|at| &report["scenarios"][at]["outcome"])
        .collect();
    assert_eq!(outcomes, [&json!("passed"), &json!("failed")]);
    assert_eq!(report["scenarios"][1]["findings"][0]["found"], "delivered");
}

#[test]
fn only_names_what_is_run() {
    let suite = suite();
    let ended = eval(&suite, &["--only", "ri*"]).exits(0);
    assert!(ended.stdout.contains("1 of 1 passed"), "{ended:?}");
    let ended = eval(&suite, &["--only", "none"]).exits(1);
    assert!(
        ended.stderr.contains("there are: right, wrong"),
        "{ended:?}"
    );
}
