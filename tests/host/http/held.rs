//! What a person is shown is what is sent, once; and a replay sends nothing.

use serde_json::json;
use tollgate_runtime::{Card, RunReport, RunState};
use tollgate_tests::{component, named};

use super::{Desk, ROWS, ask, manifest, opened, run};
use crate::house::{House, mira};

async fn card(house: &House, report: &RunReport) -> Card {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = &report.pending.as_ref().unwrap().approval;
    house.host.card(&mira(), approval).await.unwrap()
}

async fn approve(house: &House, card: &Card) -> RunReport {
    house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_shows_method_path_and_content_and_its_approval_sends_them_once() {
    let (house, desk) = opened("", ROWS).await;
    let pay = ask(
        "POST",
        &["payments"],
        json!({"json": {"cents": 1250, "to": "ada"}}),
    );
    let report = run(&house, "pay", pay).await;
    let card = card(&house, &report).await;
    assert_eq!(
        (card.call.as_str(), card.destination.as_str()),
        ("http.send", "desk")
    );
    assert_eq!(card.arguments["method"], "POST");
    assert_eq!(card.arguments["target"], "/payments");
    assert_eq!(card.arguments["body"], json!({"cents": 1250, "to": "ada"}));
    assert_eq!(card.arguments["egress"], true);
    assert_eq!(desk.lines(), Vec::<String>::new());
    let done = approve(&house, &card).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    assert_eq!(desk.lines(), ["POST /api/payments"]);
    assert_eq!(desk.seen()[0].body, r#"{"cents":1250,"to":"ada"}"#);
    assert_eq!(desk.seen()[0].headers["content-type"], "application/json");
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
    assert_eq!(desk.effects(), 1, "a replay performs nothing");
    assert_eq!(desk.lines().len(), 1);
    // It cannot be taken back, and is not taken for a call that did nothing.
    let undo = house.host.undo(&mira(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "irreversible", "{undo:?}");
}

/// Two readers of this see two amounts: a person is shown the text itself.
#[tokio::test(flavor = "multi_thread")]
async fn content_that_can_be_read_in_two_ways_is_shown_as_it_is() {
    let (house, _desk) = opened("", ROWS).await;
    for text in [
        "{\"cents\": 1, \"cents\": 100000}",
        "{\"cents\": 9007199254740993}",
    ] {
        let pay = ask(
            "POST",
            &["payments"],
            json!({"text": ["application/json", text]}),
        );
        let card = card(&house, &run(&house, "pay", pay).await).await;
        assert_eq!(card.arguments["text"], text);
        assert!(card.arguments.get("body").is_none());
    }
    // The same value in other bytes is another call.
    let mut digests = Vec::new();
    for text in ["{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"] {
        let pay = ask(
            "POST",
            &["payments"],
            json!({"text": ["application/json", text]}),
        );
        let card = card(&house, &run(&house, "pay", pay).await).await;
        assert_eq!(card.arguments["body"], json!({"a": 1, "b": 2}));
        digests.push(card.arguments["digest"].clone());
    }
    assert_ne!(digests[0], digests[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_one_server_and_one_credential() {
    let (house, desk) = opened("", ROWS).await;
    let pay = ask("POST", &["payments"], json!({"json": {"cents": 1}}));
    let other = Desk::open().await;
    let report = run(&house, "pay", pay).await;
    let card_ = card(&house, &report).await;
    house
        .install(
            &manifest(&other, "", ROWS),
            &component("tests/guests/caller"),
        )
        .await;
    let held = approve(&house, &card_).await;
    let again = card(&house, &held).await;
    assert_ne!(again.digest, card_.digest);
    assert_eq!((desk.connections(), other.connections()), (0, 0));
    let done = approve(&house, &again).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    assert_eq!((desk.effects(), other.effects()), (0, 1));
}
