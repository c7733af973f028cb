//! A stand-in for HubSpot: one contact by the CRM API v3 for objects, kept in
//! memory. It answers what the story asks: a search for a value, a contact by its
//! number, and changed properties. Values are texts, as there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::stand_in::now;

/// The contact's number.
pub(super) const CONTACT: &str = "512";

#[derive(Clone)]
struct Crm {
    authorization: Arc<str>,
    contact: Arc<Mutex<Contact>>,
}

struct Contact {
    properties: BTreeMap<String, String>,
    created: String,
    updated: String,
}

/// The requests that it answers, for who knows the token.
pub(super) fn router(token: &str, properties: &[(&str, &str)]) -> Router {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let contact = Contact {
        properties: properties.iter().map(own).collect(),
        created: now(),
        updated: now(),
    };
    let crm = Crm {
        authorization: format!("Bearer {token}").into(),
        contact: Arc::new(Mutex::new(contact)),
    };
    let objects = Router::new()
        .route("/contacts/search", post(search))
        .route("/contacts/{id}", get(read).patch(update));
    Router::new()
        .nest("/crm/v3/objects", objects)
        .fallback(async || problem(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", "no such path"))
        .layer(from_fn_with_state(crm.clone(), authorized))
        .with_state(crm)
}

async fn authorized(State(crm): State<Crm>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION);
    match given.is_some_and(|given| given.as_bytes() == crm.authorization.as_bytes()) {
        true => next.run(request).await,
        false => problem(
            StatusCode::UNAUTHORIZED,
            "INVALID_AUTHENTICATION",
            "Authentication credentials not found",
        ),
    }
}

fn problem(status: StatusCode, category: &str, message: &str) -> Response {
    let problem = json!({ "status": "error", "category": category, "message": message });
    (status, Json(problem)).into_response()
}

/// Filters of one group must all fit, by `EQ`; one group must.
async fn search(State(crm): State<Crm>, Json(search): Json<Value>) -> Response {
    let contact = crm.contact();
    let none = Vec::new();
    let members = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let fits = |filter: &Value| {
        let value = filter["propertyName"].as_str();
        let value = value.and_then(|name| contact.properties.get(name));
        filter["operator"] == "EQ"
            && value.is_some()
            && value.map(String::as_str) == filter["value"].as_str()
    };
    let groups = members(&search, "filterGroups");
    let is_found = groups
        .iter()
        .any(|group| members(group, "filters").iter().all(fits));
    let wanted = search["properties"].as_array().unwrap_or(&none);
    let wanted: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
    let results: Vec<Value> = is_found
        .then(|| contact.shown(&wanted))
        .into_iter()
        .collect();
    Json(json!({ "total": results.len(), "results": results })).into_response()
}

async fn read(
    State(crm): State<Crm>,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if id != CONTACT {
        return not_found();
    }
    let wanted = query.get("properties").map(String::as_str);
    let wanted: Vec<&str> = wanted.unwrap_or_default().split(',').collect();
    Json(crm.contact().shown(&wanted)).into_response()
}

async fn update(
    State(crm): State<Crm>,
    Path(id): Path<String>,
    Json(changes): Json<Value>,
) -> Response {
    if id != CONTACT {
        return not_found();
    }
    let mut contact = crm.contact();
    let Some(changes) = changes["properties"].as_object() else {
        return problem(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", "no properties");
    };
    if let Some(name) = changes
        .keys()
        .find(|name| !contact.properties.contains_key(*name))
    {
        let words = format!("Property \"{name}\" does not exist");
        return problem(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", &words);
    }
    for (name, value) in changes {
        let value = value.as_str().unwrap_or_default().to_owned();
        contact.properties.insert(name.clone(), value);
    }
    contact.updated = now();
    let names: Vec<&str> = changes.keys().map(String::as_str).collect();
    Json(contact.shown(&names)).into_response()
}

fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "OBJECT_NOT_FOUND",
        "resource not found",
    )
}

impl Crm {
    fn contact(&self) -> std::sync::MutexGuard<'_, Contact> {
        // Nothing here leaves the contact half changed.
        self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contact {
    /// An empty value is none.
    fn shown(&self, wanted: &[&str]) -> Value {
        let value = |name: &str| self.properties.get(name).filter(|value| !value.is_empty());
        let properties: BTreeMap<&str, Option<&String>> =
            wanted.iter().map(|name| (*name, value(name))).collect();
        json!({ "id": CONTACT, "properties": properties, "createdAt": self.created,
            "updatedAt": self.updated, "archived": false })
    }
}
