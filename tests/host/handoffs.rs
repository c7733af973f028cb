//! What a connector hands to people reaches them, bounded, and is taken back only
//! while nobody has worked on it.

use serde_json::{Value, json};
use tollgate_runtime::{QueueItem, Resolution, RunReport, RunState};
use tollgate_tests::{component, named};

use crate::house::{House, agent, call, failure, mira, output};

const MANIFEST: &str = r#"
connector = "handover"
component = "here"

[grant.handoff.refunds]
max_open = 3
max_bytes = "200B"

[[rule]]
name = "everything"
tool = "*"
then = "allow"
"#;

async fn house() -> House {
    let house = House::new().await;
    let guest = component("tests/guests/handover");
    house.install(MANIFEST, &guest).await;
    house
}

fn item(queue: &str) -> Value {
    json!({
        "queue": queue,
        "summary": "Check the refund of order 1042",
        "reason": "the amount is above what was paid",
        "details": {"order": 1042, "amount": "129.00"},
    })
}

async fn hand(house: &House, input: Value) -> RunReport {
    house.call_of("handover", "hand_over", input).await
}

/// What was handed over; a run that failed is an item of its own.
async fn open(house: &House) -> Vec<QueueItem> {
    let mut items = house.host.queue(&mira(), false).await.unwrap();
    items.retain(|item| item.kind == "escalation");
    items
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_reaches_people_with_what_they_need() {
    let house = house().await;
    let report = hand(&house, item("refunds")).await;
    let items = open(&house).await;
    let [item] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(
        (item.kind.as_str(), item.queue.as_str(), item.state.as_str()),
        ("escalation", "refunds", "open")
    );
    assert_eq!(item.why, "the amount is above what was paid");
    assert_eq!(item.arguments["details"]["order"], 1042);
    assert_eq!((&item.run, &item.principal), (&report.run, &agent().name));
    assert_eq!(output(report)["items"], json!([item.id]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_ends_it_once_and_says_how() {
    let house = house().await;
    let report = hand(&house, item("refunds")).await;
    let id = open(&house).await[0].id.clone();
    let resolve = |who| {
        let (id, house) = (id.clone(), &house);
        async move {
            let note = "paid back by hand";
            house
                .host
                .resolve(&who, &id, Resolution::Done, note, None)
                .await
        }
    };
    assert!(resolve(agent()).await.is_err(), "an agent ends nothing");
    assert_eq!(resolve(mira()).await.unwrap().state, RunState::Done);
    assert!(resolve(mira()).await.is_err(), "once");
    assert!(open(&house).await.is_empty());
    let done = house.host.queue_item(&mira(), &id).await.unwrap();
    assert_eq!(done.resolution.as_deref(), Some("done"));
    assert_eq!(done.note.as_deref(), Some("paid back by hand"));
    let stages = house.stages(&report.run).await;
    assert!(
        stages.contains(&"handoff.resolved".to_owned()),
        "{stages:?}"
    );
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_withdraws_what_nobody_worked_on() {
    let house = house().await;
    let first = hand(&house, item("refunds")).await;
    // Who asked for the work does not make it go away.
    let refused = house.host.undo(&agent(), &first.run, false).await.unwrap();
    assert_ne!(refused.outcome, "undone", "{refused:?}");
    assert_eq!(open(&house).await.len(), 1);
    let undone = house.host.undo(&mira(), &first.run, false).await.unwrap();
    assert_eq!(undone.outcome, "undone", "{undone:?}");
    assert!(open(&house).await.is_empty());

    let second = hand(&house, item("refunds")).await;
    let id = open(&house).await[0].id.clone();
    let note = "looking at it";
    house
        .host
        .resolve(&mira(), &id, Resolution::NotDone, note, None)
        .await
        .unwrap();
    let undone = house.host.undo(&mira(), &second.run, false).await.unwrap();
    assert_eq!(undone.outcome, "conflict", "{undone:?}");
    let kept = house.host.queue_item(&mira(), &id).await.unwrap();
    assert_eq!(kept.resolution.as_deref(), Some("not_done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_granted_bounded_and_holds_no_oddities() {
    let house = house().await;
    let kind = |report: &RunReport| failure(report).0;
    assert_eq!(kind(&hand(&house, item("payroll")).await), "denied");
    for (name, value) in [
        ("summary", json!("  ")),
        ("reason", json!("x".repeat(501))),
        ("details", json!(["no", "object"])),
        ("details", json!({"text": "x".repeat(200)})),
    ] {
        let mut odd = item("refunds");
        odd[name] = value;
        let report = hand(&house, odd).await;
        assert_eq!(kind(&report), "failed", "{name}: {report:?}");
    }
    assert!(open(&house).await.is_empty());
    let mut flood = item("refunds");
    flood["times"] = json!(4);
    assert_eq!(kind(&hand(&house, flood).await), "limited");
    assert_eq!(open(&house).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_puts_one_item() {
    let house = house().await;
    let mut keyed = call("handover", "hand_over", item("refunds"));
    keyed.request_key = Some("once".to_owned());
    for _ in 0..2 {
        house.host.call(&agent(), keyed.clone()).await.unwrap();
    }
    assert_eq!(open(&house).await.len(), 1);
}
