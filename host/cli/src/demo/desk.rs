//! A stand-in for Request Tracker 5: tickets by REST2, kept in memory.
//!
//! It speaks what the story needs and nothing else, in the form that version
//! 5.0.3 was seen to answer (`tests/live/NOTES.md`): the `ETag` of a ticket is
//! the number of its newest transaction, a write with an older `If-Match` is 412,
//! an update that it refuses is 200 with a sentence.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::stand_in::now;

/// The number of the first ticket.
const FIRST: u64 = 4711;

/// Statuses that a ticket may have ("default" lifecycle).
const STATUSES: [&str; 5] = ["new", "open", "stalled", "resolved", "rejected"];

/// Places of a ticket that an update may name here.
const PLACES: [&str; 3] = ["Status", "Priority", "Subject"];

/// Who writes: there is one account.
const ACCOUNT: &str = "helpdesk";

#[derive(Clone)]
struct Desk {
    authorization: Arc<str>,
    tickets: Arc<Mutex<Tickets>>,
}

#[derive(Default)]
struct Tickets {
    tickets: Vec<Value>,
    /// Of all tickets; the first has the number 1.
    transactions: Vec<Transaction>,
}

struct Transaction {
    ticket: u64,
    kind: &'static str,
    created: String,
    /// The subject of a message.
    data: String,
    /// The text of a message.
    content: Option<String>,
}

/// The requests that it answers, for who knows the token.
pub(super) fn router(token: &str) -> Router {
    let desk = Desk {
        authorization: format!("token {token}").into(),
        tickets: Arc::default(),
    };
    let rest = Router::new()
        .route("/ticket", post(create))
        .route("/ticket/{id}", get(show).put(update))
        .route("/ticket/{id}/comment", post(comment))
        .route("/ticket/{id}/history", get(history))
        .route("/transaction/{id}/attachments", get(attachments))
        .route("/queue/{id}", get(queue));
    Router::new()
        .nest("/REST/2.0", rest)
        .fallback(async || said(StatusCode::NOT_FOUND, "Not Found"))
        .layer(from_fn_with_state(desk.clone(), authorized))
        .with_state(desk)
}

async fn authorized(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    match given.is_some_and(|given| given.as_bytes() == desk.authorization.as_bytes()) {
        true => next.run(request).await,
        false => said(StatusCode::UNAUTHORIZED, "Unauthorized"),
    }
}

fn said(status: StatusCode, words: &str) -> Response {
    (status, Json(json!({ "message": words }))).into_response()
}

async fn create(State(desk): State<Desk>, Json(draft): Json<Value>) -> Response {
    let mut tickets = desk.open();
    let id = FIRST + tickets.tickets.len() as u64;
    let made = now();
    let requestors: Vec<Value> = draft["Requestor"]
        .as_str()
        .map(|address| json!({ "type": "user", "id": address }))
        .into_iter()
        .collect();
    tickets.tickets.push(json!({
        "type": "ticket", "id": id, "Type": "ticket",
        "Subject": draft["Subject"], "Status": "new", "Priority": "0",
        "Queue": { "type": "queue", "id": "1" },
        "Owner": { "type": "user", "id": "Nobody" },
        "Requestor": requestors,
        "Creator": { "type": "user", "id": ACCOUNT },
        "Created": made, "LastUpdated": made, "CustomFields": [],
    }));
    tickets.add(id, "Create", &draft);
    let at = format!("/REST/2.0/ticket/{id}");
    let made = json!({ "type": "ticket", "id": id.to_string(), "_url": at });
    (StatusCode::CREATED, [(header::LOCATION, at)], Json(made)).into_response()
}

async fn show(State(desk): State<Desk>, Path(id): Path<u64>) -> Response {
    let mut tickets = desk.open();
    let tag = format!("\"{}\"", tickets.version(id));
    match tickets.ticket(id) {
        Some(ticket) => ([(header::ETAG, tag)], Json(ticket.clone())).into_response(),
        None => said(StatusCode::NOT_FOUND, "Not Found"),
    }
}

async fn update(
    State(desk): State<Desk>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Json(values): Json<Value>,
) -> Response {
    let mut tickets = desk.open();
    if let Err((status, words)) = tickets.check(id, &headers) {
        return said(status, words);
    }
    let mut sentences = Vec::new();
    for place in PLACES {
        let (Some(new), Some(ticket)) = (values[place].as_str(), tickets.ticket(id)) else {
            continue;
        };
        let old = ticket[place].as_str().unwrap_or_default().to_owned();
        if place == "Status" && !STATUSES.contains(&new) {
            let sentence = format!("Status '{new}' isn't a valid status for this ticket.");
            sentences.push(format!("Ticket {id}: {sentence}"));
        } else if old != new {
            ticket[place] = json!(new);
            ticket["LastUpdated"] = json!(now());
            let kind = if place == "Status" { "Status" } else { "Set" };
            tickets.add(id, kind, &Value::Null);
            sentences.push(format!(
                "Ticket {id}: {place} changed from '{old}' to '{new}'"
            ));
        }
    }
    Json(sentences).into_response()
}

async fn comment(
    State(desk): State<Desk>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Json(message): Json<Value>,
) -> Response {
    let mut tickets = desk.open();
    if let Err((status, words)) = tickets.check(id, &headers) {
        return said(status, words);
    }
    if message["ContentType"].as_str().is_none() {
        let words = "ContentType is a required field for application/json";
        return said(StatusCode::BAD_REQUEST, words);
    }
    let number = tickets.add(id, "Comment", &message);
    let at = format!("/REST/2.0/transaction/{number}");
    let done = Json(["Comments added"]);
    (StatusCode::CREATED, [(header::LOCATION, at)], done).into_response()
}

/// On one page, whatever size is asked for; the others are empty.
async fn history(State(desk): State<Desk>, Path(id): Path<u64>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let is_first = !query
        .split('&')
        .any(|one| one.starts_with("page=") && one != "page=1");
    let tickets = desk.open();
    let numbered = (1..).zip(&tickets.transactions);
    let of_ticket = numbered.filter(|(_, one)| is_first && one.ticket == id);
    let items: Vec<Value> = of_ticket.map(|(number, one)| one.shown(number)).collect();
    list(&items)
}

async fn attachments(State(desk): State<Desk>, Path(number): Path<usize>) -> Response {
    let tickets = desk.open();
    let found = number
        .checked_sub(1)
        .and_then(|at| tickets.transactions.get(at));
    let text = found.and_then(|one| one.content.as_ref());
    let items: Vec<Value> = text
        .map(|text| {
            json!({ "type": "attachment", "id": number.to_string(),
            "ContentType": "text/plain", "Filename": "", "Content": text })
        })
        .into_iter()
        .collect();
    list(&items)
}

async fn queue(Path(id): Path<u64>) -> Response {
    Json(json!({ "id": id, "Name": "General" })).into_response()
}

fn list(items: &[Value]) -> Response {
    let list = json!({ "items": items, "count": items.len(), "page": 1, "per_page": 20,
        "total": null, "pages": null });
    Json(list).into_response()
}

impl Desk {
    fn open(&self) -> std::sync::MutexGuard<'_, Tickets> {
        // Nothing here leaves the tickets half changed.
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tickets {
    fn ticket(&mut self, id: u64) -> Option<&mut Value> {
        let at = usize::try_from(id.checked_sub(FIRST)?).ok()?;
        self.tickets.get_mut(at)
    }

    /// The number of the ticket's newest transaction.
    fn version(&self, id: u64) -> usize {
        let newest = self.transactions.iter().rposition(|one| one.ticket == id);
        newest.map_or(0, |at| at + 1)
    }

    /// A write must be to a ticket that exists, and is as the writer has read it.
    fn check(&mut self, id: u64, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
        let tag = format!("\"{}\"", self.version(id));
        if self.ticket(id).is_none() {
            return Err((StatusCode::NOT_FOUND, "Not Found"));
        }
        match headers.get(header::IF_MATCH) {
            Some(wanted) if wanted.as_bytes() != tag.as_bytes() => {
                Err((StatusCode::PRECONDITION_FAILED, "Precondition Failed"))
            }
            _ => Ok(()),
        }
    }

    fn add(&mut self, ticket: u64, kind: &'static str, message: &Value) -> usize {
        let subject = message["Subject"].as_str();
        self.transactions.push(Transaction {
            ticket,
            kind,
            created: now(),
            data: subject.unwrap_or_default().to_owned(),
            content: message["Content"].as_str().map(str::to_owned),
        });
        self.transactions.len()
    }
}

impl Transaction {
    fn shown(&self, number: usize) -> Value {
        json!({ "type": "transaction", "id": number.to_string(), "Type": self.kind,
            "Creator": { "type": "user", "id": ACCOUNT },
            "Created": self.created, "Data": self.data })
    }
}
