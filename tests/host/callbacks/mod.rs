//! Decisions by signed callback: what an announcement's button says is taken like every
//! other decision of the person whose account pressed it, once, and nothing else is.

mod admitted;
mod chat;
mod verified;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_runtime::{
    CallbackError, CallbackReport, CalledBack, Card, Clock as _, Delivery, LogLine, Principal,
    PrincipalKind, RunReport, Settings,
};
use tollgate_tests::{component, named};

use crate::deciding::person;
use crate::house::{House, agent, call, mira, principal};
use crate::http::Desk;
use crate::queues::{STANDING, ending, notes};

/// A signing secret as Slack makes them: 32 hex digits.
const SLACK_KEY: &str = "8f742231b10e8888abcd99yyyzzz85a5";
/// A key as Standard Webhooks has them, in base64.
const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// One callback, with its secret.
fn callback(name: &str, tenant: &str, scheme: &str, approvals: &str) -> String {
    let signature = match scheme {
        "slack" => "slack",
        _ => "standard-webhooks",
    };
    let (team, people) = match scheme {
        "slack" => ("team = \"T0ACME\"", "U0MIRA = \"mira\"\nU0NOOR = \"noor\""),
        _ => (
            "",
            "mira = \"mira\"\nnoor = \"noor\"\neve = \"eve\"\nrobot = \"agent-7\"\ngone = \"zoe\"",
        ),
    };
    format!(
        "[[secret]]\nname = \"{name}-key\"\ntenant = \"{tenant}\"\n\
         origin = \"callback://{name}\"\nsignature = \"{signature}\"\nfile = \"{scheme}-key\"\n\
         [[callback]]\nname = \"{name}\"\ntenant = \"{tenant}\"\nscheme = \"{scheme}\"\n{team}\n\
         secret = \"{name}-key\"\napprovals = [{approvals}]\n[callback.people]\n{people}\n"
    )
}

/// Settings that announce with what a callback must name, and take callbacks.
fn settings() -> String {
    format!(
        "[[notify]]\napproval = \"*\"\nname = \"chat\"\nconnector = \"ending\"\n\
         tool = \"deliver\"\n{STANDING}\ninput = {{ path = [\"letters\"], \
         note = {{ id = \"{{id}}\", yes = \"approve {{id}} {{digest}}\" }} }}\n{}{}{}{}",
        callback("slack", "default", "slack", "\"boss\""),
        callback("program", "default", "webhook", "\"boss\""),
        callback("narrow", "default", "webhook", "\"finance\""),
        callback("elsewhere", "other", "webhook", "\"boss\""),
    )
}

/// A host on which calls wait for a boss. `lines` are of that approval.
async fn house(lines: &str) -> (House, Desk) {
    let desk = Desk::open().await;
    let house = House::with_settings(&settings()).await;
    let manifest = ending(&desk, "").replace("decide_within", &format!("{lines}\ndecide_within"));
    house
        .install(&manifest, &component("tests/guests/ending"))
        .await;
    let house = with_callbacks(house).await;
    let people = [
        person("mira"),
        person("noor"),
        principal("eve", PrincipalKind::Person, &["support"]),
        agent(),
        Principal {
            tenant: named("other"),
            ..person("mira")
        },
    ];
    for person in &people {
        house.host.add_principal(person).await.unwrap();
    }
    (house, desk)
}

/// The host goes on with the callbacks of its settings, and their secrets.
async fn with_callbacks(house: House) -> House {
    let home = house.home.path().to_owned();
    for (name, key) in [
        ("slack-key", SLACK_KEY),
        ("webhook-key", &format!("whsec_{KEY}")),
    ] {
        std::fs::write(home.join(name), key).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.join(name), mode).unwrap();
    }
    house
        .reopened(|options| {
            let settings = Settings::of(&home).unwrap();
            options.secrets = settings.secrets;
            options.callbacks = settings.callbacks;
        })
        .await
}

/// What one announcement has.
struct Announced {
    run: String,
    card: Card,
    /// As the announcement says it.
    digest: String,
}

/// A call of somebody that is held, and what was announced of it.
async fn held_for(house: &House, desk: &Desk, who: &Principal, text: &str) -> Announced {
    let note = json!({"path": ["notes"], "note": {"text": text}});
    let report = house.host.call(who, call("ending", "deliver", note)).await;
    announced(house, desk, &report.unwrap()).await
}

async fn held(house: &House, desk: &Desk) -> Announced {
    held_for(house, desk, &agent(), "one").await
}

async fn announced(house: &House, desk: &Desk, report: &RunReport) -> Announced {
    let approval = &report.pending.as_ref().unwrap().approval;
    let card = house.host.card(&mira(), approval).await.unwrap();
    let letter = loop {
        house.host.deliver_due().await.unwrap();
        let letters = notes(desk, "letters");
        if let Some(letter) = letters.into_iter().find(|one| one["id"] == card.approval) {
            break letter;
        }
        tokio::task::yield_now().await;
    };
    let yes = letter["yes"].as_str().unwrap();
    let prefix = format!("approve {approval} ");
    Announced {
        run: report.run.clone(),
        digest: yes.strip_prefix(&prefix).unwrap().to_owned(),
        card,
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn delivery(headers: &[(&str, &str)], body: &str) -> Delivery {
    let headers = headers.iter();
    Delivery {
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<HashMap<_, _>>(),
        body: body.as_bytes().to_vec(),
    }
}

/// Signed as Slack documents it ("Verifying requests from Slack"), written anew here.
fn slack_signed(key: &str, at_s: u64, payload: &Value) -> Delivery {
    let payload = [("payload", payload.to_string())];
    let form = reqwest::Url::parse_with_params("http://form", payload).unwrap();
    let body = form.query().unwrap();
    let at = at_s.to_string();
    let parts = [b"v0:".as_slice(), at.as_bytes(), b":", body.as_bytes()];
    let signature = format!("v0={}", hex::encode(hmac(key.as_bytes(), &parts)));
    delivery(
        &[
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-slack-request-timestamp", &at),
            ("x-slack-signature", &signature),
        ],
        body,
    )
}

/// What Slack sends of a button, as far as it matters and a little more.
fn click(account: &str, value: &str) -> Value {
    // Slack's is another one for each click.
    static CLICKS: AtomicU64 = AtomicU64::new(0);
    json!({
        "type": "block_actions",
        "team": {"id": "T0ACME", "domain": "acme"},
        "user": {"id": account, "username": "<!channel>", "team_id": "T0ACME"},
        "api_app_id": "A0APP",
        "trigger_id": format!("12321423423.{}", CLICKS.fetch_add(1, Ordering::Relaxed)),
        "container": {"type": "message", "message_ts": "1503435956.000247"},
        "actions": [{
            "type": "button", "action_id": "action-1", "block_id": "b",
            "text": {"type": "plain_text", "text": "Approve"}, "value": value,
            "action_ts": "1548426417.840180",
        }],
        "response_url": "https://evil.example/actions",
        "state": {"values": {}},
    })
}

fn now_s(house: &House) -> u64 {
    house.clock.now_ms() / 1_000
}

/// Press a button in Slack; what its person is told.
async fn press(house: &House, account: &str, value: &str) -> String {
    let request = slack_signed(SLACK_KEY, now_s(house), &click(account, value));
    told(house.host.call_back("slack", request).await)
}

fn told(came: Result<CalledBack, CallbackError>) -> String {
    match came.unwrap() {
        CalledBack::Told(text) => text,
        other => panic!("nothing is said: {other:?}"),
    }
}

/// What a program sends.
fn sent(announced: &Announced, account: &str, decision: &str) -> Value {
    json!({
        "approval": announced.card.approval, "digest": announced.digest,
        "decision": decision, "reason": "because", "person": account,
    })
}

fn signed(house: &House, id: &str, body: &Value) -> Delivery {
    let (body, at) = (body.to_string(), now_s(house).to_string());
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body.as_bytes()];
    let key = STANDARD.decode(KEY).unwrap();
    let signature = format!("v1,{}", STANDARD.encode(hmac(&key, &parts)));
    delivery(
        &[
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ],
        &body,
    )
}

async fn send(
    house: &House,
    callback: &str,
    id: &str,
    body: &Value,
) -> Result<CallbackReport, CallbackError> {
    let request = signed(house, id, body);
    match house.host.call_back(callback, request).await? {
        CalledBack::Taken(report) => Ok(report),
        other => panic!("no report: {other:?}"),
    }
}

/// Why a program's decision was refused.
async fn refused(house: &House, callback: &str, body: &Value) -> &'static str {
    let id = format!("m-{}", name_of(body));
    let error = send(house, callback, &id, body).await;
    error.expect_err("it was taken").kind()
}

/// A name that is the same for the same body.
fn name_of(body: &Value) -> String {
    hex::encode(hmac(b"name", &[body.to_string().as_bytes()]))
}

/// The records of decisions on a run.
async fn decisions(house: &House, run: &str) -> Vec<LogLine> {
    let mut lines = house.log(run).await;
    lines.retain(|line| line.stage == "approval.voted" || line.stage == "approval.decided");
    lines
}

/// The run, once it has ended.
async fn ended(house: &House, run: &str) -> RunReport {
    let minute = std::time::Duration::from_secs(60);
    house.host.wait(&mira(), run, minute).await.unwrap()
}
