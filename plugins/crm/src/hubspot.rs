//! HubSpot's CRM API: objects v3 and associations v4, as its published OpenAPI
//! documents describe them (HubSpot-public-api-spec-collection, CRM: Contacts,
//! Companies, Deals, Tickets, Notes v3, Associations v4).
//!
//! What its documentation says that matters here:
//!
//! - No write is conditional, and none takes an idempotency key. A contact's email
//!   is unique: a second create answers 409 and names the first.
//! - Search lags some seconds behind writes; reading by id does not.
//! - An archived record can be restored for 90 days, by a person only.

mod associations;
mod objects;
mod problem;

use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::{ToolError, clock, http};

use crate::settings::Type;
use crate::system::{Association, Label, Page, Pair, Query, Record, System, no_such_note};
use crate::value::{Properties, Scalar};

/// The API behind a destination.
#[derive(Debug)]
pub(crate) struct Hubspot {
    destination: String,
}

/// The kind of association that a note has with what it is about (HubSpot,
/// Associations v4, default types).
const NOTE_TO: [(&str, u32); 4] = [
    ("contacts", 202),
    ("companies", 190),
    ("deals", 214),
    ("tickets", 228),
];

impl Hubspot {
    pub(crate) const fn new(destination: String) -> Self {
        Self { destination }
    }

    fn get(&self, path: &[&str]) -> Request {
        http::get(&self.destination, path)
    }

    fn post(&self, path: &[&str]) -> Request {
        http::post(&self.destination, path)
    }
}

/// Send, and understand what is not a success.
fn done(request: Request) -> Result<Response, ToolError> {
    let answer = request.send()?;
    if answer.is_success() {
        Ok(answer)
    } else {
        Err(problem::of(&answer))
    }
}

const OBJECTS: [&str; 3] = ["crm", "v3", "objects"];

/// `/crm/v3/objects/…`.
fn objects<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&OBJECTS[..], rest].concat()
}

impl System for Hubspot {
    /// All values are texts there, and an empty one is none.
    fn same(&self, left: Option<&Scalar>, right: Option<&Scalar>) -> bool {
        let text = |value: Option<&Scalar>| value.map_or_else(String::new, Scalar::text);
        text(left) == text(right)
    }

    /// `updatedAt` also changes when HubSpot computes something.
    fn has_exact_versions(&self) -> bool {
        false
    }

    fn search(&self, of: &Type, query: &Query<'_>) -> Result<Page<Record>, ToolError> {
        let body = objects::search_body(of, query)?;
        let path = objects(&[&of.name, "search"]);
        let answer = done(self.post(&path).json(&body))?;
        Ok(objects::page(of, answer.json()?))
    }

    fn find(&self, of: &Type, property: &str, value: &Scalar) -> Result<Vec<Record>, ToolError> {
        let path = objects(&[&of.name, "search"]);
        let body = objects::find_body(of, property, &value.text());
        let answer = done(self.post(&path).json(&body))?;
        Ok(objects::page(of, answer.json()?).items)
    }

    fn read(&self, of: &Type, id: &str) -> Result<Record, ToolError> {
        let path = objects(&[&of.name, id]);
        let request = self.get(&path).query("properties", of.readable().join(","));
        Ok(objects::record(of, done(request)?.json()?))
    }

    /// In one request. What was not found is told by status 207 and a list of
    /// errors beside the results.
    fn read_all(&self, of: &Type, ids: &[String]) -> Result<Vec<Record>, ToolError> {
        let path = objects(&[&of.name, "batch", "read"]);
        let answer = done(self.post(&path).json(&objects::batch_body(of, ids)))?;
        objects::batch(of, answer.json()?)
    }

    fn create(&self, of: &Type, properties: &Properties) -> Result<String, ToolError> {
        let path = objects(&[&of.name]);
        let body = serde_json::json!({
            "properties": objects::texts(properties),
            "associations": [],
        });
        let made: objects::Made = done(self.post(&path).json(&body))?.json()?;
        Ok(made.id)
    }

    fn update(&self, of: &Type, found: &Record, changes: &Properties) -> Result<(), ToolError> {
        let path = objects(&[&of.name, &found.id]);
        let body = serde_json::json!({ "properties": objects::texts(changes) });
        done(http::patch(&self.destination, &path).json(&body)).map(drop)
    }

    fn check_archive(&self, _: &Type) -> Result<(), ToolError> {
        Ok(())
    }

    fn archive(&self, of: &Type, id: &str) -> Result<(), ToolError> {
        done(http::delete(&self.destination, objects(&[&of.name, id]))).map(drop)
    }

    fn unarchive(&self, of: &Type, id: &str) -> Result<(), ToolError> {
        Err(ToolError::denied(format!(
            "HubSpot has no API that restores an archived record, so {} {id} stays archived",
            of.name
        ))
        .hint("a person can restore it in HubSpot within 90 days of its archiving"))
    }

    fn associations(
        &self,
        pair: Pair<'_>,
        after: Option<&str>,
    ) -> Result<Page<Association>, ToolError> {
        let path = associations::of(pair);
        let request = self.get(&path).query("limit", associations::PAGE);
        let answer = done(request.query_some("after", after))?;
        Ok(associations::page(answer.json()?))
    }

    fn associate(&self, pair: Pair<'_>, other: &str, labels: &[Label]) -> Result<(), ToolError> {
        let request = if labels.is_empty() {
            http::put(
                &self.destination,
                associations::default_between(pair, other),
            )
        } else {
            http::put(&self.destination, associations::between(pair, other))
                .json(&associations::labels_body(labels))
        };
        done(request).map(drop)
    }

    fn dissociate(&self, pair: Pair<'_>, other: &str) -> Result<(), ToolError> {
        let path = associations::between(pair, other);
        done(http::delete(&self.destination, path)).map(drop)
    }

    fn add_note(&self, of: &Type, id: &str, text: &str) -> Result<String, ToolError> {
        let kind = NOTE_TO.iter().find(|(name, _)| *name == of.name);
        let Some((_, kind)) = kind else {
            return Err(ToolError::denied(format!(
                "the connector knows no way to add a HubSpot note to {}",
                of.name
            ))
            .hint("notes can be added to contacts, companies, deals and tickets"));
        };
        let now = clock::now()?.unix_millis();
        let body = objects::note_body(id, *kind, text, now);
        let made: objects::Made = done(self.post(&objects(&["notes"])).json(&body))?.json()?;
        Ok(made.id)
    }

    fn note(&self, of: &Type, id: &str, note: &str) -> Result<String, ToolError> {
        let path = objects(&["notes", note]);
        let request = self.get(&path).query("properties", "hs_note_body");
        let answer = done(request.query("associations", &of.name))?;
        let text = objects::note_text(&of.name, id, answer.json()?);
        text.ok_or_else(|| no_such_note(of, id, note))
    }

    fn remove_note(&self, note: &str) -> Result<(), ToolError> {
        done(http::delete(&self.destination, objects(&["notes", note]))).map(drop)
    }
}
