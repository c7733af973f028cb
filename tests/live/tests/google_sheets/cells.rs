//! A small store of cells that speaks as much of the Sheets API as the connector
//! uses. It stands behind Prism, which holds each request and each answer to
//! Google's own description: what is wrong in form never passes.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

/// Row and column, from 1.
type Place = (u32, u32);

#[derive(Clone, Default)]
pub(crate) struct Cells(Arc<Mutex<BTreeMap<Place, Value>>>);

impl Cells {
    /// Serve it on loopback; its origin.
    pub(crate) async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        origin
    }

    /// What a person sees or types.
    pub(crate) fn get(&self, cells: &str) -> Value {
        let (from, _) = area(cells);
        self.0
            .lock()
            .unwrap()
            .get(&from)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn set(&self, cells: &str, value: Value) {
        self.0.lock().unwrap().insert(area(cells).0, value);
    }

    fn read(&self, range: &str) -> Value {
        let ((top, left), (bottom, right)) = area(range);
        let cells = self.0.lock().unwrap();
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for r in top..=bottom {
            let cell = |c| cells.get(&(r, c)).cloned().unwrap_or_else(|| json!(""));
            let mut row: Vec<Value> = (left..=right).map(cell).collect();
            while row.last() == Some(&json!("")) {
                row.pop();
            }
            rows.push(row);
        }
        while rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        json!({ "range": range.replace('\'', ""), "majorDimension": "ROWS", "values": rows })
    }

    fn write(&self, range: &str, rows: &Value) -> Value {
        let ((top, left), _) = area(range);
        let rows = rows.as_array().unwrap();
        for (r, row) in (top..).zip(rows) {
            for (c, value) in (left..).zip(row.as_array().unwrap()) {
                let mut cells = self.0.lock().unwrap();
                match value {
                    Value::Null => {}
                    empty if *empty == json!("") => drop(cells.remove(&(r, c))),
                    value => drop(cells.insert((r, c), value.clone())),
                }
            }
        }
        let range = range.replace('\'', "");
        json!({ "spreadsheetId": "1ExampleDocumentId", "updatedRange": range, "updatedRows": rows.len(),
            "updatedData": self.read(&range) })
    }

    fn append(&self, range: &str, rows: &Value) -> Value {
        let ((_, left), _) = area(range);
        let last = self.0.lock().unwrap().keys().map(|(row, _)| *row).max();
        let first = last.unwrap_or(0) + 1;
        let list = rows.as_array().unwrap();
        let count = u32::try_from(list.len()).unwrap();
        let width = u32::try_from(list[0].as_array().unwrap().len()).unwrap();
        let corner = |row: u32, column: u32| format!("{}{row}", letter(column));
        let (from, to) = (
            corner(first, left),
            corner(first + count - 1, left + width - 1),
        );
        let updates = self.write(&format!("Cases!{from}:{to}"), rows);
        json!({ "spreadsheetId": "1ExampleDocumentId", "tableRange": range.replace('\'', ""), "updates": updates })
    }
}

async fn answer(State(cells): State<Cells>, method: Method, uri: Uri, body: Bytes) -> Response {
    let content: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = decoded(uri.path());
    let query = uri.query().unwrap_or_default();
    let rest = path
        .strip_prefix("/v4/spreadsheets/1ExampleDocumentId")
        .unwrap_or("?");
    // Only RAW is spoken here: a write that lets text become a formula is refused.
    let is_write = method == Method::PUT || rest.ends_with(":append");
    if is_write && !query.contains("valueInputOption=RAW") {
        return (StatusCode::BAD_REQUEST, "not RAW").into_response();
    }
    let came = match (method.as_str(), rest) {
        ("GET", "") => json!({ "properties": { "title": "Tracker" }, "sheets": [{ "properties": {
            "title": "Cases", "index": 0, "gridProperties": { "rowCount": 1000, "columnCount": 26 } } }] }),
        ("GET", "/values:batchGet") => {
            let pairs = url::form_urlencoded::parse(query.as_bytes());
            let ranges = pairs.filter(|(name, _)| name == "ranges");
            let found: Vec<Value> = ranges.map(|(_, range)| cells.read(&range)).collect();
            json!({ "spreadsheetId": "1ExampleDocumentId", "valueRanges": found })
        }
        ("POST", "/values:batchUpdate") if content["valueInputOption"] == "RAW" => {
            let each = content["data"].as_array().unwrap().iter();
            let done = each.map(|one| cells.write(one["range"].as_str().unwrap(), &one["values"]));
            let done: Vec<Value> = done.collect();
            json!({ "spreadsheetId": "1ExampleDocumentId", "responses": done })
        }
        ("POST", rest) if rest.ends_with(":append") => {
            let range = rest
                .trim_start_matches("/values/")
                .trim_end_matches(":append");
            cells.append(range, &content["values"])
        }
        ("PUT", rest) => cells.write(rest.trim_start_matches("/values/"), &content["values"]),
        ("GET", rest) => cells.read(rest.trim_start_matches("/values/")),
        _ => return (StatusCode::NOT_FOUND, "no such thing").into_response(),
    };
    axum::Json(came).into_response()
}

/// `'Cases'!A1:B2`, `A1`, or a whole column `A:A` as far as it is filled.
fn area(range: &str) -> (Place, Place) {
    let cells = range.rsplit('!').next().unwrap();
    let (from, to) = cells.split_once(':').unwrap_or((cells, cells));
    let corner = |text: &str, row: u32| -> Place {
        let column = text.bytes().next().unwrap() - b'A' + 1;
        (text[1..].parse().unwrap_or(row), u32::from(column))
    };
    (corner(from, 1), corner(to, 100))
}

fn letter(column: u32) -> char {
    char::from(b'A' + u8::try_from(column - 1).unwrap())
}

fn decoded(path: &str) -> String {
    path.replace("%27", "'")
        .replace("%21", "!")
        .replace("%3A", ":")
}
