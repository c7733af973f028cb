//! From a held call to a button in Slack and back: the bundled connector `chat` with its
//! sample manifest, a server that answers as Slack's Web API documents, and the button's
//! own value, sent back signed.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tollgate_runtime::RunState;
use tollgate_tests::{component, workspace};

use super::{
    SLACK_KEY, callback, click, decisions, ended, now_s, slack_signed, told, with_callbacks,
};
use crate::deciding::{asks, effects, person};
use crate::house::{House, agent, call, failure, hostile, hostile_manifest};

const TOKEN: &str = "xoxb-token-of-the-app";

/// The announcement that the connector's README shows.
const NOTIFY: &str = r#"
public_url = "https://gate.example"

[[notify]]
approval = "boss"
name = "chat"
connector = "chat"
tool = "post_message"

[notify.input]
channel = "support"
text = "{connector}.{tool} for {requester} waits until {decide_by}: {link}"
ask = "Why? (a denial needs a reason)"

[[notify.input.actions]]
label = "Approve"
value = "approve {id} {digest}"
style = "primary"

[[notify.input.actions]]
label = "Deny: not plausible"
value = "deny {id} {digest} Not plausible."
style = "danger"

[[secret]]
name = "slack-token"
origin = "http://HERE"
header = "authorization"
file = "slack-token"
"#;

/// What was posted there.
#[derive(Clone, Default)]
struct Slack(Arc<Mutex<Vec<Value>>>);

impl Slack {
    async fn open() -> (Self, String, JoinHandle<()>) {
        let slack = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(answer).with_state(slack.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (slack, address, server)
    }

    fn posted(&self) -> Vec<Value> {
        self.0.lock().unwrap().clone()
    }
}

async fn answer(
    State(slack): State<Slack>,
    uri: Uri,
    headers: HeaderMap,
    Json(sent): Json<Value>,
) -> Json<Value> {
    let token = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    if token != Some(&format!("Bearer {TOKEN}")) || uri.path() != "/api/chat.postMessage" {
        return Json(json!({"ok": false, "error": "invalid_auth"}));
    }
    let mut posted = slack.0.lock().unwrap();
    posted.push(sent.clone());
    let ts = format!("1503435956.{:06}", posted.len());
    let message = json!({"type": "message", "bot_id": "B1", "ts": ts, "text": sent["text"]});
    Json(json!({"ok": true, "channel": sent["channel"], "ts": ts, "message": message}))
}

/// The sample manifest of the connector, at another address.
fn sample(address: &str) -> String {
    let path = workspace().join("plugins/chat/manifest.toml");
    let sample = std::fs::read_to_string(path).unwrap();
    let here = format!("base_url = \"http://{address}/api\"\naddresses = [\"127.0.0.1\"]");
    let sample = sample.replace("base_url = \"https://slack.com/api\"", &here);
    assert!(sample.contains(&here));
    sample
}

async fn house(address: &str) -> House {
    let callback = callback("slack", "default", "slack", "\"boss\"");
    let settings = format!("{}{callback}", NOTIFY.replace("HERE", address));
    let house = House::with_settings(&settings).await;
    let file = house.home.path().join("slack-token");
    std::fs::write(&file, TOKEN).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).unwrap();
    let house = with_callbacks(house).await;
    house
        .install(&hostile_manifest("", &asks("increment", "")), &hostile())
        .await;
    house
        .install(&sample(address), &component("plugins/chat"))
        .await;
    house.host.add_principal(&person("mira")).await.unwrap();
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_under_the_announcement_lets_the_held_run_go_on() {
    let (slack, address, server) = Slack::open().await;
    let house = house(&address).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = report.pending.unwrap().approval;
    while slack.posted().is_empty() {
        house.host.deliver_due().await.unwrap();
        tokio::task::yield_now().await;
    }
    let message = slack.posted().remove(0);
    assert_eq!(message["channel"], "C0SUPPORT01");
    let text = message["text"].as_str().unwrap();
    let link = format!("https://gate.example/approvals/{approval}");
    assert!(
        text.starts_with("hostile.increment for agent-7 waits until 20"),
        "{text}"
    );
    assert!(text.ends_with(&link), "{text}");
    let blocks = message["blocks"].as_array().unwrap();
    assert_eq!(blocks[0]["text"]["text"], text);
    assert_eq!(blocks[1]["element"]["action_id"], "reason");
    let buttons = blocks[2]["elements"].as_array().unwrap();
    let labels: Vec<&Value> = buttons.iter().map(|one| &one["text"]["text"]).collect();
    assert_eq!(labels, ["Approve", "Deny: not plausible"]);
    // What nobody was told is nowhere in it.
    let card = house.host.card(&person("mira"), &approval).await.unwrap();
    assert!(!message.to_string().contains(&card.digest));
    assert_eq!(effects(&house, "n").await, 0);

    let value = buttons[0]["value"].as_str().unwrap();
    let request = slack_signed(SLACK_KEY, now_s(&house), &click("U0MIRA", value));
    let words = told(house.host.call_back("slack", request).await);
    assert_eq!(words, "Approved: the call goes on.");
    assert_eq!(ended(&house, &report.run).await.state, RunState::Done);
    assert_eq!(effects(&house, "n").await, 1);
    let line = decisions(&house, &report.run).await.remove(0);
    assert_eq!(
        (line.principal.as_str(), &line.facts["channel"]),
        ("mira", &json!("callback:slack"))
    );

    // The other button of another call: it says why.
    let report = house.call("increment", json!({"key": "m"})).await;
    while slack.posted().len() < 2 {
        house.host.deliver_due().await.unwrap();
        tokio::task::yield_now().await;
    }
    let message = slack.posted().remove(1);
    let value = message["blocks"][2]["elements"][1]["value"]
        .as_str()
        .unwrap()
        .to_owned();
    let request = slack_signed(SLACK_KEY, now_s(&house), &click("U0MIRA", &value));
    assert_eq!(
        told(house.host.call_back("slack", request).await),
        "Denied."
    );
    assert_eq!(ended(&house, &report.run).await.state, RunState::Denied);
    assert_eq!(
        decisions(&house, &report.run).await[0].values["reason"],
        "Not plausible."
    );
    assert_eq!(effects(&house, "m").await, 0);
    server.abort();
}

/// The attack: an agent posts a button that says "Lunch" and decides on its own call.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_posts_buttons() {
    let (slack, address, server) = Slack::open().await;
    let house = house(&address).await;
    let post = |actions: Value| json!({"channel": "support", "text": "Lunch?", "actions": actions});
    let lunch = post(json!([{"label": "Lunch", "value": "approve apr-1 0123"}]));
    for input in [lunch, post(json!([]))] {
        let posted = house
            .host
            .call(&agent(), call("chat", "post_message", input))
            .await
            .unwrap();
        assert_eq!(posted.state, RunState::Denied, "{posted:?}");
        assert!(
            failure(&posted).1.contains("only the host posts buttons"),
            "{posted:?}"
        );
    }
    assert!(slack.posted().is_empty());
    let plain = json!({"channel": "support", "text": "Lunch?"});
    let posted = house
        .host
        .call(&agent(), call("chat", "post_message", plain))
        .await
        .unwrap();
    assert_eq!(posted.state, RunState::Done, "{posted:?}");
    assert_eq!(slack.posted()[0].get("blocks"), None);
    server.abort();
}
