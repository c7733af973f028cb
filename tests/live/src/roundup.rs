//! Roundup: an issue tracker whose REST interface refuses a stale write.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::{Error, Result};
use crate::install;
use crate::judge::{Answer, Judge, encoded};
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "2.6.0";

/// A private tracker of the template `classic`, with its administrator, a user
/// `agent` who may edit issues, and a user `guest` who may do nothing by REST.
#[derive(Debug)]
pub struct Roundup {
    process: Process,
    origin: String,
}

const PASSWORD: &str = "live-test-password";

/// Appended to the template's own initial data.
const USERS: &str = r#"
user.create(username="agent", password=password.Password("live-test-password", config=db.config),
    address="agent@example.com", roles="User")
user.create(username="guest", password=password.Password("live-test-password", config=db.config),
    address="guest@example.com", roles="")
"#;

impl Roundup {
    /// Install it if it is not, and start a new tracker.
    pub async fn start() -> Result<Self> {
        let (process, origin) = Process::serve("Roundup", prepare, "/tracker/").await?;
        Ok(Self { process, origin })
    }

    /// `http://127.0.0.1:port`; the tracker is at `/tracker`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// A user who may see, create and edit issues.
    #[must_use]
    pub fn agent(&self) -> (&'static str, &'static str) {
        ("agent", PASSWORD)
    }

    /// A user without the permission to use REST.
    #[must_use]
    pub fn guest(&self) -> (&'static str, &'static str) {
        ("guest", PASSWORD)
    }

    /// The administrator.
    #[must_use]
    pub fn admin(&self) -> (&'static str, &'static str) {
        ("admin", PASSWORD)
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

    /// The judge: asks the tracker as its administrator.
    pub fn client(&self) -> Result<RoundupClient> {
        // What a browser's script would send: without these every write is refused.
        let headers = vec![
            ("origin", self.origin.clone()),
            ("referer", format!("{}/tracker/", self.origin)),
            ("x-requested-with", "judge".to_owned()),
        ];
        let judge = Judge::new(&self.origin, headers)?;
        Ok(RoundupClient(judge.with_password("admin", PASSWORD)))
    }
}

fn prepare() -> Result<(Folder, std::process::Command, u16)> {
    let name = format!("roundup-{VERSION}");
    let installed = install::python(&name, &[&format!("roundup=={VERSION}")])?;
    let program = |name: &str| installed.join("venv/bin").join(name);
    let folder = Folder::for_an_ordinary_account()?;
    let (home, port) = (folder.join("home"), free_port()?);
    let admin = || {
        let mut admin = folder.command(program("roundup-admin"));
        admin.arg("-i").arg(&home);
        admin
    };
    folder.run(admin().args(["install", "classic", "sqlite"]))?;
    let edit = |file: &str, edit: &dyn Fn(&str) -> String| {
        let path = home.join(file);
        let old = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        folder.write(&format!("home/{file}"), edit(&old))
    };
    edit("initial_data.py", &|old| {
        format!("from roundup import password\n{old}\n{USERS}")
    })?;
    edit("config.ini", &|old| configure(old, &folder, port))?;
    folder.run(admin().args(["initialise", PASSWORD]))?;
    let mut server = folder.command(program("roundup-server"));
    server.args(["-n", "127.0.0.1", "-p", &port.to_string()]);
    server.arg(format!("tracker={}", home.display()));
    Ok((folder, server, port))
}

/// The template's settings with our own values.
fn configure(old: &str, folder: &Folder, port: u16) -> String {
    let values = [
        ("web", format!("http://127.0.0.1:{port}/tracker/")),
        ("domain", "example.com".to_owned()),
        ("host", "127.0.0.1".to_owned()),
        // Mail goes into a file.
        ("debug", folder.join("mail").display().to_string()),
        // The password is hashed for every request; a test has many.
        ("password_pbkdf2_default_rounds", "1000".to_owned()),
    ];
    let mut section = "";
    let lines = old.lines().map(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let setting = line.trim_start_matches('#').split_once(" =");
        let value = values.iter().find(|(name, _)| {
            let belongs = match *name {
                "debug" | "domain" | "host" => section == "[mail]",
                "web" => section == "[tracker]",
                _ => section == "[main]",
            };
            belongs && setting.is_some_and(|(found, _)| found == *name)
        });
        match value {
            Some((name, value)) => format!("{name} = {value}\n"),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// Asks a tracker directly.
#[derive(Debug, Clone)]
pub struct RoundupClient(Judge);

impl RoundupClient {
    /// Any request below `/tracker/rest/data/`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let path = format!("/tracker/rest/data/{path}");
        self.0.send(method, &path, body).await
    }

    /// Make an issue; the answer is its id.
    pub async fn create_issue(&self, title: &str) -> Result<String> {
        let body = json!({ "title": title });
        let answer = self.send(Method::POST, "issue", Some(&body)).await?;
        let id = answer.json()?["data"]["id"].as_str().map(str::to_owned);
        id.ok_or_else(|| answer.unfit())
    }

    /// The attributes of an issue: links as objects with an id, texts as they are.
    pub async fn issue(&self, id: &str) -> Result<Value> {
        let answer = self.send(Method::GET, &format!("issue/{id}"), None).await?;
        Ok(answer.json()?["data"]["attributes"].take())
    }

    /// The ids of all issues with these words in the title.
    pub async fn issues_titled(&self, words: &str) -> Result<Vec<String>> {
        let path = format!("/tracker/rest/data/issue?title={}", encoded(words));
        let found = self.0.get(&path).await?;
        let found = found["data"]["collection"].as_array().cloned();
        let ids = found.unwrap_or_default().into_iter();
        Ok(ids
            .filter_map(|issue| issue["id"].as_str().map(str::to_owned))
            .collect())
    }

    /// The texts of the messages of an issue, oldest first.
    pub async fn messages(&self, issue: &str) -> Result<Vec<String>> {
        let issue = self.issue(issue).await?;
        let mut texts = Vec::new();
        for message in issue["messages"].as_array().unwrap_or(&Vec::new()) {
            let id = message["id"].as_str().unwrap_or_default();
            let path = format!("/tracker/rest/data/msg/{id}/content");
            let content = self.0.get(&path).await?;
            let text = content["data"]["data"].as_str().unwrap_or_default();
            texts.push(text.to_owned());
        }
        Ok(texts)
    }
}
