//! Request Tracker 5 from Debian, with REST2.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::{Error, Result};
use crate::install;
use crate::judge::{Answer, Judge, encoded};
use crate::process::{Folder, Process, free_port};

const PACKAGES: [&str; 3] = ["request-tracker5", "rt5-db-sqlite", "starlet"];
const SETTINGS: &str = include_str!("RT_SiteConfig.pm");
const SEED: &str = include_str!("seed.pl");
const PASSWORD: &str = "live-test-password";

/// What the settings and the seed made: a new name makes a new database.
const DATABASE: &str = "1";

/// A private Request Tracker: a queue `Support` with the custom fields `Severity`
/// (`low`, `high`), `Order number` (digits) and `Products` (several), and a queue
/// `Board` that is closed to its users.
#[derive(Debug)]
pub struct RequestTracker {
    process: Process,
    origin: String,
    version: String,
    tokens: Value,
}

impl RequestTracker {
    /// Install it if it is not, and start a new one.
    pub async fn start() -> Result<Self> {
        let (folder, command, port, tokens) = crate::blocking(prepare).await?;
        let origin = format!("http://127.0.0.1:{port}");
        let judge = Judge::new(&origin, Vec::new())?;
        let is_ready = || judge.is_up("/NoAuth/Login.html");
        let process = Process::start("Request Tracker", folder, &command, is_ready).await?;
        Ok(Self {
            process,
            origin,
            version: install::debian_version("request-tracker5"),
            tokens,
        })
    }

    /// `http://127.0.0.1:port`; REST2 is at `/REST/2.0`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The token of `agent`, who may do everything with tickets of `Support`.
    #[must_use]
    pub fn agent(&self) -> &str {
        self.token("agent")
    }

    /// The token of `reader`, who may see tickets of `Support`.
    #[must_use]
    pub fn reader(&self) -> &str {
        self.token("reader")
    }

    /// The token of the administrator.
    #[must_use]
    pub fn root(&self) -> &str {
        self.token("root")
    }

    fn token(&self, user: &str) -> &str {
        self.tokens[user].as_str().unwrap_or_default()
    }

    /// The version of the installed package.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What it needed.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.process.needs()
    }

    /// The judge: asks as the administrator.
    pub fn client(&self) -> Result<RequestTrackerClient> {
        let headers = vec![("authorization", format!("token {}", self.root()))];
        Ok(RequestTrackerClient(Judge::new(&self.origin, headers)?))
    }
}

fn prepare() -> Result<(Folder, Command, u16, Value)> {
    install::debian(&PACKAGES)?;
    let version = install::debian_version("request-tracker5");
    let name = format!("request-tracker-{version}-{DATABASE}");
    let ready = install::once(&name, make_database)?;
    let folder = Folder::new()?;
    folder.write("RT_SiteConfig.pm", SETTINGS)?;
    let copy = folder.join("rtdb");
    std::fs::copy(ready.join("rtdb"), &copy).map_err(Error::file(&copy))?;
    for name in ["mason", "sessions"] {
        let path = folder.join(name);
        std::fs::create_dir(&path).map_err(Error::file(&path))?;
    }
    let path = ready.join("tokens.json");
    let tokens = std::fs::read(&path).map_err(Error::file(&path))?;
    let tokens = serde_json::from_slice(&tokens).unwrap_or_default();
    let port = free_port()?;
    let mut server = folder.command("/usr/share/request-tracker5/libexec/rt-server");
    with_settings(&mut server, folder.path(), port);
    server.args(["--server", "Starlet", "--host", "127.0.0.1"]);
    server.args(["--port", &port.to_string(), "--max-workers", "2"]);
    Ok((folder, server, port, tokens))
}

/// A new database with what tests need in it, once for each version.
fn make_database(place: &Path) -> Result<()> {
    let folder = Folder::new()?;
    folder.write("RT_SiteConfig.pm", SETTINGS)?;
    let password = folder.write("password", PASSWORD)?;
    let mut setup = folder.command("/usr/sbin/rt-setup-database-5");
    with_settings(&mut setup, folder.path(), 80);
    setup.args(["--action", "init", "--skip-create", "--root-password-file"]);
    folder.run(setup.arg(password))?;
    let seed = folder.write("seed.pl", SEED)?;
    let mut perl = folder.command("/usr/bin/perl");
    with_settings(&mut perl, folder.path(), 80);
    let tokens = folder.run(perl.arg(seed))?;
    let path = place.join("tokens.json");
    std::fs::write(&path, tokens).map_err(Error::file(&path))?;
    let made = folder.join("rtdb");
    std::fs::copy(&made, place.join("rtdb")).map_err(Error::file(&made))?;
    Ok(())
}

fn with_settings(command: &mut Command, folder: &Path, port: u16) {
    command
        .env("RT_LIVE_FOLDER", folder)
        .env("RT_LIVE_PORT", port.to_string())
        .env("RT_SITE_CONFIG", folder.join("RT_SiteConfig.pm"))
        // Otherwise the machine's own settings are read after ours.
        .env("RT_SITE_CONFIG_DIR", folder.join("none"));
}

/// Asks Request Tracker directly.
#[derive(Debug, Clone)]
pub struct RequestTrackerClient(Judge);

impl RequestTrackerClient {
    /// Any request below `/REST/2.0/`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let path = format!("/REST/2.0/{path}");
        self.0.send(method, &path, body).await
    }

    /// Make a ticket in `Support`; the answer is its id.
    pub async fn create_ticket(&self, subject: &str, requestor: &str) -> Result<String> {
        let body = json!({ "Queue": "Support", "Subject": subject, "Requestor": requestor });
        let answer = self.send(Method::POST, "ticket", Some(&body)).await?;
        let id = answer.json()?["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| answer.unfit())
    }

    /// A ticket as Request Tracker shows it.
    pub async fn ticket(&self, id: &str) -> Result<Value> {
        let path = format!("ticket/{id}");
        self.send(Method::GET, &path, None).await?.json()
    }

    /// Comment on a ticket with `If-Match: tag`.
    pub async fn comment_if(&self, id: &str, tag: &str) -> Result<Answer> {
        let path = format!("/REST/2.0/ticket/{id}/comment");
        let body = json!({ "Content": "on a condition", "ContentType": "text/plain" });
        let request = self.0.request(&Method::POST, &path).json(&body);
        let request = request.header("if-match", tag);
        self.0.answer(&Method::POST, &path, request).await
    }

    /// The values of one custom field of a ticket.
    pub async fn custom_field(&self, id: &str, name: &str) -> Result<Vec<String>> {
        let ticket = self.ticket(id).await?;
        let fields = ticket["CustomFields"].as_array().cloned();
        let field = fields
            .unwrap_or_default()
            .into_iter()
            .find(|field| field["name"] == name);
        let values = field.and_then(|field| field["values"].as_array().cloned());
        let texts = values.unwrap_or_default().into_iter();
        Ok(texts
            .filter_map(|value| value.as_str().map(str::to_owned))
            .collect())
    }

    /// The ids of the tickets that a query in TicketSQL finds.
    pub async fn tickets(&self, query: &str) -> Result<Vec<String>> {
        let path = format!("tickets?per_page=100&query={}", encoded(query));
        let found = self.send(Method::GET, &path, None).await?.json()?;
        let items = found["items"].as_array().cloned().unwrap_or_default();
        Ok(items
            .iter()
            .filter_map(|item| item["id"].as_str().map(str::to_owned))
            .collect())
    }

    /// The texts of a ticket's transactions of one type, e.g. `Comment` or
    /// `Correspond`, oldest first.
    pub async fn texts(&self, id: &str, of_type: &str) -> Result<Vec<String>> {
        let path = format!("ticket/{id}/history?per_page=100&fields=Type");
        let history = self.send(Method::GET, &path, None).await?.json()?;
        let mut texts = Vec::new();
        for item in history["items"].as_array().unwrap_or(&Vec::new()) {
            let (Some(transaction), true) = (item["id"].as_str(), item["Type"] == of_type) else {
                continue;
            };
            let path = format!("transaction/{transaction}/attachments?fields=Content,ContentType");
            let parts = self.send(Method::GET, &path, None).await?.json()?;
            let parts = parts["items"].as_array().cloned().unwrap_or_default();
            let text = parts.iter().find_map(|part| part["Content"].as_str());
            texts.push(text.unwrap_or_default().to_owned());
        }
        Ok(texts)
    }
}
