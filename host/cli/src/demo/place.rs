//! A system that is reached over HTTP: where it is, and the token to show there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::net::lookup_host;
use url::Url;

/// A system that is reached over HTTP.
pub(super) struct Place {
    /// What it is called in manifests and settings.
    pub(super) name: &'static str,
    /// Its address, without `/` at the end.
    pub(super) url: String,
    /// The file that holds its token.
    pub(super) token_file: PathBuf,
    /// The word before the token in the header `authorization`.
    scheme: &'static str,
    pub(super) token: String,
    http: reqwest::Client,
}

impl Place {
    /// A system at this URL, whose token is in this file.
    pub(super) fn new(
        name: &'static str,
        scheme: &'static str,
        url: String,
        token: String,
        token_file: PathBuf,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            name,
            url,
            token_file,
            scheme,
            token,
            http,
        })
    }

    /// A system of the person who starts the demo.
    pub(super) fn own(
        name: &'static str,
        scheme: &'static str,
        url: &Url,
        file: &Path,
    ) -> anyhow::Result<Self> {
        let token = fs::read_to_string(file)
            .with_context(|| format!("cannot read the token in {}", file.display()))?;
        let url = url.as_str().trim_end_matches('/').to_owned();
        Self::new(
            name,
            scheme,
            url,
            token.trim().to_owned(),
            file.canonicalize()?,
        )
    }

    /// Scheme, host and port: the only place that the token is sent to.
    pub(super) fn origin(&self) -> anyhow::Result<String> {
        Ok(Url::parse(&self.url)?.origin().ascii_serialization())
    }

    /// The addresses that it has now. The manifest names them, because a connector
    /// reaches no loopback or private address that is not named.
    pub(super) async fn addresses(&self) -> anyhow::Result<Vec<String>> {
        let url = Url::parse(&self.url)?;
        let host = url.host_str().context("the URL has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().unwrap_or(443);
        let found = lookup_host((host, port)).await;
        let found = found.with_context(|| format!("{host} has no address"))?;
        let mut addresses: Vec<String> = found.map(|at| at.ip().to_string()).collect();
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }

    /// Ask for JSON, as this account.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Value> {
        let url = format!("{}/{path}", self.url);
        let authorization = format!("{} {}", self.scheme, self.token);
        let mut request = self
            .http
            .request(method, &url)
            .header("authorization", authorization);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("nobody answers at {url}"))?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "{url} answers {status}; may the token's account do this?"
        );
        answer
            .json()
            .await
            .with_context(|| format!("{url} does not answer JSON"))
    }
}
