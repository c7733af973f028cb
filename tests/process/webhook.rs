//! Webhooks of a real host: one that comes in opens one run, one that goes out is
//! signed. Against Node-RED, n8n and the reference library where they are asked for.

mod n8n;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_live::{NodeRed, StandardWebhooks};
use tollgate_tests::{component, workspace};

use crate::shop::{Answer, Open, Shop, answered, approval, http};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Refunds that a shop's other system asks for.
const SETTINGS: &str = r#"
[[secret]]
name = "returns"
origin = "hook://returns"
signature = "standard-webhooks"
file = "returns-key"

[[trigger]]
name = "returns"
connector = "database"
tool = "execute"
principal = "night-job"
secret = "returns"
case = "/data/order"

[trigger.inputs]
statement = { value = "refund" }
"/params/order_id" = { at = "/data/order", kind = "int" }
"/params/amount_cents" = { at = "/data/cents", kind = "int" }
"/params/reason" = { at = "/data/reason", kind = "text", max = 200 }
"#;

/// A shop whose home has these settings, and the key of the other system.
fn shop(settings: &str) -> Shop {
    let shop = Shop::new();
    fs::write(shop.home().join("tollgate.toml"), settings).unwrap();
    let key = shop.home().join("returns-key");
    fs::write(&key, KEY).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    shop
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn returned(order: u32, cents: u32) -> String {
    let data =
        json!({"order": order, "cents": cents, "reason": "arrived broken", "approved": true});
    json!({"type": "order.returned", "statement": "refund_all", "data": data}).to_string()
}

/// A signature by the specification's words.
fn signature(id: &str, at: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(&KEY["whsec_".len()..]).unwrap();
    signature_by(&key, id, at, body)
}

fn signature_by(key: &[u8], id: &str, at: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in [id.as_bytes(), b".", at.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn send(open: &Open, name: &str, id: &str, at_s: u64, body: &str) -> Answer {
    let at = at_s.to_string();
    let signature = signature(id, &at, body.as_bytes());
    let request = http()
        .post(format!("{}/hooks/{name}", open.url))
        .header("content-type", "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", at)
        .header("webhook-signature", signature)
        .body(body.to_owned());
    answered(request).await
}

/// The run, once it has ended or waits for somebody.
async fn ended(shop: &Shop, open: &Open, run: &Value) -> Value {
    let path = format!("/v1/runs/{}?wait=60", run.as_str().unwrap());
    open.get(&shop.people.mira, &path).await.body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_webhook_makes_one_refund_and_a_forged_one_none() {
    let shop = shop(SETTINGS);
    let open = shop.open();
    let body = returned(1042, 900);
    let first = send(&open, "returns", "msg_1", now_s(), &body).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "{first:?}");
    let run = ended(&shop, &open, &first.body["run"]).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(
        (&run["principal"], &run["case"]),
        (&json!("night-job"), &json!("1042"))
    );
    let again = send(&open, "returns", "msg_1", now_s(), &body).await;
    assert_eq!(again.status, StatusCode::OK, "{again:?}");
    assert_eq!(again.body["run"], first.body["run"]);
    assert_eq!(shop.refunds(), 1);

    let old = send(&open, "returns", "msg_2", now_s() - 600, &body).await;
    let unknown = send(&open, "nothing", "msg_2", now_s(), &body).await;
    let stranger = http()
        .post(format!("{}/hooks/returns", open.url))
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", shop.people.mira))
        .header("webhook-id", "msg_2")
        .header("webhook-timestamp", now_s().to_string())
        .header("webhook-signature", "v1,AAAA")
        .body(body.clone());
    let stranger = answered(stranger).await;
    for answer in [&old, &unknown, &stranger] {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        assert_eq!(answer.body, stranger.body, "all are answered alike");
    }
    let unfit = send(
        &open,
        "returns",
        "msg_3",
        now_s(),
        r#"{"data":{"order":"1042","cents":1,"reason":"x"}}"#,
    )
    .await;
    assert_eq!(unfit.status, StatusCode::BAD_REQUEST);
    assert_eq!(unfit.body["pointer"], "/data/order");
    // Over the limit it waits for a person, and the sender is told that it is taken.
    let held = send(&open, "returns", "msg_4", now_s(), &returned(1042, 9_000)).await;
    assert_eq!(held.status, StatusCode::ACCEPTED);
    assert_eq!(shop.refunds(), 1);
    drop(open);
    // A host that was stopped and started knows the delivery.
    let open = shop.open();
    let later = send(&open, "returns", "msg_1", now_s(), &body).await;
    assert_eq!(later.body["run"], first.body["run"], "{later:?}");
    assert_eq!(shop.refunds(), 1);
    drop(open);
    shop.verifies();
}

/// The attack: a host dies right after it said that it has the delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_done_after_the_host_was_killed() {
    let shop = shop(SETTINGS);
    let open = shop.open();
    let body = returned(1041, 700);
    let taken = send(&open, "returns", "msg_1", now_s(), &body).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    open.process.kill();
    let open = shop.open();
    let run = ended(&shop, &open, &taken.body["run"]).await;
    assert_eq!(run["state"], "done", "{run}");
    assert_eq!(shop.refunds(), 1);
}

/// Node-RED's flows and the reference library on the other side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "live: needs Node-RED and standardwebhooks from npm"]
#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
async fn node_red_gets_signed_events_and_opens_runs() {
    let server = NodeRed::start().await.unwrap();
    let judge = server.client().unwrap();
    let reference = StandardWebhooks::with_key(KEY).await.unwrap();
    let settings = format!(
        "{SETTINGS}\n[[secret]]\nname = \"erp-webhook\"\norigin = \"{}\"\nsignature = \"standard-webhooks\"\nfile = \"returns-key\"\n",
        server.origin()
    );
    let shop = shop(&settings);
    install(
        &shop,
        &sample(server.origin()).replace("/tollgate", "/hook"),
    );
    let open = shop.open();

    // Out: events that a person lets go.
    let listed = call(&open, &shop.people.agent, "endpoints", json!({})).await;
    assert_eq!(listed["output"]["endpoints"][0]["name"], "erp");
    for (before, kind) in ["order.shipped", "order.paid"].into_iter().enumerate() {
        let held = deliver(&shop, &open, "erp", kind).await;
        let left = judge.received().await.unwrap().len();
        assert_eq!(left, before, "a held one has not left");
        let done = approved(&shop, &open, &held).await;
        assert_eq!(done["state"], "done", "{done}");
        assert_eq!(done["output"]["status"], 200, "{done}");
    }
    let received = judge.received().await.unwrap();
    assert_eq!(received.len(), 2, "each event came once");
    for webhook in &received {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.map(|name| (name, webhook.headers[name].as_str()));
        let body = String::from_utf8(webhook.body.clone()).unwrap();
        assert!(reference.holds(&headers, &body).unwrap(), "{headers:?}");
        let altered = body.replace('7', "8");
        assert!(!reference.holds(&headers, &altered).unwrap());
        let own = signature(headers[0].1, headers[1].1, &webhook.body);
        assert_eq!(own, headers[2].1);
    }
    assert_ne!(
        received[0].headers["webhook-id"],
        received[1].headers["webhook-id"]
    );
    let sent: Value = serde_json::from_slice(&received[1].body).unwrap();
    assert_eq!(sent, json!({"type": "order.paid", "data": {"order": 7}}));

    // In: the flow sends what the reference library signed.
    let (body, url) = (returned(1042, 900), format!("{}/hooks/returns", open.url));
    let by_flow = async |id: &str, body: &str, signature: &str| {
        let at = now_s().to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature),
        ];
        judge.send(&url, &headers, body).await.unwrap()
    };
    let sign = |id: &str| reference.sign(id, now_s(), &body).unwrap();
    let first = by_flow("msg_1", &body, &sign("msg_1")).await;
    assert_eq!(first["status"], 202, "{first}");
    let answer: Value = serde_json::from_str(first["body"].as_str().unwrap()).unwrap();
    let run = ended(&shop, &open, &answer["run"]).await;
    assert_eq!(run["state"], "done", "{run}");
    let again = by_flow("msg_1", &body, &sign("msg_1")).await;
    assert_eq!(again["status"], 200, "{again}");
    let altered = by_flow("msg_2", &returned(1042, 4_900), &sign("msg_2")).await;
    assert_eq!(altered["status"], 401, "{altered}");
    assert_eq!(shop.refunds(), 1);
    drop(open);
    shop.verifies();
    let needs = server.needs();
    eprintln!(
        "LIVE webhook Node-RED {} (standardwebhooks {}) tools=2/2 undo=0/0 start={:.1}s memory={}MiB",
        server.version(),
        reference.version(),
        needs.start.as_secs_f64(),
        needs.resident_bytes >> 20,
    );
}

/// The connector's sample manifest, at another address.
fn sample(base_url: &str) -> String {
    let sample = fs::read_to_string(workspace().join("plugins/webhook/manifest.toml")).unwrap();
    let base = "base_url = \"https://erp.example.com/hooks\"";
    assert!(sample.contains(base));
    let here = format!("base_url = \"{base_url}\"\naddresses = [\"127.0.0.1/32\"]");
    sample.replace(base, &here)
}

fn install(shop: &Shop, manifest: &str) {
    let path = shop.home().join("webhook.toml");
    fs::write(&path, manifest).unwrap();
    let component = component("plugins/webhook").path.clone();
    let (path, component) = (path.to_str().unwrap(), component.to_str().unwrap());
    shop.run(&["install", "--pin", path, component]).exits(0);
}

async fn call(open: &Open, token: &str, tool: &str, input: Value) -> Value {
    let call = json!({ "connector": "webhook", "tool": tool, "input": input });
    open.post(token, "/v1/calls", &call).await.body
}

/// An event, asked for: it is held.
async fn deliver(shop: &Shop, open: &Open, endpoint: &str, kind: &str) -> Value {
    let event = json!({"endpoint": endpoint, "event_type": kind, "data": {"order": 7}});
    call(open, &shop.people.agent, "deliver", event).await
}

/// What a held run comes to once somebody of finance lets it go.
async fn approved(shop: &Shop, open: &Open, held: &Value) -> Value {
    let card = open.card(&shop.people.mira, held).await;
    let approve = format!("/v1/approvals/{}/approve", approval(held));
    let digest = json!({ "digest": card["digest"] });
    open.post(&shop.people.mira, &approve, &digest).await.body
}
