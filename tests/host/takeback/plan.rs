//! What a plan says is what an undo then does, and the plan itself does nothing.

use serde_json::json;
use tollgate_runtime::RunState;
use tollgate_tests::named;

use super::{edit_key, outcomes, planned, several, status, three, undo};
use crate::house::{House, agent, asks_for, mira};

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_told_last_first_with_its_three_values() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    let records = house.host.verify(&named("default")).await.unwrap().records;
    let plan = planned(&house, &run, false).await;
    assert_eq!(plan.outcome, "planned", "{plan:?}");
    assert_eq!(outcomes(&plan), ["planned"; 3]);
    let calls: Vec<_> = plan.steps.iter().map(|step| step.position).collect();
    assert_eq!(calls, [Some(2), Some(1), Some(0)]);
    for (step, name) in plan
        .steps
        .iter()
        .zip(["sql.execute", "files.write", "kv.set"])
    {
        assert!(step.action.contains(name), "{step:?}");
        assert_eq!(step.way.as_deref(), Some("restore"));
        assert_eq!(step.until.as_deref(), Some("2027-02-14T08:00:00.000Z"));
    }
    let row = plan.steps[0].conflict.as_ref().unwrap();
    let status_of = |image: &serde_json::Value| image["rows"][0]["columns"]["status"].clone();
    assert_eq!(status_of(&row.before), "open");
    assert_eq!(status_of(&row.written), "paid");
    assert_eq!(status_of(&row.now), "paid");
    // Nothing happened, not even in the journal.
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().records,
        records
    );
    assert_eq!(house.file("n.txt").as_deref(), Some("ours"));
    assert_eq!(status(&house).await, "'paid'");
    assert_eq!(outcomes(&undo(&house, &run).await), ["undone"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_told_before_anything_is_done() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    let plan = planned(&house, &run, false).await;
    assert_eq!(plan.outcome, "conflict", "{plan:?}");
    assert_eq!(outcomes(&plan), ["planned", "conflict", "not_reached"]);
    let three = plan.steps[1].conflict.as_ref().unwrap();
    // base64 of `theirs`
    assert_eq!(three.now["bytes"], "dGhlaXJz");
    assert_eq!(status(&house).await, "'paid'");
    let undone = undo(&house, &run).await;
    assert_eq!(undone.outcome, "conflict");
    assert_eq!(outcomes(&undone), ["undone", "conflict", "not_reached"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_was_written_twice_is_no_conflict_with_itself() {
    let house = House::hostile("", "").await;
    edit_key(&house, "n", "before").await;
    let before = house.kv("n").await;
    let writes = json!([
        {"key": "n", "text": "first"},
        {"path": "n.txt", "text": "first"},
        {"statement": "INSERT INTO orders (id, customer) VALUES (40, 'x')"},
        {"key": "n", "text": "second"},
        {"path": "n.txt"},
        {"statement": "UPDATE orders SET status = 'paid' WHERE id = 40"},
        {"key": "n"},
        {"statement": "DELETE FROM orders WHERE id = 40"},
    ]);
    let run = several(&house, writes).await.run;
    let plan = planned(&house, &run, false).await;
    assert_eq!(outcomes(&plan), ["planned"; 8], "{plan:?}");
    let undone = undo(&house, &run).await;
    assert_eq!(outcomes(&undone), ["undone"; 8], "{undone:?}");
    assert_eq!((house.kv("n").await, house.file("n.txt")), (before, None));
    let left = house
        .look("SELECT count(*) AS v FROM orders WHERE id = 40")
        .await;
    assert_eq!(left, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_which_rule_would_hold_or_deny_it() {
    let held = "[[rule]]\nname = \"look-twice\"\ntool = \"several\"\nundo = true\nthen = { require = \"boss\" }\n";
    let more = format!("{held}{}", crate::house::BOSS);
    let house = House::hostile("", &more).await;
    let run = three(&house).await.run;
    let plan = planned(&house, &run, false).await;
    assert_eq!(outcomes(&plan), ["planned"; 3]);
    for step in &plan.steps {
        assert_eq!(step.rule.as_deref(), Some("look-twice"));
        assert_eq!(step.held_by.as_deref(), Some("boss"));
        assert_eq!(step.approvers, ["group:boss"]);
    }
    let undone = undo(&house, &run).await;
    assert_eq!(undone.outcome, "held");
    assert_eq!(outcomes(&undone), ["held", "not_reached", "not_reached"]);
    assert_eq!(status(&house).await, "'paid'");

    let denies = "[[rule]]\nname = \"rows-stay\"\ncall = \"sql.*\"\nundo = true\nthen = \"deny\"\n";
    let house = House::hostile("", denies).await;
    let run = three(&house).await.run;
    let plan = planned(&house, &run, false).await;
    assert_eq!(plan.outcome, "denied");
    assert_eq!(outcomes(&plan), ["denied", "not_reached", "not_reached"]);
    assert_eq!(plan.steps[0].rule.as_deref(), Some("rows-stay"));
    // What the rule denies is not looked at either.
    assert!(plan.steps[0].conflict.is_none());
}

/// The attack: a connector may change one column, and whoever takes its run back is
/// shown all others.
#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_granted_are_shown_to_nobody() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    house
        .sql("UPDATE orders SET note = 'internal-2' WHERE id = 1")
        .await;
    for report in [planned(&house, &run, false).await, undo(&house, &run).await] {
        assert_eq!(report.outcome, "conflict", "{report:?}");
        let text = json!(report).to_string();
        assert!(!text.contains("internal-"), "{text}");
        assert!(text.contains("not granted, changed"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_nothing_is_not_needed_and_said_so() {
    let house = House::hostile("", "").await;
    let writes = json!([
        {"key": "n", "text": "ours"},
        {"statement": "UPDATE orders SET status = 'x' WHERE id = 99"},
    ]);
    let run = several(&house, writes).await.run;
    let plan = planned(&house, &run, false).await;
    assert_eq!(outcomes(&plan), ["not_needed", "planned"], "{plan:?}");
    assert_eq!(
        outcomes(&undo(&house, &run).await),
        ["not_needed", "undone"]
    );
    assert_eq!(
        house.host.run(&agent(), &run).await.unwrap().state,
        RunState::Undone
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_person_or_its_caller_plans_to_take_a_run_back() {
    let house = House::hostile("", &asks_for("increment")).await;
    let run = three(&house).await.run;
    let kind = tollgate_runtime::PrincipalKind::Agent;
    let other = crate::house::principal("agent-8", kind, &[]);
    let error = house.host.undo(&other, &run, true).await.unwrap_err();
    assert_eq!(error.kind(), "unknown_run");
    let plan = house.host.undo(&mira(), &run, true).await.unwrap();
    assert_eq!(plan.outcome, "planned");
}
