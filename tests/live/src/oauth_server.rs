//! A token server: `oidc-provider`, with a small API behind its tokens, over TLS with
//! a certificate of its own.

use std::process::Command;

use rcgen::{CertificateParams, KeyPair};

use crate::Needs;
use crate::error::{Error, Result};
use crate::install;
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "9.13.3";
const SERVER: &str = include_str!("oauth_server.mjs");

/// A private token server with one client, `tollgate`, that may ask for `users:read`
/// by its secret (RFC 6749, 4.4). `/api/…` takes each token twice, then no more.
#[derive(Debug)]
pub struct OAuthServer {
    process: Process,
    origin: String,
    root: String,
}

impl OAuthServer {
    /// Install it if it is not, and start a new one.
    pub async fn start() -> Result<Self> {
        Self::start_with(None).await
    }

    /// The same with a second client, `gate`, of the same secret, where people sign in
    /// (OpenID Connect): by any name that they type, and in the group `gate-office`
    /// unless the name is `noor`.
    pub async fn start_for(redirect: &str) -> Result<Self> {
        Self::start_with(Some(redirect.to_owned())).await
    }

    async fn start_with(redirect: Option<String>) -> Result<Self> {
        let prepared = crate::blocking(move || prepare(redirect.as_deref()));
        let (folder, command, port, root) = prepared.await?;
        // Its certificate is nobody's here, so it is only connected to.
        let is_ready = || async {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port));
            connected.await.is_ok()
        };
        let process = Process::start("oidc-provider", folder, &command, is_ready).await?;
        let origin = format!("https://127.0.0.1:{port}");
        Ok(Self {
            process,
            origin,
            root,
        })
    }

    /// `https://127.0.0.1:port`. Tokens are at `/token`, the API is at `/api`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The certificate that it shows.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The client's secret.
    #[must_use]
    pub fn secret(&self) -> &'static str {
        "live-test-secret-of-the-client"
    }

    /// How many lines of its log begin with these words: `issued`, `refused`,
    /// `api 200`, `api 401`.
    #[must_use]
    pub fn said(&self, words: &str) -> usize {
        let log = self.process.log();
        log.lines().filter(|line| line.starts_with(words)).count()
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
}

fn prepare(redirect: Option<&str>) -> Result<(Folder, Command, u16, String)> {
    let node = install::node()?;
    let name = format!("oidc-provider-{VERSION}");
    let installed = install::npm(&name, &[("oidc-provider", VERSION)])?;
    let (folder, port) = (Folder::new()?, free_port()?);
    let (root, key) = certificate().map_err(|error| Error::Command {
        command: "make a certificate".to_owned(),
        said: error.to_string(),
    })?;
    folder.write("cert.pem", &root)?;
    folder.write("key.pem", key)?;
    let script = folder.write("oauth_server.mjs", SERVER)?;
    let mut server = folder.command(node);
    server.arg(script);
    server.env("LIVE_PORT", port.to_string());
    server.env("LIVE_PACKAGES", installed);
    server.env("LIVE_SECRET", "live-test-secret-of-the-client");
    if let Some(redirect) = redirect {
        server.env("LIVE_REDIRECT", redirect);
    }
    Ok((folder, server, port, root))
}

/// A certificate for the loopback address, signed by itself, and its key.
fn certificate() -> std::result::Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(["127.0.0.1".to_owned()])?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}
