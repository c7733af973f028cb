//! `[grant]`: what the connector may reach.

mod handoff;
mod http;
mod mail;
mod network;
mod sql;

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Grant, KvGrant,
    error::Faults,
    keys::{Keys, did_you_mean, start, text},
    limits,
};
use crate::{Effect, FileVerb, FilesGrant, Glob, PathGrant, visible};

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
        if let Some(sql) = sql::database(&name, keys, faults) {
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
        let window = window(&mut keys, faults);
        keys.finish(faults);
        grant.kv.insert(
            name.clone(),
            KvGrant {
                name,
                max_bytes,
                window,
            },
        );
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

/// For how long after a write it may be taken back. The tool's own declaration may
/// say less.
fn window(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Duration> {
    let zero = Duration::ZERO;
    let window = keys.duration("window", zero, limits::UNDO_WINDOW_MAX, faults);
    (!window.is_zero()).then_some(window)
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
    let window = window(&mut keys, faults);
    keys.finish(faults);
    Some(PathGrant {
        glob: glob?,
        verbs,
        max_size,
        effect,
        window,
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
