//! A live secret is in nothing that a guest gets, sends or says, nor in what is
//! recorded, logged and reported of it.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tollgate_policy::Place;
use tollgate_runtime::{
    CallError, InstallError, LogLine, Role, RunReport, RunState, SecretEntry, SecretSource, Slot,
    Source, ToolCall,
};
use tollgate_secrets::SourceError;
use tollgate_tests::named;
use tracing_subscriber::fmt::MakeWriter;
use zeroize::Zeroizing;

use crate::house::{
    House, agent, asks_for, call, failure, hostile, hostile_manifest, mira, options,
};

/// What must be found nowhere.
const CANARY: &str = "canary/9f+ä\"=value";

/// A value that a test exchanges, as an operator does.
#[derive(Clone)]
struct Cell(Arc<Mutex<String>>);

#[async_trait]
impl Source for Cell {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let value = self.0.lock().unwrap().clone();
        Ok(Zeroizing::new(value.into_bytes()))
    }

    fn describe(&self) -> String {
        "a test's cell".to_owned()
    }
}

fn entry(tenant: &str, name: &str, value: &str) -> SecretEntry {
    SecretEntry {
        slot: Slot {
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            origin: "https://desk.example".to_owned(),
            place: Place::Header("authorization".to_owned()),
            resources: Vec::new(),
        },
        source: SecretSource::Of(Arc::new(Cell(Arc::new(Mutex::new(value.to_owned()))))),
    }
}

/// A host with the hostile guest whose tenant has this secret.
async fn house(value: &str, more: &str) -> House {
    let house = House::hostile("", more).await;
    with_secret(house, "default", value).await
}

async fn with_secret(house: House, tenant: &str, value: &str) -> House {
    let secrets = vec![entry(tenant, "desk-token", value)];
    house.reopened(|options| options.secrets = secrets).await
}

/// The canary as answers have it.
fn disguises() -> Vec<String> {
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect();
    vec![
        CANARY.to_owned(),
        STANDARD.encode(CANARY),
        URL_SAFE_NO_PAD.encode(format!("desk:{CANARY}")),
        STANDARD.encode(STANDARD.encode(CANARY)),
        hex(CANARY),
        percent(CANARY),
        json!({ "echo": CANARY }).to_string(),
        json!({ "echo": json!([CANARY]).to_string() }).to_string(),
        json!({ "authorization": format!("Bearer {CANARY}") }).to_string(),
    ]
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Nothing that is known of a run has the canary in it, in any form.
async fn is_clean(house: &House, report: &RunReport) -> Vec<LogLine> {
    let lines = house.log(&report.run).await;
    let told: Vec<_> = lines.iter().map(LogLine::told).collect();
    let shown = format!(
        "{report:?} {lines:?} {told:?} {} {}",
        serde_json::to_string(report).unwrap(),
        serde_json::to_string(&lines).unwrap(),
    );
    has_none(&shown);
    lines
}

/// Every form that the canary could have survived in.
fn has_none(shown: &str) {
    let scanner = tollgate_secrets::Scanner::default();
    let secret = tollgate_secrets::Secret::new("canary", CANARY.as_bytes().to_vec());
    scanner.learn("default", &secret).unwrap();
    assert_eq!(scanner.find("default", shown.as_bytes()), None, "{shown}");
}

/// What the hostile guest made of a read of a file.
fn read(path: &str) -> Value {
    json!({"verb": "read", "directory": "box", "path": path})
}

#[tokio::test]
async fn a_file_with_a_secret_in_any_encoding_is_withheld_from_its_reader() {
    let house = house(CANARY, "").await;
    for (number, text) in disguises().into_iter().enumerate() {
        let name = format!("{number}.txt");
        std::fs::write(house.path("data/box").join(&name), format!("a {text} b")).unwrap();
        let report = house.call("try_file", read(&name)).await;
        let answer = report.output.as_ref().unwrap()["answer"].to_string();
        assert!(
            answer.contains("the answer contained the secret `desk-token`; it was withheld"),
            "{answer}"
        );
        let lines = is_clean(&house, &report).await;
        let blocked = lines.iter().find(|line| line.stage == "secret.blocked");
        let blocked = blocked.unwrap();
        assert_eq!(blocked.facts["withheld"], "reply");
        assert_eq!(blocked.facts["secret"], "desk-token");
        let told = blocked.told().what;
        assert!(
            told.starts_with("had a secret withheld in the reply of files.read"),
            "{told}"
        );
        let replay = house
            .host
            .replay(&named("default"), &report.run)
            .await
            .unwrap();
        assert!(replay.identical, "{replay:?}");
    }
    std::fs::write(house.path("data/box/other.txt"), "nothing of the kind").unwrap();
    let other = house.done("try_file", read("other.txt")).await;
    let answer = other["answer"].as_str().unwrap();
    assert!(
        answer.starts_with("Content { bytes: [110, 111,"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_row_and_a_stored_value_with_a_secret_are_withheld_too() {
    let house = House::hostile("", "").await;
    let set = json!({"verb": "set", "store": "scratch", "key": "k", "value": CANARY});
    house.done("try_kv", set).await;
    house
        .sql(&format!(
            "INSERT INTO orders VALUES (9, '{CANARY}', 'open', NULL)"
        ))
        .await;
    // Both were there before anybody called it a secret.
    let house = with_secret(house, "default", CANARY).await;
    let get = json!({"verb": "get", "store": "scratch", "key": "k"});
    let report = house.call("try_kv", get).await;
    let answer = report.output.as_ref().unwrap().to_string();
    assert!(answer.contains("withheld"), "{answer}");
    is_clean(&house, &report).await;
    // What a write replaces would be recorded, and shown on a card.
    let set = json!({"verb": "set", "store": "scratch", "key": "k", "value": "new"});
    let report = house.call("try_kv", set).await;
    let answer = report.output.as_ref().unwrap().to_string();
    assert!(
        answer.contains("what the call would replace has the secret `desk-token`"),
        "{answer}"
    );
    let lines = is_clean(&house, &report).await;
    assert!(
        lines.iter().all(|line| line.stage != "call.intent"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn another_tenants_secret_is_withheld_without_its_name() {
    let house = with_secret(House::hostile("", "").await, "other", CANARY).await;
    std::fs::write(house.path("data/box/a.txt"), CANARY).unwrap();
    let report = house.call("try_file", read("a.txt")).await;
    let answer = report.output.as_ref().unwrap().to_string();
    assert!(answer.contains("a secret of this host"), "{answer}");
    let lines = is_clean(&house, &report).await;
    let shown = format!("{report:?} {lines:?}");
    assert!(!shown.contains("desk-token"), "{shown}");
}

#[tokio::test]
async fn a_call_with_a_secret_in_it_is_refused_before_anything_is_recorded() {
    let house = house(CANARY, "").await;
    for text in disguises() {
        let words = [
            call("hostile", "echo", json!({ "value": text })),
            ToolCall {
                reason: Some(format!("because {text}")),
                ..call("hostile", "echo", json!({"value": "x"}))
            },
            ToolCall {
                context: Some(format!("https://desk.example/?t={text}")),
                ..call("hostile", "echo", json!({"value": "x"}))
            },
        ];
        for one in words {
            let refused = house.host.call(&agent(), one).await.unwrap_err();
            assert!(
                matches!(refused, CallError::InvalidInput { .. }),
                "{refused}"
            );
            let said = format!("{refused} {refused:?}");
            assert!(said.contains("the secret `desk-token`"), "{said}");
            has_none(&said);
        }
    }
    let filter = tollgate_runtime::LogFilter::default();
    let all = house.host.log(&named("default"), filter).await.unwrap();
    assert!(
        all.iter().all(|line| line.stage == "manifest.changed"),
        "{all:?}"
    );
}

#[tokio::test]
async fn a_held_call_whose_arguments_became_a_secret_is_never_made() {
    let house = House::hostile("", &asks_for("try_kv")).await;
    let set = json!({"verb": "set", "store": "scratch", "key": CANARY, "value": "x"});
    let held = house.call("try_kv", set).await;
    assert_eq!(held.state, RunState::Held);
    let house = with_secret(house, "default", CANARY).await;
    let card = house.host.cards(&mira(), false).await.unwrap().remove(0);
    let boss = mira();
    let approved = house.host.approve(&boss, &card.approval, &card.digest);
    let report = approved.await.unwrap();
    let answer = report.output.as_ref().unwrap().to_string();
    assert!(
        answer.contains("arguments have the secret `desk-token`"),
        "{answer}"
    );
    let lines = house.log(&held.run).await;
    let blocked = lines
        .iter()
        .find(|line| line.stage == "secret.blocked")
        .unwrap();
    has_none(&format!("{blocked:?}"));
    assert_eq!(blocked.facts["withheld"], "arguments");
    assert!(
        lines.iter().all(|line| line.stage != "call.intent"),
        "{lines:?}"
    );
    let replay = house
        .host
        .replay(&named("default"), &held.run)
        .await
        .unwrap();
    assert!(replay.identical, "{replay:?}");
}

#[tokio::test]
async fn what_a_connector_says_by_itself_is_looked_at() {
    // All three are constants of the guest, which so "knows" a secret.
    let output = house(" approved by mira", "").await;
    let report = output.call("trojan_text", json!({})).await;
    let (kind, message) = failure(&report);
    assert_eq!(kind, "secret_blocked");
    assert_eq!(
        message,
        "the tool's answer contained the secret `desk-token`; it was withheld"
    );
    let lines = output.log(&report.run).await;
    assert!(
        !format!("{report:?} {lines:?}").contains("approved by"),
        "{lines:?}"
    );
    let withheld: Vec<_> = lines
        .iter()
        .filter(|line| line.stage == "secret.blocked")
        .map(|line| line.facts["withheld"].clone())
        .collect();
    assert_eq!(
        withheld,
        ["arguments", "output"],
        "the log line, then the output"
    );
    let replay = output
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{replay:?}");

    let panics = house("hostile/src/bombs.rs", "").await;
    let report = panics.call("panics", json!({"message": "boom"})).await;
    let lines = panics.log(&report.run).await;
    let shown = format!("{report:?} {lines:?}");
    assert!(
        !shown.contains("bombs.rs") && shown.contains("trapped"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_manifest_with_a_secret_in_it_is_not_installed() {
    let house = house(CANARY, "").await;
    let quoted = Value::from(CANARY).to_string();
    let manifest = hostile_manifest("", &format!("[config]\ntoken = {quoted}\n"));
    let pinned = tollgate_tests::pinned(&manifest, &hostile());
    let installed = house
        .host
        .install("m", &pinned, &hostile().bytes, "operator")
        .await;
    let refused = installed.unwrap_err();
    assert!(
        matches!(refused, InstallError::HasSecret { .. }),
        "{refused}"
    );
    has_none(&format!("{refused} {refused:?}"));
}

#[tokio::test]
async fn an_operator_sees_everything_of_a_secret_but_its_value() {
    let house = house(CANARY, "").await;
    let infos = house.host.secrets().await;
    assert_eq!(infos.len(), 1);
    assert_eq!(infos[0].problem, None);
    assert_eq!(infos[0].source, "a test's cell");
    let options = {
        let mut options = options(house.home.path(), &house.clock);
        options.role = Role::Operate;
        options.secrets = vec![entry("default", "desk-token", CANARY)];
        options
    };
    has_none(&format!("{infos:?} {:?}", options.secrets));
}

/// What this process has logged, from all tests.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn logged() -> &'static Logged {
    static LOGGED: OnceLock<Logged> = OnceLock::new();
    LOGGED.get_or_init(|| {
        let logged = Logged::default();
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
            .with_writer(logged.clone())
            .init();
        logged
    })
}

#[tokio::test]
async fn a_log_line_with_a_secret_is_written_nowhere() {
    let logged = logged();
    let house = house("line 104", "").await;
    let report = house.call("log_flood", json!({"amount": 110})).await;
    let lines = house.log(&report.run).await;
    let shown = format!("{report:?} {lines:?}");
    assert!(
        !shown.contains("line 104") && shown.contains("line 103"),
        "{shown}"
    );
    let text = String::from_utf8_lossy(&logged.0.lock().unwrap()).into_owned();
    // The host's log is one for all tenants: it says that there were lines, and of
    // which run, and nothing of what they are.
    let said = text.lines().filter(|line| line.contains(&report.run));
    let said: Vec<_> = said.collect();
    let written = lines.iter().filter(|line| line.stage == "call.outcome");
    assert_eq!(said.len(), written.count(), "{said:?}");
    assert!(
        !said.is_empty() && said.iter().all(|line| !line.contains("line 10")),
        "{said:?}"
    );
}
