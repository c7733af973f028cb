//! Which imports of a component the manifest grants nothing for.

use std::fmt;

use super::Grant;
use crate::FileVerb;

/// An import without a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGrant {
    /// The import, for example `sql.query`.
    pub import: String,
    /// What an operator who agrees would add to the manifest.
    pub line_to_add: String,
}

impl fmt::Display for MissingGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the component imports `{}`, which the manifest does not grant; ",
            self.import
        )?;
        write!(f, "to grant it, add: {}", self.line_to_add)
    }
}

pub(super) fn grants(grant: &Grant, imports: &[String]) -> Vec<MissingGrant> {
    let missing = |import: &String| {
        let line_to_add = line(grant, import)?;
        Some(MissingGrant {
            import: import.clone(),
            line_to_add,
        })
    };
    imports.iter().filter_map(missing).collect()
}

/// The line to add, or nothing where the import is granted.
fn line(grant: &Grant, import: &str) -> Option<String> {
    let reads = || {
        grant
            .sql
            .values()
            .flat_map(|sql| &sql.tables)
            .any(|table| !table.read.is_empty())
    };
    let writes = || {
        let mut tables = grant.sql.values().flat_map(|sql| &sql.tables);
        tables.any(|table| table.delete || !table.insert.is_empty() || !table.update.is_empty())
    };
    let verb = |verb| {
        grant
            .files
            .values()
            .flat_map(|files| &files.paths)
            .any(|row| row.verbs.contains(&verb))
    };
    let files = |verb: FileVerb| {
        format!(
            "[grant.files.NAME] with directory = \"…\", and [[grant.files.NAME.path]] with glob = \"…\", verbs = [\"{verb}\"]"
        )
    };
    let table = |row: &str| {
        format!(
            "[grant.sql.NAME] with source = \"sqlite:…\", and [[grant.sql.NAME.table]] with name = \"…\", {row}"
        )
    };
    let (granted, line) = match import {
        "config.get" => (true, String::new()),
        "clock.now" => (grant.clock, "[grant] clock = true".to_owned()),
        "random.bytes" => (grant.random, "[grant] random = true".to_owned()),
        "log.emit" | "log.panic" => (grant.log, "[grant] log = true".to_owned()),
        "kv.get" | "kv.set" | "kv.delete" | "kv.keys" => (
            !grant.kv.is_empty(),
            "[grant.kv.NAME] with max_bytes = \"1MiB\"".to_owned(),
        ),
        "sql.query" => (reads(), table("read = [\"…\"]")),
        "sql.execute" | "sql.preview" => (
            writes(),
            table("insert = [\"…\"], update = [\"…\"] or delete = true"),
        ),
        "files.read" | "files.list" => (verb(FileVerb::Read), files(FileVerb::Read)),
        "files.write" => (verb(FileVerb::Write), files(FileVerb::Write)),
        "files.remove" => (verb(FileVerb::Remove), files(FileVerb::Remove)),
        "http.send" => (
            !grant.http.is_empty(),
            "[grant.http.NAME] with base_url = \"https://…\", and [[grant.http.NAME.route]] with call = \"GET /…\"".to_owned(),
        ),
        "mail.send" => (
            !grant.mail.is_empty(),
            "[grant.mail.NAME] with server = \"…:587\", from = \"…\" and to = [\"*@…\"]".to_owned(),
        ),
        "handoff.escalate" => (
            !grant.handoff.is_empty(),
            "[grant.handoff.NAME] with max_open = 100".to_owned(),
        ),
        _ => (
            false,
            "nothing; this host has no such capability, so rebuild the connector without it"
                .to_owned(),
        ),
    };
    (!granted).then_some(line)
}
