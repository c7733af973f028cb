//! Talking to a running host over REST, with the user's own token. Decisions go
//! this way and no other: nobody decides by opening the store.

pub(crate) mod case;
pub(crate) mod decide;
pub(crate) mod drill;
pub(crate) mod queue;

use std::fs;
use std::io::{self, Read as _};

use anyhow::Context as _;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tollgate_policy::decision::Said;
use tollgate_runtime::{Card, RunReport, ToolCall, UndoOptions, UndoReport};

use crate::arguments::{Call, Deny, PendingCalls, Server, Show, Undo};
use crate::exit::Exit;
use crate::output;

/// A running host said no, or nothing.
#[derive(Debug)]
pub(crate) enum RemoteError {
    /// It does not answer.
    NotReached(String, reqwest::Error),
    /// It answered with a problem (RFC 9457).
    Problem(StatusCode, Problem),
}

/// A problem as the host describes it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    hint: Option<String>,
}

impl RemoteError {
    pub(crate) fn hint(&self) -> Option<&str> {
        match self {
            Self::NotReached(..) => {
                Some("start one with `tollgate serve`, or name another with --url")
            }
            Self::Problem(_, problem) => problem.hint.as_deref(),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NotReached(..) => Exit::Unavailable,
            Self::Problem(StatusCode::SERVICE_UNAVAILABLE, _) => Exit::Unavailable,
            Self::Problem(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Exit::Denied,
            Self::Problem(..) => Exit::Failure,
        }
    }
}

impl std::fmt::Display for RemoteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotReached(url, _) => write!(f, "no host answers at {url}"),
            Self::Problem(status, problem) => {
                write!(f, "{}", problem.detail.as_deref().unwrap_or(&problem.title))?;
                write!(f, " (HTTP {})", status.as_u16())
            }
        }
    }
}

impl std::error::Error for RemoteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotReached(_, error) => Some(error),
            Self::Problem(..) => None,
        }
    }
}

/// A host, and the token to use there.
pub(crate) struct Client {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(url: &str, token: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            token,
            http,
        })
    }

    fn of(server: &Server) -> anyhow::Result<Self> {
        Self::new(&server.url, token(server)?)
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<T> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let not_reached = |error| RemoteError::NotReached(self.url.clone(), error);
        let answer = request.send().await.map_err(not_reached)?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(not_reached)?;
        if !status.is_success() {
            let problem = serde_json::from_slice(&bytes).unwrap_or_else(|_| Problem {
                title: String::from_utf8_lossy(&bytes).chars().take(300).collect(),
                ..Problem::default()
            });
            return Err(RemoteError::Problem(status, problem).into());
        }
        // An answer without a body is one to a request that has no answer.
        let bytes = match bytes.is_empty() {
            true => "null".into(),
            false => bytes,
        };
        serde_json::from_slice(&bytes).context("the host's answer is not what this program expects")
    }

    pub(crate) async fn call(&self, call: &ToolCall) -> anyhow::Result<RunReport> {
        self.send(Method::POST, "/v1/calls", Some(json!(call)))
            .await
    }

    pub(crate) async fn run(&self, run: &str, wait_s: u64) -> anyhow::Result<RunReport> {
        self.send(
            Method::GET,
            &format!("/v1/runs/{}?wait={wait_s}", segment(run)?),
            None,
        )
        .await
    }

    pub(crate) async fn cards(&self, all: bool) -> anyhow::Result<Vec<Card>> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Cards {
            Bare(Vec<Card>),
            Under { approvals: Vec<Card> },
        }
        let query = if all { "?all=true" } else { "" };
        Ok(
            match self
                .send(Method::GET, &format!("/v1/approvals{query}"), None)
                .await?
            {
                Cards::Bare(cards) | Cards::Under { approvals: cards } => cards,
            },
        )
    }

    pub(crate) async fn card(&self, approval: &str) -> anyhow::Result<Card> {
        self.send(
            Method::GET,
            &format!("/v1/approvals/{}", segment(approval)?),
            None,
        )
        .await
    }

    pub(crate) async fn approve(
        &self,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> anyhow::Result<RunReport> {
        let path = format!("/v1/approvals/{}/approve", segment(approval)?);
        let body = json!({ "digest": digest, "reason": reason, "signature": signature });
        self.send(Method::POST, &path, Some(body)).await
    }

    async fn deny(
        &self,
        approval: &str,
        digest: &str,
        reason: &str,
        signature: Option<&str>,
    ) -> anyhow::Result<RunReport> {
        let path = format!("/v1/approvals/{}/deny", segment(approval)?);
        let body = json!({ "digest": digest, "reason": reason, "signature": signature });
        self.send(Method::POST, &path, Some(body)).await
    }

    pub(crate) async fn undo(&self, run: &str, options: UndoOptions) -> anyhow::Result<UndoReport> {
        let path = format!("/v1/runs/{}/undo", segment(run)?);
        self.send(Method::POST, &path, Some(json!(options))).await
    }
}

/// The name of a run, an approval or an item, as one segment of a path. The attack: a
/// person copies a name from an agent's text, and `x/../..` makes another
/// request of it, with the person's token.
fn segment(name: &str) -> anyhow::Result<&str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    anyhow::ensure!(
        !name.is_empty() && name.bytes().all(fits),
        "`{}` is no name of a run, an approval or an item",
        tollgate_policy::visible(name)
    );
    Ok(name)
}

pub(crate) async fn call(server: &Server, call: Call, as_json: bool) -> anyhow::Result<Exit> {
    let text = if call.input == "-" {
        let mut text = String::new();
        io::stdin()
            .read_to_string(&mut text)
            .context("cannot read the input")?;
        text
    } else {
        call.input
    };
    let input = tollgate_policy::parse_exact(&text).context("the input cannot be used")?;
    let request = ToolCall {
        connector: call.connector,
        tool: call.tool,
        input,
        case: call.case,
        workflow: call.workflow,
        trigger: call.trigger,
        context: call.context,
        reason: call.reason,
        request_key: call.request_key,
        subject: call.subject,
    };
    let report = Client::of(server)?.call(&request).await?;
    Ok(output::report(&report, as_json))
}

pub(crate) async fn show(server: &Server, show: &Show, as_json: bool) -> anyhow::Result<Exit> {
    let report = Client::of(server)?
        .run(&show.run, show.wait.min(60))
        .await?;
    Ok(output::report(&report, as_json))
}

pub(crate) async fn pending(
    server: &Server,
    pending: &PendingCalls,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let cards = Client::of(server)?.cards(pending.all).await?;
    if as_json {
        output::json(&cards);
    } else {
        output::cards(&cards);
    }
    Ok(Exit::Success)
}

pub(crate) async fn deny(server: &Server, deny: &Deny, as_json: bool) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    let card = client.card(&deny.approval).await?;
    let (approval, digest, reason) = (&deny.approval, &card.digest, &deny.reason);
    let signature = deny
        .signing
        .sign(Said::Denied, approval, digest, Some(reason))?;
    let report = client
        .deny(approval, digest, reason, signature.as_deref())
        .await?;
    output::report(&report, as_json);
    Ok(Exit::Success)
}

pub(crate) async fn undo(server: &Server, undo: &Undo, as_json: bool) -> anyhow::Result<Exit> {
    let options = UndoOptions {
        plan: undo.plan,
        fields: undo.fields,
    };
    let report = Client::of(server)?.undo(&undo.run, options).await?;
    if as_json {
        output::json(&report);
    } else {
        output::undone(&report);
    }
    Ok(match report.outcome.as_str() {
        "undone" | "compensated" | "planned" | "nothing" => Exit::Success,
        "held" => Exit::Held,
        _ => Exit::Failure,
    })
}

fn token(server: &Server) -> anyhow::Result<String> {
    if let Some(file) = &server.token_file {
        let text = fs::read_to_string(file)
            .with_context(|| format!("cannot read the token in {}", file.display()))?;
        return Ok(text.trim().to_owned());
    }
    std::env::var("TOLLGATE_TOKEN")
        .ok()
        .map(|token| token.trim().to_owned())
        .context("no token; put yours into TOLLGATE_TOKEN or name its file with --token-file")
}
