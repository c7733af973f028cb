//! Those who decide hear once that they are asked, whatever dies in between, and hear
//! nothing that is not theirs to know yet.

use serde_json::json;
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{Card, Clock as _, Host, ItemDelivery, Role, RunReport, RunState};
use tollgate_tests::{component, named};

use super::{STANDING, ending, notes, of, only};
use crate::house::{House, agent, call, mira};
use crate::http::{Desk, Fault};

/// Settings that announce every approval to the desk.
fn settings(more: &str) -> String {
    format!(
        "public_url = \"https://gate.example\"\n[[notify]]\napproval = \"*\"\n\
         name = \"chat\"\nconnector = \"ending\"\ntool = \"deliver\"\n{more}\n\
         input = {{ path = [\"letters\"], note = {{ id = \"{{id}}\", approval = \"{{approval}}\", \
         tenant = \"{{tenant}}\", what = \"{{connector}}.{{tool}}\", case = \"{{case}}\", \
         run = \"{{run}}\", requester = \"{{requester}}\", approvers = \"{{approvers}}\", \
         by = \"{{decide_by}}\", effect = \"{{effect}}\", quorum = \"{{quorum}}\", \
         link = \"{{link}}\" }} }}\n"
    )
}

/// A host that delivers nothing until it is told to.
async fn house(more: &str) -> (House, Desk) {
    let desk = Desk::open().await;
    let house = House::with_settings(&settings(more)).await;
    let guest = component("tests/guests/ending");
    house.install(&ending(&desk, ""), &guest).await;
    let house = house.reopened(|options| options.role = Role::Operate).await;
    (house, desk)
}

/// A call of an agent that is held, and its card.
async fn held(host: &Host) -> (RunReport, Card) {
    let note = json!({"path": ["notes"], "note": {"text": "words-of-the-agent"}});
    let report = host.call(&agent(), call("ending", "deliver", note)).await;
    let report = report.unwrap();
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let cards = host.cards(&mira(), false).await.unwrap();
    let card = cards.into_iter().find(|card| card.run == report.run);
    (report, card.unwrap())
}

/// The one announcement of an approval.
async fn announcement(host: &Host, approval: &str) -> ItemDelivery {
    let mut all = host.announcements(&mira(), approval).await.unwrap();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_is_announced_once_and_says_only_who_is_asked() {
    let (house, desk) = house(STANDING).await;
    let (report, card) = held(&house.host).await;
    let waits = announcement(&house.host, &card.approval).await;
    assert_eq!((waits.state.as_str(), waits.attempts), ("pending", 0));
    assert!(desk.seen().is_empty(), "not before the hold is durable");
    house.host.deliver_due().await.unwrap();
    house.host.deliver_due().await.unwrap();
    let arrived = announcement(&house.host, &card.approval).await;
    assert_eq!(
        (arrived.name.as_str(), arrived.state.as_str()),
        ("notify:chat", "delivered")
    );
    let expected = json!({
        "id": card.approval,
        "approval": "boss",
        "tenant": "default",
        "what": "ending.deliver",
        "case": report.case,
        "run": report.run,
        "requester": "agent-7",
        "approvers": "group:boss",
        "by": card.decide_by,
        "effect": "irreversible",
        "quorum": "1",
        "link": format!("https://gate.example/approvals/{}", card.approval),
    });
    assert_eq!(notes(&desk, "letters"), [expected]);
    assert_eq!(desk.seen().len(), 1);
    let told = desk.seen().remove(0);
    assert!(!told.body.contains("words-of-the-agent"), "{}", told.body);
    assert!(!told.body.contains(&card.digest), "nothing to decide with");
    // The record of it is one of the held run, which goes on all the same.
    let stages = house.stages(&report.run).await;
    assert!(stages.contains(&"queue.delivered".to_owned()), "{stages:?}");
    let approve = house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await;
    assert_eq!(approve.unwrap().state, RunState::Done);
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
    // An agent does not see who was told.
    assert!(
        house
            .host
            .announcements(&agent(), &card.approval)
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_after_the_hold_leaves_the_announcement_to_the_next_one() {
    let (house, desk) = house(STANDING).await;
    let (_, card) = held(&house.host).await;
    assert!(desk.seen().is_empty());
    // Dropped without a word; the next one serves, and delivers by itself.
    let house = house.restart().await;
    while announcement(&house.host, &card.approval).await.state != "delivered" {
        tokio::task::yield_now().await;
    }
    house.host.deliver_due().await.unwrap();
    let house = house.restart().await;
    house.host.deliver_due().await.unwrap();
    assert_eq!(notes(&desk, "letters").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_before_it_is_sent_is_not_sent() {
    let (house, desk) = house(STANDING).await;
    let (_, denied) = held(&house.host).await;
    let who = mira();
    let deny = house
        .host
        .deny(&who, &denied.approval, &denied.digest, "no");
    deny.await.unwrap();
    house.host.deliver_due().await.unwrap();
    let dropped = announcement(&house.host, &denied.approval).await;
    assert_eq!(
        (dropped.state.as_str(), dropped.attempts),
        ("not_needed", 0)
    );
    assert!(desk.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_to_what_is_past_its_time() {
    let (house, desk) = house(STANDING).await;
    let (_, late) = held(&house.host).await;
    house.clock.set(crate::house::AT + 2 * 3_600_000);
    house.host.deliver_due().await.unwrap();
    let dropped = announcement(&house.host, &late.approval).await;
    assert_eq!(dropped.state, "not_needed");
    assert!(desk.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_does_not_arrive_is_a_dead_letter_that_is_seen() {
    let (house, desk) = house(&format!("attempts = 1\n{STANDING}")).await;
    let (report, card) = held(&house.host).await;
    desk.order([Fault::Answers(422, Vec::new(), "{}".to_owned())]);
    house.host.deliver_due().await.unwrap();
    let dead = announcement(&house.host, &card.approval).await;
    assert_eq!((dead.state.as_str(), dead.attempts), ("dead", 1));
    let letter = only(&house.host, "operators", FailureClass::DeliveryFailed).await;
    assert!(letter.is_dead() && letter.run == report.run, "{letter:?}");
    assert_eq!(letter.connector, "ending");
    let lines = house.log(&report.run).await;
    let failed = lines
        .iter()
        .find(|line| line.stage == "queue.delivery_failed");
    assert_eq!(failed.unwrap().facts["approval"], card.approval.as_str());
    // Who decides finds it in the list all the same.
    let cards = house.host.cards(&mira(), false).await.unwrap();
    assert_eq!(cards.len(), 1);
    assert!(
        house
            .host
            .queue(&of("support"), false)
            .await
            .unwrap()
            .is_empty()
    );
}

/// The attack, or the oversight: what announces needs an approval, which is announced.
#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_is_held_announces_nothing() {
    let (house, desk) = house("").await;
    let (report, card) = held(&house.host).await;
    for _ in 0..3 {
        house.host.deliver_due().await.unwrap();
        house.clock.set(house.clock.now_ms() + 31_000);
    }
    let cards = house.host.cards(&mira(), false).await.unwrap();
    assert_eq!(cards.len(), 2, "the call and its announcement: {cards:?}");
    let own = cards.iter().find(|one| one.run != report.run).unwrap();
    assert_eq!(own.requester, "service:queue");
    let none = house.host.announcements(&mira(), &own.approval).await;
    assert!(none.unwrap().is_empty());
    assert!(desk.seen().is_empty());
    assert_eq!(
        announcement(&house.host, &card.approval).await.state,
        "pending"
    );
}
