//! What nobody waits for and what fails all the same: tasks of the host, and runs that
//! cannot be gone on with.

use std::time::Duration;

use serde_json::json;
use sqlx::AssertSqlSafe;
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{QueueItem, RunState, Tenant};

use super::{STANDING, end, house, of, only};
use crate::house::{AT, House, agent, asks_for, call, database};

const PATIENCE: Duration = Duration::from_secs(120);

async fn damage(house: &House, text: &str) -> u64 {
    let mut store = database(&house.path("tollgate.db")).await;
    let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(&mut store)
        .await
        .unwrap();
    done.rows_affected()
}

/// The first item of this class.
async fn comes(house: &House, class: FailureClass) -> QueueItem {
    loop {
        let items = house.host.queue(&of("operators"), false).await.unwrap();
        if let Some(item) = items.into_iter().find(|item| item.kind == class.as_str()) {
            return item;
        }
        tokio::task::yield_now().await;
    }
}

/// The one item of a task, with the record of its first failure.
async fn only_task(house: &House, task: &str) -> QueueItem {
    let item = only(&house.host, "operators", FailureClass::HostTask).await;
    assert_eq!(item.tool, task, "{item:?}");
    assert!(item.record.is_some() && item.place.is_some(), "{item:?}");
    item
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_that_cannot_be_ended_are_one_item_however_often_they_are_tried() {
    let house = House::hostile("", &asks_for("increment")).await;
    for key in ["a", "b", "c"] {
        house.call("increment", json!({ "key": key })).await;
    }
    let text = "UPDATE approvals SET run = 'nowhere'";
    assert_eq!(damage(&house, text).await, 3);
    let late = AT + 3_600_001;
    house.clock.set(late);
    for _ in 0..3 {
        house.host.expire_due().await.unwrap_err();
    }
    let item = only_task(&house, "end-approval").await;
    assert_eq!(item.times, 1);
    assert!(item.why.contains("nowhere"), "{}", item.why);
    // Counted, and not each time.
    house.clock.set(late + 60_000);
    for _ in 0..3 {
        house.host.expire_due().await.unwrap_err();
    }
    let again = only_task(&house, "end-approval").await;
    assert_eq!((&again.id, again.times), (&item.id, 2));
    assert_eq!(
        house.host.verify(&Tenant::default()).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_cannot_be_loaded_is_somebodys_work() {
    let house = House::hostile("", "").await;
    let text = "UPDATE connectors SET manifest_text = 'no manifest'";
    assert_eq!(damage(&house, text).await, 1);
    let house = house.restart().await;
    let item = only_task(&house, "load-connector").await;
    assert!(item.why.contains("hostile"), "{}", item.why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_cannot_be_tried_is_somebodys_work() {
    let (house, _desk) = house(&format!("attempts = 1\n{STANDING}")).await;
    end(&house, "failed").await;
    let text = "UPDATE deliveries SET item = 'nothing', state = 'pending', due_ms = 0, \
                claimed_by = NULL, claimed_until_ms = 0";
    assert_eq!(damage(&house, text).await, 1);
    house.host.deliver_due().await.unwrap();
    let item = comes(&house, FailureClass::HostTask).await;
    assert_eq!(item.tool, "deliver");
    assert!(item.why.contains("nothing"), "{}", item.why);
}

/// It is tried again and again without a word, unless somebody is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_gone_on_with_is_told_of_once_and_goes_on_when_it_can() {
    let house = House::hostile("", &asks_for("increment")).await;
    let held = house.call("increment", json!({"key": "n"})).await;
    let text = "UPDATE components SET digest = 'gone-' || digest";
    assert!(damage(&house, text).await > 0);
    // Native code may be in the cache; the component itself is asked for.
    let house = house
        .reopened(|options| options.lease = Duration::from_millis(300))
        .await;
    // Nobody decides: the run is to go on with that.
    house.clock.set(AT + 3_600_001);
    house.host.expire_due().await.unwrap_err();
    let item = comes(&house, FailureClass::ConnectorFault).await;
    assert_eq!((&item.run, &*item.tool), (&held.run, "increment"));
    assert!(item.why.contains("cannot be gone on with"), "{}", item.why);
    let told = house.log(&held.run).await.into_iter();
    let told = told.filter(|line| line.facts["item"] == *item.id);
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (Some(told[0].seq), &*told[0].stage),
        (item.place, "handoff")
    );
    // More tries are counted in the same item.
    loop {
        let items = house.host.queue(&of("operators"), false).await.unwrap();
        let stuck: Vec<_> = items.iter().filter(|one| one.run == held.run).collect();
        assert_eq!(stuck.len(), 1, "{stuck:?}");
        if stuck[0].times > 1 {
            break;
        }
        tokio::task::yield_now().await;
    }
    damage(&house, "UPDATE components SET digest = substr(digest, 6)").await;
    let done = house.host.wait(&agent(), &held.run, PATIENCE).await;
    assert_eq!(done.unwrap().state, RunState::Denied);
    assert_eq!(
        house.host.verify(&Tenant::default()).await.unwrap().problem,
        None
    );
}

/// The attack: a damaged record takes its item out of everybody's sight.
#[tokio::test(flavor = "multi_thread")]
async fn an_item_whose_records_cannot_be_read_is_still_there() {
    let house = House::hostile("", "").await;
    let input = json!({"message": "no"});
    let panics = call("hostile", "panics", input);
    let run = house.host.call(&agent(), panics).await.unwrap().run;
    let text = format!("UPDATE records SET leaf = x'00' WHERE run = '{run}'");
    assert!(damage(&house, &text).await > 0);
    let item = comes(&house, FailureClass::ConnectorFault).await;
    assert_eq!(item.run, run);
    assert!(item.why.contains("cannot be read"), "{}", item.why);
}
