//! MailDev: takes mail by SMTP, delivers it to no one, and shows it by HTTP.

use std::process::Command;

use reqwest::Method;
use serde_json::Value;

use crate::Needs;
use crate::error::Result;
use crate::install;
use crate::judge::Judge;
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "2.2.1";

/// A private mail sink.
#[derive(Debug)]
pub struct MailSink {
    process: Process,
    origin: String,
    smtp: u16,
    login: Option<(&'static str, &'static str)>,
}

impl MailSink {
    /// Install it if it is not, and start a new one that takes mail of anybody.
    pub async fn start() -> Result<Self> {
        Self::start_with(None).await
    }

    /// The same for those only who say this user and password.
    pub async fn start_with(login: Option<(&'static str, &'static str)>) -> Result<Self> {
        let (folder, command, web, smtp) = crate::blocking(move || prepare(login)).await?;
        let origin = format!("http://127.0.0.1:{web}");
        let judge = Judge::new(&origin, Vec::new())?;
        let is_ready = || async {
            let smtp = tokio::net::TcpStream::connect(("127.0.0.1", smtp));
            smtp.await.is_ok() && judge.is_up("/healthz").await
        };
        let process = Process::start("MailDev", folder, &command, is_ready).await?;
        Ok(Self {
            process,
            origin,
            smtp,
            login,
        })
    }

    /// `http://127.0.0.1:port`, where the mail is shown.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The port of SMTP on 127.0.0.1, without TLS.
    #[must_use]
    pub fn smtp(&self) -> u16 {
        self.smtp
    }

    /// The user and password that it asks for.
    #[must_use]
    pub fn login(&self) -> Option<(&'static str, &'static str)> {
        self.login
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
    pub fn client(&self) -> Result<MailSinkClient> {
        Ok(MailSinkClient(Judge::new(&self.origin, Vec::new())?))
    }
}

fn prepare(login: Option<(&str, &str)>) -> Result<(Folder, Command, u16, u16)> {
    let node = install::node()?;
    let installed = install::npm(&format!("maildev-{VERSION}"), &[("maildev", VERSION)])?;
    let (folder, web, smtp) = (Folder::new()?, free_port()?, free_port()?);
    let mut server = folder.command(node);
    server.arg(installed.join("node_modules/maildev/bin/maildev"));
    server.args(["--ip", "127.0.0.1", "--web-ip", "127.0.0.1"]);
    server.args(["--web", &web.to_string(), "--smtp", &smtp.to_string()]);
    server.arg("--mail-directory").arg(folder.join("mail"));
    if let Some((user, password)) = login {
        server.args(["--incoming-user", user, "--incoming-pass", password]);
    }
    Ok((folder, server, web, smtp))
}

/// Reads what arrived.
#[derive(Debug, Clone)]
pub struct MailSinkClient(Judge);

impl MailSinkClient {
    /// All mail, oldest first: `subject`, `from`, `to`, `text`, `html`, `headers`,
    /// `attachments`, `envelope`.
    pub async fn messages(&self) -> Result<Vec<Value>> {
        let all = self.0.get("/email").await?;
        Ok(all.as_array().cloned().unwrap_or_default())
    }

    /// One mail as it came over the wire.
    pub async fn source(&self, message: &Value) -> Result<String> {
        let id = message["id"].as_str().unwrap_or_default();
        let path = format!("/email/{id}/source");
        Ok(self.0.send(Method::GET, &path, None).await?.body)
    }
}
