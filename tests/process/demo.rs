//! The first thing that anybody runs.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::program;

#[test]
fn the_demo_runs_to_its_end_without_a_person_and_says_so_in_one_line() {
    let folder = tempdir().unwrap();
    let work = folder.path().join("demo");
    let ended =
        program::run(program::command(["demo", "--yes", "--json", "--folder"]).arg(&work)).exits(0);
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    let told = ended.json();
    let expected = json!({
        "ok": true,
        "ticket": "4711",
        "refunds": 1,
        "refund_state": "done",
        "note_state": "done",
        "agent_sees": "done",
        "verified": true,
        "replay_identical": true,
    });
    for (what, expected) in expected.as_object().unwrap() {
        assert_eq!(told[what], *expected, "{what} in {told}");
    }
    // Three systems are as they were before; what a colleague wrote is not touched.
    let undo = json!({
        "ok": true,
        "property": "undone",
        "status": "undone",
        "row": "undone",
        "priority": "conflict",
        "now": { "property": "ticket-4690", "status": "new", "rows": 1, "priority": "80" },
    });
    assert_eq!(told["undo"], undo, "{told}");
    // A person reads what was found instead.
    let conflict = ended
        .stderr
        .lines()
        .find(|line| line.contains("`priority` should be"));
    assert!(
        conflict.is_some_and(|line| line.contains("80")),
        "{}",
        ended.stderr
    );
    its_credentials_are_in_no_record(&work, &told);
    // What it advises to do next works.
    let run = told["refund_run"].as_str().unwrap();
    let log = program::run(program::command(["log", "--run", run, "--json", "--home"]).arg(&work))
        .exits(0);
    let stages: Vec<_> = log
        .json_lines()
        .iter()
        .map(|line| line["stage"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "run.opened",
        "approval.requested",
        "approval.decided",
        "call.intent",
        "call.outcome",
        "run.closed",
    ];
    let mut rest = stages.iter();
    for stage in expected {
        assert!(
            rest.any(|found| found == stage),
            "{stage} is not in order in {stages:?}"
        );
    }
    its_journal_verifies_elsewhere(&work, run);
}

/// As it says itself; and the log of the same home, printed by another process.
fn its_credentials_are_in_no_record(home: &Path, told: &Value) {
    assert_eq!(told["secrets"]["found"], json!([]), "{told}");
    let mut command = program::command(["log", "--json", "--newest", "10000", "--home"]);
    let log = program::run(command.arg(home)).exits(0).stdout;
    assert!(log.contains("arrived broken"), "{log}");
    for name in ["desk", "crm"] {
        let token = fs::read_to_string(home.join(format!("{name}.token"))).unwrap();
        assert_eq!(token.len(), 48);
        assert!(!log.contains(&token), "the token of {name} is in the log");
    }
}

/// With the exported files, the key, and a checkpoint from before the log's last
/// records; in a folder where there is no host.
fn its_journal_verifies_elsewhere(home: &Path, run: &str) {
    let elsewhere = tempdir().unwrap();
    let at_home = |arguments: &[&str]| {
        let mut command = program::command(arguments);
        program::run(command.arg("--home").arg(home))
            .exits(0)
            .stdout
    };
    fs::write(
        elsewhere.path().join("early.note"),
        at_home(&["checkpoint"]),
    )
    .unwrap();
    fs::write(elsewhere.path().join("log.key"), at_home(&["key"])).unwrap();
    at_home(&[
        "erase",
        "--run",
        run,
        "--reason",
        "they asked for it",
        "--yes",
    ]);
    let journal = elsewhere.path().join("journal");
    at_home(&["export", journal.to_str().unwrap()]);
    let verify = [
        "verify",
        "--export",
        "journal",
        "--key",
        "log.key",
        "--checkpoint",
        "early.note",
        "--json",
    ];
    let mut command = program::command(verify);
    let verified = program::run(command.current_dir(elsewhere.path()))
        .exits(0)
        .json();
    assert!(verified["whole_to"].is_u64(), "{verified}");
}

#[test]
fn the_demo_leaves_a_folder_with_something_in_it_alone() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("mine"), "x").unwrap();
    let ended =
        program::run(program::command(["demo", "--yes", "--folder"]).arg(folder.path())).exits(1);
    assert!(ended.stderr.contains("is not empty"), "{ended:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// It is told before anything is built, or sent to the desk.
#[test]
fn a_desk_of_ones_own_needs_its_token() {
    let desk = ["demo", "--yes", "--desk", "http://127.0.0.1:9"];
    let ended = program::run(&mut program::command(desk)).exits(2);
    assert!(ended.stderr.contains("--desk-token-file"), "{ended:?}");
}
