//! What is sent arrives once or is a dead letter, whatever dies in between, and only
//! as the operator approved it.

use serde_json::json;
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{
    CallError, Clock as _, Compiler, Host, HostOptions, Role, RunState, Settings,
};
use tollgate_tests::{component, named};

use super::{STANDING, end, ending, house, notes, of, only, over, until};
use crate::faulty::Faulty;
use crate::house::{AT, House, agent, call, mira, options};
use crate::http::{Desk, Fault};

/// A host that fails work and dies before it delivers anything: another one, which
/// finds only the store, delivers it once.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_before_the_host_died_is_delivered_by_the_next_one_once() {
    let desk = Desk::open().await;
    let house = House::with_settings(&super::settings(STANDING)).await;
    let guest = component("tests/guests/ending");
    house.install(&ending(&desk, ""), &guest).await;
    let House { home, clock, host } = house;
    host.shutdown().await;
    drop(host);
    // It executes and delivers nothing: killed before it could.
    let operate = HostOptions {
        role: Role::Operate,
        ..options(home.path(), &clock)
    };
    let host = Host::open(operate).await.unwrap();
    for how in ["failed", "conflict"] {
        let tool = call("ending", "end", json!({ "how": how }));
        host.call(&agent(), tool).await.unwrap();
    }
    drop(host);
    assert!(desk.seen().is_empty());
    let host = loop {
        match Host::open(options(home.path(), &clock)).await {
            Ok(host) => break host,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    for class in [FailureClass::Failed, FailureClass::Conflict] {
        let item = only(&host, "support", class).await;
        let delivery = over(&host, "support", &item.id).await;
        assert_eq!(
            (delivery.state.as_str(), delivery.attempts),
            ("delivered", 1)
        );
    }
    host.deliver_due().await.unwrap();
    assert_eq!(notes(&desk, "notes").len(), 2);
    assert_eq!(host.verify(&named("default")).await.unwrap().problem, None);
}

/// The host dies after the desk has it and before that is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_whose_end_was_not_recorded_is_not_sent_again() {
    let (house, desk) = house(STANDING).await;
    let (house, store) = house.onto(Faulty::new).await;
    // Opening and end of the run that fails; then the delivery's intent.
    store.allow_records(2);
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    while desk.effects() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(item.deliveries[0].state, "pending");
    let house = {
        let House { home, clock, host } = house;
        drop(host);
        // The claim of a dead host lapses by the store's clock.
        clock.set(AT + 600_000);
        store.repair();
        drop(store);
        let host = loop {
            match Host::open(options(home.path(), &clock)).await {
                Ok(host) => break host,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        House { home, clock, host }
    };
    let delivery = loop {
        house.host.deliver_due().await.unwrap();
        let who = of("support");
        let item = house.host.queue_item(&who, &item.id).await.unwrap();
        let delivery = item.deliveries[0].clone();
        if delivery.state != "pending" {
            break delivery;
        }
        let run = delivery.run.unwrap_or_default();
        let patience = std::time::Duration::from_secs(1);
        // Asked for while another task went on with it: it is looked at later.
        if let Ok(report) = house.host.wait(&mira(), &run, patience).await
            && report.state == RunState::Done
        {
            house.clock.set(house.clock.now_ms() + 31_000);
        }
    };
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts),
        ("delivered", 1)
    );
    assert_eq!(desk.effects(), 1, "the desk did it once: {:?}", desk.seen());
}

/// Tried again later each time, by the store's clock, with a new key each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_says_no_is_asked_again_later_and_then_it_is_a_dead_letter() {
    let (house, desk) = house(&format!("attempts = 3\n{STANDING}")).await;
    let no = || Fault::Answers(422, Vec::new(), "{}".to_owned());
    desk.order([no(), no(), no()]);
    let report = end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    let first = until(&house.host, "support", &item.id, |one| one.attempts == 1).await;
    assert_eq!(first.state, "pending");
    house.host.deliver_due().await.unwrap();
    assert_eq!(desk.seen().len(), 1, "not before its time");
    for (attempts, later) in [(2, 10_000), (3, 30_001)] {
        house.clock.set(AT + later);
        until(&house.host, "support", &item.id, |one| {
            one.attempts == attempts
        })
        .await;
    }
    let dead = over(&house.host, "support", &item.id).await;
    assert_eq!((dead.state.as_str(), dead.attempts), ("dead", 3));
    let letter = only(&house.host, "postmasters", FailureClass::DeliveryFailed).await;
    assert!(letter.is_dead() && letter.run == report.run);
    assert_eq!(
        letter.why, "invalid_input",
        "as the guest understood the desk"
    );
    let arrived = over(&house.host, "postmasters", &letter.id).await;
    assert_eq!(arrived.state, "delivered");
    let keys: std::collections::BTreeSet<_> = desk
        .seen()
        .into_iter()
        .map(|seen| seen.headers["idempotency-key"].clone())
        .collect();
    assert_eq!((keys.len(), notes(&desk, "notes").len()), (4, 3));
    let failed = house.stages(&report.run).await;
    let failed = failed
        .iter()
        .filter(|stage| *stage == "queue.delivery_failed");
    assert_eq!(failed.count(), 3);
    let counts = house.host.queues(&of("operators")).await.unwrap();
    let letters = counts.iter().find(|queue| queue.name == "letters").unwrap();
    assert_eq!((letters.open, letters.dead), (1, 1));
}

/// An answer that is lost is found out under the same key; one that cannot be is a
/// dead letter, not a second message.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_doubles_nothing() {
    let (house, desk) = house(STANDING).await;
    desk.order([Fault::DoesAndBreaks]);
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    let delivery = over(&house.host, "support", &item.id).await;
    assert_eq!((delivery.state.as_str(), desk.effects()), ("delivered", 1));
}

/// Without a standing approval an irreversible delivery waits for a person, as any
/// call does; with one it is for this template and this place.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_approved_once_for_all_or_each_time() {
    let (house, desk) = house("").await;
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    let held = loop {
        let cards = house.host.cards(&mira(), false).await.unwrap();
        if let Some(card) = cards.into_iter().next() {
            break card;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        (held.call.as_str(), held.destination.as_str()),
        ("http.send", "desk")
    );
    assert_eq!(held.requester, "service:queue");
    assert!(notes(&desk, "notes").is_empty());
    let who = mira();
    let approve = house.host.approve(&who, &held.approval, &held.digest);
    assert_eq!(approve.await.unwrap().state, RunState::Done);
    house.clock.set(AT + 31_000);
    let delivery = over(&house.host, "support", &item.id).await;
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts),
        ("delivered", 1)
    );
    assert_eq!(notes(&desk, "notes").len(), 1);
}

/// The attack: another destination in the settings' approval, or a rule that denies,
/// and the message goes out all the same. And whose approval it was is in the record.
#[tokio::test(flavor = "multi_thread")]
async fn a_standing_approval_is_for_one_place_and_no_way_round_a_rule() {
    let elsewhere = STANDING.replace("\"desk\"", "\"other\"");
    let (house, desk) = house(&elsewhere).await;
    end(&house, "failed").await;
    while house.host.cards(&mira(), false).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(desk.seen().is_empty());

    let (house, desk) = super::house(STANDING).await;
    let asks = "[[rule]]\nname = \"asks\"\ntool = \"deliver\"\nthen = { require = \"boss\" }\n";
    let guest = component("tests/guests/ending");
    house.install(&ending(&desk, asks), &guest).await;
    end(&house, "failed").await;
    while house.host.cards(&mira(), false).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(desk.seen().is_empty(), "a row that asks asks");

    let (house, desk) = super::house(&format!("attempts = 1\n{STANDING}")).await;
    let denies = asks.replace("{ require = \"boss\" }", "\"deny\"");
    house.install(&ending(&desk, &denies), &guest).await;
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    assert_eq!(over(&house.host, "support", &item.id).await.state, "dead");
    assert!(desk.seen().is_empty(), "a row that denies denies");

    let (house, _desk) = super::house(STANDING).await;
    end(&house, "failed").await;
    let item = only(&house.host, "support", FailureClass::Failed).await;
    let delivery = over(&house.host, "support", &item.id).await;
    let lines = house.log(&delivery.run.unwrap()).await;
    let intent = lines
        .iter()
        .find(|line| line.stage == "call.intent")
        .unwrap();
    let standing = intent.facts["standing"].as_str().unwrap();
    assert!(
        standing.starts_with("work/notes by person:mira sha256:"),
        "{standing}"
    );
}

/// The attack: an agent makes its call look like a delivery, and has what only the
/// operator approved.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_deliver() {
    let (house, desk) = house(STANDING).await;
    let note = json!({"path": ["notes"], "note": {"text": "pay me"}});
    for (key, trigger) in [
        (Some("queue:0/item-1/work/notes"), None),
        (None, Some("queue:x")),
    ] {
        let mut tool = call("ending", "deliver", note.clone());
        tool.request_key = key.map(str::to_owned);
        tool.trigger = trigger.map(str::to_owned);
        let refused = house.host.call(&agent(), tool).await.unwrap_err();
        assert!(
            matches!(refused, CallError::InvalidInput { .. }),
            "{refused}"
        );
    }
    let held = house.call_of("ending", "deliver", note).await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    assert!(desk.seen().is_empty());
}

/// Settings that leave a class out stop the host, not the failure.
#[test]
fn settings_that_leave_a_class_out_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let text = super::settings(STANDING).replacen("\"conflict\", ", "", 1);
    std::fs::write(home.path().join(tollgate_runtime::SETTINGS_FILE), text).unwrap();
    let error = Settings::of(home.path()).unwrap_err().to_string();
    assert!(
        error.contains(":1:1: no queue takes the class `conflict`"),
        "{error}"
    );
    let _ = HostOptions::new(home.path(), Compiler::InProcess, Role::Operate);
}
