//! The desk and the CRM: where they are, who may enter, and what is done there
//! without Tollgate: the customer's ticket comes in, a colleague changes it, and
//! somebody looks what is there at the end.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use axum::Router;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::{TcpListener, lookup_host};
use tokio::task::JoinHandle;
use url::Url;

use super::{crm, desk, scene};
use crate::arguments::Demo;

/// Where the tools of Request Tracker and of the connector begin.
const REST2: &str = "REST/2.0";

/// The property of the customer that the agent writes.
pub(super) const PROPERTY: &str = "last_case";

/// What the CRM knows of the customer.
const CUSTOMER: [(&str, &str); 4] = [
    ("email", "lindqvist@example.com"),
    ("firstname", "Ebba"),
    ("lastname", "Lindqvist"),
    (PROPERTY, "ticket-4690"),
];

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
    token: String,
    http: reqwest::Client,
}

/// Both systems. Stand-ins end with this value.
pub(super) struct Systems {
    pub(super) desk: Place,
    pub(super) crm: Place,
    /// Whether the desk is the stand-in.
    pub(super) is_stand_in: bool,
    queue: String,
    serving: Vec<JoinHandle<()>>,
}

impl Systems {
    /// Stand-ins, or the desk that was named.
    pub(super) async fn start(folder: &Path, demo: &Demo) -> anyhow::Result<Self> {
        let mut serving = Vec::new();
        let desk = match (&demo.desk, &demo.desk_token_file) {
            (Some(url), Some(token_file)) => Place::own("desk", "token", url, token_file)?,
            _ => {
                let (url, token, file) =
                    stand_in(folder, "desk", desk::router, &mut serving).await?;
                Place::new("desk", "token", url, token, file)?
            }
        };
        let contact = |token: &str| crm::router(token, &CUSTOMER);
        let (url, token, file) = stand_in(folder, "crm", contact, &mut serving).await?;
        Ok(Self {
            desk,
            crm: Place::new("crm", "Bearer", url, token, file)?,
            is_stand_in: demo.desk.is_none(),
            queue: demo.desk_queue.clone(),
            serving,
        })
    }

    /// The customer writes to the desk. Answers the ticket's number.
    pub(super) async fn ticket_comes_in(&self) -> anyhow::Result<String> {
        let draft = json!({
            "Queue": self.queue,
            "Subject": "My order arrived broken",
            "Requestor": CUSTOMER[0].1,
            "ContentType": "text/plain",
            "Content": "Order 1042 arrived with a broken shade, photos are attached. \
                        I would like my money back.",
        });
        let made = self
            .desk
            .send(Method::POST, &format!("{REST2}/ticket"), Some(draft))
            .await?;
        let id = made["id"]
            .as_str()
            .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
        Ok(id
            .context("the desk does not say the new ticket's number")?
            .to_owned())
    }

    /// A colleague changes the ticket's priority, in the desk itself.
    pub(super) async fn colleague_sets_priority(
        &self,
        ticket: &str,
        to: &str,
    ) -> anyhow::Result<()> {
        let path = format!("{REST2}/ticket/{ticket}");
        let change = json!({ "Priority": to });
        self.desk
            .send(Method::PUT, &path, Some(change))
            .await
            .map(drop)
    }

    /// The ticket as the desk has it.
    pub(super) async fn ticket(&self, ticket: &str) -> anyhow::Result<Value> {
        self.desk
            .send(Method::GET, &format!("{REST2}/ticket/{ticket}"), None)
            .await
    }

    /// The customer's property as the CRM has it.
    pub(super) async fn property(&self) -> anyhow::Result<Value> {
        let path = format!(
            "crm/v3/objects/contacts/{}?properties={PROPERTY}",
            crm::CONTACT
        );
        let contact = self.crm.send(Method::GET, &path, None).await?;
        Ok(contact["properties"][PROPERTY].clone())
    }

    /// The tokens, with the names of their slots.
    pub(super) fn secrets(&self) -> [(&'static str, &str); 2] {
        [
            ("desk-token", &self.desk.token),
            ("crm-token", &self.crm.token),
        ]
    }
}

impl Drop for Systems {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

impl Place {
    fn new(
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
    fn own(
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

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
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

/// A server of our own on loopback, with a token that it alone knows.
async fn stand_in(
    folder: &Path,
    name: &str,
    router: impl FnOnce(&str) -> Router,
    serving: &mut Vec<JoinHandle<()>>,
) -> anyhow::Result<(String, String, PathBuf)> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).context("the system gives no randomness")?;
    let token = hex::encode(bytes);
    let file = folder.join(format!("{name}.token"));
    scene::write_private(&file, &token)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = router(&token);
    serving.push(tokio::spawn(async move {
        // Its error is that of a listener that is gone, with the demo.
        let _ = axum::serve(listener, router).await;
    }));
    Ok((url, token, file))
}

/// The time as both systems write it.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    tollgate_runtime::rfc3339(u64::try_from(ms).unwrap_or_default())
}
