//! One decision over many, and exceptions with their reasons.

use std::collections::BTreeMap;

use serde_json::json;
use tollgate_runtime::{
    Batch, BatchDecision, BatchFilter, DecideError, LogFilter, PrincipalKind, RunState,
};
use tollgate_tests::named;

use super::{card, effects, held, on_each_store, person, yes};
use crate::house::{House, principal};

fn filter() -> BatchFilter {
    BatchFilter {
        approval: "boss".to_owned(),
        sum: Some("input.key".to_owned()),
        items: None,
    }
}

fn decision(batch: &Batch) -> BatchDecision {
    BatchDecision {
        approval: batch.approval.clone(),
        sum: batch.sum.as_ref().map(|sum| sum.field.clone()),
        items: batch
            .items
            .iter()
            .map(|card| card.approval.clone())
            .collect(),
        digest: batch.digest.clone(),
        veto: BTreeMap::new(),
        reason: None,
        signatures: BTreeMap::new(),
    }
}

async fn many_are_decided_on_at_once_and_each_by_itself(house: House) {
    for key in ["a", "b", "c"] {
        held(&house, key).await;
    }
    let batch = house.host.batch(&person("mira"), &filter()).await.unwrap();
    assert_eq!(batch.items.len(), 3);
    let sum = batch.sum.as_ref().unwrap();
    assert_eq!(
        (sum.total.as_str(), sum.without),
        ("0", 3),
        "texts are no numbers"
    );
    let vetoed = batch.items[1].approval.clone();
    // Somebody else is faster with one of them.
    house
        .host
        .deny(
            &person("noor"),
            &batch.items[2].approval,
            &batch.items[2].digest,
            "no",
        )
        .await
        .unwrap();
    let said = BatchDecision {
        veto: BTreeMap::from([(vetoed, "too much".to_owned())]),
        ..decision(&batch)
    };
    let report = house
        .host
        .decide_batch(&person("mira"), &said)
        .await
        .unwrap();
    let outcomes: Vec<_> = report
        .items
        .iter()
        .map(|item| item.outcome.as_str())
        .collect();
    assert_eq!(outcomes, ["approved", "denied", "refused"]);
    let failed = report.items[2].failure.as_ref().unwrap();
    assert_eq!(failed.kind, "already_decided");
    let states: Vec<_> = report
        .items
        .iter()
        .map(|item| item.run.as_ref().map(|(_, state)| *state))
        .collect();
    assert_eq!(states, [Some(RunState::Done), Some(RunState::Denied), None]);
    for (key, count) in [("a", 1), ("b", 0), ("c", 0)] {
        assert_eq!(effects(&house, key).await, count, "{key}");
    }
    // The decision of each says which batch it was part of.
    let run = &report.items[0].run.as_ref().unwrap().0;
    let log = house.log(run).await;
    let decided = log.iter().find(|line| line.stage == "approval.decided");
    assert_eq!(decided.unwrap().facts["batch"], json!(batch.digest));
}

/// The attack: one more, or another one, slips in between reading and deciding.
async fn another_list_than_the_one_that_was_seen_is_refused(house: House) {
    let mut cards = Vec::new();
    for key in ["a", "b"] {
        cards.push(held(&house, key).await.1);
    }
    let mira = person("mira");
    let batch = house.host.batch(&mira, &filter()).await.unwrap();
    let (_, more) = held(&house, "c").await;
    let slipped = |items: Vec<String>| BatchDecision {
        items,
        ..decision(&batch)
    };
    let ids: Vec<_> = cards.iter().map(|card| card.approval.clone()).collect();
    let reversed = ids.iter().rev().cloned().collect();
    let with = [&ids[..], std::slice::from_ref(&more.approval)].concat();
    for items in [with, reversed, vec![ids[0].clone()], Vec::new()] {
        let no = house.host.decide_batch(&mira, &slipped(items)).await;
        assert!(matches!(no, Err(DecideError::Changed)), "{no:?}");
    }
    let twice = slipped(vec![ids[0].clone(), ids[0].clone()]);
    let stray = BatchDecision {
        veto: BTreeMap::from([(more.approval.clone(), "no".to_owned())]),
        ..decision(&batch)
    };
    for wrong in [twice, stray] {
        let no = house.host.decide_batch(&mira, &wrong).await;
        assert!(matches!(no, Err(DecideError::NoBatch(_))), "{no:?}");
    }
    let silent = BatchDecision {
        veto: BTreeMap::from([(ids[0].clone(), " ".to_owned())]),
        ..decision(&batch)
    };
    let no = house.host.decide_batch(&mira, &silent).await;
    assert!(matches!(no, Err(DecideError::ReasonMissing)), "{no:?}");
    let bot = principal("mira", PrincipalKind::Agent, &["boss"]);
    let no = house.host.decide_batch(&bot, &decision(&batch)).await;
    assert!(matches!(no, Err(DecideError::NotAPerson)), "{no:?}");
    let no = house.host.batch(&bot, &filter()).await;
    assert!(matches!(no, Err(DecideError::NotAPerson)), "{no:?}");
    for key in ["a", "b", "c"] {
        assert_eq!(effects(&house, key).await, 0);
    }
    house
        .host
        .decide_batch(&mira, &decision(&batch))
        .await
        .unwrap();
    assert_eq!(effects(&house, "a").await, 1);
    assert_eq!(effects(&house, "c").await, 0);
}

on_each_store! {
    "increment", "";
    many_are_decided_on_at_once_and_each_by_itself,
    another_list_than_the_one_that_was_seen_is_refused,
}

mod exceptions {
    use super::*;

    async fn an_exception_needs_a_reason_and_is_listed(house: House) {
        let (report, shown) = held(&house, "n").await;
        assert!(shown.exception);
        let no = yes(&house, "mira", &shown).await.unwrap_err();
        assert!(matches!(no, DecideError::ExceptionReasonMissing), "{no}");
        let yes = |reason: &'static str| {
            let (host, shown) = (house.host.clone(), shown.clone());
            async move {
                host.approve_because(
                    &person("mira"),
                    &shown.approval,
                    &shown.digest,
                    Some(reason),
                )
                .await
            }
        };
        let no = yes(" \n").await.unwrap_err();
        assert_eq!(no.kind(), "reason_missing");
        assert_eq!(effects(&house, "n").await, 0);
        let done = yes("the customer waits at the counter").await.unwrap();
        assert_eq!(done.state, RunState::Done);
        let listed = LogFilter {
            stage: Some("exception".to_owned()),
            ..LogFilter::default()
        };
        let listed = house.host.log(&named("default"), listed).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].run.as_ref(), Some(&report.run));
        assert_eq!(listed[0].principal, "mira");
        assert_eq!(listed[0].facts["kind"], "boss");
        assert_eq!(
            listed[0].values["reason"],
            "the customer waits at the counter"
        );
        // Once: the next one is another exception.
        let again = house.call("increment", json!({"key": "n"})).await;
        assert_ne!(card(&house, &again).await.approval, shown.approval);
    }

    async fn a_no_to_an_exception_is_none(house: House) {
        let (_, shown) = held(&house, "n").await;
        let host = &house.host;
        let mira = person("mira");
        let denied = host.deny(&mira, &shown.approval, &shown.digest, "no");
        denied.await.unwrap();
        let listed = LogFilter {
            stage: Some("exception".to_owned()),
            ..LogFilter::default()
        };
        assert!(
            host.log(&named("default"), listed)
                .await
                .unwrap()
                .is_empty()
        );
    }

    on_each_store! {
        "increment", "exception = true";
        an_exception_needs_a_reason_and_is_listed,
        a_no_to_an_exception_is_none,
    }
}
