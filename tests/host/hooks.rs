//! Webhooks that open runs: one run for each delivery that its sender signed, with
//! the named values of its payload and the rights of one service.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use tollgate_runtime::{
    CallError, Delivered, Delivery, DeliveryError, LogLine, Principal, PrincipalKind, Settings,
    WorkflowError,
};
use tollgate_tests::{component, named};

use crate::house::{AT, House, agent, call, hostile_manifest, mira};
use crate::http::{Desk, Fault, ask};

/// `MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw` in base64, as Standard Webhooks has keys.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_KEY: &str = "an-older-key-of-the-sender";

const SETTINGS: &str = r#"
[[secret]]
name = "orders-key"
origin = "hook://orders"
signature = "standard-webhooks"
file = "orders-key"

[[secret]]
name = "orders-old-key"
origin = "hook://orders"
signature = "standard-webhooks"
file = "orders-old-key"

[[secret]]
name = "forge-key"
origin = "hook://forge"
signature = "github"
file = "orders-key"

[[secret]]
name = "chat-key"
origin = "hook://chat"
signature = "slack"
file = "orders-key"

[[trigger]]
name = "orders"
connector = "hostile"
tool = "try_kv"
principal = "intake"
workflow = "intake"
secret = "orders-key"
previous = "orders-old-key"
case = "/order/id"
rate = "50/min"

[trigger.inputs]
verb = { value = "set" }
store = { value = "scratch" }
key = { at = "/order/id", kind = "id" }
value = { at = "/order/note", kind = "text", max = 40 }

[[trigger]]
name = "forge"
connector = "hostile"
tool = "try_kv"
principal = "intake"
secret = "forge-key"

[trigger.inputs]
verb = { value = "set" }
store = { value = "scratch" }
key = { at = "/ref", kind = "id" }
value = { value = "pushed" }

[[trigger]]
name = "chat"
connector = "hostile"
tool = "try_kv"
principal = "nobody"
secret = "chat-key"
inputs = { verb = { value = "get" } }
"#;

/// What a delivery's case is bound to, and the values of it that are trusted.
const INTAKE: &str = r#"
name = "intake"
owner = "group:boss"
purpose = "Keep what was ordered."
handoff = "data_entry"
starts = ["trigger:orders"]
queue = "intake-failures"
mode = "normal"

[inputs.key]
type = "string"
pattern = "o-[0-9]+"

[tools]
hostile = ["try_kv"]
"#;

async fn house() -> House {
    house_with(SETTINGS).await
}

async fn house_with(settings: &str) -> House {
    let house = House::with_settings(settings).await;
    for (name, key) in [("orders-key", KEY), ("orders-old-key", OLD_KEY)] {
        let file = house.home.path().join(name);
        std::fs::write(&file, key).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).unwrap();
    }
    let house = restarted(house).await;
    house
        .install(
            &hostile_manifest("", ""),
            &component("tests/guests/hostile"),
        )
        .await;
    let intake = Principal {
        identified: Default::default(),
        name: "intake".to_owned(),
        kind: PrincipalKind::Service,
        ..agent()
    };
    house.host.add_principal(&intake).await.unwrap();
    let installed = house.host.install_workflow("intake", INTAKE, "ops", false);
    installed.await.unwrap();
    house
}

async fn restarted(house: House) -> House {
    let home = house.home.path().to_owned();
    house
        .reopened(|options| {
            let settings = Settings::of(&home).unwrap();
            options.secrets = settings.secrets;
            options.triggers = settings.triggers;
        })
        .await
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn delivery(headers: &[(&str, &str)], body: &str) -> Delivery {
    let mut all = HashMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    for (name, value) in headers {
        all.insert((*name).to_owned(), (*value).to_owned());
    }
    Delivery {
        headers: all,
        body: body.as_bytes().to_vec(),
    }
}

/// Signed as the specification of Standard Webhooks says, written anew here.
fn signed_with(key: &[u8], id: &str, at_s: u64, body: &str) -> Delivery {
    let at = at_s.to_string();
    let parts = [id.as_bytes(), b".", at.as_bytes(), b".", body.as_bytes()];
    let signature = format!("v1,{}", STANDARD.encode(hmac(key, &parts)));
    delivery(
        &[
            ("webhook-id", id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ],
        body,
    )
}

fn signed(id: &str, body: &str) -> Delivery {
    let key = STANDARD.decode(&KEY["whsec_".len()..]).unwrap();
    signed_with(&key, id, AT / 1_000, body)
}

fn order(id: &str, note: &str) -> String {
    let extra = json!({"verb": "remove", "approved": true, "admin": {"store": "secret"}});
    json!({"order": {"id": id, "note": note}, "verb": "remove", "extra": extra}).to_string()
}

async fn opened(house: &House, trigger: &str, delivery: Delivery) -> (String, bool) {
    match house.host.deliver(trigger, delivery).await.unwrap() {
        Delivered::Run { run, repeated } => (run, repeated),
        other => panic!("no run: {other:?}"),
    }
}

async fn refused(house: &House, trigger: &str, delivery: Delivery) -> DeliveryError {
    let taken = house.host.deliver(trigger, delivery).await;
    taken.expect_err("it was taken")
}

/// The run's records, once it has ended.
async fn ended(house: &House, run: &str) -> Vec<LogLine> {
    let (person, minute) = (mira(), std::time::Duration::from_secs(60));
    house.host.wait(&person, run, minute).await.unwrap();
    house.log(run).await
}

async fn runs(house: &House) -> usize {
    let lines = house
        .host
        .log(&named("default"), Default::default())
        .await
        .unwrap();
    let opened = lines.iter().filter(|line| line.stage == "run.opened");
    opened.count()
}

#[tokio::test]
async fn a_signed_delivery_opens_one_run_with_the_named_values_and_no_others() {
    let house = house().await;
    let (run, repeated) = opened(&house, "orders", signed("msg_1", &order("o-7", "wet"))).await;
    assert!(!repeated);
    let lines = ended(&house, &run).await;
    let opening = lines
        .iter()
        .find(|line| line.stage == "run.opened")
        .unwrap();
    let input = json!({"verb": "set", "store": "scratch", "key": "o-7", "value": "wet"});
    assert_eq!(opening.values["input"], input);
    assert_eq!(opening.values["trigger"], "hook:orders/msg_1");
    assert_eq!(opening.facts["request_key"], "hook:orders/msg_1");
    assert_eq!(opening.principal, "intake");
    assert_eq!(opening.workflow.as_deref(), Some("intake"));
    assert_eq!(opening.case, "o-7");
    // Of the delivery only the typed value of a named input is the case's.
    let case = house.host.case(&mira(), "o-7").await.unwrap();
    assert_eq!(case.started_by, "trigger:orders");
    assert_eq!(case.inputs, Some(json!({"key": "o-7"})));
    assert_eq!(case.trigger.as_deref(), Some("hook:orders/msg_1"));
    let closed = lines
        .iter()
        .find(|line| line.stage == "run.closed")
        .unwrap();
    assert_eq!(closed.facts["state"], "done", "{lines:?}");
    // Sent again by a sender that heard nothing, and by five at once.
    for _ in 0..2 {
        let again = signed("msg_1", &order("o-7", "wet"));
        assert_eq!(opened(&house, "orders", again).await, (run.clone(), true));
    }
    let house = Arc::new(house);
    let many = (0..5).map(|_| {
        let house = Arc::clone(&house);
        tokio::spawn(async move {
            opened(&house, "orders", signed("msg_2", &order("o-8", "dry"))).await
        })
    });
    let many = futures_util::future::join_all(many).await;
    let mut many: Vec<_> = many.into_iter().map(Result::unwrap).collect();
    many.sort_by_key(|(_, repeated)| *repeated);
    assert_eq!(many.iter().filter(|(_, repeated)| !repeated).count(), 1);
    assert!(
        many.iter().all(|(other, _)| *other == many[0].0),
        "{many:?}"
    );
    assert_eq!(runs(&house).await, 2);
}

#[tokio::test]
async fn what_is_not_its_senders_is_refused_alike_and_leaves_no_record() {
    let house = house().await;
    let body = order("o-7", "wet");
    let now = AT / 1_000;
    let key = STANDARD.decode(&KEY["whsec_".len()..]).unwrap();
    let good = || signed("msg_1", &body);
    let mut altered = good();
    altered.body = order("o-7", "wetter").into_bytes();
    let mut moved = good();
    moved.headers.insert("webhook-id".into(), "msg_2".into());
    let mut later = good();
    later
        .headers
        .insert("webhook-timestamp".into(), (now + 1).to_string());
    let mut unsigned = good();
    unsigned.headers.remove("webhook-signature");
    let wrong = [
        ("orders", signed_with(b"another-key", "msg_1", now, &body)),
        ("orders", signed_with(&key, "msg_1", now - 301, &body)),
        ("orders", signed_with(&key, "msg_1", now + 301, &body)),
        ("orders", altered),
        ("orders", moved),
        ("orders", later),
        ("orders", unsigned),
        ("nothing", good()),
        ("forge", good()),
        ("chat", good()),
    ];
    for (number, (trigger, delivery)) in wrong.into_iter().enumerate() {
        let error = refused(&house, trigger, delivery).await;
        assert_eq!(error, DeliveryError::Unverified, "{number}");
    }
    assert_eq!(runs(&house).await, 0);
    // Both keys count while they are exchanged.
    let old = signed_with(OLD_KEY.as_bytes(), "msg_9", now - 299, &body);
    assert!(!opened(&house, "orders", old).await.1);
}

#[tokio::test]
async fn a_payload_without_a_named_value_of_its_kind_opens_nothing_and_is_told_which() {
    let house = house().await;
    let cases = [
        (json!({"order": {"id": "o-7"}}).to_string(), "/order/note"),
        (json!({"order": {"note": "a"}}).to_string(), "/order/id"),
        (
            json!({"order": {"id": {"a": 1}, "note": "a"}}).to_string(),
            "/order/id",
        ),
        (order("o 7", "a"), "/order/id"),
        (order("o-7", &"a".repeat(41)), "/order/note"),
        ("[]".to_owned(), ""),
        ("{\"a\":1,\"a\":2}".to_owned(), ""),
    ];
    for (number, (body, expected)) in cases.into_iter().enumerate() {
        let error = refused(&house, "orders", signed(&format!("m{number}"), &body)).await;
        let DeliveryError::Malformed { pointer, .. } = error else {
            panic!("{body}: {error:?}");
        };
        assert_eq!(pointer, expected, "{body}");
    }
    // What the tool itself does not take is told too.
    let mut text = signed("m9", &order("o-7", "a"));
    text.headers
        .insert("content-type".into(), "text/plain".into());
    let error = refused(&house, "orders", text).await;
    assert!(matches!(error, DeliveryError::Malformed { .. }));
    assert_eq!(runs(&house).await, 0);
    // The same id with another payload is not the same delivery.
    opened(&house, "orders", signed("m10", &order("o-7", "a"))).await;
    let other = signed("m10", &order("o-7", "b"));
    assert_eq!(
        refused(&house, "orders", other).await,
        DeliveryError::IdReused
    );
}

#[tokio::test]
async fn github_is_known_by_its_delivery_and_slack_by_its_event() {
    let house = house().await;
    let body = json!({"ref": "main"}).to_string();
    let signature = hex::encode(hmac(KEY.as_bytes(), &[body.as_bytes()]));
    let push = |id: &str| {
        let signature = format!("sha256={signature}");
        let headers = [
            ("x-hub-signature-256", signature.as_str()),
            ("x-github-delivery", id),
        ];
        delivery(&headers, &body)
    };
    let (run, _) = opened(&house, "forge", push("d-1")).await;
    assert_eq!(opened(&house, "forge", push("d-1")).await, (run, true));
    assert!(!opened(&house, "forge", push("d-2")).await.1);
    let nameless = refused(&house, "forge", push("")).await;
    assert!(matches!(nameless, DeliveryError::Malformed { .. }));
    let chat = |body: Value| {
        let (body, at) = (body.to_string(), (AT / 1_000).to_string());
        let parts = [b"v0:", at.as_bytes(), b":", body.as_bytes()];
        let signature = format!("v0={}", hex::encode(hmac(KEY.as_bytes(), &parts)));
        let headers = [
            ("x-slack-request-timestamp", at.as_str()),
            ("x-slack-signature", signature.as_str()),
        ];
        delivery(&headers, &body)
    };
    let ask = json!({"type": "url_verification", "challenge": "3eZbrw1a"});
    let word = house.host.deliver("chat", chat(ask)).await.unwrap();
    assert_eq!(word, Delivered::Challenge("3eZbrw1a".to_owned()));
    // Its service is not there: the sender is to come again.
    let event = house.host.deliver("chat", chat(json!({"event_id": "Ev1"})));
    assert_eq!(event.await, Err(DeliveryError::Unavailable));
}

/// The attack: a service with its own token takes a delivery's place, or makes its
/// call look like one.
#[tokio::test]
async fn nobody_can_pass_for_a_delivery() {
    let house = house().await;
    let input = json!({"verb": "get", "store": "scratch", "key": "k"});
    let mut keyed = call("hostile", "try_kv", input.clone());
    keyed.request_key = Some("hook:orders/msg_1".to_owned());
    let mut triggered = call("hostile", "try_kv", input);
    triggered.trigger = Some("hook:orders/msg_1".to_owned());
    for call in [keyed, triggered] {
        let refused = house.host.call(&agent(), call).await.unwrap_err();
        assert!(matches!(refused, CallError::InvalidInput { .. }));
    }
}

#[tokio::test]
async fn verified_deliveries_are_bounded_in_a_time_and_others_do_not_count() {
    let settings = SETTINGS.replace("50/min", "2/h");
    let house = house_with(&settings).await;
    let body = order("o-7", "a");
    for _ in 0..5 {
        let stranger = signed_with(b"another-key", "msg_0", AT / 1_000, &body);
        refused(&house, "orders", stranger).await;
    }
    for id in ["msg_1", "msg_2"] {
        opened(&house, "orders", signed(id, &body)).await;
    }
    let third = refused(&house, "orders", signed("msg_3", &body)).await;
    assert!(matches!(third, DeliveryError::Limited { .. }), "{third:?}");
}

#[tokio::test]
async fn a_delivery_is_found_again_after_a_restart() {
    let house = house().await;
    let (run, _) = opened(&house, "orders", signed("msg_1", &order("o-7", "wet"))).await;
    ended(&house, &run).await;
    let house = restarted(house).await;
    let again = signed("msg_1", &order("o-7", "wet"));
    assert_eq!(opened(&house, "orders", again).await, (run, true));
}

/// A delivery that goes out: an attempt whose answer was lost is made again with
/// the same id, and is signed anew.
#[tokio::test]
async fn what_is_sent_again_has_the_same_signed_id() {
    let desk = Desk::open().await;
    let keys =
        "[grant.http.desk.credential]\nsecret = \"desk-key\"\nsignature = \"standard-webhooks\"\n";
    let rows = "[[grant.http.desk.route]]\ncall = \"POST /events\"\neffect = \"write\"\nundo = \"inverse\"\nidempotency = \"signature\"\n";
    let settings = format!(
        "[[secret]]\nname = \"desk-key\"\norigin = \"http://{}\"\nsignature = \"standard-webhooks\"\nfile = \"orders-key\"\n",
        desk.address
    );
    let house = house_with(&settings).await;
    let caller = component("tests/guests/caller");
    house
        .install(&crate::http::manifest(&desk, keys, rows), &caller)
        .await;
    desk.order([Fault::Breaks, Fault::DoesAndBreaks]);
    let event = json!({"json": {"type": "order.paid"}, "back": {}});
    let input = ask("POST", &["events"], event);
    crate::http::came(&house, "create", input).await;
    let seen = desk.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    let key = STANDARD.decode(&KEY["whsec_".len()..]).unwrap();
    for attempt in &seen {
        let header = |name: &str| attempt.headers[name].as_str();
        assert_eq!(header("webhook-id"), seen[0].headers["webhook-id"]);
        let parts = [header("webhook-id"), ".", header("webhook-timestamp"), "."];
        let mut signed = parts.concat().into_bytes();
        signed.extend_from_slice(attempt.body.as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(hmac(&key, &[&signed])));
        assert_eq!(header("webhook-signature"), expected);
    }
}

/// The oversight: a trigger that starts cases and does not bring what one begins with;
/// each of its deliveries would be refused, and only its sender would see it.
#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_lacks_an_input_of_its_workflow_is_found_at_once() {
    let house = house().await;
    let more = format!("{INTAKE}\n[inputs.customer]\ntype = \"string\"\n");
    // It begins after the tables above it, which is fine in TOML.
    for text in [more.clone(), more.replace("key", "number")] {
        let installed = house
            .host
            .install_workflow("intake.toml", &text, "ops", false);
        let WorkflowError::Workflow(faults) = installed.await.unwrap_err() else {
            panic!("not of the file")
        };
        let fault = &faults.as_slice()[0];
        assert_eq!((fault.line, fault.column), (6, 11), "{fault}");
        assert!(fault.message.contains("`orders`"), "{fault}");
        assert!(fault.message.contains("`customer`"), "{fault}");
    }
    // What a case does not need may be missing.
    let optional = format!("{more}required = false\n");
    let installed = house
        .host
        .install_workflow("intake.toml", &optional, "ops", false);
    installed.await.unwrap();
    let settings = SETTINGS.replace("key = { at = \"/order/id\", kind = \"id\" }", "");
    assert_ne!(settings, SETTINGS);
    let file = house.home.path().join(tollgate_runtime::SETTINGS_FILE);
    std::fs::write(&file, &settings).unwrap();
    let options = tollgate_runtime::HostOptions {
        triggers: Settings::of(house.home.path()).unwrap().triggers,
        ..crate::house::options(house.home.path(), &house.clock)
    };
    let House { home, host, .. } = house;
    host.shutdown().await;
    drop(host);
    let error = loop {
        match tollgate_runtime::Host::open(options.clone()).await {
            Err(tollgate_runtime::HostError::Home { .. }) => tokio::task::yield_now().await,
            Err(error) => break error.to_string(),
            Ok(_) => panic!("it serves"),
        }
    };
    let at = settings
        .lines()
        .position(|line| line == "name = \"orders\"");
    let place = format!("{}:8", at.unwrap() + 1);
    assert!(error.contains(&place) && error.contains("`key`"), "{error}");
    drop(home);
}
