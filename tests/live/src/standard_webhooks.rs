//! The reference library of Standard Webhooks, from npm: an independent judge of
//! what is signed here, and an independent sender.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::install;

const VERSION: &str = "1.1.1";

/// Signs or verifies what comes on standard input, and writes JSON.
const SCRIPT: &str = "
const { Webhook } = require('standardwebhooks');
const { key, id, at, body, headers } = JSON.parse(require('fs').readFileSync(0, 'utf8'));
let said;
try {
    const webhook = new Webhook(key);
    said = headers
        ? (webhook.verify(body, headers), { holds: true })
        : { signature: webhook.sign(id, new Date(at * 1000), body) };
} catch (error) {
    said = { error: String(error.message) };
}
process.stdout.write(JSON.stringify(said));
";

/// The library, with one key.
#[derive(Debug, Clone)]
pub struct StandardWebhooks {
    node: PathBuf,
    installed: PathBuf,
    key: String,
}

impl StandardWebhooks {
    /// Install it if it is not. The key is as receivers show it: `whsec_…`.
    pub async fn with_key(key: &str) -> Result<Self> {
        let key = key.to_owned();
        crate::blocking(move || {
            let pins = [("standardwebhooks", VERSION)];
            Ok(Self {
                node: install::node()?,
                installed: install::npm(&format!("standardwebhooks-{VERSION}"), &pins)?,
                key,
            })
        })
        .await
    }

    /// The pinned version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        VERSION
    }

    /// The header `webhook-signature` for a body.
    pub fn sign(&self, id: &str, at_s: u64, body: &str) -> Result<String> {
        let said = self.say(&json!({ "key": self.key, "id": id, "at": at_s, "body": body }))?;
        let signature = said["signature"].as_str().map(str::to_owned);
        signature.ok_or_else(|| unfit(&said))
    }

    /// Whether the library believes a webhook with these headers.
    pub fn holds(&self, headers: &[(&str, &str)], body: &str) -> Result<bool> {
        let headers: serde_json::Map<_, _> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let said = self.say(&json!({ "key": self.key, "body": body, "headers": headers }))?;
        Ok(said["holds"] == true)
    }

    fn say(&self, what: &Value) -> Result<Value> {
        let mut node = Command::new(&self.node)
            .args(["-e", SCRIPT])
            .current_dir(&self.installed)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(Error::file(&self.node))?;
        if let Some(mut stdin) = node.stdin.take() {
            stdin
                .write_all(what.to_string().as_bytes())
                .map_err(Error::file(&self.node))?;
        }
        let output = node.wait_with_output().map_err(Error::file(&self.node))?;
        let said = serde_json::from_slice(&output.stdout);
        said.map_err(|_| unfit(&Value::Null))
    }
}

fn unfit(said: &Value) -> Error {
    Error::Answer {
        request: "the reference library of Standard Webhooks".to_owned(),
        status: 0,
        body: said.to_string(),
    }
}
