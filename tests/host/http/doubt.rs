//! A write whose answer was lost: found out where the row allows that, a person's
//! otherwise, and never done twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollgate_runtime::{Resolution, RunReport, RunState};

use super::{Desk, Fault, ROWS, ask, manifest, opened, run};
use crate::faulty::Faulty;
use crate::house::{House, agent, mira, output};

fn create() -> Value {
    ask("POST", &["tickets"], json!({"json": {"subject": "new"}}))
}

fn close() -> Value {
    ask(
        "PATCH",
        &["tickets", "1"],
        json!({"json": {"status": "closed"}}),
    )
}

fn keyed() -> String {
    ROWS.replace(
        "call = \"POST /tickets\"",
        "call = \"POST /tickets\"\nidempotency = \"header:idempotency-key\"",
    )
}

async fn fact(house: &House, report: &RunReport, stage: &str, fact: &str) -> Value {
    let lines = house.log(&report.run).await;
    let line = lines.iter().rfind(|line| line.stage == stage);
    line.unwrap_or_else(|| panic!("no {stage}: {lines:?}"))
        .facts[fact]
        .clone()
}

fn keys(desk: &Desk) -> BTreeSet<String> {
    let posts = desk.seen().into_iter().filter(|seen| seen.method == "POST");
    posts
        .map(|seen| seen.headers["idempotency-key"].clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_key_a_write_is_sent_again_and_done_once() {
    let (house, desk) = opened("", &keyed()).await;
    // Within the call.
    desk.order([Fault::DoesAndBreaks]);
    let report = run(&house, "create", create()).await;
    assert_eq!(output(report.clone())["status"], 201);
    assert_eq!(
        (desk.effects(), desk.lines().len(), keys(&desk).len()),
        (1, 2, 1)
    );
    assert_eq!(fact(&house, &report, "call.outcome", "attempts").await, 2);
    assert!(
        !house
            .stages(&report.run)
            .await
            .contains(&"call.in_doubt".to_owned())
    );
    // Another call has another key.
    let other = ask("POST", &["tickets"], json!({"json": {"subject": "other"}}));
    assert_eq!(output(run(&house, "create", other).await)["status"], 201);
    assert_eq!((desk.effects(), keys(&desk).len()), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_doubt_is_sent_again_under_the_same_key() {
    let (house, desk) = opened("", &keyed()).await;
    let gone = || Fault::Answers(504, Vec::new(), String::new());
    desk.order([Fault::DoesAndBreaks, gone(), gone()]);
    let report = run(&house, "create", create()).await;
    assert_eq!(output(report.clone())["status"], 201);
    let recovery = fact(&house, &report, "call.in_doubt", "recovery").await;
    assert_eq!(recovery, "idempotency_key");
    assert_eq!(
        fact(&house, &report, "call.outcome", "recovered").await,
        "resent"
    );
    assert_eq!(
        (desk.effects(), desk.lines().len(), keys(&desk).len()),
        (1, 4, 1)
    );
}

/// What a second attempt meets says nothing of the first: a server that is busy
/// now may have done it then.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_attempt_that_is_turned_away_does_not_make_the_first_undone() {
    let (house, desk) = opened("", &keyed()).await;
    let busy = || Fault::Answers(503, Vec::new(), String::new());
    desk.order([Fault::DoesAndBreaks, busy(), busy()]);
    let report = run(&house, "create", create()).await;
    assert_eq!(output(report.clone())["status"], 201);
    assert_eq!(
        fact(&house, &report, "call.outcome", "recovered").await,
        "resent"
    );
    assert_eq!(desk.effects(), 1);
}

/// A server that says no to the second one may mean that the first one is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_no_to_the_second_attempt_is_no_answer_to_the_first() {
    for status in [303, 400, 412, 422] {
        let (house, desk) = opened("", &keyed()).await;
        let no = Fault::Answers(status, Vec::new(), String::new());
        desk.order([Fault::DoesAndBreaks, no]);
        let report = run(&house, "create", create()).await;
        assert_eq!(output(report.clone())["status"], 201, "{status}");
        assert_eq!(
            fact(&house, &report, "call.outcome", "recovered").await,
            "resent"
        );
        assert_eq!((desk.effects(), keys(&desk).len()), (1, 1));
    }
}

/// The attack, or the accident: while a call is in doubt the manifest begins to name
/// another server, or a key that the first sending did not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_doubt_is_not_sent_to_another_server_or_under_a_new_key() {
    let guest = tollgate_tests::component("tests/guests/caller");
    for elsewhere in [true, false] {
        let (house, store) = House::on("", Faulty::new).await;
        let (desk, other) = (Desk::open().await, Desk::open().await);
        let first = if elsewhere { keyed() } else { ROWS.to_owned() };
        house.install(&manifest(&desk, "", &first), &guest).await;
        house.answers().await;
        store.allow_records(1);
        let report = run(&house, "create", create()).await;
        assert_eq!(report.state, RunState::Open, "{report:?}");
        assert_eq!(desk.effects(), 1);
        store.repair();
        let to = if elsewhere { &other } else { &desk };
        house.install(&manifest(to, "", &keyed()), &guest).await;
        house.host.expire_due().await.unwrap();
        let patience = std::time::Duration::from_secs(20);
        let report = house
            .host
            .wait(&agent(), &report.run, patience)
            .await
            .unwrap();
        assert_eq!(report.state, RunState::InDoubt, "{report:?}");
        assert_eq!((desk.lines().len(), other.lines().len()), (1, 0));
        let item = house.host.queue(&mira(), false).await.unwrap().remove(0);
        assert!(item.why.contains("elsewhere than it was sent"), "{item:?}");
    }
}

/// The attack, or the accident: while a call is in doubt the manifest begins to ask a
/// person for such calls, or its budget is narrowed. What was asked before the first
/// sending is asked again before the second.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_in_doubt_is_sent_again_only_as_the_manifest_in_force_allows() {
    let guest = tollgate_tests::component("tests/guests/caller");
    let ask = "[[rule]]\nname = \"ask\"\ntool = \"*\"\ncall = \"http.send\"\nthen = { require = \"boss\" }\n";
    for (narrowed, said) in [
        (true, "approved first"),
        (false, "`journal_bytes` is reached"),
    ] {
        let (house, store) = House::on("", Faulty::new).await;
        let desk = Desk::open().await;
        let first = manifest(&desk, "", &keyed());
        house.install(&first, &guest).await;
        house.answers().await;
        store.allow_records(1);
        let report = run(&house, "create", create()).await;
        assert_eq!(report.state, RunState::Open, "{report:?}");
        store.repair();
        let next = if narrowed {
            first + ask
        } else {
            let limit = "deadline = \"10s\"\njournal_bytes = \"1B\"";
            first.replace("deadline = \"10s\"", limit)
        };
        house.install(&next, &guest).await;
        house.host.expire_due().await.unwrap();
        let patience = std::time::Duration::from_secs(20);
        let waited = house.host.wait(&agent(), &report.run, patience).await;
        let report = waited.unwrap();
        assert_eq!(report.state, RunState::InDoubt, "{report:?}");
        assert_eq!(desk.lines().len(), 1, "it was not sent again");
        let item = house.host.queue(&mira(), false).await.unwrap().remove(0);
        assert!(item.why.contains(said), "{item:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_a_lost_write_is_a_persons_and_not_sent_again() {
    for fault in [
        Fault::DoesAndBreaks,
        Fault::Breaks,
        Fault::DoesAndAnswers(502),
        Fault::DoesAndAnswers(504),
    ] {
        let (house, desk) = opened("", ROWS).await;
        let done = u64::from(!matches!(fault, Fault::Breaks));
        desk.order([fault]);
        let report = run(&house, "create", create()).await;
        assert_eq!(report.state, RunState::InDoubt, "{report:?}");
        assert_eq!((desk.effects(), desk.lines().len()), (done, 1));
        let item = house.host.queue(&mira(), false).await.unwrap().remove(0);
        let misfit = house
            .host
            .resolve(
                &mira(),
                &item.id,
                Resolution::Done,
                "there",
                Some(json!({"Ok": 1})),
            )
            .await
            .unwrap_err();
        assert_eq!(misfit.kind(), "reply_unfit");
        let answer = json!({"Ok": {
            "status": 201, "headers": [], "body": {"text": "{\"id\": 3}"}, "truncated": false,
        }});
        let settled = house
            .host
            .resolve(&mira(), &item.id, Resolution::Done, "there", Some(answer))
            .await
            .unwrap();
        assert_eq!(output(settled)["body"], "{\"id\": 3}");
        assert_eq!(desk.lines().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restorable_write_is_looked_for() {
    let (house, desk) = opened("", ROWS).await;
    desk.order([Fault::Nothing, Fault::DoesAndBreaks]);
    let report = run(&house, "change", close()).await;
    let answer = output(report.clone());
    assert!(
        answer["body"].as_str().unwrap().contains("closed"),
        "{answer}"
    );
    // Not the whole resource: the tool may not be one that reads it.
    assert_eq!(
        (&answer["status"], &answer["body"]),
        (&json!(200), &json!("{\"status\":\"closed\"}"))
    );
    assert_eq!(
        fact(&house, &report, "call.in_doubt", "recovery").await,
        "readable"
    );
    assert_eq!(
        fact(&house, &report, "call.outcome", "recovered").await,
        "found"
    );
    assert_eq!(desk.effects(), 1);
    let undo = house.host.undo(&mira(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "undone", "{undo:?}");
    assert_eq!(desk.ticket(1).unwrap()["status"], "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restorable_write_that_is_not_found_is_a_persons() {
    let (house, desk) = opened("", ROWS).await;
    desk.order([Fault::Nothing, Fault::Breaks]);
    let report = run(&house, "change", close()).await;
    assert_eq!(report.state, RunState::InDoubt, "{report:?}");
    assert_eq!(desk.effects(), 0);
    let patches = desk
        .lines()
        .into_iter()
        .filter(|line| line.starts_with("PATCH"));
    assert_eq!(patches.count(), 1, "it may still arrive");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_write_that_is_not_found_is_sent_again() {
    let rows = ROWS.replace(
        "undo = \"restore\"",
        "undo = \"restore\"\nconditional = true",
    );
    for (fault, recovered) in [(Fault::Breaks, "resent"), (Fault::DoesAndBreaks, "found")] {
        let (house, desk) = opened("headers = [\"if-match\"]", &rows).await;
        desk.order([Fault::Nothing, fault]);
        let mut close = close();
        close["headers"] = json!({"if-match": "\"v1\""});
        let report = run(&house, "change", close).await;
        assert_eq!(output(report.clone())["status"], 200);
        assert_eq!(
            fact(&house, &report, "call.in_doubt", "recovery").await,
            "conditional"
        );
        assert_eq!(
            fact(&house, &report, "call.outcome", "recovered").await,
            recovered
        );
        assert_eq!(desk.effects(), 1);
    }
}
