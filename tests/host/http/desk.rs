//! A help desk on loopback that counts what really happened: a few tickets with
//! entity tags, optional idempotency keys, and faults that a test orders.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What the desk does with its next request instead of answering it as usual.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Answers this, and does nothing.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// Does it, and answers with this status.
    DoesAndAnswers(u16),
    /// Does it, and breaks the connection before the end of the answer.
    DoesAndBreaks,
    /// Breaks the connection without doing it.
    Breaks,
    /// As usual, and then somebody edits the ticket's status.
    ThenEdited(u64, &'static str),
    /// As usual: for the second or third request.
    Nothing,
}

/// What the desk has.
#[derive(Default)]
struct Shelf {
    /// Version and content.
    tickets: BTreeMap<u64, (u64, Value)>,
    /// The answer that was given under a key.
    keys: BTreeMap<String, (u16, String)>,
    faults: VecDeque<Fault>,
    seen: Vec<Seen>,
    effects: u64,
    /// Whether it answers with the request's own headers.
    echo: bool,
}

/// The desk, and what it saw.
pub(crate) struct Desk {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicU64>,
    state: Arc<Mutex<Shelf>>,
    server: JoinHandle<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    /// With two tickets: 1, and 2.
    pub(crate) async fn open() -> Self {
        let state = Shelf {
            tickets: BTreeMap::from([
                (
                    1,
                    (
                        1,
                        json!({"id": 1, "status": "open", "subject": "printer", "custom": {"tier": 1, "vip": true}}),
                    ),
                ),
                (
                    2,
                    (
                        1,
                        json!({"id": 2, "status": "open", "subject": "mouse", "seen": "never"}),
                    ),
                ),
            ]),
            ..Shelf::default()
        };
        let state = Arc::new(Mutex::new(state));
        let connections = Arc::new(AtomicU64::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let app = Router::new().fallback(serve).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            address,
            connections,
            state,
            server,
        }
    }

    fn state(&self) -> MutexGuard<'_, Shelf> {
        self.state.lock().unwrap()
    }

    /// What becomes of the next requests.
    pub(crate) fn order(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.extend(faults);
    }

    /// Answer with the request's own headers in the content.
    pub(crate) fn echo(&self) {
        self.state().echo = true;
    }

    /// Requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Requests so far, as `GET /api/tickets/1`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seen = self.seen().into_iter();
        seen.map(|seen| format!("{} {}", seen.method, seen.target))
            .collect()
    }

    /// Writes that were really done.
    pub(crate) fn effects(&self) -> u64 {
        self.state().effects
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    /// A ticket as it is.
    pub(crate) fn ticket(&self, id: u64) -> Option<Value> {
        self.state()
            .tickets
            .get(&id)
            .map(|(_, ticket)| ticket.clone())
    }

    /// Somebody else's edit.
    pub(crate) fn edit(&self, id: u64, member: &str, value: Value) {
        self.state().edit(id, member, value);
    }
}

async fn serve(State(state): State<Arc<Mutex<Shelf>>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let mut state = state.lock().unwrap();
    state
        .seen
        .push(seen(&head.method, &head.uri, &head.headers, &body));
    match state.faults.pop_front().unwrap_or(Fault::Nothing) {
        Fault::Nothing => state.answer(&head.method, &head.uri, &head.headers, &body),
        Fault::Answers(status, headers, text) => {
            let mut answer = answer(status, &text);
            for (name, value) in headers {
                answer.headers_mut().append(name, value.parse().unwrap());
            }
            answer
        }
        Fault::DoesAndAnswers(status) => {
            state.answer(&head.method, &head.uri, &head.headers, &body);
            answer(status, "a gateway speaks")
        }
        Fault::DoesAndBreaks => {
            state.answer(&head.method, &head.uri, &head.headers, &body);
            broken()
        }
        Fault::ThenEdited(id, status) => {
            let answer = state.answer(&head.method, &head.uri, &head.headers, &body);
            state.edit(id, "status", json!(status));
            answer
        }
        Fault::Breaks => broken(),
    }
}

fn seen(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Seen {
    let headers = headers.iter().map(|(name, value)| {
        (
            name.to_string(),
            String::from_utf8_lossy(value.as_bytes()).into_owned(),
        )
    });
    Seen {
        method: method.to_string(),
        target: uri.to_string(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(body).into_owned(),
    }
}

/// An answer that ends before its content.
fn broken() -> Response<Body> {
    let torn: Result<Bytes, std::io::Error> = Err(std::io::Error::other("torn"));
    Response::builder()
        .header("content-length", "100")
        .body(Body::from_stream(futures_util::stream::iter([torn])))
        .unwrap()
}

fn answer(status: u16, text: &str) -> Response<Body> {
    Response::builder()
        .status(StatusCode::from_u16(status).unwrap())
        .header("content-type", "application/json")
        .body(Body::from(text.to_owned()))
        .unwrap()
}

impl Shelf {
    fn edit(&mut self, id: u64, member: &str, value: Value) {
        let (version, ticket) = self.tickets.get_mut(&id).unwrap();
        *version += 1;
        ticket[member] = value;
    }

    fn answer(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Response<Body> {
        if self.echo {
            return answer(200, &format!("{headers:?} {uri}"));
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let key = header("idempotency-key").map(str::to_owned);
        if let Some((status, text)) = key.as_ref().and_then(|key| self.keys.get(key)) {
            return answer(*status, text);
        }
        let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
        let id = path.get(2).and_then(|id| id.parse::<u64>().ok());
        let sent: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method.as_str(), id) {
            ("GET" | "HEAD", Some(id)) => match self.tickets.get(&id) {
                Some((version, ticket)) => tagged(200, *version, ticket),
                None => answer(404, "{}"),
            },
            ("PUT" | "PATCH", Some(id)) => {
                let Some((version, ticket)) = self.tickets.get_mut(&id) else {
                    return answer(404, "{}");
                };
                if let Some(tag) = header("if-match")
                    && tag != format!("\"v{version}\"")
                {
                    return answer(412, "{}");
                }
                if sent["status"] == "refused" {
                    return answer(422, r#"{"error": "no such status"}"#);
                }
                merge(ticket, &sent);
                *version += 1;
                self.effects += 1;
                let done = tagged(200, *version, ticket);
                if let Some(key) = key {
                    self.keys.insert(key, (200, ticket.to_string()));
                }
                done
            }
            ("DELETE", Some(id)) => {
                self.effects += 1;
                match self.tickets.remove(&id) {
                    Some(_) => answer(204, ""),
                    None => answer(404, "{}"),
                }
            }
            ("POST", _) if path.get(1) != Some(&"search") => {
                let id = self.tickets.keys().max().map_or(1, |id| id + 1);
                let mut ticket = sent;
                ticket["id"] = json!(id);
                self.effects += 1;
                if let Some(key) = key {
                    self.keys.insert(key, (201, ticket.to_string()));
                }
                let made = tagged(201, 1, &ticket);
                self.tickets.insert(id, (1, ticket));
                made
            }
            _ => answer(200, "[]"),
        }
    }
}

fn tagged(status: u16, version: u64, ticket: &Value) -> Response<Body> {
    let mut answer = answer(status, &ticket.to_string());
    let tag = format!("\"v{version}\"").parse().unwrap();
    answer.headers_mut().insert("etag", tag);
    answer
}

/// RFC 7396, as far as it is needed.
fn merge(into: &mut Value, from: &Value) {
    match (into.as_object_mut(), from.as_object()) {
        (Some(object), Some(members)) => {
            for (name, member) in members {
                merge(object.entry(name.clone()).or_insert(Value::Null), member);
            }
        }
        _ => *into = from.clone(),
    }
}
