//! A store of records that speaks as much of HubSpot's CRM API as the connector
//! uses. It stands behind Prism, which holds each request and each answer to
//! HubSpot's own description: what is wrong in form never passes.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// The time of everything.
const NOW: &str = "2026-11-22T12:00:00Z";

/// The usual association of a contact with a company (Associations v4, default types).
const USUAL: u64 = 279;

#[derive(Default)]
struct Inner {
    /// By type and id; archived ones stay.
    records: BTreeMap<(String, String), Value>,
    /// Type, id, other type, other id, and the kinds of association between them.
    between: BTreeMap<[String; 4], BTreeSet<u64>>,
    made: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Inner>>);

impl Store {
    /// Serve it on loopback; its origin.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        origin
    }

    /// Make a record, as a person does; its id.
    pub(crate) fn make(&self, kind: &str, properties: &Value) -> String {
        let made = self.0.lock().unwrap().make(kind, properties);
        made["id"].as_str().unwrap().to_owned()
    }

    /// A record as it is kept.
    pub(crate) fn record(&self, kind: &str, id: &str) -> Value {
        let inner = self.0.lock().unwrap();
        let found = inner.records.get(&(kind.to_owned(), id.to_owned()));
        found.cloned().unwrap_or_default()
    }

    /// Change a property, as a person does.
    pub(crate) fn set(&self, kind: &str, id: &str, property: &str, value: &str) {
        let mut inner = self.0.lock().unwrap();
        let record = inner.records.get_mut(&(kind.to_owned(), id.to_owned()));
        record.unwrap()["properties"][property] = json!(value);
    }

    /// The kinds of association between a contact and a company.
    pub(crate) fn kinds(&self, contact: &str, company: &str) -> Vec<u64> {
        let inner = self.0.lock().unwrap();
        let pair = ["contacts", contact, "companies", company].map(str::to_owned);
        inner
            .between
            .get(&pair)
            .into_iter()
            .flatten()
            .copied()
            .collect()
    }
}

type Answer = (StatusCode, Value);

impl Inner {
    fn make(&mut self, kind: &str, properties: &Value) -> Value {
        self.made += 1;
        let id = (500 + self.made).to_string();
        let record = json!({ "id": id, "properties": properties, "createdAt": NOW,
            "updatedAt": NOW, "archived": false });
        self.records.insert((kind.to_owned(), id), record.clone());
        record
    }

    /// The record, if it is there and not archived.
    fn shown(&mut self, kind: &str, id: &str) -> Result<&mut Value, Answer> {
        let record = self.records.get_mut(&(kind.to_owned(), id.to_owned()));
        let record = record.filter(|record| record["archived"] == false);
        record.ok_or_else(|| {
            refused(
                StatusCode::NOT_FOUND,
                "OBJECT_NOT_FOUND",
                "resource not found",
            )
        })
    }

    fn create(&mut self, kind: &str, sent: &Value) -> Result<Answer, Answer> {
        let email = &sent["properties"]["email"];
        let same = |record: &&Value| {
            record["archived"] == false && record["properties"]["email"] == *email
        };
        if let Some(first) = self
            .records
            .values()
            .find(same)
            .filter(|_| email.is_string())
        {
            let words = format!(
                "Contact already exists. Existing ID: {}",
                first["id"].as_str().unwrap()
            );
            return Err(refused(StatusCode::CONFLICT, "CONFLICT", &words));
        }
        let mut record = self.make(kind, &sent["properties"]);
        let to = sent["associations"].as_array().unwrap();
        if let Some(to) = to.first() {
            let other = json!({ "results": [{ "id": to["to"]["id"], "type": "note_to_contact" }] });
            record["associations"] = json!({ "contacts": other });
            let key = (kind.to_owned(), record["id"].as_str().unwrap().to_owned());
            self.records.insert(key, record.clone());
            record.as_object_mut().unwrap().remove("associations");
        }
        Ok((StatusCode::CREATED, record))
    }

    fn search(&self, kind: &str, sent: &Value) -> Answer {
        let fits = |record: &Value, filter: &Value| {
            let held = record["properties"][filter["propertyName"].as_str().unwrap()].as_str();
            let held = held.filter(|held| !held.is_empty());
            let value = filter["value"].as_str().unwrap_or_default();
            match filter["operator"].as_str().unwrap() {
                "EQ" => held == Some(value),
                "CONTAINS_TOKEN" => held.is_some_and(|held| held.contains(value.trim_matches('*'))),
                "HAS_PROPERTY" => held.is_some(),
                other => panic!("{other}"),
            }
        };
        let groups = sent["filterGroups"].as_array().unwrap();
        let found: Vec<&Value> = self
            .records
            .iter()
            .filter(|((of, _), record)| of == kind && record["archived"] == false)
            .map(|(_, record)| record)
            .filter(|record| {
                groups.iter().all(|group| {
                    group["filters"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .all(|filter| fits(record, filter))
                })
            })
            .collect();
        let from: usize = sent["after"].as_str().unwrap().parse().unwrap();
        let limit = usize::try_from(sent["limit"].as_u64().unwrap()).unwrap();
        let rest = found.get(from..).unwrap_or_default();
        let mut page = json!({ "total": found.len(), "results": &rest[..limit.min(rest.len())] });
        if rest.len() > limit {
            page["paging"] = json!({ "next": { "after": (from + limit).to_string() } });
        }
        (StatusCode::OK, page)
    }

    fn batch(&mut self, kind: &str, sent: &Value) -> Answer {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for input in sent["inputs"].as_array().unwrap() {
            let id = input["id"].as_str().unwrap();
            match self.shown(kind, id) {
                Ok(record) => found.push(record.clone()),
                Err(_) => missing.push(id.to_owned()),
            }
        }
        let mut done = batch_of(json!(found));
        if missing.is_empty() {
            return (StatusCode::OK, done);
        }
        done["numErrors"] = json!(1);
        done["errors"] = json!([{ "status": "error", "category": "OBJECT_NOT_FOUND", "links": {}, "errors": [],
            "message": "Could not get some objects, they may be deleted.", "context": { "ids": missing } }]);
        (StatusCode::MULTI_STATUS, done)
    }

    fn associations(&self, from: &[&str]) -> Answer {
        let of = |pair: &[String; 4]| {
            pair[..3]
                .iter()
                .zip(from)
                .all(|(held, asked)| held == asked)
        };
        let all = self.between.iter().filter(|(pair, _)| of(pair));
        let results: Vec<Value> = all
            .map(|(pair, kinds)| {
                let kinds: Vec<Value> = kinds
                    .iter()
                    .map(|kind| json!({ "category": category(*kind), "typeId": kind }))
                    .collect();
                json!({ "toObjectId": pair[3], "associationTypes": kinds })
            })
            .collect();
        (StatusCode::OK, json!({ "results": results }))
    }
}

fn category(kind: u64) -> &'static str {
    if kind == USUAL {
        "HUBSPOT_DEFINED"
    } else {
        "USER_DEFINED"
    }
}

fn batch_of(results: Value) -> Value {
    json!({ "status": "COMPLETE", "results": results, "startedAt": NOW, "completedAt": NOW })
}

fn refused(status: StatusCode, category: &str, message: &str) -> Answer {
    let body = json!({ "status": "error", "category": category, "message": message,
        "correlationId": "a3c1f5a0-0b1e-4c6b-9a51-0c8f6a6d1f00" });
    (status, body)
}

async fn answer(State(store): State<Store>, method: Method, uri: Uri, body: Bytes) -> Response {
    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path: Vec<&str> = uri.path().trim_start_matches('/').split('/').collect();
    let mut inner = store.0.lock().unwrap();
    let done = route(&mut inner, &method, &path, &sent);
    let (status, body) = done.unwrap_or_else(|refused| refused);
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    (status, axum::Json(body)).into_response()
}

fn route(
    inner: &mut Inner,
    method: &Method,
    path: &[&str],
    sent: &Value,
) -> Result<Answer, Answer> {
    let nothing = (StatusCode::NO_CONTENT, Value::Null);
    Ok(match (method.as_str(), path) {
        ("POST", ["crm", "v3", "objects", kind]) => inner.create(kind, sent)?,
        ("POST", ["crm", "v3", "objects", kind, "search"]) => inner.search(kind, sent),
        ("POST", ["crm", "v3", "objects", kind, "batch", "read"]) => inner.batch(kind, sent),
        ("GET", ["crm", "v3", "objects", kind, id]) => {
            (StatusCode::OK, inner.shown(kind, id)?.clone())
        }
        ("PATCH", ["crm", "v3", "objects", kind, id]) => {
            let record = inner.shown(kind, id)?;
            for (name, value) in sent["properties"].as_object().unwrap() {
                record["properties"][name] = value.clone();
            }
            (StatusCode::OK, record.clone())
        }
        ("DELETE", ["crm", "v3", "objects", kind, id]) => {
            inner.shown(kind, id)?["archived"] = json!(true);
            nothing
        }
        ("GET", ["crm", "v4", "objects", kind, id, "associations", to]) => {
            inner.associations(&[kind, id, to])
        }
        (
            "PUT",
            [
                "crm",
                "v4",
                "objects",
                kind,
                id,
                "associations",
                "default",
                to,
                other,
            ],
        ) => {
            let pair = [kind, id, to, other].map(|part| (*part).to_owned());
            inner.between.entry(pair).or_default().insert(USUAL);
            let spec =
                json!({ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": USUAL });
            let made =
                json!([{ "from": { "id": id }, "to": { "id": other }, "associationSpec": spec }]);
            (StatusCode::OK, batch_of(made))
        }
        ("PUT", ["crm", "v4", "objects", kind, id, "associations", to, other]) => {
            let pair = [kind, id, to, other].map(|part| (*part).to_owned());
            let labels = sent.as_array().unwrap().iter();
            let labels = labels.map(|label| label["associationTypeId"].as_u64().unwrap());
            inner.between.entry(pair).or_default().extend(labels);
            let made = json!({ "fromObjectTypeId": "0-1", "fromObjectId": id, "toObjectTypeId": "0-2",
                "toObjectId": other, "labels": [] });
            (StatusCode::CREATED, made)
        }
        ("DELETE", ["crm", "v4", "objects", kind, id, "associations", to, other]) => {
            inner
                .between
                .remove(&[kind, id, to, other].map(|part| (*part).to_owned()));
            nothing
        }
        _ => refused(StatusCode::NOT_FOUND, "NOT_FOUND", "no such route"),
    })
}
