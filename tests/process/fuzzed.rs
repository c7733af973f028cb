//! Our own REST interface, held to its own OpenAPI document by a program of other
//! people's: it sends what the document allows and what it forbids, and looks for
//! server errors, for answers that the document does not describe, for requests that
//! should have been refused or taken, and for missing walls (tokens, methods).

use serde_json::json;
use tollgate_live::Schemathesis;

use crate::shop::{Shop, approval, refund};

/// Requests are made of this number, so a finding can be found again.
const SEED: u64 = 20_261_122;

/// What the document cannot say, and so is no finding.
///
/// - 422 is the host's word about something that is understood: the schema of one
///   tool, a number that a double cannot hold.
/// - The log's parameters depend on each other (`after` and `before`), and its times
///   are of three forms.
/// - A `wait` on a held run waits as long as it says.
const SETTINGS: &str = r#"
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422"]

[[operations]]
include-operation-id = "readLog"
checks.positive_data_acceptance.enabled = false
"#;

/// The settings where `run` and `approval` stand for every run and approval, if
/// there are such.
fn settings(run: Option<&str>, approval: Option<&str>) -> String {
    let run = run.map_or_else(String::new, |run| format!("run = \"{run}\""));
    let wait = if run.is_empty() {
        "wait = 1".to_owned()
    } else {
        format!("{run}, wait = 1")
    };
    let id = approval.map_or_else(String::new, |id| format!("id = \"{id}\""));
    format!(
        "{SETTINGS}
[[operations]]
include-operation-id = \"getRun\"
parameters = {{ {wait} }}

[[operations]]
include-operation-id = \"undo\"
parameters = {{ {run} }}

[[operations]]
include-path-regex = \"^/v1/approvals/\"
parameters = {{ {id} }}
"
    )
}

/// Send requests of each kind with this token; whatever is found fails the test.
#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
async fn fuzz(document: &str, token: &str, run: Option<&str>, approval: Option<&str>) {
    let fuzzed = Schemathesis {
        document,
        token,
        settings: &settings(run, approval),
        seed: SEED,
        examples: 50,
    };
    let report = fuzzed.run().await.unwrap_or_else(|error| panic!("{error}"));
    let cases = report.lines().find(|line| line.contains(" generated, "));
    let cases = cases.unwrap_or_else(|| panic!("{report}")).trim();
    let version = Schemathesis::version();
    eprintln!("LIVE rest Schemathesis {version} seed={SEED} {cases}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "live: needs Schemathesis from PyPI"]
async fn rest_keeps_to_its_document_whatever_is_sent() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let done = json!({ "connector": "database", "tool": "execute", "input": refund(100) });
    let done = host.post(&shop.people.mira, "/v1/calls", &done).await.body;
    assert_eq!(done["state"], "done", "{done}");
    let run = done["run"].as_str();
    let document = format!("{}/v1/openapi.json", host.url);
    let state = async || host.card(&shop.people.mira, &held).await["state"].clone();
    // The agent's token comes into the parts that are for people, and is refused
    // there. Then a person's: with names of nothing, and of what is there.
    let (agent, mira) = (&shop.people.agent, &shop.people.mira);
    fuzz(&document, agent, None, None).await;
    assert_eq!(state().await, "pending");
    fuzz(&document, mira, None, None).await;
    fuzz(&document, mira, run, Some(approval(&held))).await;
    // Schemathesis reads digests from cards, so the person may well have approved.
    assert!(shop.refunds() <= 2, "never twice: {}", shop.refunds());
    shop.verifies();
}
