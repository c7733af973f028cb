//! Tryton: parties and sale opportunities by REST.

use std::path::Path;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::{Error, Result};
use crate::install;
use crate::judge::{Answer, Judge, encoded};
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "8.2.1";
const PINS: [&str; 3] = [
    "trytond==8.2.1",
    "trytond-party==8.2.0",
    "trytond-sale-opportunity==8.2.0",
];
const SEED: &str = include_str!("seed.py");

/// What the seed made: a new name makes a new database.
const DATABASE: &str = "1";

/// A private Tryton with the database `crm`: a company with one employee, and the
/// users `agent`, `reader`, `guest` and `admin`.
#[derive(Debug)]
pub struct Tryton {
    process: Process,
    origin: String,
    seeded: Value,
}

impl Tryton {
    /// Install it if it is not, and start a new one.
    pub async fn start() -> Result<Self> {
        let (folder, command, port, seeded) = crate::blocking(prepare).await?;
        let origin = format!("http://127.0.0.1:{port}");
        let key = seeded["admin"].as_str().unwrap_or_default();
        let headers = vec![("authorization", format!("bearer {key}"))];
        let judge = Judge::new(&origin, headers)?;
        let is_ready = || judge.is_up("/crm/rest/model/company.company");
        let process = Process::start("Tryton", folder, &command, is_ready).await?;
        Ok(Self {
            process,
            origin,
            seeded,
        })
    }

    /// `http://127.0.0.1:port`; REST is at `/crm/rest/model`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The key of a clerk who may do everything with parties and opportunities.
    #[must_use]
    pub fn agent(&self) -> &str {
        self.key("agent")
    }

    /// The key of a user who may see opportunities.
    #[must_use]
    pub fn reader(&self) -> &str {
        self.key("reader")
    }

    /// The key of a user in no group: no opportunity is his to see.
    #[must_use]
    pub fn guest(&self) -> &str {
        self.key("guest")
    }

    /// The key of the administrator.
    #[must_use]
    pub fn admin(&self) -> &str {
        self.key("admin")
    }

    /// The ids that a new opportunity needs: company, currency, employee.
    #[must_use]
    pub fn company(&self) -> (i64, i64, i64) {
        let id = |name: &str| self.seeded[name].as_i64().unwrap_or_default();
        (id("company"), id("currency"), id("employee"))
    }

    fn key(&self, user: &str) -> &str {
        self.seeded[user].as_str().unwrap_or_default()
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

    /// The judge: asks as the administrator.
    pub fn client(&self) -> Result<TrytonClient> {
        let headers = vec![("authorization", format!("bearer {}", self.key("admin")))];
        let judge = Judge::new(&self.origin, headers)?;
        Ok(TrytonClient {
            judge,
            company: self.company(),
        })
    }
}

fn prepare() -> Result<(Folder, Command, u16, Value)> {
    let installed = install::python(&format!("tryton-{VERSION}"), &PINS)?;
    let name = format!("tryton-{VERSION}-database-{DATABASE}");
    let ready = install::once(&name, |place| make_database(&installed, place))?;
    let (folder, port) = (Folder::new()?, free_port()?);
    let settings = settings(&folder, Some(port))?;
    let copy = folder.join("crm.sqlite");
    std::fs::copy(ready.join("crm.sqlite"), &copy).map_err(Error::file(&copy))?;
    let path = ready.join("keys.json");
    let seeded = std::fs::read(&path).map_err(Error::file(&path))?;
    let seeded = serde_json::from_slice(&seeded).unwrap_or_default();
    let mut server = folder.command(installed.join("venv/bin/trytond"));
    server.arg("-c").arg(settings);
    Ok((folder, server, port, seeded))
}

/// A new database with what tests need in it: about half a minute, once.
fn make_database(installed: &Path, place: &Path) -> Result<()> {
    let folder = Folder::new()?;
    let settings = settings(&folder, None)?;
    // The program makes no file, it only fills one.
    let made = folder.write("crm.sqlite", "")?;
    let password = folder.write("password", "live-test-password")?;
    let mut admin = folder.command(installed.join("venv/bin/trytond-admin"));
    admin
        .env("TRYTONPASSFILE", password)
        .arg("-c")
        .arg(&settings);
    admin.args(["-d", "crm", "--email", "admin@example.com"]);
    admin.args(["-u", "party", "sale_opportunity", "--activate-dependencies"]);
    folder.run(&mut admin)?;
    let seed = folder.write("seed.py", SEED)?;
    let mut python = folder.command(installed.join("venv/bin/python"));
    let keys = folder.run(python.arg(seed).arg(&settings).arg(&made))?;
    let path = place.join("keys.json");
    std::fs::write(&path, keys).map_err(Error::file(&path))?;
    std::fs::copy(&made, place.join("crm.sqlite")).map_err(Error::file(&made))?;
    Ok(())
}

fn settings(folder: &Folder, port: Option<u16>) -> Result<std::path::PathBuf> {
    let mut settings = format!(
        "[database]\nuri = sqlite://\npath = {}\n",
        folder.path().display()
    );
    if let Some(port) = port {
        settings.push_str(&format!("[web]\nlisten = 127.0.0.1:{port}\n"));
    }
    folder.write("trytond.conf", settings)
}

/// Asks Tryton directly.
#[derive(Debug, Clone)]
pub struct TrytonClient {
    judge: Judge,
    company: (i64, i64, i64),
}

impl TrytonClient {
    /// Any request below `/crm/rest/model/`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let path = format!("/crm/rest/model/{path}");
        self.judge.send(method, &path, body).await
    }

    /// Make a party; the answer is its id.
    pub async fn create_party(&self, name: &str) -> Result<i64> {
        let body = json!({ "name": name });
        self.create("party.party", &body).await
    }

    /// Make an opportunity of a party; the answer is its id.
    pub async fn create_opportunity(&self, party: i64, description: &str) -> Result<i64> {
        let (company, currency, employee) = self.company;
        let body = json!({
            "party": party, "company": company, "currency": currency, "employee": employee,
            "description": description, "start_date": "2026-11-22", "conversion_probability": 0.5,
        });
        self.create("sale.opportunity", &body).await
    }

    async fn create(&self, model: &str, body: &Value) -> Result<i64> {
        let answer = self.send(Method::POST, model, Some(body)).await?;
        let id = answer.json()?["id"].as_i64();
        id.ok_or_else(|| answer.unfit())
    }

    /// Some fields of a record.
    pub async fn record(&self, model: &str, id: i64, fields: &[&str]) -> Result<Value> {
        let path = format!("{model}/{id}?{}", chosen(fields));
        self.send(Method::GET, &path, None).await?.json()
    }

    /// Some fields of all records of a model.
    pub async fn records(&self, model: &str, fields: &[&str]) -> Result<Vec<Value>> {
        let path = format!("{model}?{}", chosen(fields));
        let found = self.send(Method::GET, &path, None).await?.json()?;
        Ok(found.as_array().cloned().unwrap_or_default())
    }
}

fn chosen(fields: &[&str]) -> String {
    let fields = fields.iter().map(|field| format!("f={}", encoded(field)));
    fields.collect::<Vec<_>>().join("&")
}
