//! A write whose intent is recorded and whose outcome is not.

use std::time::Duration;

use serde_json::json;
use tollgate_runtime::{RunReport, RunState};

use super::{ROWS, Station};
use crate::faulty::Faulty;
use crate::house::{agent, call};

/// A write that happens, and whose outcome is not recorded; what becomes of it,
/// after this, once the records go through again.
async fn settled(statement: &str, meanwhile: &str) -> Option<(RunReport, Vec<String>)> {
    let Station { house, url } = Station::new("", "", "").await?;
    let (house, store) = house.onto(Faulty::new).await;
    let station = Station { house, url };
    station.house.answers().await;
    store.allow_records(1);
    let input = json!({"database": "orders", "execute": true, "statement": statement});
    let input = call("hostile", "try_sql", input);
    let report = station.house.host.call(&agent(), input).await.unwrap();
    assert_eq!(report.state, RunState::Open, "{report:?}");
    station.sql(meanwhile).await;
    store.repair();
    station.house.host.expire_due().await.unwrap();
    let patience = Duration::from_secs(20);
    let report = station
        .house
        .host
        .wait(&agent(), &report.run, patience)
        .await;
    Some((report.unwrap(), station.look(ROWS).await))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_happened_is_not_made_again() {
    let statement = "UPDATE orders SET status = status || '!' WHERE id = 1";
    let Some((report, rows)) = settled(statement, "SELECT 1").await else {
        return;
    };
    // What is there is neither what was there nor known to be ours.
    assert_eq!(report.state, RunState::InDoubt, "{report:?}");
    assert_eq!(rows[0], "(1,ada,open!,internal-1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_not_there_is_made_once() {
    // Somebody has put the row back: the condition holds again.
    let meanwhile = "UPDATE orders SET status = 'open' WHERE id = 1";
    let statement = "UPDATE orders SET status = 'paid' WHERE id = 1";
    let Some((report, rows)) = settled(statement, meanwhile).await else {
        return;
    };
    assert_eq!(report.state, RunState::Done, "{report:?}");
    assert_eq!(rows[0], "(1,ada,paid,internal-1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_is_a_person_s_to_settle() {
    let statement = "INSERT INTO orders (customer) VALUES ('new')";
    let Some((report, rows)) = settled(statement, "SELECT 1").await else {
        return;
    };
    assert_eq!(report.state, RunState::InDoubt, "{report:?}");
    assert_eq!(rows.len(), 4);
}
