//! Taking back, step by step: what a plan says, on what terms, how far it comes, and
//! where it goes on.

mod again;
mod fields;
mod interleaving;
mod plan;
mod terms;

use serde_json::{Value, json};
use tollgate_runtime::{RunReport, UndoOptions, UndoReport};

use crate::house::{House, agent, output};

pub(crate) async fn planned(house: &House, run: &str, fields: bool) -> UndoReport {
    let options = UndoOptions { plan: true, fields };
    house.host.undo_with(&agent(), run, options).await.unwrap()
}

pub(crate) async fn undo(house: &House, run: &str) -> UndoReport {
    house.host.undo(&agent(), run, false).await.unwrap()
}

pub(crate) async fn undo_fields(house: &House, run: &str) -> UndoReport {
    let options = UndoOptions {
        plan: false,
        fields: true,
    };
    house.host.undo_with(&agent(), run, options).await.unwrap()
}

/// What became of each call, last first.
pub(crate) fn outcomes(report: &UndoReport) -> Vec<&str> {
    let steps = report.steps.iter();
    steps.map(|step| step.outcome.as_str()).collect()
}

/// A run with one write to a key, one to a file and one to a row, in this order.
pub(crate) async fn three(house: &House) -> RunReport {
    several(
        house,
        json!([
            {"key": "n", "text": "ours"},
            {"path": "n.txt", "text": "ours"},
            {"statement": "UPDATE orders SET status = 'paid' WHERE id = 1"},
        ]),
    )
    .await
}

pub(crate) async fn several(house: &House, writes: Value) -> RunReport {
    let report = house.call("several", json!({"writes": writes})).await;
    output(report.clone());
    report
}

/// Another run's edit of a key: nobody but runs writes to a store.
pub(crate) async fn edit_key(house: &House, key: &str, value: &str) {
    let input = json!({"verb": "set", "store": "scratch", "key": key, "value": value});
    house.done("try_kv", input).await;
}

pub(crate) async fn status(house: &House) -> String {
    house
        .look("SELECT status AS v FROM orders WHERE id = 1")
        .await
        .remove(0)
}
