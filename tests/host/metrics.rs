//! What a host counts is told to whom it belongs, and says nothing of anybody's
//! values.

use serde_json::json;
use tollgate_runtime::{LogFilter, Principal, PrincipalKind, RunState, Tenant, ToolCall};
use tollgate_server::Oversight;

use crate::deciding::{asks, held, on_each_store, yes};
use crate::house::{House, agent, call, hostile, hostile_manifest, mira, principal};

fn series<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.starts_with(name)).collect()
}

/// The value of the one series that has all of these.
fn value(text: &str, name: &str, labels: &[&str]) -> f64 {
    let found = series(text, name);
    let mut found = found
        .iter()
        .filter(|line| labels.iter().all(|label| line.contains(label)));
    let line = found.next().unwrap_or_else(|| panic!("{name}:\n{text}"));
    assert!(found.next().is_none(), "{name} {labels:?}:\n{text}");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

async fn what_happens_is_counted(house: House) {
    house.done("echo", json!({"value": 1})).await;
    house.done("echo", json!({"value": 2})).await;
    let (_, first) = held(&house, "n").await;
    let (_, _) = held(&house, "m").await;
    let text = house.host.metrics(&Tenant::default()).await.unwrap();
    let calls = |tool: &str, outcome: &str| {
        let labels = [format!("tool=\"{tool}\""), format!("outcome=\"{outcome}\"")];
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        value(&text, "tollgate_calls_total{", &labels)
    };
    assert_eq!(calls("echo", "done"), 2.0);
    assert_eq!(calls("increment", "held"), 2.0);
    assert_eq!(calls("increment", "done"), 0.0);
    assert_eq!(value(&text, "tollgate_approvals_pending", &["boss"]), 2.0);
    assert!(value(&text, "tollgate_guest_fuel_used_total", &["tool=\"echo\""]) > 0.0);
    let took = "tollgate_call_duration_seconds_count";
    assert_eq!(value(&text, took, &["tool=\"increment\""]), 2.0);
    let records = value(&text, "tollgate_journal_records", &["default"]);
    let all = LogFilter {
        limit: Some(10_000),
        ..LogFilter::default()
    };
    assert_eq!(
        records,
        house.host.log(&Tenant::default(), all).await.unwrap().len() as f64
    );
    assert!(value(&text, "tollgate_journal_append_duration_seconds_count", &[]) > 0.0);
    yes(&house, "mira", &first).await.unwrap();
    let text = house.host.metrics(&Tenant::default()).await.unwrap();
    assert_eq!(value(&text, "tollgate_approvals_pending", &["boss"]), 1.0);
    let decided = value(&text, "tollgate_approval_decisions_total", &["approved"]);
    assert_eq!(decided, 1.0);
}

mod counted {
    use super::*;

    on_each_store! { "increment", ""; what_happens_is_counted }
}

/// The attack: an agent puts words of its own into the figures, by whatever it can
/// name, or makes as many series as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn no_caller_mints_a_label() {
    let house = House::hostile("", "").await;
    house.done("echo", json!({"value": "x"})).await;
    let canary = "canary-4711";
    let before = house.host.metrics(&Tenant::default()).await.unwrap();
    let names = |text: &str| {
        let labelled = text.lines().filter_map(|line| line.rsplit_once(' '));
        let mut names: Vec<_> = labelled
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.contains('{') && !name.contains("refusals"))
            .collect();
        names.sort();
        names
    };
    for odd in 0..20 {
        let name = format!("{canary}\"}} 1\n{odd}");
        for call in [
            call(&name, "echo", json!({"value": canary})),
            call("hostile", &name, json!({"value": canary})),
            ToolCall {
                workflow: Some(name.clone()),
                ..call("hostile", "echo", json!({"value": canary}))
            },
            ToolCall {
                case: Some(format!("{canary}-{odd}")),
                reason: Some(name.clone()),
                trigger: Some(name.clone()),
                request_key: Some(format!("{canary}/{odd}")),
                subject: Some(format!("{canary}-{odd}")),
                ..call("hostile", "echo", json!({"value": name}))
            },
        ] {
            // Some are runs and some are refused: nothing of any is a label.
            let _ = house.host.call(&agent(), call).await;
        }
    }
    let after = house.host.metrics(&Tenant::default()).await.unwrap();
    assert!(!after.contains("canary"), "{after}");
    assert_eq!(names(&before), names(&after));
    let refused = series(&after, "tollgate_refusals_total{");
    assert!(!refused.is_empty() && refused.len() <= 3, "{refused:?}");
}

/// Names of connectors and tools hold no quotation mark and no line break, so no
/// manifest can either.
#[tokio::test(flavor = "multi_thread")]
async fn no_manifest_names_a_connector_like_a_series() {
    let house = House::new().await;
    for name in ["a\\\"} 1", "a\\nb", "A", "a b", "ü"] {
        let manifest = hostile_manifest("", "").replace(
            "connector = \"hostile\"",
            &format!("connector = \"{name}\""),
        );
        let component = hostile();
        let manifest = tollgate_tests::pinned(&manifest, &component);
        let refused = house
            .host
            .install("m", &manifest, &component.bytes, "operator")
            .await;
        assert!(refused.is_err(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_shown_its_own_series_and_agents_none() {
    let house = House::hostile("", &asks("increment", "")).await;
    let theirs = hostile_manifest("", &asks("increment", "").replace("boss", "canaries")).replace(
        "connector = \"hostile\"",
        "connector = \"canary\"\ntenant = \"zeta\"",
    );
    house.install(&theirs, &hostile()).await;
    let of_zeta = |name: &str, kind| Principal {
        tenant: Tenant::new("zeta").unwrap(),
        ..principal(name, kind, &["operators", "metrics"])
    };
    let increment = call("canary", "increment", json!({"key": "n"}));
    let report = house
        .host
        .call(&of_zeta("agent-8", PrincipalKind::Agent), increment)
        .await
        .unwrap();
    assert_eq!(report.state, RunState::Held);
    house.done("echo", json!({"value": 1})).await;
    let ours = Oversight::metrics(&house.host, &mira()).await.unwrap();
    assert!(ours.contains("tenant=\"default\""));
    for theirs in ["zeta", "canar"] {
        assert!(!ours.contains(theirs), "{ours}");
    }
    let zeta = of_zeta("zoe", PrincipalKind::Person);
    let theirs = Oversight::metrics(&house.host, &zeta).await.unwrap();
    assert_eq!(
        value(&theirs, "tollgate_approvals_pending", &["canaries"]),
        1.0
    );
    assert!(
        !theirs.contains("default") && !theirs.contains("hostile"),
        "{theirs}"
    );
    let scraper = principal("scraper", PrincipalKind::Service, &["metrics"]);
    assert!(Oversight::metrics(&house.host, &scraper).await.is_ok());
    for refused in [
        principal("bot", PrincipalKind::Agent, &["operators", "metrics"]),
        principal("cron", PrincipalKind::Service, &["operators"]),
        principal("paul", PrincipalKind::Person, &["boss", "metrics"]),
    ] {
        let answer = Oversight::metrics(&house.host, &refused).await;
        assert_eq!(answer.unwrap_err().kind, "not_allowed", "{refused:?}");
    }
}
