//! Member by member, where that is asked for: what is still ours goes back, what
//! somebody changed stays theirs, and it is said which is which.

use serde_json::json;
use tollgate_runtime::{RunState, UndoOptions, UndoReport};

use super::{edit_key, outcomes, planned, several, undo, undo_fields};
use crate::house::{House, agent, mira, output};
use crate::http::{ROWS, ask, opened, run};

/// Pointers of the members with this outcome.
fn members<'a>(report: &'a UndoReport, outcome: &str) -> Vec<&'a str> {
    let fields = report.steps.iter().flat_map(|step| &step.fields);
    let fields = fields.filter(|field| field.outcome == outcome);
    fields.map(|field| field.pointer.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_record_elsewhere_go_back_one_by_one() {
    let (house, desk) = opened("", ROWS).await;
    let content = json!({"status": "closed", "subject": "x", "custom": {"tier": 2}});
    let change = ask("PATCH", &["tickets", "1"], json!({"json": content}));
    let report = run(&house, "change", change).await;
    output(report.clone());
    desk.edit(1, "subject", json!("theirs"));
    // Refused by default, as a whole.
    assert_eq!(undo(&house, &report.run).await.outcome, "conflict");
    assert_eq!(desk.effects(), 1);
    let plan = planned(&house, &report.run, true).await;
    assert_eq!(plan.outcome, "planned", "{plan:?}");
    assert_eq!(members(&plan, "left"), ["/subject"]);
    assert_eq!(members(&plan, "restored"), ["/custom/tier", "/status"]);
    assert_eq!(desk.effects(), 1);
    let undone = undo_fields(&house, &report.run).await;
    assert_eq!(
        (undone.outcome.as_str(), outcomes(&undone)),
        ("partly", vec!["partly"])
    );
    assert_eq!(members(&undone, "left"), ["/subject"]);
    let left = &undone.steps[0].fields[2];
    assert_eq!(left.now, Some(json!("theirs")));
    let ticket = desk.ticket(1).unwrap();
    assert_eq!(ticket["status"], "open");
    assert_eq!(ticket["custom"], json!({"tier": 1, "vip": true}));
    assert_eq!(ticket["subject"], "theirs");
    // What was left is theirs for good: also where it gets our value again.
    desk.edit(1, "subject", json!("x"));
    for again in [
        undo(&house, &report.run).await,
        undo_fields(&house, &report.run).await,
    ] {
        assert_eq!(
            (again.outcome.as_str(), outcomes(&again)),
            ("nothing", vec!["partly"])
        );
    }
    assert_eq!(desk.ticket(1).unwrap()["subject"], "x");
    assert_eq!(desk.effects(), 2);
    let state = house.host.run(&agent(), &report.run).await.unwrap().state;
    assert_eq!(state, RunState::Done, "it is taken back in part only");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_stored_objects_go_back_member_by_member_and_files_do_not() {
    let house = House::hostile("", "").await;
    edit_key(&house, "o", r#"{"a":1,"b":1}"#).await;
    std::fs::write(house.path("data/box/n.txt"), "before").unwrap();
    let writes = json!([
        {"path": "n.txt", "text": "ours"},
        {"key": "o", "text": r#"{"a":2,"b":2,"made":true}"#},
        {"statement": "UPDATE orders SET status = 'paid' WHERE id < 3"},
    ]);
    let report = several(&house, writes).await;
    house
        .sql("UPDATE orders SET status = 'void', note = 'theirs' WHERE id = 1")
        .await;
    house
        .sql("UPDATE orders SET customer = 'theirs' WHERE id = 2")
        .await;
    edit_key(&house, "o", r#"{"a":2,"b":9,"made":true,"theirs":[1]}"#).await;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    let plan = planned(&house, &report.run, true).await;
    assert_eq!(
        outcomes(&plan),
        ["planned", "planned", "conflict"],
        "{plan:?}"
    );
    let undone = undo_fields(&house, &report.run).await;
    assert_eq!(
        outcomes(&undone),
        ["partly", "partly", "conflict"],
        "{undone:?}"
    );
    assert_eq!(members(&undone, "left"), ["/1/status", "/b"]);
    assert_eq!(members(&undone, "restored"), ["/2/status", "/a", "/made"]);
    let rows = house
        .look("SELECT id || customer || status AS v FROM orders WHERE id < 3 ORDER BY id")
        .await;
    assert_eq!(rows, ["'1adavoid'", "'2theirsopen'"]);
    let own = house.path("tollgate.db");
    let value = crate::house::column(&own, "SELECT CAST(value AS TEXT) AS v FROM kv").await;
    assert_eq!(value, [r#"'{"a":1,"b":9,"theirs":[1]}'"#]);
    assert_eq!(house.file("n.txt").as_deref(), Some("theirs"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_changed_it_is_an_ordinary_undo_and_where_all_did_a_conflict() {
    let house = House::hostile("", "").await;
    let change = json!([{"statement": "UPDATE orders SET status = 'paid' WHERE id = 1"}]);
    let first = several(&house, change.clone()).await;
    let undone = undo_fields(&house, &first.run).await;
    assert_eq!(undone.outcome, "undone", "{undone:?}");
    let second = several(&house, change).await;
    house
        .sql("UPDATE orders SET status = 'void' WHERE id = 1")
        .await;
    let undone = undo_fields(&house, &second.run).await;
    assert_eq!(undone.outcome, "conflict", "{undone:?}");
    assert_eq!(super::status(&house).await, "'void'");
}

/// A person approves exactly the members that go back. One that changes between the
/// question and the answer makes it another question.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_members_holds_for_those_members_only() {
    let held = "[[rule]]\nname = \"look\"\ntool = \"change\"\nundo = true\nthen = { require = \"boss\" }\n";
    let (house, desk) = opened("", &format!("{ROWS}\n{held}")).await;
    let content = json!({"status": "closed", "subject": "x", "custom": {"tier": 2}});
    let change = ask("PATCH", &["tickets", "1"], json!({"json": content}));
    let report = run(&house, "change", change).await;
    output(report.clone());
    desk.edit(1, "subject", json!("theirs"));
    let undone = undo_fields(&house, &report.run).await;
    assert_eq!(undone.outcome, "held", "{undone:?}");
    let waiting = undone.undo_run.unwrap();
    let approval = waiting.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    desk.edit(1, "status", json!("escalated"));
    let after = house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(after.state, RunState::Held, "{after:?}");
    assert_eq!(desk.effects(), 1);
    let approval = after.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let after = house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(output(after)["outcome"], "partly");
    let ticket = desk.ticket(1).unwrap();
    assert_eq!(ticket["status"], "escalated");
    assert_eq!(ticket["custom"]["tier"], 1);
    let options = UndoOptions {
        plan: true,
        fields: true,
    };
    let plan = house
        .host
        .undo_with(&agent(), &report.run, options)
        .await
        .unwrap();
    assert_eq!(plan.outcome, "nothing");
}
