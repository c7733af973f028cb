//! One web server that both tenants use, each with an account of its own. It answers
//! an account with that tenant's word, so a credential, a connection or an answer
//! that was taken for somebody else's shows in what comes back. It keeps idempotency
//! keys for all of its accounts together: a key that two tenants had in common would
//! hand the one's answer to the other.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::canary::{Canaries, Detector, Kind};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<Office>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Office {
    accounts: Vec<Account>,
    keys: Mutex<HashMap<String, (usize, String)>>,
    seen: Mutex<Seen>,
}

struct Account {
    bearer: String,
    answer: String,
    /// Finds everybody else's words.
    foreign: Detector,
    tickets: Mutex<BTreeMap<u64, (u64, Value)>>,
}

/// What came to the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
    pub(crate) crossings: Vec<String>,
}

impl Server {
    pub(crate) async fn open(all: &[Canaries]) -> Self {
        let account = |(number, own): (usize, &Canaries)| {
            let ticket = json!({"id": 1, "status": "open", "subject": own.of(Kind::Answer)});
            Account {
                bearer: format!("Bearer {}", own.of(Kind::Credential)),
                answer: own.of(Kind::Answer).to_owned(),
                foreign: Detector::new(all, |whose, _| whose != number),
                tickets: Mutex::new((1..=8).map(|id| (id, (1, ticket.clone()))).collect()),
            }
        };
        let state = Arc::new(Office {
            accounts: all.iter().enumerate().map(account).collect(),
            keys: Mutex::default(),
            seen: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            state,
            serving,
        }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.state.seen.lock().unwrap().clone()
    }
}

async fn serve(State(office): State<Arc<Office>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let bearer = header(&head.headers, "authorization").unwrap_or_default();
    let account = office.accounts.iter().position(|one| one.bearer == bearer);
    let Some(number) = account else {
        return answered(401, r#"{"error": "no account"}"#.to_owned(), None);
    };
    let account = &office.accounts[number];
    let text = format!(
        "{} {} {:?} {}",
        head.method,
        head.uri,
        head.headers,
        String::from_utf8_lossy(&body)
    );
    {
        let mut seen = office.seen.lock().unwrap();
        seen.requests += 1;
        seen.bytes += text.len() as u64;
        if let Some(found) = account.foreign.first(text.as_bytes()) {
            seen.crossings.push(format!("{found:?} in: {text}"));
        }
    }
    let path: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    let word = &account.answer;
    match sent["fault"].as_str().or(path.get(1).copied()) {
        Some("broken") => return answered(500, format!(r#"{{"error": "{word}"}}"#), None),
        // The client's time-out comes first; the connection ends with it.
        Some("silent") => return std::future::pending().await,
        Some("torn") => return torn(),
        // A server that shows what it was sent, the credential too.
        Some("echo") => return answered(200, format!("{word} {text}"), None),
        _ => {}
    }
    let key = header(&head.headers, "idempotency-key");
    if let Some(key) = &key
        && let Some((_, text)) = office.keys.lock().unwrap().get(key)
    {
        return answered(201, text.clone(), None);
    }
    let id = path.get(2).and_then(|id| id.parse::<u64>().ok());
    let (status, text, version) = account.handled(head.method.as_str(), id, &sent, &head.headers);
    if let Some(key) = key {
        let mut keys = office.keys.lock().unwrap();
        keys.insert(key, (number, text.clone()));
    }
    answered(status, text, version)
}

impl Account {
    fn handled(
        &self,
        method: &str,
        id: Option<u64>,
        sent: &Value,
        headers: &HeaderMap,
    ) -> (u16, String, Option<u64>) {
        let mut tickets = self.tickets.lock().unwrap();
        match (method, id) {
            ("GET", Some(id)) => match tickets.get(&id) {
                Some((version, ticket)) => (200, ticket.to_string(), Some(*version)),
                None => (404, format!(r#"{{"error": "{}"}}"#, self.answer), None),
            },
            ("PATCH", Some(id)) => {
                let Some((version, ticket)) = tickets.get_mut(&id) else {
                    return (404, "{}".to_owned(), None);
                };
                let tag = header(headers, "if-match");
                if tag.is_some_and(|tag| tag != format!("\"v{version}\"")) {
                    return (412, "{}".to_owned(), None);
                }
                for (name, value) in sent.as_object().into_iter().flatten() {
                    ticket[name] = value.clone();
                }
                *version += 1;
                (200, ticket.to_string(), Some(*version))
            }
            _ => {
                let mut made = sent.clone();
                made["by"] = json!(self.answer);
                (201, made.to_string(), None)
            }
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// An answer that ends before its content.
fn torn() -> Response<Body> {
    let torn: Result<axum::body::Bytes, std::io::Error> = Err(std::io::Error::other("torn"));
    Response::builder()
        .header("content-length", "100")
        .body(Body::from_stream(futures_util::stream::iter([torn])))
        .unwrap()
}

fn answered(status: u16, text: String, version: Option<u64>) -> Response<Body> {
    let mut answer = Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json");
    if let Some(version) = version {
        answer = answer.header("etag", format!("\"v{version}\""));
    }
    answer.body(Body::from(text)).unwrap()
}
