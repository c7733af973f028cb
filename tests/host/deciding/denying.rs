//! A no stands: for the same case, tool and input, in new runs too.

use serde_json::json;
use tollgate_runtime::{DecideError, RunReport, RunState, ToolCall};

use super::{asks, card, effects, held, on_each_store, person, yes};
use crate::house::{AT, House, agent, call, failure, principal};

const DAY: u64 = 24 * 3_600_000;

async fn ask(house: &House, who: &str, key: &str, case: Option<&str>) -> RunReport {
    let asked = ToolCall {
        case: case.map(str::to_owned),
        // Another request each time: none is the repetition of another.
        request_key: Some(format!("{who}-{key}-{}", case.unwrap_or_default())),
        ..call("hostile", "increment", json!({"key": key}))
    };
    let who = principal(who, tollgate_runtime::PrincipalKind::Agent, &[]);
    house.host.call(&who, asked).await.unwrap()
}

async fn deny(house: &House, report: &RunReport, reason: &str) {
    let shown = card(house, report).await;
    let denied = house
        .host
        .deny(&person("mira"), &shown.approval, &shown.digest, reason)
        .await
        .unwrap();
    assert_eq!(denied.state, RunState::Denied);
}

async fn nobody_is_asked_again_for_the_same(house: House) {
    let first = ask(&house, "agent-7", "n", Some("case-1")).await;
    deny(&house, &first, "the order was never paid").await;
    for who in ["agent-7b", "agent-8"] {
        let again = ask(&house, who, "n", Some("case-1")).await;
        assert_eq!(again.state, RunState::Denied, "{again:?}");
        let (kind, message) = failure(&again);
        assert_eq!(kind, "rejected");
        for told in [
            "mira",
            "the order was never paid",
            &first.run,
            "until 2027-01-16",
        ] {
            assert!(message.contains(told), "{told} in {message}");
        }
        let stages = house.stages(&again.run).await;
        assert_eq!(
            stages,
            ["run.opened", "call.outcome", "call.denied", "run.closed"]
        );
    }
    assert!(
        house
            .host
            .cards(&person("mira"), false)
            .await
            .unwrap()
            .is_empty()
    );
    // Another input, another case: another question.
    ask(&house, "agent-7", "m", Some("case-1"))
        .await
        .pending
        .unwrap();
    ask(&house, "agent-7", "n", Some("case-2"))
        .await
        .pending
        .unwrap();
    house.clock.set(AT + DAY + 1);
    let later = ask(&house, "agent-9", "n", Some("case-1")).await;
    assert_eq!(later.state, RunState::Held, "{later:?}");
    assert_eq!(effects(&house, "n").await, 0);
}

/// The attack: no case at all, so that every call has a new one.
async fn a_call_without_a_case_does_not_escape_it(house: House) {
    let first = ask(&house, "agent-7", "n", None).await;
    deny(&house, &first, "no").await;
    let again = ask(&house, "agent-8", "n", None).await;
    assert_eq!(again.state, RunState::Denied, "{again:?}");
}

/// The attack: ask twice, be denied once, and find another approver for the other.
async fn a_no_counts_for_what_is_held_already(house: House) {
    let first = ask(&house, "agent-7", "n", None).await;
    let second = ask(&house, "agent-8", "n", None).await;
    let shown = card(&house, &second).await;
    deny(&house, &first, "no").await;
    let no = yes(&house, "noor", &shown).await.unwrap_err();
    assert!(
        matches!(&no, DecideError::DeniedBefore { by, run, .. } if by == "mira" && *run == first.run),
        "{no}"
    );
    assert!(no.hint().is_some());
    deny(&house, &second, "no").await;
    assert_eq!(effects(&house, "n").await, 0);
}

async fn an_agent_that_asks_in_a_loop_is_answered_without_anybody(house: House) {
    let (first, _) = held(&house, "n").await;
    deny(&house, &first, "no").await;
    for _ in 0..20 {
        let again = house.call("increment", json!({"key": "n"})).await;
        assert_eq!(failure(&again).0, "rejected");
    }
    let all = house.host.cards(&person("mira"), true).await.unwrap();
    assert_eq!(all.len(), 1);
    let seen = house.host.run(&agent(), &first.run).await.unwrap();
    assert_eq!(seen.state, RunState::Denied);
}

on_each_store! {
    "increment", "";
    nobody_is_asked_again_for_the_same,
    a_call_without_a_case_does_not_escape_it,
    a_no_counts_for_what_is_held_already,
    an_agent_that_asks_in_a_loop_is_answered_without_anybody,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_says_how_long_a_no_stands() {
    let house = House::hostile("", &asks("increment", "deny_stands = \"30d\"")).await;
    let first = ask(&house, "agent-7", "n", Some("case-1")).await;
    deny(&house, &first, "no").await;
    house.clock.set(AT + 30 * DAY);
    let again = ask(&house, "agent-8", "n", Some("case-1")).await;
    assert_eq!(again.state, RunState::Denied);
    house.clock.set(AT + 30 * DAY + 1);
    let again = ask(&house, "agent-9", "n", Some("case-1")).await;
    assert_eq!(again.state, RunState::Held);
}
