//! What may happen over time, whoever asks and however often.

use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_runtime::{Clock as _, RunReport, RunState, ToolCall};
use tollgate_tests::named;

use crate::house::{BOSS, House, agent, call, failure, mira, output};
use crate::leases::Pair;

fn budget(rest: &str) -> String {
    format!("[[budget]]\nname = \"b\"\n{rest}\n{BOSS}")
}

fn hours_later(house: &House, hours: u64) {
    house.clock.set(house.clock.now_ms() + hours * 3_600_000);
}

async fn set(house: &House, key: &str) -> bool {
    let input = json!({"verb": "set", "store": "scratch", "key": key, "value": "v"});
    let answer = house.done("try_kv", input).await;
    if answer["done"] == true {
        return true;
    }
    let said = answer["answer"].as_str().unwrap();
    assert!(said.contains("the budget `b` has no room"), "{said}");
    false
}

const THREE_A_DAY: &str =
    "call = \"kv.set\"\nper = \"tenant\"\nover = \"24h\"\ncount = 3\nthen = \"deny\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_counts_over_a_time_across_runs_and_restarts() {
    let house = House::hostile("", &budget(THREE_A_DAY)).await;
    for key in ["a", "b"] {
        assert!(set(&house, key).await);
        hours_later(&house, 1);
    }
    // Another call than the counted one takes nothing.
    assert_eq!(house.kv("a").await.get(..4), Some("Some"));
    let house = house.restart().await;
    assert!(set(&house, "c").await);
    assert!(!set(&house, "d").await);
    assert_eq!(house.kv("d").await, "None");
    hours_later(&house, 22);
    assert!(set(&house, "e").await, "the first one is a day ago");
    assert!(!set(&house, "f").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_do_not_share_what_is_left() {
    let house = Arc::new(House::hostile("", &budget(THREE_A_DAY)).await);
    let calls = (0..8).map(|n| {
        let house = Arc::clone(&house);
        tokio::spawn(async move { set(&house, &format!("k{n}")).await })
    });
    let mut done = 0;
    for call in calls.collect::<Vec<_>>() {
        done += usize::from(call.await.unwrap());
    }
    assert_eq!(done, 3);
}

/// The attack: the same payment to two hosts at once. Both have counted, and found room
/// for one, before either has taken.
#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_that_counted_the_same_do_not_both_take_the_last() {
    for (then, second) in [
        ("\"deny\"", RunState::Done),
        ("{ require = \"boss\" }", RunState::Held),
    ] {
        let rows = format!(
            "call = \"kv.set\"\nper = \"tenant\"\nover = \"24h\"\ncount = 1\nthen = {then}"
        );
        let pair = Pair::new(&budget(&rows)).await;
        let set = |key: &str| {
            let input = json!({"verb": "set", "store": "scratch", "key": key, "value": "v"});
            call("hostile", "try_kv", input)
        };
        pair.store.let_uses_through(false);
        let who = agent();
        let both = async {
            tokio::join!(
                pair.house.host.call(&who, set("one")),
                pair.other.call(&who, set("two"))
            )
        };
        let release = async {
            pair.store.are_used(2).await;
            pair.store.let_uses_through(true);
        };
        let ((one, two), ()) = tokio::join!(both, release);
        let mut done = 0;
        for report in [one.unwrap(), two.unwrap()] {
            match report.state {
                RunState::Done if output(report.clone())["done"] == true => done += 1,
                state => assert_eq!(state, second, "{report:?}"),
            }
        }
        assert_eq!(done, 1, "{then}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_charges_nothing() {
    let house = House::hostile("", &budget(THREE_A_DAY)).await;
    let input = json!({"verb": "set", "store": "scratch", "key": "a", "value": "v"});
    let report = house.call("try_kv", input).await;
    for _ in 0..4 {
        let replay = house
            .host
            .replay(&named("default"), &report.run)
            .await
            .unwrap();
        assert!(replay.identical, "{:?}", replay.difference);
    }
    assert!(set(&house, "b").await);
    assert!(set(&house, "c").await);
    assert!(!set(&house, "d").await);
}

/// One statement with an amount as its first parameter.
async fn pay(house: &House, amount: &str) -> RunReport {
    let input = json!({"database": "orders", "execute": true, "parameters": [amount],
        "statement": "UPDATE orders SET status = ? WHERE id = 1"});
    house.call("try_sql", input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sum_that_is_used_up_needs_a_person_and_counts_what_that_lets_pass() {
    let rows = budget(
        "call = \"sql.execute\"\nper = \"tenant\"\nover = \"24h\"\nsum = { field = \"args.parameters.0\", max = \"100.00\" }\nthen = { require = \"boss\" }\nreason = \"a boss looks at the rest\"",
    );
    let house = House::hostile("", &rows).await;
    assert_eq!(pay(&house, "60.50").await.state, RunState::Done);
    assert_eq!(
        pay(&house, "39.50").await.state,
        RunState::Done,
        "to the cent"
    );
    let held = pay(&house, "0.01").await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    let id = held.pending.as_ref().unwrap().approval.clone();
    let card = house.host.card(&mira(), &id).await.unwrap();
    assert_eq!(card.rule, "b");
    assert_eq!(
        card.rule_reason.as_deref(),
        Some("a boss looks at the rest")
    );
    let done = house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    hours_later(&house, 25);
    assert_eq!(pay(&house, "much").await.state, RunState::Held, "unknown");
    assert_eq!(pay(&house, "-5").await.state, RunState::Held, "negative");
    assert_eq!(pay(&house, "100").await.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_s_own_calls_count_at_once() {
    let rows = budget("call = \"kv.set\"\nper = \"run\"\ncount = 1\nthen = \"deny\"");
    let house = House::hostile("", &rows).await;
    let note = json!({"key": "k", "path": "p.txt", "text": "x"});
    let report = house.call("write_twice", note).await;
    assert_ne!(report.state, RunState::Done, "{report:?}");
    assert!(failure(&report).1.contains("no room"), "{report:?}");
    let seen = house.kv("k").await;
    let first: Vec<u8> = b"first x".to_vec();
    assert!(seen.contains(&format!("{first:?}")), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_of_a_tool_counts_runs_of_its_case() {
    let rows = budget("tool = \"write_twice\"\nper = \"case\"\ncount = 1\nthen = \"deny\"");
    let house = House::hostile("", &rows).await;
    let twice = async |case: &str, text: &str| -> RunReport {
        let input: Value = json!({"key": "k", "path": "p.txt", "text": text});
        let call = ToolCall {
            case: Some(case.to_owned()),
            ..call("hostile", "write_twice", input)
        };
        house.host.call(&agent(), call).await.unwrap()
    };
    assert_eq!(
        output(twice("c-1", "a").await)["count"],
        2,
        "one run, two writes"
    );
    assert_ne!(twice("c-1", "b").await.state, RunState::Done);
    assert_eq!(output(twice("c-2", "c").await)["count"], 2);
}

/// Values of customers stand in no open fact, only keyed hashes of them.
#[tokio::test(flavor = "multi_thread")]
async fn different_values_are_counted_without_being_written_down() {
    let rows = budget(
        "call = \"kv.set\"\nper = \"case\"\ndistinct = { field = \"args.key\", max = 2 }\nthen = \"deny\"",
    );
    let house = House::hostile("", &rows).await;
    let mut runs = Vec::new();
    for (key, state) in [
        ("ada@x.example", true),
        ("bob", true),
        ("ada@x.example", true),
        ("cy", false),
    ] {
        let input =
            json!({"verb": "set", "store": "scratch", "key": key, "value": runs.len().to_string()});
        let call = ToolCall {
            case: Some("c-1".to_owned()),
            ..call("hostile", "try_kv", input)
        };
        let report = house.host.call(&agent(), call).await.unwrap();
        runs.push(report.run.clone());
        assert_eq!(output(report)["done"], state, "{key}");
    }
    for line in house.log(&runs[0]).await {
        let facts = serde_json::to_value(&line).unwrap()["facts"].to_string();
        assert!(!facts.contains("ada"), "{facts}");
    }
}
