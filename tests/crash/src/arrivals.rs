//! The promises about what is delivered, held against the ledger: it stands for the
//! place where an owner looks, and tells by item what arrived there.
//!
//! - every run that failed has one item, with the record that tells of it
//! - a delivery that is said to have arrived did, once
//! - one that is a dead letter is visible as such, and arrived at most once
//! - none waits for ever, and nothing arrives that is in no queue

use std::collections::BTreeMap;

use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{ItemDelivery, QueueItem, RunState};

use crate::job::{Answer, Tool};
use crate::judge::{Seen, count};

/// Kinds of effect that a delivery can have, each a delivery of its own.
pub const KINDS: [&str; 4] = ["idempotent", "readable", "conditional", "blind"];

/// The queue of everything but dead letters, and that of those.
const WORK: &str = "work";
const LETTERS: &str = "letters";

/// Settings in which what fails is sent to the ledger in these ways.
#[must_use]
pub fn settings(kinds: &[&str]) -> String {
    let letter = FailureClass::DeliveryFailed;
    let classes = FailureClass::ALL.iter().filter(|class| **class != letter);
    let classes: Vec<String> = classes.map(|class| format!("\"{class}\"")).collect();
    let mut text = format!(
        "[[queue]]\nname = \"{WORK}\"\nowner = \"group:boss\"\nclasses = [{}]\n",
        classes.join(", ")
    );
    for kind in kinds {
        text += &format!(
            "[[queue.delivery]]\nname = \"{kind}\"\nconnector = \"effects\"\ntool = \"make\"\n\
             input = {{ steps = [{{ kind = \"{kind}\", key = \"{kind}:{{id}}\", value = \"{{class}}\" }}] }}\n"
        );
    }
    text + &format!(
        "[[queue]]\nname = \"{LETTERS}\"\nowner = \"group:operators\"\nclasses = [\"{letter}\"]\n"
    )
}

/// Judge what arrived.
pub(crate) fn judge(answer: &Answer, seen: &mut Seen, faults: &mut Vec<String>) {
    filed(answer, faults);
    let mut arrived: BTreeMap<&str, u32> = BTreeMap::new();
    for line in answer.lines.iter().filter(|line| line.effect) {
        if line.key.contains(':') {
            *arrived.entry(&line.key).or_default() += 1;
        }
    }
    for item in &answer.queue {
        for delivery in &item.deliveries {
            let kind = delivery.name.rsplit('/').next().unwrap_or_default();
            let key = format!("{kind}:{}", item.id);
            let times = arrived.remove(key.as_str()).unwrap_or_default();
            count(
                &mut seen.deliveries,
                Some(&format!("{kind} {}", delivery.state)),
            );
            one(answer, item, delivery, times, faults);
        }
    }
    for key in arrived.keys() {
        faults.push(format!("{key} arrived, and is in no queue"));
    }
}

/// Each run that failed is in one queue, once.
fn filed(answer: &Answer, faults: &mut Vec<String>) {
    let failed = answer
        .runs
        .iter()
        .filter(|report| report.tool == Tool::Fail.name() && report.state == RunState::Failed);
    for report in failed {
        let run = &report.run;
        let items: Vec<&QueueItem> = answer
            .queue
            .iter()
            .filter(|item| item.run == *run && item.kind == FailureClass::Failed.as_str())
            .collect();
        if items.len() != 1 {
            faults.push(format!("{run} failed, and has {} items", items.len()));
        }
        let told = |item: &&QueueItem| item.record.is_some() && item.place.is_some();
        if !items.iter().all(told) {
            faults.push(format!("{run} failed, and its item names no record"));
        }
    }
}

fn one(
    answer: &Answer,
    item: &QueueItem,
    delivery: &ItemDelivery,
    times: u32,
    faults: &mut Vec<String>,
) {
    let name = format!("{} to {}", item.id, delivery.name);
    if times > 1 {
        faults.push(format!("{name} arrived {times} times"));
    }
    let recorded = |stage: &str| {
        let lines = answer.log.iter().filter(|line| line.stage == stage);
        lines
            .filter(|line| {
                line.facts["item"] == *item.id && line.facts["delivery"] == *delivery.name
            })
            .count()
    };
    match delivery.state.as_str() {
        "delivered" => {
            if times == 0 {
                faults.push(format!("{name} is said to have arrived, and did not"));
            }
            let records = recorded("queue.delivered");
            if records != 1 {
                faults.push(format!("{name} arrived by {records} records"));
            }
        }
        "dead" => {
            let letter = answer.queue.iter().any(|letter| {
                letter.kind == FailureClass::DeliveryFailed.as_str()
                    && letter.run == item.run
                    && letter.state == "open"
            });
            if !letter || recorded("queue.delivery_failed") == 0 {
                faults.push(format!("{name} is dead, and nobody can see it"));
            }
        }
        state => faults.push(format!("{name} never came to rest: it is {state}")),
    }
}
