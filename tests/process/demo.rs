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
        "differs": [],
        "refunds": 1,
        "refunded_cents": 11_900,
        "refund_state": "done",
        "note_state": "done",
        "agent_sees": "done",
        "verified": true,
        "replay_identical": true,
    });
    for (what, expected) in expected.as_object().unwrap() {
        assert_eq!(told[what], *expected, "{what} in {told}");
    }
    it_fits_a_terminal(&ended.stderr, &work);
    everything_happened_in_one_case(&told);
    an_edit_voided_a_vote_and_two_voted_anew(&work, &told);
    what_was_refused_is_in_a_queue_and_in_the_desk(&work, &told);
    a_conflict_is_left_alone(&told, &ended.stderr);
    its_figures_are_those_of_its_journal(&work, &told);
    its_credentials_are_in_no_record(&work, &told);
    its_journal_verifies_elsewhere(&work, told["refund_run"].as_str().unwrap());
}

/// Paths and commands to copy are as long as they are.
fn it_fits_a_terminal(story: &str, work: &Path) {
    let work = work.canonicalize().unwrap();
    let words = story
        .lines()
        .filter(|line| !line.contains(work.to_str().unwrap()));
    let long: Vec<_> = words.filter(|line| line.chars().count() >= 100).collect();
    assert!(long.is_empty(), "{long:#?}");
}

fn everything_happened_in_one_case(told: &Value) {
    let case = json!({
        "case": "ticket-4711",
        "workflow": "refunds",
        "opened_by": "mira",
        "inputs": { "ticket": "4711", "customer": "lindqvist@example.com", "order_id": 1042 },
        "state": "completed",
        "correct": true,
    });
    assert_eq!(told["case"], case, "{told}");
}

/// As the records say it, whatever the demo says.
fn an_edit_voided_a_vote_and_two_voted_anew(work: &Path, told: &Value) {
    let (edit, run) = (&told["edit"], &told["refund_run"]);
    let expected = json!({
        "by": ["olaf"], "run": edit["run"], "continued_as": run, "from_cents": 12_900,
        "to_cents": 11_900, "voided_votes": ["noor"], "approval_is": "void",
    });
    assert_eq!(*edit, expected, "{told}");
    let quorum = json!({ "needed": 2, "voters": ["noor", "mira"] });
    assert_eq!(told["quorum"], quorum, "{told}");

    let edited = log_of(work, edit["run"].as_str().unwrap());
    in_order(
        &edited,
        &[
            ("run.opened", "desk-agent"),
            ("approval.requested", "desk-agent"),
            ("approval.voted", "noor"),
            ("run.edited", "olaf"),
            ("run.closed", "desk-agent"),
        ],
    );
    assert!(edited.iter().all(|line| line["stage"] != "call.intent"));
    let done = log_of(work, run.as_str().unwrap());
    in_order(
        &done,
        &[
            ("run.opened", "desk-agent"),
            ("approval.requested", "desk-agent"),
            ("approval.voted", "noor"),
            ("approval.decided", "mira"),
            ("call.intent", "desk-agent"),
            ("call.outcome", "desk-agent"),
            ("run.closed", "desk-agent"),
        ],
    );
}

fn what_was_refused_is_in_a_queue_and_in_the_desk(work: &Path, told: &Value) {
    let failure = &told["failure"];
    let expected = json!({
        "class": "denied", "queue": "support", "owner": "group:support", "ticket": "4712",
        "state": "resolved", "resolved_by": "mira",
    });
    for (what, expected) in expected.as_object().unwrap() {
        assert_eq!(failure[what], *expected, "{what} in {told}");
    }
    assert_eq!(failure["delivery"]["name"], "support/desk");
    assert_eq!(failure["delivery"]["state"], "delivered");
    // The record that it names is the one of the refusal.
    let log = log_of(work, failure["run"].as_str().unwrap());
    let record = log.iter().find(|line| line["seq"] == failure["place"]);
    let record = record.unwrap();
    assert_eq!(record["stage"], "run.closed", "{record}");
    assert_eq!(record["facts"]["item"], failure["item"], "{record}");
    // The desk was given its hash.
    let delivery = log_of(work, failure["delivery"]["run"].as_str().unwrap());
    let sent = delivery
        .iter()
        .filter(|line| line["stage"] == "call.intent")
        .any(|line| {
            let hash = failure["record"].as_str().unwrap();
            line["values"].to_string().contains(hash)
        });
    assert!(sent, "{delivery:#?}");
}

/// Three systems are as they were before; what a colleague wrote is not touched.
fn a_conflict_is_left_alone(told: &Value, story: &str) {
    let mut undo = told["undo"].clone();
    let conflict = undo.as_object_mut().unwrap().remove("conflict").unwrap();
    let expected = json!({
        "ok": true,
        "property": "undone",
        "status": "undone",
        "row": "undone",
        "priority": "conflict",
        "queue": "rest",
        "now": { "property": "ticket-4690", "status": "new", "rows": 1, "priority": "80" },
    });
    assert_eq!(undo, expected, "{told}");
    // A person reads what was found instead.
    let conflict = conflict.as_str().unwrap();
    assert!(
        conflict.contains("`priority` should be \"50\" and is \"80\""),
        "{conflict}"
    );
    assert!(story.contains(conflict), "{story}");
}

/// Counted again by another process.
fn its_figures_are_those_of_its_journal(work: &Path, told: &Value) {
    let report = &told["report"];
    let mut command = program::command(["report", "--workflow", "refunds", "--json", "--home"]);
    let counted = program::run(command.arg(work)).exits(0).json();
    assert_eq!(counted["workflows"][0]["total"], report["now"], "{counted}");
    let correct = |of: &str| report[of]["cases"]["correct"]["count"].clone();
    assert_eq!(
        (correct("when_the_case_ended"), correct("now")),
        (json!(1), json!(0)),
        "what was taken back is not correct any more"
    );
    let file = fs::read_to_string(report["json"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    let workflows = file["workflows"].as_array().unwrap();
    assert!(workflows.contains(&counted["workflows"][0]), "{file}");
    let plot = fs::read_to_string(report["plots"][0].as_str().unwrap()).unwrap();
    assert!(plot.starts_with("<svg"), "{plot}");
    assert!(plot.contains("Completed correctly"), "{plot}");
}

/// What the demo advises to look at next.
fn log_of(work: &Path, run: &str) -> Vec<Value> {
    let mut command = program::command(["log", "--run", run, "--json", "--home"]);
    let log = program::run(command.arg(work)).exits(0);
    let lines = log.json_lines();
    lines
        .into_iter()
        .filter(|line| line["run"] == run)
        .collect()
}

/// Records of these stages by these people, with others in between.
fn in_order(log: &[Value], expected: &[(&str, &str)]) {
    let found: Vec<_> = log
        .iter()
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap();
            (word("stage"), word("principal"))
        })
        .collect();
    let mut rest = found.iter();
    for one in expected {
        assert!(
            rest.any(|found| found == one),
            "{one:?} is not in order in {found:?}"
        );
    }
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
