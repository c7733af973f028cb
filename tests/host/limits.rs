//! A guest that takes too much of something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tollgate_runtime::{RunState, ToolCall};
use tollgate_tests::named;

use crate::house::{House, agent, call, failure, hostile_manifest, output};
use crate::raw;

/// Limits that are quickly reached.
const TIGHT: &str = r#"
fuel = 60_000_000
memory = "16MiB"
host_call_bytes = "64KiB"
output_bytes = "64KiB"
calls = 40
log_lines = 10
"#;

async fn ends(house: &House, tool: &str, input: Value, kind: &str, words: &str) -> String {
    let report = house.call(tool, input).await;
    let (found, message) = failure(&report);
    assert_eq!(found, kind, "{tool}: {message}");
    assert!(message.contains(words), "{tool}: {message}");
    assert_eq!(
        house.stages(&report.run).await.last().unwrap(),
        "run.closed",
        "{tool}"
    );
    house.answers().await;
    report.run
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_greed_ends_at_its_own_limit_and_the_host_goes_on() {
    let house = House::hostile(TIGHT, "").await;
    let limit = |name: &str| format!("`{name}`");
    ends(&house, "spin", json!({}), "limited", &limit("fuel")).await;
    ends(
        &house,
        "spin_in_calls",
        json!({}),
        "limited",
        &limit("calls"),
    )
    .await;
    ends(
        &house,
        "memory_bomb",
        json!({"amount": 4000}),
        "limited",
        &limit("memory"),
    )
    .await;
    // A frame of this guest lies in its memory, and leaves it before the engine's
    // own stack ends.
    let deep = json!({"amount": 10_000_000});
    ends(
        &house,
        "stack_bomb",
        deep,
        "connector_fault",
        "out of bounds",
    )
    .await;
    ends(
        &house,
        "string_bomb",
        json!({"amount": 200_000}),
        "limited",
        &limit("host_call_bytes"),
    )
    .await;
    ends(
        &house,
        "call_flood",
        json!({"amount": 1000}),
        "limited",
        &limit("calls"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_over_its_limit_never_reaches_the_caller() {
    let house = House::hostile(TIGHT, "").await;
    for amount in [65_537_u64, 5_000_000] {
        let report = house.call("output_bomb", json!({"amount": amount})).await;
        let (kind, message) = failure(&report);
        assert!(
            ["connector_fault", "limited"].contains(&kind.as_str()),
            "{kind}: {message}"
        );
        assert!(report.output.is_none());
    }
    house.answers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_within_the_limit_is_given_and_comes_back_clean() {
    let house = House::hostile(TIGHT, "").await;
    for _ in 0..5 {
        let done = house.done("memory_bomb", json!({"amount": 8})).await;
        assert_eq!(done["text"], "8 MiB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_lines_beyond_the_budget_are_dropped_and_the_guest_goes_on() {
    let house = House::hostile(TIGHT, "").await;
    let report = house.call("log_flood", json!({"amount": 30})).await;
    let lines = house.log(&report.run).await;
    assert_eq!(output(report)["text"], "all written");
    let of = |stage: &str| lines.iter().filter(|line| line.stage == stage).count();
    assert_eq!((of("call.outcome"), of("limit.hit")), (10, 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_may_make_as_many_calls_as_its_limit_says() {
    let house = House::hostile("", "").await;
    let report = house.call("call_flood", json!({"amount": 1000})).await;
    assert_eq!(house.log(&report.run).await.len(), 1002);
    assert_eq!(output(report)["text"], "all answered");
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_goes_on_calling_past_every_limit_cannot_fill_the_journal() {
    let house = House::hostile("", "").await;
    let run = ends(
        &house,
        "spin_in_calls",
        json!({}),
        "limited",
        "`calls` of 1000",
    )
    .await;
    let records = house.log(&run).await.len();
    assert!((1000..1200).contains(&records), "{records}");
}

#[tokio::test(flavor = "multi_thread")]
async fn last_words_and_place_of_a_panic_reach_caller_and_journal() {
    let house = House::hostile(TIGHT, "").await;
    let words = json!({"message": "the till is empty"});
    let run = ends(
        &house,
        "panics",
        words,
        "connector_fault",
        "the till is empty at ",
    )
    .await;
    let lines = house.log(&run).await;
    let panic = lines
        .iter()
        .find(|line| line.facts["call"] == "log.panic")
        .unwrap();
    assert_eq!(panic.values["arguments"]["message"], "the till is empty");
    let place = panic.values["arguments"]["place"].as_str().unwrap();
    assert!(place.contains("bombs.rs:"), "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn traps_and_broken_outputs_are_the_connector_s_fault() {
    let house = House::hostile("", "").await;
    ends(&house, "traps", json!({}), "connector_fault", "unreachable").await;
    ends(&house, "bad_json", json!({}), "connector_fault", "no JSON").await;
    ends(
        &house,
        "bad_shape",
        json!({}),
        "connector_fault",
        "does not fit its schema",
    )
    .await;
    ends(&house, "deep_json", json!({}), "connector_fault", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_reorders_itself_stays_one_value_everywhere() {
    let house = House::hostile("", "").await;
    let report = house.call("trojan_text", json!({})).await;
    let lines = house.log(&report.run).await;
    let text = output(report)["text"].as_str().unwrap().to_owned();
    assert!(text.contains('\u{202e}') && text.contains("\r\n"));
    let logged = lines
        .iter()
        .find(|line| line.facts["call"] == "log.emit")
        .unwrap();
    assert_eq!(logged.values["arguments"]["message"], text.as_str());
    // As JSON, no control character is left that a terminal would act on.
    let shown = serde_json::to_string(&lines).unwrap();
    assert!(
        !shown.contains(['\u{1b}', '\r', '\n', '\0', '\u{7}']),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deep_and_inexact_input_is_refused_before_a_guest_starts() {
    let house = House::hostile("input_bytes = \"1KiB\"", "").await;
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let refused = [
        (json!({"value": deep}), "deep"),
        (json!({"value": 9_007_199_254_740_993_u64}), "string"),
        (json!({"value": "x".repeat(2000)}), "limit is 1024"),
        (json!({}), "schema"),
        (json!("no object"), "schema"),
    ];
    for (input, words) in refused {
        let error = house
            .host
            .call(&agent(), call("hostile", "echo", input))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "invalid_input", "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    house.answers().await;
}

/// A hundred endless loops, and ordinary calls meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_endless_loops_do_not_keep_ordinary_calls_waiting() {
    let house = Arc::new(House::new().await);
    let slow = "fuel = 600_000_000\ndeadline = \"10m\"";
    house
        .install(&hostile_manifest(slow, ""), &crate::house::hostile())
        .await;
    let ended = Arc::new(AtomicUsize::new(0));
    let mut spinners = Vec::new();
    for number in 0..100 {
        let (house, ended) = (Arc::clone(&house), Arc::clone(&ended));
        spinners.push(tokio::spawn(async move {
            let spin = ToolCall {
                request_key: Some(format!("spinner-{number}")),
                ..call("hostile", "spin", json!({}))
            };
            let report = house.host.call(&agent(), spin).await.unwrap();
            ended.fetch_add(1, Ordering::SeqCst);
            report
        }));
    }
    for number in 0..50 {
        let echo = house.done("echo", json!({"value": number})).await;
        assert_eq!(echo["value"], number);
    }
    // Had the calls queued behind the loops, all of these would be over.
    let over = ended.load(Ordering::SeqCst);
    assert!(
        over < 50,
        "{over} loops ended before 50 calls were answered"
    );
    for spinner in spinners {
        let report = spinner.await.unwrap();
        assert_eq!(report.state, RunState::Failed);
        assert!(failure(&report).1.contains("`fuel` of 600000000"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_that_no_compiler_makes_end_at_their_limits_too() {
    let house = House::hostile("", "").await;
    let table = "(table $t 1 funcref)";
    for (what, body, more, limits, words) in [
        (
            "a table",
            "ref.null func i32.const 30000 table.grow $t drop",
            table,
            "table_elements = 20_000",
            "`table_elements` of 20000",
        ),
        (
            "a table beyond the pool",
            "ref.null func i32.const 1000000000 table.grow $t drop",
            table,
            "",
            "limit",
        ),
        (
            "pages",
            "i32.const 5000 memory.grow drop",
            "",
            "memory = \"1MiB\"",
            "`memory` of 1048576",
        ),
        (
            "calls into itself",
            "call $deeper",
            "(func $deeper call $deeper)",
            "",
            "`stack`",
        ),
        (
            "a loop of nothing",
            "loop br 0 end",
            "",
            "fuel = 1_000_000",
            "`fuel` of 1000000",
        ),
        (
            "a bulk fill",
            "loop i32.const 4096 i32.const 0 i32.const 60000 memory.fill br 0 end",
            "",
            "fuel = 1_000_000",
            "`fuel`",
        ),
    ] {
        let bytes = raw::component(body, more);
        raw::install(&house, &bytes, limits)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let report = house.call_of("raw", "bomb", json!({})).await;
        let (kind, message) = failure(&report);
        assert_eq!(kind, "limited", "{what}: {message}");
        assert!(message.contains(words), "{what}: {message}");
        house.answers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_takes_too_much_before_its_first_call_is_not_installed() {
    let house = House::hostile("", "").await;
    for (what, more) in [
        ("a start that loops", "(func $s loop br 0 end) (start $s)"),
        ("a start that calls itself", "(func $s call $s) (start $s)"),
        ("a table too large", "(table 100000000 funcref)"),
        ("a memory too large", "(memory $huge 60000)"),
    ] {
        let bytes = raw::component("", more);
        let error = raw::install(&house, &bytes, "").await.expect_err(what);
        assert!(!error.to_string().is_empty(), "{what}");
        house.answers().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_and_records_have_their_limits_too() {
    let house = House::hostile("reply_bytes = \"1KiB\"\njournal_bytes = \"8KiB\"", "").await;
    let large = "x".repeat(4_000);
    house
        .sql(&format!(
            "UPDATE orders SET status = '{large}' WHERE id = 1"
        ))
        .await;
    let ask = |id: u64| {
        let statement = format!("SELECT status FROM orders WHERE id = {id}");
        json!({"database": "orders", "statement": statement})
    };
    let found = house.done("try_sql", ask(2)).await;
    assert_eq!(found["done"], true);
    let refused = house.done("try_sql", ask(1)).await;
    assert!(
        refused["answer"].as_str().unwrap().contains("reply_bytes"),
        "{refused}"
    );
    let report = house.call("call_flood", json!({"amount": 1000})).await;
    let (kind, message) = failure(&report);
    assert_eq!(kind, "limited");
    assert!(message.contains("`journal_bytes`"), "{message}");
}
