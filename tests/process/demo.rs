//! The first thing that anybody runs.

use std::fs;
use std::path::Path;

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
    for (what, expected) in [
        ("ok", serde_json::json!(true)),
        ("refunds", 1.into()),
        ("refund_state", "done".into()),
        ("agent_sees", "done".into()),
        ("undo", "undone".into()),
        ("tracker_rows", 1.into()),
        ("verified", true.into()),
        ("replay_identical", true.into()),
    ] {
        assert_eq!(told[what], expected, "{what} in {told}");
    }
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
