//! Node-RED: a no-code automation platform that takes webhooks and sends them.

use std::collections::HashMap;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::Result;
use crate::install;
use crate::judge::{Answer, Judge};
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "5.0.7";
const SETTINGS: &str = include_str!("settings.js");
const FLOWS: &str = include_str!("flows.json");

/// A private Node-RED with two flows: one takes webhooks at `/hook`, keeps them
/// and verifies nothing; one sends a webhook when it is told.
#[derive(Debug)]
pub struct NodeRed {
    process: Process,
    origin: String,
}

/// A webhook as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
}

impl NodeRed {
    /// Install it if it is not, and start a new one.
    pub async fn start() -> Result<Self> {
        let (process, origin) = Process::serve("Node-RED", prepare, "/received").await?;
        Ok(Self { process, origin })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where webhooks go. With `?status=500` it answers so (and keeps the webhook all
    /// the same), with `&after=2` it says `Retry-After`, with `&delay=1000` it answers
    /// so many milliseconds later.
    #[must_use]
    pub fn hook(&self) -> String {
        format!("{}/hook", self.origin)
    }

    /// The pinned version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        VERSION
    }

    /// What it needed.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.process.needs()
    }

    /// The judge.
    pub fn client(&self) -> Result<NodeRedClient> {
        Ok(NodeRedClient(Judge::new(&self.origin, Vec::new())?))
    }
}

fn prepare() -> Result<(Folder, Command, u16)> {
    let node = install::node()?;
    let installed = install::npm(&format!("node-red-{VERSION}"), &[("node-red", VERSION)])?;
    let (folder, port) = (Folder::new()?, free_port()?);
    let settings = folder.write("settings.js", SETTINGS)?;
    folder.write("flows.json", FLOWS)?;
    let mut server = folder.command(node);
    server.arg(installed.join("node_modules/node-red/red.js"));
    server.arg("--settings").arg(settings);
    server.arg("--userDir").arg(folder.path());
    server.env("LIVE_PORT", port.to_string());
    Ok((folder, server, port))
}

/// Asks the flows directly.
#[derive(Debug, Clone)]
pub struct NodeRedClient(Judge);

impl NodeRedClient {
    /// All webhooks that came, oldest first.
    pub async fn received(&self) -> Result<Vec<Received>> {
        let all = self.0.get("/received").await?;
        let all = all.as_array().cloned().unwrap_or_default();
        Ok(all.iter().map(received).collect())
    }

    /// Send a webhook by the flow; the answer is the other side's status, headers and
    /// body, as the flow saw them.
    pub async fn send(&self, url: &str, headers: &[(&str, &str)], body: &str) -> Result<Value> {
        let headers: HashMap<_, _> = headers.iter().copied().collect();
        let order = json!({ "url": url, "headers": headers, "body": body });
        self.0.json(Method::POST, "/send", Some(&order)).await
    }

    /// Any request to the flows.
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        self.0.send(method, path, body).await
    }
}

fn received(webhook: &Value) -> Received {
    let headers = webhook["headers"].as_object().cloned().unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| {
        let value = value.as_str().map(str::to_owned);
        (name, value.unwrap_or_default())
    });
    let body = webhook["body"].as_str().unwrap_or_default();
    Received {
        path: webhook["path"].as_str().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: hex::decode(body).unwrap_or_default(),
    }
}
