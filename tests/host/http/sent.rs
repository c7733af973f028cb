//! What is sent, and what of an answer a guest gets.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_policy::Place;
use tollgate_runtime::{Principal, RunState, SecretEntry, SecretSource, Slot};
use tollgate_secrets::FileSource;
use tollgate_tests::{component, named};

use super::{Desk, Fault, ROWS, ask, came, manifest, opened, refused, run, tool};
use crate::house::{House, agent, mira, output};

const CANARY: &str = "canary-4f1c9a77e2b8";

const CREDENTIAL: &str = "[grant.http.desk.credential]\nsecret = \"desk-token\"\nheader = \"authorization\"\nformat = \"Bearer {}\"\n";

/// A host whose connector has a credential for the desk.
async fn with_credential(keys: &str) -> (House, Desk) {
    let (house, desk) = opened(&format!("{keys}\n{CREDENTIAL}"), ROWS).await;
    let file = house.path("token");
    fs::write(&file, CANARY).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let slot = Slot {
        name: "desk-token".to_owned(),
        tenant: "default".to_owned(),
        origin: format!("http://{}", desk.address),
        place: Place::Header("authorization".to_owned()),
        resources: Vec::new(),
    };
    let source = SecretSource::Of(Arc::new(FileSource::new(file)));
    let house = house
        .reopened(|options| options.secrets = vec![SecretEntry { slot, source }])
        .await;
    (house, desk)
}

fn ticket() -> Value {
    ask("GET", &["tickets", "1"], json!({}))
}

/// All that is known of a run.
async fn known(house: &House, run: &str) -> String {
    let report = house.host.run(&agent(), run).await.unwrap();
    format!("{report:?} {:?}", house.log(run).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credential_reaches_its_server_and_nobody_else() {
    let (house, desk) = with_credential("").await;
    let report = run(&house, "read", ticket()).await;
    assert_eq!(report.output.as_ref().unwrap()["status"], 200, "{report:?}");
    assert_eq!(
        desk.seen()[0].headers["authorization"],
        format!("Bearer {CANARY}")
    );
    assert!(!known(&house, &report.run).await.contains(CANARY));
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
    // The same slot under another server's grant.
    let other = Desk::open().await;
    house
        .install(
            &manifest(&other, CREDENTIAL, ROWS),
            &component("tests/guests/caller"),
        )
        .await;
    let error = refused(&house, "read", ticket()).await;
    assert!(error.contains("credential of `desk`"), "{error}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_echoes_the_credential_is_withheld() {
    let (house, desk) = with_credential("").await;
    desk.echo();
    let report = run(&house, "read", ticket()).await;
    let error = report.output.as_ref().unwrap()["error"].as_str().unwrap();
    assert!(error.contains("withheld"), "{error}");
    assert!(
        house
            .stages(&report.run)
            .await
            .contains(&"secret.blocked".to_owned())
    );
    assert!(!known(&house, &report.run).await.contains(CANARY));
    assert_eq!(desk.lines().len(), 1);
    // A write that did it, and shows it.
    let report = run(
        &house,
        "create",
        ask("POST", &["tickets"], json!({"json": {"a": 1}})),
    )
    .await;
    let error = report.output.as_ref().unwrap()["error"].as_str().unwrap();
    assert!(
        error.contains("was made") && error.contains("withheld"),
        "{error}"
    );
    assert!(!known(&house, &report.run).await.contains(CANARY));
}

/// The attack: a server that answers every write with as much as it can send, until
/// the journal's disk is full. What was done is recorded all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_write_stays_within_the_limits_and_the_write_is_recorded() {
    let desk = Desk::open().await;
    let house = House::new().await;
    let text = manifest(&desk, "", ROWS).replace(
        "deadline = \"10s\"",
        "deadline = \"10s\"\nreply_bytes = \"2KiB\"",
    );
    house
        .install(&text, &component("tests/guests/caller"))
        .await;
    desk.order([Fault::Answers(201, Vec::new(), "x".repeat(4096))]);
    let create = ask("POST", &["tickets"], json!({"json": {"subject": "new"}}));
    let report = run(&house, "create", create).await;
    let lines = house.log(&report.run).await;
    let outcome = lines.iter().find(|line| line.stage == "call.outcome");
    let facts = &outcome.unwrap().facts;
    assert_eq!(
        (&facts["cut"], &facts["limit"]),
        (&json!("reply"), &json!("reply_bytes"))
    );
    assert_eq!(
        (&facts["changed"], &facts["status"]),
        (&json!(true), &json!(201))
    );
    let error = output(report.clone())["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("was made") && error.contains("`reply_bytes` of 2048"),
        "{error}"
    );
    let known = known(&house, &report.run).await;
    assert!(!known.contains(&"x".repeat(100)), "{known}");
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_a_person_pastes_is_not_taken_with_a_secret_in_it() {
    let (house, desk) = with_credential("").await;
    desk.order([Fault::DoesAndBreaks]);
    let create = ask("POST", &["tickets"], json!({"json": {"subject": "new"}}));
    let report = run(&house, "create", create).await;
    let item = house.host.queue(&mira(), false).await.unwrap().remove(0);
    let answer = json!({"Ok": {
        "status": 201, "headers": [], "body": {"text": CANARY}, "truncated": false,
    }});
    let done = tollgate_runtime::Resolution::Done;
    let refused = house
        .host
        .resolve(&mira(), &item.id, done, "there", Some(answer))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), "reply_unfit", "{refused}");
    assert!(!refused.to_string().contains(CANARY), "{refused}");
    // Nor is a note.
    let note = format!("I asked with {CANARY}");
    let refused = house
        .host
        .resolve(&mira(), &item.id, done, &note, None)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), "note_unfit", "{refused}");
    assert!(!refused.to_string().contains(CANARY), "{refused}");
    assert_eq!(house.host.queue(&mira(), false).await.unwrap().len(), 1);
    assert!(!known(&house, &report.run).await.contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_sent_again_and_recorded_once() {
    let (house, desk) = opened("", ROWS).await;
    let busy = Fault::Answers(503, Vec::new(), "busy".to_owned());
    for (faults, status, attempts) in [
        (vec![Fault::Breaks, busy.clone()], 200, 3),
        (vec![busy.clone(), busy.clone(), busy.clone()], 503, 3),
        (vec![Fault::Answers(500, Vec::new(), String::new())], 500, 1),
        (vec![Fault::Answers(404, Vec::new(), String::new())], 404, 1),
    ] {
        desk.order(faults);
        let before = desk.lines().len();
        let report = run(&house, "read", ticket()).await;
        let lines = house.log(&report.run).await;
        let outcomes: Vec<_> = lines
            .iter()
            .filter(|line| line.stage == "call.outcome")
            .collect();
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].facts["attempts"], attempts);
        assert_eq!(outcomes[0].facts["status"], status);
        assert_eq!(desk.lines().len() - before, attempts);
        assert_eq!(output(report)["status"], status);
    }
    desk.order([Fault::Breaks, Fault::Breaks, Fault::Breaks]);
    let error = refused(&house, "read", ticket()).await;
    assert!(error.starts_with("NoAnswer"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_after_is_honoured_where_it_fits_into_the_deadline() {
    let (house, desk) = opened("", ROWS).await;
    let later = |seconds: &str| {
        let header = vec![("retry-after", seconds.to_owned())];
        [Fault::Answers(429, header, String::new())]
    };
    desk.order(later("1"));
    let begun = Instant::now();
    assert_eq!(came(&house, "read", ticket()).await["status"], 200);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(desk.lines().len(), 2);
    desk.order(later("60"));
    let answer = came(&house, "read", ticket()).await;
    assert_eq!(
        (&answer["status"], &answer["headers"]["retry-after"]),
        (&json!(429), &json!("60"))
    );
    assert_eq!(desk.lines().len(), 3);
    // And nobody else asks meanwhile.
    let error = refused(&house, "read", ask("GET", &["tickets", "2"], json!({}))).await;
    assert!(error.starts_with("Busy("), "{error}");
    assert_eq!(desk.lines().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_key_is_sent_once_whatever_is_answered() {
    let (house, desk) = opened("", ROWS).await;
    for (number, status) in [(1, 503), (2, 429), (3, 500)] {
        desk.order([Fault::Answers(status, Vec::new(), String::new())]);
        let create = ask("POST", &["tickets"], json!({"json": {"n": number}}));
        assert_eq!(came(&house, "create", create).await["status"], status);
        assert_eq!(desk.lines().len(), number);
    }
    assert_eq!(desk.effects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_an_answer_and_cookies_are_not() {
    let (house, desk) = opened("response_headers = [\"x-kept\"]", ROWS).await;
    let other = Desk::open().await;
    let headers = vec![
        (
            "location",
            format!("http://{}/api/tickets/1", other.address),
        ),
        ("set-cookie", "session=1".to_owned()),
        ("x-kept", "yes".to_owned()),
        ("x-other", "no".to_owned()),
    ];
    desk.order([Fault::Answers(302, headers, String::new())]);
    let answer = came(&house, "read", ticket()).await;
    assert_eq!(answer["status"], 302);
    assert!(
        answer["headers"]["location"]
            .as_str()
            .unwrap()
            .contains("/api/tickets/1")
    );
    assert_eq!(answer["headers"]["x-kept"], "yes");
    assert!(answer["headers"].get("set-cookie").is_none());
    assert!(answer["headers"].get("x-other").is_none());
    assert_eq!((desk.lines().len(), other.connections()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_cut_and_said_to_be() {
    let (house, desk) = opened("max_response = \"1KiB\"", ROWS).await;
    desk.order([Fault::Answers(200, Vec::new(), "x".repeat(5_000))]);
    let answer = came(&house, "read", ticket()).await;
    assert_eq!(answer["truncated"], true);
    assert_eq!(answer["body"].as_str().unwrap().len(), 1_024);
    let answer = came(&house, "read", ask("GET", &["tickets", "2"], json!({}))).await;
    assert_eq!(answer["truncated"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_used_again_and_never_by_two_tenants() {
    let (house, desk) = opened("", ROWS).await;
    let text = manifest(&desk, "", ROWS).replace("connector =", "tenant = \"acme\"\nconnector =");
    house
        .install(&text, &component("tests/guests/caller"))
        .await;
    let acme = Principal {
        identified: Default::default(),
        tenant: named("acme"),
        ..agent()
    };
    for who in [agent(), acme] {
        for include in ["a", "b", "c"] {
            let input = ask(
                "GET",
                &["tickets", "1"],
                json!({"query": [["include", include]]}),
            );
            let report = house.host.call(&who, tool("read", input)).await.unwrap();
            assert_eq!(report.state, RunState::Done, "{report:?}");
        }
    }
    assert_eq!((desk.lines().len(), desk.connections()), (6, 2));
}
