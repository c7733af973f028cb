//! Within a time, with a trace, by the tool that is there for it.

use serde_json::json;
use tollgate_runtime::{RunReport, RunState};

use super::{outcomes, planned, several, undo};
use crate::house::{BOSS, House, agent, failure, hostile, hostile_manifest, mira, output};

async fn approved(house: &House, report: RunReport) -> RunReport {
    let approval = report.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let mira = mira();
    let approve = house.host.approve(&mira, &approval, &card.digest);
    approve.await.unwrap()
}

fn hours(hours: u64) -> u64 {
    hours * 3_600_000
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_window_a_call_is_not_offered_any_more() {
    let house = House::hostile("", "").await;
    // The tool says thirty days.
    let run = several(&house, json!([{"key": "n", "text": "ours"}]))
        .await
        .run;
    let lines = house.log(&run).await;
    let intent = lines
        .iter()
        .find(|line| line.stage == "call.intent")
        .unwrap();
    assert_eq!(intent.facts["undo"], "restore");
    assert_eq!(
        intent.facts["undo_until"],
        crate::house::AT + hours(30 * 24)
    );
    house.clock.set(crate::house::AT + hours(30 * 24));
    assert_eq!(planned(&house, &run, false).await.outcome, "planned");
    house.clock.set(crate::house::AT + hours(30 * 24) + 1);
    let plan = planned(&house, &run, false).await;
    assert_eq!(
        (plan.outcome.as_str(), outcomes(&plan)),
        ("window_closed", vec!["window_closed"])
    );
    let undone = undo(&house, &run).await;
    assert_eq!(undone.outcome, "window_closed");
    assert!(undone.undo_run.is_none());
    assert_ne!(house.kv("n").await, "None");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shorter_of_two_windows_counts_and_a_later_manifest_changes_neither() {
    let house = House::hostile("", "").await;
    let short = hostile_manifest("", "").replace(
        "max_bytes = \"64KiB\"\n\n[grant.files",
        "max_bytes = \"64KiB\"\nwindow = \"2h\"\n\n[grant.files",
    );
    house.install(&short, &hostile()).await;
    let run = several(&house, json!([{"key": "n", "text": "ours"}]))
        .await
        .run;
    house.install(&hostile_manifest("", ""), &hostile()).await;
    let plan = planned(&house, &run, false).await;
    assert_eq!(
        plan.steps[0].until.as_deref(),
        Some("2027-01-15T10:00:00.000Z")
    );
    house.clock.set(crate::house::AT + hours(2) + 1);
    assert_eq!(undo(&house, &run).await.outcome, "window_closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inverse_is_offered_as_long_as_its_tool_says() {
    let house = House::hostile("", "").await;
    let report = house.call("list", json!({"number": "7"})).await;
    output(report.clone());
    let plan = planned(&house, &report.run, false).await;
    let step = &plan.steps[0];
    assert_eq!(step.way.as_deref(), Some("inverse"));
    assert_eq!(step.covers, [0]);
    assert_eq!(step.until.as_deref(), Some("2027-01-15T09:00:00.000Z"));
    assert_eq!(step.rule.as_deref(), Some("everything"));
    assert_eq!(undo(&house, &report.run).await.outcome, "undone");
    assert_eq!(house.kv("7").await, "None");
    let report = house.call("list", json!({"number": "8"})).await;
    house.clock.set(crate::house::AT + hours(1) + 1);
    let late = undo(&house, &report.run).await;
    assert_eq!(
        (late.outcome.as_str(), late.undo_run.is_none()),
        ("window_closed", true)
    );
    assert_ne!(house.kv("8").await, "None");
}

/// The attack: an agent calls the tool that only takes back, and removes what others
/// have made.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_only_takes_back_is_not_called_by_itself() {
    let house = House::hostile("", "").await;
    house.call("list", json!({"number": "7"})).await;
    let tools = house.host.tools(&agent());
    let listed = |name: &str| tools.iter().any(|tool| tool.name == name);
    assert!(listed("list") && !listed("unlist") && !listed("credit"));
    for tool in ["unlist", "credit"] {
        let report = house.call(tool, json!({"number": "7"})).await;
        assert_eq!(report.state, RunState::Denied, "{report:?}");
        let (kind, message) = failure(&report);
        assert_eq!(kind, "denied");
        assert!(
            message.contains("only takes another call back"),
            "{message}"
        );
    }
    assert_ne!(house.kv("7").await, "None");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_can_allow_a_tool_for_taking_back_only() {
    let everything = "name = \"everything\"\ntool = \"*\"";
    let rules = "name = \"forth\"\ntool = [\"list\", \"try_kv\"]\nthen = \"allow\"\n[[rule]]\nname = \"back\"\ntool = \"unlist\"\nundo = true";
    let house = House::hostile("", "").await;
    let manifest = hostile_manifest("", "").replace(everything, rules);
    house.install(&manifest, &hostile()).await;
    let report = house.call("list", json!({"number": "7"})).await;
    output(report.clone());
    let plan = planned(&house, &report.run, false).await;
    assert_eq!(plan.steps[0].rule.as_deref(), Some("back"));
    let direct = house.call("unlist", json!({"number": "7"})).await;
    assert_eq!(direct.state, RunState::Denied);
    assert_eq!(undo(&house, &report.run).await.outcome, "undone");
    // Without such a row the plan says so.
    let manifest = manifest.replace("undo = true", "undo = false");
    house.install(&manifest, &hostile()).await;
    let report = house.call("list", json!({"number": "8"})).await;
    let plan = planned(&house, &report.run, false).await;
    assert_eq!(plan.outcome, "denied", "{plan:?}");
    assert_ne!(undo(&house, &report.run).await.outcome, "undone");
    assert_ne!(house.kv("8").await, "None");
}

/// A credit note's tool says of itself that it can be put back. That a compensation
/// always asks a person does not hang on its word.
#[tokio::test(flavor = "multi_thread")]
async fn a_compensation_always_asks_a_person() {
    let house = House::hostile("", BOSS).await;
    let report = house.call("issue", json!({"number": "7"})).await;
    assert_eq!(
        report.state,
        RunState::Held,
        "it leaves a trace: {report:?}"
    );
    let done = approved(&house, report).await;
    output(done.clone());
    let plan = planned(&house, &done.run, false).await;
    let step = &plan.steps[0];
    assert_eq!(step.way.as_deref(), Some("compensate"));
    assert_eq!(
        step.precondition.as_deref(),
        Some("the invoice is not paid")
    );
    assert_eq!(step.held_by.as_deref(), Some("boss"));
    let undone = undo(&house, &done.run).await;
    assert_eq!(undone.outcome, "held", "{undone:?}");
    assert_eq!(house.kv("credit-7").await, "None");
    let credited = approved(&house, undone.undo_run.unwrap()).await;
    output(credited);
    assert_ne!(house.kv("credit-7").await, "None");
    // The invoice itself stays, with its trace.
    assert_ne!(house.kv("7").await, "None");
    let state = house.host.run(&agent(), &done.run).await.unwrap().state;
    assert_eq!(state, RunState::Undone);
    let lines = house.log(&done.run).await;
    let back = lines.iter().find(|line| line.stage == "undo.done").unwrap();
    assert_eq!(back.facts["way"], "compensate");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_approval_in_the_manifest_nothing_is_compensated() {
    let house = House::hostile("", BOSS).await;
    let done = house.call("issue", json!({"number": "7"})).await;
    let done = approved(&house, done).await;
    house.install(&hostile_manifest("", ""), &hostile()).await;
    assert_eq!(planned(&house, &done.run, false).await.outcome, "denied");
    let undone = undo(&house, &done.run).await;
    assert_ne!(undone.outcome, "compensated", "{undone:?}");
    assert_eq!(house.kv("credit-7").await, "None");
}
