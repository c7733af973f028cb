//! n8n: a no-code automation platform that takes webhooks and sends them. Heavy: it
//! needs 1.8 GB of disk and some minutes to install, so only who sets
//! `TOLLGATE_LIVE_HEAVY=1` gets it.

mod client;

use std::process::Command;

use reqwest::Method;
use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::Result;
use crate::install;
use crate::judge::Judge;
use crate::process::{Folder, Process, free_port};

pub use client::{Execution, N8nClient};

const VERSION: &str = "1.123.81";
const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = "Live-Test-Passw0rd";

/// What the judge's key may do.
const SCOPES: [&str; 5] = [
    "workflow:create",
    "workflow:activate",
    "workflow:deactivate",
    "execution:list",
    "execution:read",
];

/// Columns of the table that a workflow may keep events in.
const COLUMNS: [&str; 3] = ["delivery", "type", "data"];

/// A private n8n with an owner and one empty Data table (`delivery`, `type`, `data`:
/// texts). It has no workflow until the judge imports one.
#[derive(Debug)]
pub struct N8n {
    process: Process,
    origin: String,
    session: String,
    api_key: String,
    /// Where the Data table is, below `/rest`.
    table: String,
}

impl N8n {
    /// Install it if it is not, and start a new one, whose workflows find two keys
    /// (`whsec_…`) in `$env`: `TOLLGATE_EVENTS_KEY` verifies what comes in,
    /// `TOLLGATE_HOOK_KEY` signs what goes out. Refused without
    /// `TOLLGATE_LIVE_HEAVY=1`.
    pub async fn with_keys(events: &str, hook: &str) -> Result<Self> {
        install::wished("n8n", "1.8 GB")?;
        let keys = [
            ("TOLLGATE_EVENTS_KEY", events.to_owned()),
            ("TOLLGATE_HOOK_KEY", hook.to_owned()),
        ];
        let prepared = crate::blocking(move || prepare(keys)).await?;
        let (folder, command, port) = prepared;
        let origin = format!("http://127.0.0.1:{port}");
        let judge = Judge::new(&origin, Vec::new())?;
        // Until its tables are there it answers everything with 200 and a word of
        // waiting, and then at first that there is nothing.
        let is_ready = || async {
            judge.is_up("/healthz/readiness").await && judge.is_up("/rest/settings").await
        };
        let process = Process::start("n8n", folder, &command, is_ready).await?;
        let mut server = Self {
            process,
            origin,
            session: String::new(),
            api_key: String::new(),
            table: String::new(),
        };
        server.set_up().await?;
        Ok(server)
    }

    /// Make the owner, a key of the public API, and the table.
    async fn set_up(&mut self) -> Result<()> {
        let nobody = Judge::new(&self.origin, Vec::new())?;
        let owner = json!({
            "email": EMAIL, "password": PASSWORD, "firstName": "Live", "lastName": "Test",
        });
        let path = "/rest/owner/setup";
        let made = nobody.send(Method::POST, path, Some(&owner)).await?;
        let cookie = made.headers.get(SET_COOKIE);
        let cookie = cookie.and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        self.session = cookie.ok_or_else(|| made.unfit())?.to_owned();

        let owner = Judge::new(&self.origin, vec![("cookie", self.session.clone())])?;
        let key = json!({ "label": "live tests", "scopes": SCOPES, "expiresAt": null });
        self.api_key = text(&owner, Method::POST, "api-keys", Some(&key), "rawApiKey").await?;
        let project = text(&owner, Method::GET, "projects/personal", None, "id").await?;
        let columns = COLUMNS.map(|name| json!({ "name": name, "type": "string" }));
        let table = json!({ "name": "tollgate events", "columns": columns });
        let tables = format!("projects/{project}/data-tables");
        let id = text(&owner, Method::POST, &tables, Some(&table), "id").await?;
        self.table = format!("{tables}/{id}");
        Ok(())
    }

    /// `http://127.0.0.1:port`; production webhooks are at `/webhook/<path>`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A key of the public API (`/api/v1`), for the header `x-n8n-api-key`.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
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
    pub fn client(&self) -> Result<N8nClient> {
        let headers = vec![
            ("cookie", self.session.clone()),
            ("x-n8n-api-key", self.api_key.clone()),
        ];
        let judge = Judge::new(&self.origin, headers)?;
        Ok(N8nClient::new(judge, &self.table))
    }
}

fn prepare(keys: [(&str, String); 2]) -> Result<(Folder, Command, u16)> {
    let node = install::node()?;
    let installed = install::npm_with_sqlite("n8n", VERSION)?;
    let (folder, port, broker) = (Folder::new()?, free_port()?, free_port()?);
    let mut server = folder.command(&node);
    server.arg(installed.join("node_modules/n8n/bin/n8n"));
    server.arg("start").envs(keys);
    // It starts the runner of its Code nodes as `node`.
    let programs = node.parent().map(|folder| folder.display().to_string());
    let path = [programs, std::env::var("PATH").ok()];
    server.env(
        "PATH",
        path.into_iter().flatten().collect::<Vec<_>>().join(":"),
    );
    server.env("N8N_USER_FOLDER", folder.path());
    server.env("N8N_PORT", port.to_string());
    server.env("N8N_RUNNERS_BROKER_PORT", broker.to_string());
    server.envs([
        ("N8N_LISTEN_ADDRESS", "127.0.0.1"),
        ("N8N_HOST", "127.0.0.1"),
        ("DB_TYPE", "sqlite"),
        ("DB_SQLITE_POOL_SIZE", "2"),
        ("N8N_ENCRYPTION_KEY", "live-test-secret"),
        ("N8N_RUNNERS_ENABLED", "true"),
        // What the sample workflows need.
        ("N8N_BLOCK_ENV_ACCESS_IN_NODE", "false"),
        ("NODE_FUNCTION_ALLOW_BUILTIN", "crypto"),
        // Nothing is asked for outside of this machine.
        ("N8N_DIAGNOSTICS_ENABLED", "false"),
        ("N8N_VERSION_NOTIFICATIONS_ENABLED", "false"),
        ("N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED", "false"),
        ("N8N_DYNAMIC_BANNERS_ENABLED", "false"),
        ("N8N_TEMPLATES_ENABLED", "false"),
        ("N8N_COMMUNITY_PACKAGES_ENABLED", "false"),
        ("N8N_LICENSE_AUTO_RENEW_ENABLED", "false"),
    ]);
    Ok((folder, server, port))
}

/// One text of what `/rest/<path>` answers.
async fn text(
    judge: &Judge,
    method: Method,
    path: &str,
    body: Option<&Value>,
    field: &str,
) -> Result<String> {
    let answer = judge.send(method, &format!("/rest/{path}"), body).await?;
    let found = answer.json()?["data"][field].as_str().map(str::to_owned);
    found.ok_or_else(|| answer.unfit())
}
