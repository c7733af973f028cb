//! `[grant]`: what the connector may reach.

mod handoff;
mod http;
mod mail;
mod network;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Grant, KvGrant,
    error::Faults,
    keys::{Keys, did_you_mean, start, text},
    limits,
};
use crate::{
    ColumnSet, Dialect, Effect, FileVerb, FilesGrant, Glob, PathGrant, SqlGrant, TableGrant,
    sql::{GRANTABLE_FUNCTIONS, is_grantable_function, is_system_table},
    visible,
};

pub(super) fn read(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Grant {
    let mut grant = Grant {
        clock: true,
        random: true,
        log: true,
        sql: BTreeMap::new(),
        files: BTreeMap::new(),
        kv: BTreeMap::new(),
        http: BTreeMap::new(),
        mail: BTreeMap::new(),
        handoff: BTreeMap::new(),
        extension: BTreeMap::new(),
    };
    let Some(mut keys) = keys
        .get("grant")
        .and_then(|node| Keys::of(node, "[grant]", faults))
    else {
        return grant;
    };
    grant.clock = keys.flag("clock", true, faults);
    grant.random = keys.flag("random", true, faults);
    grant.log = keys.flag("log", true, faults);
    for (name, keys) in keys.named("sql", "grant.sql", faults) {
        if let Some(sql) = sql(&name, keys, faults) {
            grant.sql.insert(name, sql);
        }
    }
    for (name, keys) in keys.named("files", "grant.files", faults) {
        if let Some(files) = files(&name, keys, faults) {
            grant.files.insert(name, files);
        }
    }
    for (name, mut keys) in keys.named("kv", "grant.kv", faults) {
        let max_bytes = keys.bytes("max_bytes", limits::KV_BYTES, faults);
        keys.finish(faults);
        grant.kv.insert(name.clone(), KvGrant { name, max_bytes });
    }
    for (name, keys) in keys.named("http", "grant.http", faults) {
        if let Some(http) = http::read(&name, keys, faults) {
            grant.http.insert(name, http);
        }
    }
    for (name, keys) in keys.named("mail", "grant.mail", faults) {
        if let Some(mail) = mail::read(&name, keys, faults) {
            grant.mail.insert(name, mail);
        }
    }
    for (name, keys) in keys.named("handoff", "grant.handoff", faults) {
        let queue = handoff::read(&name, keys, faults);
        grant.handoff.insert(name, queue);
    }
    keys.finish(faults);
    grant
}

fn sql(name: &str, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<SqlGrant> {
    let source = source(&mut keys, faults);
    let max_rows = keys.count("max_rows", limits::SQL_ROWS, faults);
    let max_bytes = keys.bytes("max_bytes", limits::SQL_BYTES, faults);
    let functions = functions(&mut keys, faults);
    let place = format!("[[grant.sql.{name}.table]]");
    let at = keys.at;
    let rows = keys.tables("table", &place, faults);
    keys.finish(faults);
    if rows.is_empty() {
        faults.add(
            at,
            format!("[grant.sql.{name}] grants no table"),
            format!("add {place} with name = \"…\" and read = [\"…\"]"),
        );
    }
    let mut tables: Vec<TableGrant> = Vec::new();
    for row in rows {
        let at = row.at;
        let Some(table) = table(row, faults) else {
            continue;
        };
        if tables.iter().any(|other| other.name == table.name) {
            faults.add(
                at,
                format!("table `{}` is granted twice", visible(&table.name)),
                "write one row for each table (names differ in more than case)",
            );
        }
        tables.push(table);
    }
    let name = name.to_owned();
    Some(SqlGrant {
        name,
        source: source?,
        dialect: Dialect::Sqlite,
        max_rows,
        max_bytes,
        functions,
        tables,
    })
}

/// A database file. Connection options in the source were refused: they can
/// switch off what the host relies on.
fn source(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    const EXAMPLE: &str = "\"sqlite:data/orders.db\"";
    let node = keys.need("source", EXAMPLE, faults)?;
    let source = text(node, "source", faults)?;
    let Some(path) = source.strip_prefix("sqlite:") else {
        faults.add(
            start(node),
            format!("`{}` is no database this host can open", visible(source)),
            format!("write {EXAMPLE}"),
        );
        return None;
    };
    check_place(path, start(node), faults);
    Some(source.to_owned())
}

/// A file or directory of the operator's: relative to the host's home or
/// absolute, without tricks.
fn check_place(path: &str, at: usize, faults: &mut Faults<'_>) {
    let odd = |c: char| c.is_control() || matches!(c, '?' | '#' | '%' | '\\');
    if path.is_empty()
        || path.starts_with(':')
        || path.starts_with("//")
        || path.contains(odd)
        || visible(path) != path
    {
        faults.add(
            at,
            format!("`{}` is no plain path", visible(path)),
            "write a path such as data/orders.db, without options",
        );
    } else if path.split('/').any(|part| part == "..") {
        faults.add(
            at,
            format!("`{path}` goes up with `..`"),
            "write the path from the host's home down, or an absolute one",
        );
    }
}

fn functions(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> BTreeSet<String> {
    let names = keys.texts("functions", faults);
    for (at, name) in &names {
        if !is_grantable_function(name) {
            let message = format!("the function `{}` cannot be granted", visible(name));
            let hint = did_you_mean(name, &GRANTABLE_FUNCTIONS);
            faults.add(*at, message, hint);
        }
    }
    names.into_iter().map(|(_, name)| name).collect()
}

fn table(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<TableGrant> {
    let at = keys.at;
    let name = keys
        .need("name", "\"orders\"", faults)
        .and_then(|node| text(node, "name", faults));
    let read = readable(columns(&mut keys, "read", faults), faults);
    let insert = writable(columns(&mut keys, "insert", faults), "insert", faults);
    let update = writable(columns(&mut keys, "update", faults), "update", faults);
    let delete = keys.flag("delete", false, faults);
    let effect = raised(&mut keys, faults);
    keys.finish(faults);
    let name = name?.to_ascii_lowercase();
    if !is_identifier(&name) || is_system_table(&name) {
        faults.add(
            at,
            format!("`{}` is no table that can be granted", visible(&name)),
            "write the name of an ordinary table, without schema and quotation marks",
        );
    }
    if read.is_empty() && insert.is_empty() && update.is_empty() && !delete {
        faults.add(
            at,
            format!("the row for table `{}` grants nothing", visible(&name)),
            "add read = [\"…\"], insert = [\"…\"], update = [\"…\"] or delete = true",
        );
    }
    Some(TableGrant {
        name,
        read,
        insert,
        update,
        delete,
        effect,
    })
}

fn columns(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    faults: &mut Faults<'_>,
) -> Vec<(usize, String)> {
    let names = keys.texts(key, faults);
    let names: Vec<_> = names
        .into_iter()
        .map(|(at, name)| (at, name.to_ascii_lowercase()))
        .collect();
    for (i, (at, name)) in names.iter().enumerate() {
        if name != "*" && !is_identifier(name) {
            faults.add(
                *at,
                format!("`{}` is no column that can be granted", visible(name)),
                "write the column's name, without table and quotation marks",
            );
        }
        if names[..i].iter().any(|(_, other)| other == name) {
            faults.add(
                *at,
                format!("column `{}` stands twice in `{key}`", visible(name)),
                "remove one of them",
            );
        }
    }
    names
}

fn readable(names: Vec<(usize, String)>, faults: &mut Faults<'_>) -> ColumnSet {
    let all = names.iter().any(|(_, name)| name == "*");
    let everything = ColumnSet::everything();
    if all
        && let Some((at, name)) = names
            .iter()
            .find(|(_, name)| name != "*" && everything.contains(name))
    {
        faults.add(
            *at,
            format!("column `{name}` is granted by `*` already"),
            "write either \"*\" or the columns",
        );
    }
    ColumnSet {
        all,
        names: names
            .into_iter()
            .map(|(_, name)| name)
            .filter(|name| name != "*")
            .collect(),
    }
}

fn writable(names: Vec<(usize, String)>, key: &str, faults: &mut Faults<'_>) -> BTreeSet<String> {
    if let Some((at, _)) = names.iter().find(|(_, name)| name == "*") {
        faults.add(*at, format!("`{key}` cannot be `*`"), "name the columns: one that is added to the table later must not become writable by itself");
    }
    names.into_iter().map(|(_, name)| name).collect()
}

fn is_identifier(name: &str) -> bool {
    let odd =
        |c: char| c.is_control() || matches!(c, '"' | '\'' | '`' | '[' | ']' | '.' | '*' | ';');
    (1..=128).contains(&name.len()) && !name.contains(odd) && visible(name) == name
}

fn raised(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Effect> {
    let node = keys.get("effect")?;
    let name = text(node, "effect", faults)?;
    match Effect::from_name(name) {
        Some(Effect::Read) => {
            faults.add(
                start(node),
                "`effect` can raise the class of writes, never lower it",
                "write \"irreversible\", or remove it",
            );
            None
        }
        None => {
            let message = format!("there is no effect class `{}`", visible(name));
            faults.add(
                start(node),
                message,
                did_you_mean(name, &["write", "irreversible"]),
            );
            None
        }
        effect => effect,
    }
}

fn files(name: &str, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<FilesGrant> {
    let directory = keys.need("directory", "\"data/tracker\"", faults);
    let directory =
        directory.and_then(|node| Some((start(node), text(node, "directory", faults)?.to_owned())));
    if let Some((at, directory)) = &directory {
        check_place(directory, *at, faults);
    }
    let place = format!("[[grant.files.{name}.path]]");
    let at = keys.at;
    let rows = keys.tables("path", &place, faults);
    keys.finish(faults);
    if rows.is_empty() {
        faults.add(
            at,
            format!("[grant.files.{name}] grants no path"),
            format!("add {place} with glob = \"*.csv\" and verbs = [\"read\"]"),
        );
    }
    let paths = rows
        .into_iter()
        .filter_map(|row| path(row, faults))
        .collect();
    Some(FilesGrant {
        name: name.to_owned(),
        directory: directory?.1,
        paths,
    })
}

fn path(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<PathGrant> {
    let glob = keys.need("glob", "\"*.csv\"", faults).and_then(|node| {
        let parsed = Glob::parse(text(node, "glob", faults)?);
        parsed
            .map_err(|error| faults.add(start(node), "`glob` cannot be read", error.to_string()))
            .ok()
    });
    let verbs = verbs(&mut keys, faults);
    let max_size = keys.bytes("max_size", limits::FILE_BYTES, faults);
    let effect = raised(&mut keys, faults);
    keys.finish(faults);
    Some(PathGrant {
        glob: glob?,
        verbs,
        max_size,
        effect,
    })
}

fn verbs(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Vec<FileVerb> {
    let at = keys.at;
    let names = keys.texts("verbs", faults);
    if names.is_empty() {
        faults.add(
            at,
            format!("{} grants no verb", keys.place),
            "add verbs = [\"read\"], with \"write\" and \"remove\" where they are needed",
        );
    }
    let mut verbs = Vec::new();
    for (at, name) in names {
        match FileVerb::ALL.into_iter().find(|verb| verb.as_str() == name) {
            Some(verb) => verbs.push(verb),
            None => {
                let known = FileVerb::ALL.map(FileVerb::as_str);
                faults.add(
                    at,
                    format!("there is no verb `{}`", visible(&name)),
                    did_you_mean(&name, &known),
                );
            }
        }
    }
    verbs
}
