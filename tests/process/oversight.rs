//! What an operator sees of a host, on the program itself: the metrics as a collector
//! reads them, and drills that look like any other request until somebody decides.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::openmetrics::Exposition;
use crate::shop::{Open, Shop, approval, http, refund};
use crate::web::{Browser, hidden};

async fn scraped(host: &Open, token: &str) -> Exposition {
    let response = http()
        .get(format!("{}/metrics", host.url))
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    Exposition::read(&response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_reads_the_metrics_and_nobody_else() {
    let shop = Shop::new();
    let collector = shop.register("collector", "service", "metrics");
    let olga = shop.register("olga", "person", "operators");
    let host = shop.open();
    let small = json!({ "connector": "database", "tool": "execute", "input": refund(5_000) });
    let done = host.post(&shop.people.agent, "/v1/calls", &small).await;
    assert_eq!(done.body["state"], "done", "{done:?}");
    let held = host.hold(&shop.people.agent, 12_900).await;
    host.hold(&shop.people.agent, 990_000).await;
    let unknown = json!({ "connector": "database", "tool": "canary-7731", "input": {} });
    host.post(&shop.people.agent, "/v1/calls", &unknown).await;
    let digest = host.card(&shop.people.mira, &held).await["digest"].clone();
    let approve = format!("/v1/approvals/{}/approve", approval(&held));
    let decision = json!({ "digest": digest });
    host.post(&shop.people.mira, &approve, &decision).await;

    let read = scraped(&host, &collector).await;
    let tool = [
        ("tenant", "default"),
        ("connector", "database"),
        ("tool", "execute"),
    ];
    let count = |name: &str, more: &[(&str, &str)]| {
        read.value(name, &[&tool[..1], more].concat())
            .unwrap_or_else(|| panic!("no {name} {more:?} in {read:#?}"))
    };
    for (outcome, executions) in [
        ("done", 2.0),
        ("held", 2.0),
        ("failed", 0.0),
        ("denied", 0.0),
    ] {
        let labels = [tool[1], tool[2], ("outcome", outcome)];
        assert_eq!(
            count("tollgate_calls_total", &labels),
            executions,
            "{outcome}"
        );
    }
    assert_eq!(
        count("tollgate_call_duration_seconds_count", &tool[1..]),
        4.0
    );
    assert!(count("tollgate_guest_fuel_used_total", &tool[1..]) > 0.0);
    let decided = [("approval", "finance"), ("decision", "approved")];
    assert_eq!(count("tollgate_approval_decisions_total", &decided), 1.0);
    assert_eq!(count("tollgate_approvals_pending", &decided[..1]), 1.0);
    assert_eq!(
        count("tollgate_refusals_total", &[("kind", "unknown_tool")]),
        1.0
    );
    assert!(count("tollgate_journal_records", &[]) > 0.0);
    assert!(count("tollgate_journal_append_duration_seconds_count", &[]) > 0.0);
    for (name, family) in &read.families {
        let unit = name.contains("duration").then_some("seconds");
        assert_eq!(family.unit.as_deref(), unit, "{name}");
    }
    // The attack: a caller makes a series of its own by what it calls, or is called.
    let labels = read.labels();
    let names: BTreeSet<_> = labels.iter().map(|(name, _)| name.as_str()).collect();
    let known = [
        "approval",
        "connector",
        "decision",
        "kind",
        "le",
        "outcome",
        "tenant",
        "tool",
    ];
    assert_eq!(names, BTreeSet::from(known));
    for (name, value) in &labels {
        for foreign in ["canary", "desk-agent", "mira", "1042", "arrived broken"] {
            assert!(!value.contains(foreign), "{name}={value}");
        }
    }
    // Figures go on, and an operator reads the same.
    host.post(&shop.people.agent, "/v1/calls", &small).await;
    let later = scraped(&host, &olga).await;
    let labels = [&tool[..], &[("outcome", "done")]].concat();
    assert_eq!(later.value("tollgate_calls_total", &labels), Some(3.0));

    let people = &shop.people;
    for token in [&people.agent, &people.service, &people.mira, &people.rosa] {
        let answer = host.get(token, "/metrics").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.body["kind"], "not_allowed", "{answer:?}");
    }
    let bare = http().get(format!("{}/metrics", host.url));
    let bare = bare.send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert!(!bare.text().await.unwrap().contains("tollgate_"));
}

/// The names of everything that a value says, at every depth.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let named = |(name, value): (&String, &Value)| (name.clone(), shape(value));
            fields.iter().map(named).collect()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        other => json!(other.is_null()),
    }
}

/// An operator plants a refund like a former one, over another amount.
fn planted(host: &Open, olga: &str, like: &str, cents: u32) -> String {
    let set = format!("/input/params/amount_cents={cents}");
    let drill = ["drill", "--like", like, "--set", &set, "--json"];
    let planted = host.run(olga, &drill).exits(0).json();
    planted["approval"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_is_an_ordinary_card_until_its_end_and_then_stands_in_the_report() {
    let shop = Shop::new();
    let olga = shop.register("olga", "person", "operators");
    let host = shop.open();
    let (mira, omar) = (&shop.people.mira, &shop.people.omar);
    let held = host.hold(&shop.people.agent, 12_900).await;
    let real = host.card(mira, &held).await;
    let like = approval(&held);
    let plant = [
        "drill",
        "--like",
        like,
        "--set",
        "/input/params/amount_cents=1",
    ];
    for token in [&shop.people.agent, mira] {
        host.run(token, &plant).exits(4);
    }
    let noticed = planted(&host, &olga, like, 880_000);
    let missed = planted(&host, &olga, like, 990_000);

    // Before anybody decides: by no list, card, page or log is it told from a call.
    let pending = host.run(mira, &["pending", "--json"]).exits(0);
    assert_eq!(pending.json().as_array().unwrap().len(), 3);
    assert!(!pending.stdout.contains("drill"), "{}", pending.stdout);
    let card = host
        .get(mira, &format!("/v1/approvals/{noticed}"))
        .await
        .body;
    assert_eq!(shape(&card), shape(&real), "{card}");
    assert_eq!(card["title"], "Refund 880000 cents for order 1042");
    assert_eq!(card["requester"], "desk-agent");
    let browser = Browser::sign_in(&host, omar).await;
    let path = format!("/approvals/{missed}");
    let page = browser.page(&path).await;
    assert!(!page.to_lowercase().contains("drill"), "{page}");
    let log = host.get(mira, "/v1/log").await.body.to_string();
    assert!(!log.contains("drill") && !log.contains("olga"), "{log}");

    // Mira looks, Omar does not.
    let deny = ["deny", &noticed, "--reason", "more than was ever paid"];
    let denied = host.run(mira, &deny).exits(0);
    assert!(denied.stdout.contains("planted by olga"), "{denied:?}");
    let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
    let form = [("word", word.as_str()), ("digest", digest.as_str())];
    let approved = browser.post(&format!("{path}/approve"), &form).await;
    assert_eq!(approved.status(), StatusCode::SEE_OTHER);
    let page = browser.page(&path).await;
    assert!(
        page.contains("This was a drill, planted by olga."),
        "{page}"
    );
    assert!(page.contains("should not have been"), "{page}");
    assert_eq!(shop.refunds(), 0);

    let log = shop
        .run(&["log", "--stage", "drill.decided", "--json"])
        .exits(0);
    let decided = log.json_lines();
    let told = |line: &Value| line["facts"]["decision"].as_str().map(str::to_owned);
    let told: Vec<_> = decided.iter().filter_map(told).collect();
    assert_eq!(told, ["denied", "approved"], "{decided:?}");
    let report = shop.run(&["report", "--json"]).exits(0).json();
    let finance = &report["approvals"][0]["total"];
    let drills = &finance["drills"];
    assert_eq!(
        (&drills["sent"], &drills["caught"], &drills["missed"]),
        (&json!(2), &json!(1), &json!(1)),
        "{report}"
    );
    // A drill is none of the requests that people had.
    assert_eq!(
        (&finance["requested"], &finance["approved"]),
        (&json!(1), &json!(0))
    );
    let table = shop.run(&["report"]).exits(0).stdout;
    let line = table.lines().find(|line| line.contains("drills: sent"));
    assert!(
        line.is_some_and(|line| line.contains("2 / 1 / 1")),
        "{table}"
    );
    // The call that it was like waits as before.
    assert_eq!(host.card(mira, &held).await["state"], "pending");
    shop.verifies();
}
