//! Reads that carry the guest's words out are held as writes are, and recorded before
//! they are sent.

use serde_json::{Value, json};
use tollgate_runtime::{RunReport, RunState};
use tollgate_tests::{component, named};

use super::{Desk, ROWS, ask, manifest, opened, run};
use crate::faulty::Faulty;
use crate::house::{House, agent, mira, output};

const ASK: &str = r#"
[[rule]]
name = "ask-for-reads"
tool = "read"
then = { require = "boss" }
"#;

/// A read with words of the guest's in it.
fn search(words: &str) -> Value {
    ask(
        "GET",
        &["tickets", "1"],
        json!({"query": [["words", words]]}),
    )
}

async fn asked() -> (House, Desk) {
    let desk = Desk::open().await;
    let house = House::new().await;
    let text = manifest(&desk, "", ROWS) + ASK;
    house
        .install(&text, &component("tests/guests/caller"))
        .await;
    (house, desk)
}

async fn approved(house: &House, report: &RunReport) -> RunReport {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = &report.pending.as_ref().unwrap().approval;
    let card = house.host.card(&mira(), approval).await.unwrap();
    house
        .host
        .approve(&mira(), approval, &card.digest)
        .await
        .unwrap()
}

/// The attack: a tool that may "read" after a person has agreed sends a customer list
/// to the server as the words of a search.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_holds_a_tool_holds_its_read_with_free_text() {
    let (house, desk) = asked().await;
    // A plain read goes on: nothing of the guest's is in it.
    let plain = ask(
        "GET",
        &["tickets", "1"],
        json!({"query": [["include", "a"]]}),
    );
    let plain = run(&house, "read", plain).await;
    assert_eq!(output(plain)["status"], 200);
    let held = run(&house, "read", search("ada lovelace, 4111 1111")).await;
    assert_eq!(
        desk.lines().len(),
        1,
        "nothing was sent before a person agreed"
    );
    let done = approved(&house, &held).await;
    assert_eq!(output(done.clone())["status"], 200);
    assert_eq!(desk.lines().len(), 2);
    let stages = house.stages(&done.run).await;
    assert!(stages.contains(&"call.intent".to_owned()), "{stages:?}");
    let replay = house
        .host
        .replay(&named("default"), &done.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
    assert_eq!(desk.lines().len(), 2, "a replay sends nothing");
    // It changed nothing, and there is nothing to take back.
    let undo = house.host.undo(&mira(), &done.run, false).await.unwrap();
    assert_eq!(undo.outcome, "nothing", "{undo:?}");
}

/// The attack: the approval of a read stays good, and is used for one read after the
/// other.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_of_a_read_is_used_up_by_it() {
    let (house, desk) = asked().await;
    let held = run(&house, "read", search("printer")).await;
    let approval = held.pending.as_ref().unwrap().approval.clone();
    approved(&house, &held).await;
    let lines = house.log(&held.run).await;
    let intent = lines.iter().find(|line| line.stage == "call.intent");
    assert_eq!(intent.unwrap().facts["approval"], json!(approval));
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let again = house.host.approve(&mira(), &approval, &card.digest).await;
    assert_eq!(again.unwrap_err().kind(), "already_decided");
    let next = run(&house, "read", search("printer")).await;
    assert_eq!(next.state, RunState::Held, "{next:?}");
    assert_eq!(desk.lines().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_with_free_text_is_recorded_before_it_is_sent() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(&house, "read", search("printer")).await;
    let stages = house.stages(&report.run).await;
    assert_eq!(
        stages,
        ["run.opened", "call.intent", "call.outcome", "run.closed"]
    );
    assert_eq!(desk.lines(), ["GET /api/tickets/1?words=printer"]);
}

/// Its outcome was not recorded: it changes nothing, so it is made again.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_in_doubt_is_made_again() {
    let (house, store) = House::on("", Faulty::new).await;
    let desk = Desk::open().await;
    let guest = component("tests/guests/caller");
    house.install(&manifest(&desk, "", ROWS), &guest).await;
    house.answers().await;
    store.allow_records(1);
    let report = run(&house, "read", search("printer")).await;
    assert_eq!(report.state, RunState::Open, "{report:?}");
    assert_eq!(desk.lines().len(), 1);
    store.repair();
    house.host.expire_due().await.unwrap();
    let patience = std::time::Duration::from_secs(20);
    let waited = house.host.wait(&agent(), &report.run, patience).await;
    let report = waited.unwrap();
    assert_eq!(output(report.clone())["status"], 200);
    assert_eq!(desk.lines().len(), 2);
    let lines = house.log(&report.run).await;
    let outcome = lines.iter().find(|line| line.stage == "call.outcome");
    assert_eq!(outcome.unwrap().facts["recovered"], "resent");
}
