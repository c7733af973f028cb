//! Requests, and what a grant says to them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cover;
mod judge;
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
