//! `[extension.<name>.<destination>]`: what is granted of a capability that an
//! embedder of the host added. Its keys mean nothing here: they are handed to
//! the extension as they stand, and a host refuses to install a manifest with
//! an extension it does not have, or with a key that extension does not know.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::de::DeValue;

use super::{
    error::Faults,
    keys::{Keys, check_name, start, wrong},
    read::json,
};
use crate::visible;

/// Names that capabilities of the contract have, or are kept for. An extension
/// that took one could be mistaken for the host's own in a rule or a record.
const RESERVED: [&str; 14] = [
    "clock", "config", "files", "handoff", "http", "kv", "log", "mail", "random", "secrets", "sql",
    "tollgate", "undo", "wasi",
];

/// Grants of extensions: by extension, then by destination.
pub(super) type Extensions = BTreeMap<String, BTreeMap<String, Value>>;

/// Whether an extension can have this name: 1 to 64 of `a-z 0-9 - _`, and no
/// capability of the contract.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(plain) && !RESERVED.contains(&name)
}

pub(super) fn read(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Extensions {
    let mut extensions = Extensions::new();
    let Some(node) = keys.get("extension") else {
        return extensions;
    };
    let DeValue::Table(names) = node.get_ref() else {
        wrong(node, "extension", "[extension.NAME.DESTINATION]", faults);
        return extensions;
    };
    for (name, node) in names.iter() {
        let (at, name) = (name.span().start, name.get_ref().as_ref());
        check_name(name, at, "an extension", faults);
        if RESERVED.contains(&name) {
            faults.add(
                at,
                format!("`{name}` is a capability of the host's own, not an extension"),
                format!("grant it as [grant.{name}.NAME]"),
            );
        }
        let place = format!("[extension.{}]", visible(name));
        let DeValue::Table(destinations) = node.get_ref() else {
            wrong(node, &place, "a table of named tables", faults);
            continue;
        };
        if destinations.is_empty() {
            faults.add(
                start(node),
                format!("{place} grants no destination"),
                format!("add [extension.{}.DESTINATION]", visible(name)),
            );
        }
        let mut granted = BTreeMap::new();
        for (destination, node) in destinations.iter() {
            let (at, destination) = (destination.span().start, destination.get_ref().as_ref());
            check_name(destination, at, "a destination", faults);
            match json(node, destination, faults) {
                Some(value @ Value::Object(_)) => {
                    granted.insert(destination.to_owned(), value);
                }
                Some(_) => wrong(
                    node,
                    destination,
                    "a table: [extension.NAME.DESTINATION]",
                    faults,
                ),
                None => {}
            }
        }
        extensions.insert(name.to_owned(), granted);
    }
    extensions
}
