//! Tryton's REST interface, `/{database}/rest/model/{model}`. The destination's
//! base URL ends with `/rest/model`.
//!
//! What the server really does (8.2, by its source `trytond/protocols/rest.py` and
//! by requests):
//!
//! - Fields of a `GET` are chosen by a repeated query parameter. The action
//!   `search_read` takes them as a list in its content, runs in a read-only
//!   transaction under the same access rights, and is used for every read here.
//! - No write is conditional, and none takes an idempotency key. A party's `code`
//!   is unique. `_timestamp` changes with every write of the record itself.
//! - A record that the account may not see looks like one that is not there.

mod contact;
mod domain;
mod problem;
mod value;

use serde_json::{Map, Value, json};
use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::{ToolError, http};

use crate::settings::{Archive, Type};
use crate::system::{Association, Label, Page, Pair, Query, Record, System, no_such_note};
use crate::value::{Properties, Scalar};

/// How many records are looked at before a create, and how many associations a
/// page has.
const FOUND_MAX: u32 = 10;
const PAGE: u32 = 100;

/// The interface behind a destination.
#[derive(Debug)]
pub(crate) struct Tryton {
    destination: String,
}

/// A record as the server says it.
type Row = Map<String, Value>;

impl Tryton {
    pub(crate) const fn new(destination: String) -> Self {
        Self { destination }
    }

    fn post(&self, path: &[&str]) -> Request {
        http::post(&self.destination, path)
    }

    fn put(&self, of: &Type, id: &str, content: &Row) -> Result<(), ToolError> {
        done(http::put(&self.destination, [model(of)?, id]).json(content)).map(drop)
    }

    /// `search_read`: one request for any read.
    fn rows(&self, model: &str, asked: &Value) -> Result<Vec<Row>, ToolError> {
        let request = self.post(&[model, "search_read"]).json(asked);
        done(request)?.json()
    }

    fn row(&self, of: &Type, id: &str, fields: &[String]) -> Result<Row, ToolError> {
        let asked = json!({ "domain": domain::id(of, id), "fields_names": fields, "limit": 1 });
        let mut rows = self.rows(model(of)?, &asked)?.into_iter();
        rows.next().ok_or_else(|| {
            ToolError::not_found(format!("Tryton has no record {id} of {}", of.name))
                .hint("search for it; the account may also not be allowed to see it")
        })
    }
}

fn model(of: &Type) -> Result<&str, ToolError> {
    // The settings were checked for it.
    let missing = || ToolError::failed(format!("config.types.{} names no `model`", of.name));
    of.model.as_deref().ok_or_else(missing)
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

/// What is read of a record: the listed properties, and what says whether it was
/// changed or put away.
fn fields(of: &Type) -> Vec<String> {
    let mut fields = of.readable().to_vec();
    fields.push("_timestamp".to_owned());
    match &of.archive {
        Some(Archive::Field(field)) => fields.push(field.clone()),
        Some(Archive::Action { .. }) => fields.push("state".to_owned()),
        None => {}
    }
    fields.sort();
    fields.dedup();
    fields
}

fn record(of: &Type, row: &Row) -> Record {
    let listed = of.readable().iter();
    let listed = listed.map(|name| (name.clone(), row.get(name).and_then(value::read)));
    Record {
        id: row.get("id").map(ToString::to_string).unwrap_or_default(),
        properties: listed.collect(),
        version: row
            .get("_timestamp")
            .and_then(Value::as_str)
            .map(str::to_owned),
        archived: is_archived(of, row),
    }
}

fn is_archived(of: &Type, row: &Row) -> bool {
    match &of.archive {
        // SQLite has 0 and 1 for it.
        Some(Archive::Field(field)) => {
            let field = row.get(field);
            field == Some(&Value::Bool(false)) || field == Some(&json!(0))
        }
        Some(Archive::Action { state, .. }) => {
            row.get("state").and_then(Value::as_str) == Some(state)
        }
        None => false,
    }
}

impl System for Tryton {
    fn same(&self, left: Option<&Scalar>, right: Option<&Scalar>) -> bool {
        value::same(left, right)
    }

    fn has_exact_versions(&self) -> bool {
        true
    }

    fn search(&self, of: &Type, query: &Query<'_>) -> Result<Page<Record>, ToolError> {
        let offset = offset(query.after)?;
        let sort = query.sort.unwrap_or(("id", false));
        let asked = json!({
            "domain": domain::all(query.conditions)?,
            "order": [[sort.0, if sort.1 { "DESC" } else { "ASC" }]],
            "offset": offset,
            // One more tells whether there is a next page.
            "limit": query.limit + 1,
            "fields_names": fields(of),
        });
        let rows = self.rows(model(of)?, &asked)?;
        let items = rows.iter().map(|row| record(of, row)).collect();
        Ok(cut(items, offset, query.limit))
    }

    fn find(&self, of: &Type, property: &str, value: &Scalar) -> Result<Vec<Record>, ToolError> {
        let asked = json!({
            "domain": domain::equal(of, property, value),
            "fields_names": fields(of),
            "limit": FOUND_MAX,
        });
        let rows = self.rows(model(of)?, &asked)?;
        Ok(rows.iter().map(|row| record(of, row)).collect())
    }

    fn read(&self, of: &Type, id: &str) -> Result<Record, ToolError> {
        Ok(record(of, &self.row(of, id, &fields(of))?))
    }

    fn read_all(&self, of: &Type, ids: &[String]) -> Result<Vec<Record>, ToolError> {
        let asked = json!({
            "domain": domain::ids(of, ids),
            "fields_names": fields(of),
            "limit": ids.len(),
        });
        let rows = self.rows(model(of)?, &asked)?;
        Ok(rows.iter().map(|row| record(of, row)).collect())
    }

    fn create(&self, of: &Type, properties: &Properties) -> Result<String, ToolError> {
        let mut content = Row::new();
        let defaults = of.defaults.iter();
        // The operator's values win over a caller's.
        for (name, value) in properties.iter().chain(defaults) {
            if !contact::is_one(of, name) {
                content.insert(name.clone(), value::write(value.as_ref(), None));
            }
        }
        contact::create(of, properties, &mut content);
        let made: Row = done(self.post(&[model(of)?]).json(&content))?.json()?;
        let id = made.get("id").and_then(Value::as_u64);
        let unfit = || ToolError::failed("Tryton answered to a create without an id");
        id.map(|id| id.to_string()).ok_or_else(unfit)
    }

    fn update(&self, of: &Type, found: &Record, changes: &Properties) -> Result<(), ToolError> {
        let mut read: Vec<_> = changes.keys().cloned().collect();
        if changes.keys().any(|name| contact::is_one(of, name)) {
            read.extend(contact::FIELDS.map(str::to_owned));
        }
        // Once more, as the server writes its values: a date goes back as a date.
        let row = self.row(of, &found.id, &read)?;
        let mut content = Row::new();
        for (name, value) in changes {
            if !contact::is_one(of, name) {
                content.insert(name.clone(), value::write(value.as_ref(), row.get(name)));
            }
        }
        contact::update(of, found, &row, changes, &mut content)?;
        self.put(of, &found.id, &content)
    }

    fn check_archive(&self, of: &Type) -> Result<(), ToolError> {
        if of.archive.is_some() {
            return Ok(());
        }
        Err(ToolError::denied(format!(
            "a record of {} cannot be put away here, so none is made",
            of.name
        ))
        .hint(format!(
            "an operator who agrees adds `archive = {{ field = \"active\" }}` to [config.types.{}]",
            of.name
        )))
    }

    fn archive(&self, of: &Type, id: &str) -> Result<(), ToolError> {
        match &of.archive {
            Some(Archive::Field(field)) => {
                let content = Row::from_iter([(field.clone(), Value::Bool(false))]);
                self.put(of, id, &content)
            }
            Some(Archive::Action { away, .. }) => {
                done(self.post(&[model(of)?, id, away]).json(&json!({}))).map(drop)
            }
            None => self.check_archive(of),
        }
    }

    fn unarchive(&self, of: &Type, id: &str) -> Result<(), ToolError> {
        match &of.archive {
            Some(Archive::Field(field)) => {
                let content = Row::from_iter([(field.clone(), Value::Bool(true))]);
                self.put(of, id, &content)
            }
            Some(Archive::Action { back, .. }) => {
                done(self.post(&[model(of)?, id, back]).json(&json!({}))).map(drop)
            }
            None => self.check_archive(of),
        }
    }

    fn associations(
        &self,
        pair: Pair<'_>,
        after: Option<&str>,
    ) -> Result<Page<Association>, ToolError> {
        let field = field(pair)?;
        let offset = offset(after)?;
        let association = |id: &Value| Association {
            id: id.to_string(),
            labels: Vec::new(),
        };
        let items = if pair.link.reverse {
            let asked = json!({
                "domain": domain::linked(pair.to, field, pair.id),
                "order": [["id", "ASC"]],
                "offset": offset,
                "limit": PAGE + 1,
                "fields_names": ["id"],
            });
            let rows = self.rows(model(pair.to)?, &asked)?;
            rows.iter()
                .filter_map(|row| row.get("id"))
                .map(association)
                .collect()
        } else {
            let row = self.row(pair.from, pair.id, &[field.to_owned()])?;
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
            let all = match row.get(field) {
                Some(Value::Array(ids)) => ids.as_slice(),
                Some(id @ Value::Number(_)) => std::slice::from_ref(id),
                _ => &[],
            };
            all.iter()
                .skip(start)
                .take(page + 1)
                .map(association)
                .collect()
        };
        Ok(cut(items, offset, PAGE))
    }

    fn associate(&self, pair: Pair<'_>, other: &str, labels: &[Label]) -> Result<(), ToolError> {
        if !labels.is_empty() {
            return Err(ToolError::invalid_input("/labels", "Tryton has no labels"));
        }
        self.link(pair, other, true)
    }

    fn dissociate(&self, pair: Pair<'_>, other: &str) -> Result<(), ToolError> {
        self.link(pair, other, false)
    }

    fn add_note(&self, of: &Type, id: &str, text: &str) -> Result<String, ToolError> {
        let content = json!({ "resource": resource(of, id)?, "message": text });
        let made: Row = done(self.post(&["ir.note"]).json(&content))?.json()?;
        let id = made.get("id").and_then(Value::as_u64);
        let unfit = || ToolError::failed("Tryton answered to a note without an id");
        id.map(|id| id.to_string()).ok_or_else(unfit)
    }

    fn note(&self, of: &Type, id: &str, note: &str) -> Result<String, ToolError> {
        let asked = json!({
            "domain": [["id", "=", value::number(note)], ["resource", "=", resource(of, id)?]],
            "fields_names": ["message"],
            "limit": 1,
        });
        let rows = self.rows("ir.note", &asked)?;
        let row = rows.first().ok_or_else(|| no_such_note(of, id, note))?;
        let text = row.get("message").and_then(Value::as_str);
        Ok(text.unwrap_or_default().to_owned())
    }

    fn remove_note(&self, note: &str) -> Result<(), ToolError> {
        done(http::delete(&self.destination, ["ir.note", note])).map(drop)
    }
}

impl Tryton {
    /// Write the field that holds an association.
    fn link(&self, pair: Pair<'_>, other: &str, is_there: bool) -> Result<(), ToolError> {
        let field = field(pair)?;
        let (of, id, linked) = if pair.link.reverse {
            (pair.to, other, pair.id)
        } else {
            (pair.from, pair.id, other)
        };
        let value = if pair.link.many {
            let verb = if is_there { "add" } else { "remove" };
            json!([[verb, [value::number(linked)]]])
        } else if is_there {
            // A field that holds one record is not taken from that one.
            let row = self.row(of, id, &[field.to_owned()])?;
            if let Some(holds) = row.get(field).filter(|holds| !holds.is_null()) {
                return Err(ToolError::conflict(format!(
                    "record {id} of {} has {holds} as its {field} already; nothing was written",
                    of.name
                ))
                .hint("dissociate that one first"));
            }
            value::number(linked)
        } else {
            Value::Null
        };
        self.put(of, id, &Row::from_iter([(field.to_owned(), value)]))
    }
}

fn field(pair: Pair<'_>) -> Result<&str, ToolError> {
    pair.link.field.as_deref().ok_or_else(|| {
        ToolError::failed(format!(
            "config.types.{}.associations.{} names no `field`",
            pair.from.name, pair.to.name
        ))
        .hint("the operator can correct the manifest")
    })
}

fn resource(of: &Type, id: &str) -> Result<String, ToolError> {
    Ok(format!("{},{id}", model(of)?))
}

fn offset(after: Option<&str>) -> Result<u64, ToolError> {
    let unfit = |_| ToolError::invalid_input("/after", "is no `next` that a search gave");
    after.map_or(Ok(0), |after| after.parse::<u64>().map_err(unfit))
}

/// A page of what was read with one more than it may have.
fn cut<T>(mut items: Vec<T>, offset: u64, limit: u32) -> Page<T> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > most;
    items.truncate(most);
    Page {
        items,
        next: has_more.then(|| (offset + u64::from(limit)).to_string()),
        total: None,
    }
}
