//! The first thing that anybody runs.

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
}

#[test]
fn the_demo_leaves_a_folder_with_something_in_it_alone() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("mine"), "x").unwrap();
    let ended =
        program::run(program::command(["demo", "--yes", "--folder"]).arg(folder.path())).exits(1);
    assert!(ended.stderr.contains("is not empty"), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
