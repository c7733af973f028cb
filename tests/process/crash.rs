//! A crash loses nothing and doubles nothing: the process is killed, not asked.

use std::collections::BTreeMap;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::SqliteConnection;
use tollgate_tests::workspace;

use crate::shop::{Open, Shop, approval, counted, refund};

#[test]
fn a_held_call_outlives_the_process_and_happens_once() {
    let shop = Shop::new();
    let people = shop.people.clone();
    let host = shop.open();
    let input = refund(12_900).to_string();
    let call = [
        "call",
        "database",
        "execute",
        &input,
        "--case",
        "ticket-1",
        "--reason",
        "arrived broken",
        "--json",
    ];
    let held = host.run(&people.agent, &call).exits(3).json();
    assert_eq!(held["state"], "held");
    assert_eq!(shop.refunds(), 0);
    host.process.kill();

    let host = shop.open();
    let run = held["run"].as_str().unwrap();
    let seen = host
        .run(&people.agent, &["show", run, "--json"])
        .exits(3)
        .json();
    assert_eq!(seen["pending"], held["pending"]);
    // Asking again is not a second refund.
    let again = host.run(&people.agent, &call).exits(3).json();
    assert_eq!(again["run"], held["run"]);
    let pending = host
        .run(&people.mira, &["pending", "--json"])
        .exits(0)
        .json();
    assert_eq!(pending.as_array().unwrap().len(), 1);
    let card = &pending[0];
    assert_eq!(card["approval"], held["pending"]["approval"]);
    assert_eq!(card["title"], "Refund 12900 cents for order 1042");
    assert_eq!(card["agent_reason"], "arrived broken");
    assert_eq!(card["arguments"]["parameters"][1], 12_900, "{card}");
    let digest = card["digest"].as_str().unwrap();
    let approve = ["approve", approval(&held), "--digest", digest, "--json"];
    let done = host.run(&people.mira, &approve).exits(0).json();
    assert_eq!(done["state"], "done");
    assert_eq!(done["output"]["rows_affected"], 1);
    assert_eq!(shop.refunds(), 1);
    host.process.kill();

    let host = shop.open();
    let seen = host
        .run(&people.agent, &["show", run, "--json"])
        .exits(0)
        .json();
    assert_eq!(seen["state"], "done");
    host.run(&people.mira, &approve).exits(1);
    assert_eq!(host.process.stop(), 0);
    assert_eq!(shop.refunds(), 1);
    shop.verifies();
}

/// When the process is killed, after the approval was sent.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// The request is on its way.
    Sent,
    /// So many new records are in the journal.
    Records(i64),
    /// The refund is in the connector's database.
    Effect,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_moment_after_the_approval_makes_no_second_refund() {
    let moments = [
        Moment::Sent,
        Moment::Records(1),
        Moment::Records(2),
        Moment::Effect,
        Moment::Records(3),
        Moment::Records(4),
    ];
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..12 {
        let moment = moments[round % moments.len()];
        let became = survive(moment).await;
        *seen.entry(format!("{moment:?}: {became}")).or_default() += 1;
    }
    // Shown when the test fails, and with `--nocapture`.
    say(&format!("{seen:#?}"));
}

#[expect(clippy::print_stderr, reason = "what the rounds met is worth reading")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// One round: hold, approve, kill at the moment, start again. The answer is what
/// was found then.
async fn survive(moment: Moment) -> String {
    let shop = Shop::new();
    let mira = shop.people.mira.clone();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let digest = host.card(&mira, &held).await["digest"].clone();
    let (mut journal, mut orders) = (shop.records().await, shop.orders().await);
    let before = counted(&mut journal, "records").await;
    let path = format!("/v1/approvals/{}/approve", approval(&held));
    let request = host.request(&mira, Method::POST, &path);
    let sending = tokio::spawn(request.json(&json!({ "digest": digest })).send());
    until(moment, before, &mut journal, &mut orders, || {
        sending.is_finished()
    })
    .await;
    host.process.kill();
    let _ = sending.await;
    drop((journal, orders));
    assert!(shop.refunds() <= 1, "{moment:?}");

    let host = shop.open();
    let run = held["run"].as_str().unwrap().to_owned();
    let found = settled(&host, &mira, &run).await;
    let state = found["state"].as_str().unwrap().to_owned();
    match state.as_str() {
        "held" => {
            assert_eq!(shop.refunds(), 0, "{moment:?}");
            let digest = host.card(&mira, &held).await["digest"].clone();
            let done = host.post(&mira, &path, &json!({ "digest": digest })).await;
            assert_eq!(done.body["state"], "done", "{moment:?}: {done:?}");
            assert_eq!(shop.refunds(), 1, "{moment:?}");
        }
        "done" => assert_eq!(shop.refunds(), 1, "{moment:?}"),
        // Said to be unknown, and not sent again.
        "in_doubt" => assert!(shop.refunds() <= 1, "{moment:?}"),
        other => panic!("{moment:?}: the run is {other}: {found}"),
    }
    // Nothing that comes later sends it again.
    let after = shop.refunds();
    let again = host.post(&mira, &path, &json!({ "digest": digest })).await;
    assert!(!again.status.is_success(), "{moment:?}: {again:?}");
    assert_eq!(host.process.stop(), 0);
    assert_eq!(shop.refunds(), after, "{moment:?}");
    shop.verifies();
    format!("{state}, {after} refunds")
}

/// Look until the moment is there, or everything is over: a run that ends before
/// it was caught is a round like any other.
async fn until(
    moment: Moment,
    before: i64,
    journal: &mut SqliteConnection,
    orders: &mut SqliteConnection,
    is_over: impl Fn() -> bool,
) {
    loop {
        let now = match moment {
            Moment::Sent => true,
            Moment::Records(more) => counted(journal, "records").await >= before + more,
            Moment::Effect => counted(orders, "refunds").await > 0,
        };
        if now || is_over() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The run as soon as it is not being executed. A held one whose approval is not
/// pending any more goes on by itself.
async fn settled(host: &Open, mira: &str, run: &str) -> Value {
    loop {
        let pending = host.get(mira, "/v1/approvals").await.body;
        let waits = pending
            .as_array()
            .unwrap()
            .iter()
            .any(|card| card["run"] == run);
        let wait = if waits { 0 } else { 20 };
        let report = host
            .get(mira, &format!("/v1/runs/{run}?wait={wait}"))
            .await
            .body;
        let state = report["state"].as_str().unwrap();
        if waits || !matches!(state, "open" | "held") {
            return report;
        }
        assert_ne!(wait, 20, "the run stays {state}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_in_an_allowed_write_neither_repeats_nor_hides_it() {
    let moments = [
        Moment::Sent,
        Moment::Records(2),
        Moment::Records(3),
        Moment::Records(4),
        Moment::Effect,
        Moment::Records(5),
    ];
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for moment in moments {
        let became = survive_unheld(moment).await;
        *seen.entry(format!("{moment:?}: {became}")).or_default() += 1;
    }
    say(&format!("{seen:#?}"));
}

/// One round with a refund that nobody has to approve.
async fn survive_unheld(moment: Moment) -> String {
    let shop = Shop::new();
    let (agent, mira) = (shop.people.agent.clone(), shop.people.mira.clone());
    let host = shop.open();
    let (mut journal, mut orders) = (shop.records().await, shop.orders().await);
    let before = counted(&mut journal, "records").await;
    let call = json!({
        "connector": "database", "tool": "execute", "input": refund(100), "case": "ticket-2",
    });
    let request = host.request(&agent, Method::POST, "/v1/calls");
    let sending = tokio::spawn(request.json(&call).send());
    until(moment, before, &mut journal, &mut orders, || {
        sending.is_finished()
    })
    .await;
    host.process.kill();
    let _ = sending.await;
    drop((journal, orders));

    let host = shop.open();
    let log = host.get(&mira, "/v1/log?case=ticket-2").await.body;
    let opened = log
        .as_array()
        .unwrap()
        .iter()
        .find(|line| line["stage"] == "run.opened");
    let Some(run) = opened.and_then(|line| line["run"].as_str()) else {
        assert_eq!(shop.refunds(), 0, "{moment:?}: an effect without a record");
        return "never began".to_owned();
    };
    let report = settled(&host, &mira, run).await;
    let state = report["state"].as_str().unwrap().to_owned();
    let refunds = shop.refunds();
    match state.as_str() {
        "done" => assert_eq!(refunds, 1, "{moment:?}"),
        "in_doubt" => {
            assert!(refunds <= 1, "{moment:?}");
            // An agent that asks again gets the same run, and no second refund.
            let again = host.post(&agent, "/v1/calls", &call).await.body;
            assert_eq!(again["run"], run, "{moment:?}");
            assert_eq!(shop.refunds(), refunds, "{moment:?}");
        }
        other => panic!("{moment:?}: the run is {other}: {report}"),
    }
    assert_eq!(host.process.stop(), 0);
    shop.verifies();
    format!("{state}, {refunds} refunds")
}

/// A kill is a kill: the test's own children are gone when it says so.
#[test]
fn a_killed_host_is_gone() {
    let shop = Shop::new();
    let host = shop.open();
    let id = host.process.id();
    host.process.kill();
    let status = Command::new("kill")
        .args(["-0", &id.to_string()])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(!status.status.success());
}
