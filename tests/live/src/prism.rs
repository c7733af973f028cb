//! Prism: a server made from an OpenAPI document, or a proxy that holds requests to
//! one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Needs;
use crate::error::{Error, Result};
use crate::install;
use crate::judge::Judge;
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "5.16.0";
const PINS: [(&str, &str); 3] = [
    ("@stoplight/prism-cli", VERSION),
    ("google-discovery-to-swagger", "2.1.0"),
    ("swagger2openapi", "7.0.8"),
];
const GOOGLE: &str = "2.202.0";
const CONVERT: &str = include_str!("google_to_openapi.js");
const CONVERT_SLACK: &str = include_str!("slack_to_openapi.js");

/// A private Prism.
#[derive(Debug)]
pub struct Prism {
    process: Process,
    origin: String,
}

impl Prism {
    /// A server that answers by the examples and schemas of the document, and refuses
    /// with 422 what does not fit it.
    pub async fn mock(document: &Path) -> Result<Self> {
        Self::start("mock", document, None).await
    }

    /// A proxy before `upstream` that refuses with 422 a request that does not fit the
    /// document, and with 500 such an answer.
    pub async fn proxy(document: &Path, upstream: &str) -> Result<Self> {
        Self::start("proxy", document, Some(upstream)).await
    }

    async fn start(mode: &'static str, document: &Path, upstream: Option<&str>) -> Result<Self> {
        let document = document.canonicalize().map_err(Error::file(document))?;
        let upstream = upstream.map(str::to_owned);
        let prepare = move || prepare(mode, &document, upstream.as_deref());
        let (folder, command, port) = crate::blocking(prepare).await?;
        let origin = format!("http://127.0.0.1:{port}");
        // Any answer will do: a document need not have a path that succeeds.
        let is_ready = || async {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port));
            connected.await.is_ok()
        };
        let process = Process::start("Prism", folder, &command, is_ready).await?;
        Ok(Self { process, origin })
    }

    /// `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
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

    /// A plain client of it, with a bearer token: Prism wants one where the document
    /// does, and looks at no more than that.
    pub fn client(&self) -> Result<Judge> {
        let headers = vec![("authorization", "Bearer live-test-token".to_owned())];
        Judge::new(&self.origin, headers)
    }

    /// Everything it wrote: each request, and what was wrong with it.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn install() -> Result<PathBuf> {
    install::npm(&format!("prism-{VERSION}"), &PINS)
}

fn prepare(mode: &str, document: &Path, upstream: Option<&str>) -> Result<(Folder, Command, u16)> {
    let (node, installed) = (install::node()?, install()?);
    let (folder, port) = (Folder::new()?, free_port()?);
    let mut server = folder.command(node);
    server.arg(installed.join("node_modules/.bin/prism"));
    server.args([mode, "--host", "127.0.0.1", "--port", &port.to_string()]);
    if upstream.is_some() {
        server.arg("--errors");
    }
    server.arg(document).args(upstream);
    Ok((folder, server, port))
}

/// The OpenAPI document of Google Sheets v4, made from the description that Google
/// ships in its own client.
pub async fn google_sheets() -> Result<PathBuf> {
    crate::blocking(|| {
        let (node, installed) = (install::node()?, install()?);
        let client = install::once(&format!("google-api-client-{GOOGLE}"), |folder| {
            let pin = format!("google-api-python-client=={GOOGLE}");
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
            install::run(pip.arg(folder.join("client")).arg(pin), folder)?;
            let script = folder.join("google_to_openapi.js");
            std::fs::write(&script, CONVERT).map_err(Error::file(&script))?;
            let mut convert = Command::new(node);
            convert.env("NODE_PATH", installed.join("node_modules"));
            let documents = "client/googleapiclient/discovery_cache/documents";
            let source = folder.join(documents).join("sheets.v4.json");
            convert.arg(script).arg(source);
            install::run(convert.arg(folder.join("sheets.v4.json")), folder)
        })?;
        Ok(client.join("sheets.v4.json"))
    })
    .await
}

/// The OpenAPI document of Slack's Web API, made into `folder` from the description
/// that Slack publishes: `web-api/slack_web_openapi_v2.json` of its repository of
/// specifications. It judges requests only.
pub async fn slack(published: &Path, folder: &Path) -> Result<PathBuf> {
    let published = published.canonicalize().map_err(Error::file(published))?;
    let folder = folder.to_owned();
    crate::blocking(move || {
        let (node, installed) = (install::node()?, install()?);
        let script = folder.join("slack_to_openapi.js");
        std::fs::write(&script, CONVERT_SLACK).map_err(Error::file(&script))?;
        let document = folder.join("slack.json");
        let mut convert = Command::new(node);
        convert.env("NODE_PATH", installed.join("node_modules"));
        convert.arg(script).arg(published).arg(&document);
        install::run(&mut convert, &folder)?;
        Ok(document)
    })
    .await
}
