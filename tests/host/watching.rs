//! What a serving host does by itself, and what it says when the store's answer is
//! lost.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sqlx::AssertSqlSafe;
use tollgate_runtime::{DecideError, Host, HostError, HostOptions, RunReport, RunState, ToolCall};
use tollgate_store::{ApprovalState, Store};
use tollgate_tests::named;

use crate::faulty::{Faulty, Lost};
use crate::house::{AT, House, agent, asks_for, call, database, mira, options, output};

const PATIENCE: Duration = Duration::from_secs(30);

/// Later than anybody may decide.
const TOO_LATE: u64 = AT + 60 * 60 * 1_000 + 1;

fn increment(key: &str) -> ToolCall {
    call("hostile", "increment", json!({ "key": key }))
}

async fn held(house: &House, count: usize) -> Vec<RunReport> {
    let mut reports = Vec::new();
    for number in 0..count {
        let wanted = increment(&format!("n{number}"));
        let report = house.host.call(&agent(), wanted).await.unwrap();
        assert_eq!(report.state, RunState::Held, "{report:?}");
        reports.push(report);
    }
    reports
}

async fn over(house: &House, run: &str) -> RunReport {
    house.host.wait(&agent(), run, PATIENCE).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_full_of_deadlines_that_cannot_be_ended_hides_no_other_one() {
    let house = House::hostile("", &asks_for("increment")).await;
    let reports = held(&house, 102).await;
    let last = reports.last().unwrap();
    let approval = &last.pending.as_ref().unwrap().approval;
    // Somebody damaged all the others, which are due before it.
    let text = format!(
        "UPDATE approvals SET run = 'nowhere', decide_by_ms = decide_by_ms - 1 WHERE id <> '{approval}'"
    );
    let mut store = database(&house.path("tollgate.db")).await;
    let done = sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 101);
    house.clock.set(TOO_LATE);
    let over = over(&house, &last.run).await;
    assert_eq!(over.state, RunState::Denied, "{over:?}");
    // Asked to end all of them, it says that it could not.
    let error = house.host.expire_due().await.unwrap_err();
    assert_eq!(error.kind(), "unknown_run", "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_cannot_be_ended_stops_no_other_one_that_is_asked_for() {
    let house = House::hostile("", &asks_for("increment")).await;
    let reports = held(&house, 3).await;
    let mut store = database(&house.path("tollgate.db")).await;
    let text = format!(
        "UPDATE approvals SET run = 'nowhere', decide_by_ms = 1 WHERE run = '{}'",
        reports[0].run
    );
    sqlx::raw_sql(AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    house.clock.set(TOO_LATE);
    house.host.expire_due().await.unwrap_err();
    for report in &reports[1..] {
        let over = over(&house, &report.run).await;
        assert_eq!(over.state, RunState::Denied, "{over:?}");
    }
}

/// Start a host on the store once the home's lock is free.
async fn started(options: HostOptions, store: &Arc<Faulty>) -> Host {
    loop {
        let shared = Arc::clone(store) as Arc<dyn Store>;
        match Host::open_on(options.clone(), shared).await {
            Ok(host) => return host,
            Err(HostError::Home { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_starts_while_what_was_left_behind_cannot_be_released() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    // The intent is recorded, the outcome is not, and the process ends.
    store.allow(1);
    let left = house.host.call(&agent(), increment("n")).await.unwrap();
    assert_eq!(left.state, RunState::Open, "{left:?}");
    let House { home, clock, host } = house;
    drop(host);
    let host = started(options(home.path(), &clock), &store).await;
    store.repair();
    clock.set(AT + 20_000);
    host.take_over().await.unwrap();
    let done = host.wait(&agent(), &left.run, PATIENCE).await.unwrap();
    assert_eq!(output(done)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_runs_wait_a_host_goes_on_with_few_at_once() {
    let (house, store) = House::on(&asks_for("increment"), Faulty::new).await;
    let reports = held(&house, 80).await;
    store.let_claims_through(false);
    house.clock.set(TOO_LATE);
    let tenant = named("default");
    loop {
        let pending = store.approvals(&tenant, Some(ApprovalState::Pending));
        if pending.await.unwrap().is_empty() && store.claiming().0 >= 64 {
            break;
        }
    }
    // Time for more to come, if any did.
    for report in &reports {
        store.run(&named("default"), &report.run).await.unwrap();
    }
    store.let_claims_through(true);
    for report in &reports {
        let over = over(&house, &report.run).await;
        assert_eq!(over.state, RunState::Denied, "{over:?}");
    }
    assert_eq!(store.claiming().1, 64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_intent_may_be_recorded_is_open_under_its_name() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    store.lose(Lost::Kept);
    let open = house.host.call(&agent(), increment("n")).await.unwrap();
    assert_eq!(open.state, RunState::Open, "{open:?}");
    assert_eq!(output(over(&house, &open.run).await)["count"], 1);
    store.lose(Lost::NotKept);
    let open = house.host.call(&agent(), increment("m")).await.unwrap();
    assert_eq!(open.state, RunState::Open, "{open:?}");
    let error = house.host.run(&agent(), &open.run).await.unwrap_err();
    assert_eq!(error.kind(), "unknown_run", "{error}");
    assert_eq!(house.kv("m").await, "None");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_that_nothing_happened_where_that_is_not_known() {
    let (house, store) = House::on(&asks_for("increment"), Faulty::new).await;
    store.lose(Lost::Kept);
    let echo = call("hostile", "echo", json!({"value": 1}));
    let error = house.host.call(&agent(), echo).await.unwrap_err();
    assert_eq!(error.kind(), "unsettled");
    assert!(!error.hint().unwrap().contains("nothing was"), "{error}");
    // It may be held.
    store.lose(Lost::Kept);
    let open = house.host.call(&agent(), increment("n")).await.unwrap();
    assert_eq!(open.state, RunState::Open, "{open:?}");
    let held = house.host.run(&agent(), &open.run).await.unwrap();
    assert_eq!(held.state, RunState::Held, "{held:?}");
    // And it may be decided.
    let approval = held.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    store.lose(Lost::Kept);
    let approved = house.host.approve(&mira(), &approval, &card.digest).await;
    let error = approved.unwrap_err();
    assert!(matches!(error, DecideError::Unsettled(_)), "{error}");
    assert!(!error.hint().unwrap().contains("nothing was"), "{error}");
    house.host.take_over().await.unwrap();
    assert_eq!(output(over(&house, &open.run).await)["count"], 1);
}
