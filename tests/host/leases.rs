//! Several hosts on one store.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tollgate_runtime::{Clock as _, Host, HostError, LogFilter, ManualClock, RunState, ToolCall};
use tollgate_store::Store;
use tollgate_tests::named;

use crate::faulty::Faulty;
use crate::house::{House, agent, asks_for, call, copy, database, mira, options, output};

/// Each wait ends with what it waits for; this is for a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(120);

/// Two hosts with a home each, the same keys, the same data and one store.
pub(crate) struct Pair {
    pub(crate) house: House,
    pub(crate) other: Host,
    pub(crate) store: Arc<Faulty>,
    _home: TempDir,
}

/// A home beside another one, as an operator makes it.
fn beside(house: &House) -> TempDir {
    let home = TempDir::new().unwrap();
    for part in ["keys", "cache"] {
        copy(&house.path(part), &home.path().join(part));
    }
    symlink(house.path("data"), home.path().join("data")).unwrap();
    home
}

impl Pair {
    pub(crate) async fn new(more: &str) -> Self {
        let (house, store) = House::on(more, Faulty::new).await;
        let home = beside(&house);
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let other = Host::open_on(options(home.path(), &house.clock), shared).await;
        Self {
            house,
            other: other.unwrap(),
            store,
            _home: home,
        }
    }
}

fn later(clock: &ManualClock, seconds: u64) {
    clock.set(clock.now_ms() + seconds * 1_000);
}

fn insert() -> ToolCall {
    let statement = "INSERT INTO orders (customer, status) VALUES ('new', 'open')";
    call(
        "hostile",
        "try_sql",
        json!({"database": "orders", "execute": true, "statement": statement}),
    )
}

async fn inserted(house: &House) -> Vec<String> {
    house
        .look("SELECT count(*) AS v FROM orders WHERE customer = 'new'")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_at_two_hosts_at_once_is_one_run() {
    let pair = Pair::new("").await;
    for number in 0..5 {
        // A key, because of two that are the same one may be over already.
        let keyed = ToolCall {
            request_key: Some(format!("order-{number}")),
            ..insert()
        };
        let who = agent();
        let (one, two) = tokio::join!(
            pair.house.host.call(&who, keyed.clone()),
            pair.other.call(&who, keyed.clone())
        );
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.run, two.run);
        assert_eq!((one.state, two.state), (RunState::Done, RunState::Done));
        assert_eq!(inserted(&pair.house).await, [(number + 1).to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_held_another_one_carries_out() {
    let pair = Pair::new(&asks_for("try_sql")).await;
    let held = pair.house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!(held.state, RunState::Held);
    let again = pair.other.call(&agent(), insert()).await.unwrap();
    assert_eq!((again.run, again.state), (held.run.clone(), RunState::Held));
    let waiting = {
        let host = pair.house.host.clone();
        let run = held.run.clone();
        tokio::spawn(async move { host.wait(&agent(), &run, PATIENCE).await })
    };
    let approval = held.pending.unwrap().approval;
    let card = pair.other.card(&mira(), &approval).await.unwrap();
    let done = pair.other.approve(&mira(), &approval, &card.digest).await;
    output(done.unwrap());
    // Whoever waits at the first host learns of it there.
    output(waiting.await.unwrap().unwrap());
    assert_eq!(inserted(&pair.house).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_its_host_could_not_carry_out_another_one_does() {
    let pair = Pair::new(&asks_for("try_sql")).await;
    let held = pair.house.host.call(&agent(), insert()).await.unwrap();
    let approval = held.pending.unwrap().approval;
    let card = pair.house.host.card(&mira(), &approval).await.unwrap();
    // The decision is the last thing that is recorded, and its host is gone then.
    pair.store.allow(1);
    let approved = pair
        .house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await;
    assert_eq!(approved.unwrap_err().kind(), "decided_not_done");
    let Pair {
        house,
        other,
        store,
        _home,
    } = pair;
    let House { home, clock, host } = house;
    drop(host);
    store.repair();
    later(&clock, 20);
    other.take_over().await.unwrap();
    let done = other.wait(&agent(), &held.run, PATIENCE).await.unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    drop((home, _home));
}

/// The first host stops in the middle of a write, longer than its lease; another
/// one takes the run over; the first one wakes.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_wakes_after_its_lease_records_nothing_of_what_it_lost() {
    let pair = Pair::new("").await;
    let mut lock = database(&pair.house.path("data/orders.db")).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let calling = {
        let host = pair.house.host.clone();
        tokio::spawn(async move { host.call(&agent(), insert()).await })
    };
    let run = loop {
        let lines = pair
            .house
            .host
            .log(&named("default"), LogFilter::default())
            .await;
        let intent = lines
            .unwrap()
            .into_iter()
            .find(|line| line.stage == "call.intent");
        match intent {
            Some(line) => break line,
            None => tokio::task::yield_now().await,
        }
    };
    let (intent, run) = (run.facts.clone(), run.run.unwrap());
    let end_of_lease = pair.house.clock.now_ms() + 15_000;
    assert!(intent["send_by"].as_u64().unwrap() <= end_of_lease);
    // While the lease lasts nobody takes the run.
    pair.other.take_over().await.unwrap();
    let still = pair.other.run(&agent(), &run).await.unwrap();
    assert_eq!(still.state, RunState::Open);
    later(&pair.house.clock, 16);
    pair.other.take_over().await.unwrap();
    let doubt = pair.other.wait(&agent(), &run, PATIENCE).await.unwrap();
    assert_eq!(doubt.state, RunState::InDoubt);
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    let late = calling.await.unwrap().unwrap();
    assert_eq!((late.run, late.state), (run.clone(), RunState::InDoubt));
    let stages = pair.house.stages(&run).await;
    assert!(!stages.contains(&"call.outcome".to_owned()), "{stages:?}");
    assert!(!stages.contains(&"run.closed".to_owned()), "{stages:?}");
    assert_eq!(inserted(&pair.house).await, ["1"]);
    let verified = pair.other.verify(&named("default")).await.unwrap();
    assert_eq!(verified.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_key_finds_its_run_for_a_day_after_the_end() {
    let pair = Pair::new("").await;
    let keyed = ToolCall {
        request_key: Some("refund-1".to_owned()),
        ..insert()
    };
    let first = pair.house.host.call(&agent(), keyed.clone()).await.unwrap();
    assert_eq!(first.state, RunState::Done);
    let again = pair.other.call(&agent(), keyed.clone()).await.unwrap();
    assert_eq!((&again.run, again.output), (&first.run, first.output));
    let reused = ToolCall {
        input: json!({"database": "orders", "statement": "SELECT 1"}),
        ..keyed.clone()
    };
    let error = pair.other.call(&agent(), reused).await.unwrap_err();
    assert_eq!(error.kind(), "key_reused");
    later(&pair.house.clock, 25 * 60 * 60);
    let later = pair.other.call(&agent(), keyed).await.unwrap();
    assert_ne!(later.run, first.run);
    assert_eq!(inserted(&pair.house).await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_other_keys_is_refused_before_it_writes() {
    let pair = Pair::new("").await;
    let home = TempDir::new().unwrap();
    let shared = Arc::clone(&pair.store) as Arc<dyn Store>;
    let refused = Host::open_on(options(home.path(), &pair.house.clock), shared).await;
    let error = match refused {
        Ok(_) => panic!("it was let in"),
        Err(error) => error,
    };
    assert!(matches!(error, HostError::OtherKeyRing { .. }), "{error}");
    assert!(error.to_string().contains("keys"), "{error}");
}
