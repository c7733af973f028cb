//! Requests, and what a grant says to them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cover;
mod judge;
mod refuse;
mod target;

use super::*;
use crate::{Digest, Manifest};

/// The grant `desk` of a manifest with these rows.
fn grant(rows: &str) -> HttpGrant {
    let text = format!(
        "connector = \"c\"\ncomponent = \"{}\"\n{rows}",
        Digest::of(b"")
    );
    let mut manifest = Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"));
    manifest.grant.http.remove("desk").unwrap()
}

/// The grant `desk` with these routes below `/api/v2`.
fn routes(rows: &[&str]) -> HttpGrant {
    let rows: String = rows
        .iter()
        .map(|row| format!("[[grant.http.desk.route]]\n{row}\n"))
        .collect();
    grant(&format!(
        "[grant.http.desk]\nbase_url = \"https://desk.example/api/v2\"\nheaders = [\"if-match\", \"prefer\"]\nmax_request = \"1KiB\"\n{rows}"
    ))
}

fn get<'a>(path: &'a [&'a str], query: &'a [(&'a str, &'a str)]) -> HttpRequest<'a> {
    HttpRequest {
        method: HttpMethod::Get,
        path,
        query,
        headers: &[],
        body: None,
    }
}

const JSON: HttpBody<'static> = HttpBody {
    content_type: "application/json",
    bytes: 10,
};

fn desk() -> HttpGrant {
    routes(&[
        "call = \"GET /tickets/{id:int}\"\nquery = { include = \"id\", page = \"int\", open = \"flag\" }",
        "call = \"GET /search\"\nquery = { q = \"text\" }",
        "call = \"GET /files/{rest:path}\"",
        "call = \"GET /v{major:int}.json\"",
        "call = \"GET /lists/\"",
        "call = \"PUT /tickets/{id:int}\"\neffect = \"write\"\nundo = \"restore\"\npartial = true\nat = \"/ticket\"\nconditional = true",
        "call = \"PUT /payments/{number:key}/lines\"\nidempotency = \"path\"",
        "call = \"POST /tickets\"\nidempotency = \"body:/request_id\"",
        "call = \"POST /tickets/search\"\neffect = \"read\"",
        "call = \"DELETE /tickets/{id:int}\"\nidempotency = \"header:Idempotency-Key\"",
    ])
}

fn send<'a>(
    method: HttpMethod,
    path: &'a [&'a str],
    headers: &'a [(&'a str, &'a str)],
    body: Option<HttpBody<'a>>,
) -> HttpRequest<'a> {
    HttpRequest {
        method,
        path,
        query: &[],
        headers,
        body,
    }
}
