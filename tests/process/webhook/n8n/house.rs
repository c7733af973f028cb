//! A host with n8n beside it, and the workflows of the connector's folder.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tollgate_live::{Execution, N8n, N8nClient, StandardWebhooks};
use tollgate_tests::workspace;

use super::super::*;

/// Verifies events in n8n; [`KEY`] signs what opens runs. One key for both ways would
/// let who sees an event send it back.
const EVENTS_KEY: &str = "whsec_dG9sbGdhdGUgc2lnbnMgd2hhdCBpdCB0ZWxscw==";

/// A key that nobody verifies with.
pub(super) const OTHER_KEY: &str = "whsec_bm9ib2R5IHZlcmlmaWVzIGFueXRoaW5nIHdpdGg=";

/// What the workflow answers where it took the event.
const CONFIRMS: &str = r#"confirms = '"taken":true'"#;

/// One house with n8n beside it.
pub(super) struct House {
    pub(super) n8n: N8n,
    pub(super) judge: N8nClient,
    pub(super) reference: StandardWebhooks,
    pub(super) shop: Shop,
    pub(super) open: Open,
    /// The workflow that takes events.
    pub(super) receives: String,
}

impl House {
    pub(super) async fn open() -> Self {
        let n8n = N8n::with_keys(EVENTS_KEY, KEY).await.unwrap();
        let judge = n8n.client().unwrap();
        let receives = judge.import(&workflow("receive-events.json")).await;
        let shop = shop(&settings(n8n.origin()));
        for (name, key) in [("events-key", EVENTS_KEY), ("other-key", OTHER_KEY)] {
            let path = shop.home().join(name);
            fs::write(&path, key).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        install(&shop, &manifest(n8n.origin()));
        let open = shop.open();
        Self {
            judge,
            reference: StandardWebhooks::with_key(EVENTS_KEY).await.unwrap(),
            shop,
            open,
            receives: receives.unwrap(),
            n8n,
        }
    }

    /// An event that a person lets go, and what it came to.
    pub(super) async fn sent(&self, endpoint: &str) -> Value {
        let held = deliver(&self.shop, &self.open, endpoint, "order.paid").await;
        approved(&self.shop, &self.open, &held).await
    }

    /// What n8n has of events, by its Data table.
    pub(super) async fn kept(&self) -> usize {
        self.judge.rows().await.unwrap().len()
    }

    pub(super) async fn executions(&self, workflow: &str, count: usize) -> Vec<Execution> {
        let all = self.judge.executions(workflow, count).await.unwrap();
        assert_eq!(all.len(), count, "{all:?}");
        all
    }
}

/// Slots of the keys that events are signed with, beside those of the shop.
fn settings(origin: &str) -> String {
    let slot = |name, file| {
        format!(
            "\n[[secret]]\nname = \"{name}\"\norigin = \"{origin}\"\nsignature = \"standard-webhooks\"\nfile = \"{file}\"\n"
        )
    };
    let (events, other) = (
        slot("erp-webhook", "events-key"),
        slot("other", "other-key"),
    );
    format!("{SETTINGS}{events}{other}")
}

/// The sample, with four endpoints more: one with a key that n8n does not have, one
/// that answers too late, one whose workflow fails and says so, and one whose workflow
/// fails without a word.
fn manifest(origin: &str) -> String {
    let base = format!("{origin}/webhook");
    let endpoint = |name: &str, path: &str, key: &str, timeout: &str| {
        format!(
            "\n[grant.http.{name}]\nbase_url = \"{base}\"\naddresses = [\"127.0.0.1/32\"]\ntimeout = \"{timeout}\"\n\
             \n[grant.http.{name}.credential]\nsecret = \"{key}\"\nsignature = \"standard-webhooks\"\n\
             \n[[grant.http.{name}.route]]\ncall = \"POST {path}\"\nidempotency = \"signature\"\n\
             \n[config.endpoints.{name}]\ndestination = \"{name}\"\npath = \"{path}\"\n{CONFIRMS}\n"
        )
    };
    let one = "{ eq = \"erp\" }";
    let sample = sample(&base);
    let about = "about = \"the bookkeeping's system\"";
    assert!(sample.contains(one) && sample.contains(about));
    let sample = sample.replace(about, CONFIRMS);
    sample.replace(
        one,
        r#"{ in = ["erp", "stranger", "late", "broken", "mute"] }"#,
    ) + &endpoint("stranger", "/tollgate", "other", "10s")
        + &endpoint("late", "/late", "erp-webhook", "3s")
        + &endpoint("broken", "/broken", "erp-webhook", "10s")
        + &endpoint("mute", "/mute", "erp-webhook", "10s")
}

/// A workflow of the connector's folder.
pub(super) fn workflow(name: &str) -> Value {
    let path = workspace().join("plugins/webhook/n8n").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

pub(super) fn node<'w>(workflow: &'w mut Value, name: &str) -> &'w mut Value {
    let nodes = workflow["nodes"].as_array_mut().unwrap();
    nodes.iter_mut().find(|node| node["name"] == name).unwrap()
}

/// The code of a node with another variable for its key.
pub(super) fn renamed_key(workflow: &mut Value, name: &str, from: &str, to: &str) {
    let code = &mut node(workflow, name)["parameters"]["jsCode"];
    let text = code.as_str().unwrap();
    assert!(text.contains(from));
    *code = text.replace(from, to).into();
}

/// What stands in an execution as it came: three headers and the raw content.
pub(super) fn came(execution: &Execution) -> ([(&'static str, String); 3], String) {
    let item = execution.item("Event");
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = names.map(|name| {
        let value = item["json"]["headers"][name].as_str().unwrap();
        (name, value.to_owned())
    });
    let content = item["binary"]["data"]["data"].as_str().unwrap();
    let content = STANDARD.decode(content).unwrap();
    (headers, String::from_utf8(content).unwrap())
}
