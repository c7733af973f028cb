//! The file as a whole.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_journal::Tenant;
use toml::de::{DeTable, DeValue};

use super::{
    Limits, Manifest, ManifestErrors,
    error::Faults,
    extension, grants,
    keys::{Keys, Node, check_name, did_you_mean, integer, start, text, wrong},
    limits, rows, typing,
};
use crate::{Digest, EXACT_INTEGER_MAX, Profile, Rules, visible};

/// The most faults of syntax that are told at once; later ones follow from
/// earlier ones.
const SYNTAX_FAULTS_MAX: usize = 20;

pub(super) fn manifest(file: &str, source: &str) -> Result<Manifest, ManifestErrors> {
    let mut faults = Faults::new(file, source);
    let Some(table) = syntax("manifest", source, &mut faults) else {
        return Err(faults.finish());
    };
    let keys = Keys::new(table.get_ref(), 0, "the manifest");
    let manifest = whole(keys, source, &mut faults);
    manifest
        .filter(|_| faults.is_empty())
        .ok_or_else(|| faults.finish())
}

/// The file's table, where it is TOML and not too long.
pub(super) fn syntax<'t>(
    what: &str,
    source: &'t str,
    faults: &mut Faults<'_>,
) -> Option<toml::Spanned<DeTable<'t>>> {
    if source.len() > limits::MANIFEST_BYTES_MAX {
        faults.add(
            0,
            format!("the {what} has {} bytes, more than 1 MiB", source.len()),
            "grant with patterns instead of single rows",
        );
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(source);
    for error in errors.iter().take(SYNTAX_FAULTS_MAX) {
        let at = error.span().map_or(0, |span| span.start);
        faults.add(
            at,
            visible(error.message().trim()),
            "write TOML 1.0, see https://toml.io",
        );
    }
    faults.is_empty().then_some(table)
}

/// Nothing where a part that cannot be defaulted is missing; a fault then says
/// so.
fn whole(mut keys: Keys<'_, '_>, source: &str, faults: &mut Faults<'_>) -> Option<Manifest> {
    let connector = connector(&mut keys, faults);
    let component = component(&mut keys, faults);
    let profile = profile(&mut keys, faults);
    let tenant = tenant(&mut keys, faults);
    let limits = read_limits(&mut keys, faults);
    let mut grant = grants::read(&mut keys, faults);
    grant.extension = extension::read(&mut keys, faults);
    let config = config(&mut keys, faults);
    let approvals = rows::approvals(&mut keys, faults);
    let lists = rows::lists(&mut keys, faults);
    let known = rows::Known {
        grant: &grant,
        approvals: &approvals,
        lists: &lists,
    };
    let (rules, examples) = rows::rules(&mut keys, known, faults);
    let rules: std::sync::Arc<[_]> = rules.into();
    let budgets = rows::budgets(&mut keys, known, &rules, faults);
    keys.finish(faults);
    let floor = approvals
        .iter()
        .position(|a| a.name == "default")
        .or((!approvals.is_empty()).then_some(0));
    for rule in rules.iter() {
        typing::arguments(rule, None, faults);
    }
    for budget in budgets.as_slice() {
        typing::arguments(&budget.row, Some(&budget.measure), faults);
    }
    let compiled = Rules::new(rules.clone(), floor);
    let judged = rows::Judged {
        rules: &rules,
        approvals: &approvals,
        compiled: &compiled,
    };
    // Where a row cannot be read, what the others decide is not what was meant.
    if faults.is_empty() {
        rows::check_examples(&examples, judged, faults);
    }
    let (connector, component) = (connector?, component?);
    Some(Manifest {
        connector,
        component,
        profile,
        tenant,
        limits,
        grant,
        config,
        rules,
        approvals,
        budgets,
        compiled,
        text: source.to_owned(),
    })
}

fn connector(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let node = keys.need("connector", "\"database\"", faults)?;
    let name = text(node, "connector", faults)?;
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        faults.add(
            start(node),
            format!("`{}` cannot be the name of a connector", visible(name)),
            "write 1 to 64 of a-z, 0-9 and `-`",
        );
    }
    Some(name.to_owned())
}

fn component(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Digest> {
    let node = keys.need("component", "\"sha256:…\"", faults)?;
    match text(node, "component", faults)?.parse() {
        Ok(digest) => Some(digest),
        Err(error) => {
            faults.add(
                start(node),
                format!("`component` is no digest: {error}"),
                "write the digest that `tollgate inspect` prints for the component",
            );
            None
        }
    }
}

fn profile(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Profile {
    let Some(node) = keys.get("profile") else {
        return Profile::default();
    };
    match text(node, "profile", faults) {
        Some("sealed") | None => Profile::Sealed,
        Some("wasi") => Profile::Wasi,
        Some(other) => {
            let message = format!("there is no profile `{}`", visible(other));
            faults.add(
                start(node),
                message,
                did_you_mean(other, &["sealed", "wasi"]),
            );
            Profile::Sealed
        }
    }
}

pub(super) fn tenant(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Tenant {
    let Some(node) = keys.get("tenant") else {
        return Tenant::default();
    };
    let Some(name) = text(node, "tenant", faults) else {
        return Tenant::default();
    };
    Tenant::new(name).unwrap_or_else(|_| {
        check_name(name, start(node), "a tenant", faults);
        Tenant::default()
    })
}

fn read_limits(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Limits {
    let default = Limits::default();
    let Some(mut keys) = keys
        .get("limits")
        .and_then(|node| Keys::of(node, "[limits]", faults))
    else {
        return default;
    };
    let read = Limits {
        fuel: keys.count("fuel", default.fuel, faults),
        memory: keys.bytes("memory", default.memory, faults),
        stack: keys.bytes("stack", default.stack, faults),
        table_elements: keys.count("table_elements", default.table_elements, faults),
        host_call_bytes: keys.bytes("host_call_bytes", default.host_call_bytes, faults),
        input_bytes: keys.bytes("input_bytes", default.input_bytes, faults),
        output_bytes: keys.bytes("output_bytes", default.output_bytes, faults),
        reply_bytes: keys.bytes("reply_bytes", default.reply_bytes, faults),
        journal_bytes: keys.bytes("journal_bytes", default.journal_bytes, faults),
        deadline: keys.duration("deadline", default.deadline, limits::DEADLINE_MAX, faults),
        calls: keys.count("calls", default.calls, faults),
        log_lines: keys.count("log_lines", default.log_lines, faults),
    };
    if read.memory > limits::MEMORY_BYTES_MAX {
        faults.add(
            keys.at,
            "`memory` is more than a component can address",
            "write at most \"4GiB\"",
        );
    }
    keys.finish(faults);
    read
}

fn config(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> BTreeMap<String, Value> {
    let Some(node) = keys.get("config") else {
        return BTreeMap::new();
    };
    match json(node, "config", faults) {
        Some(Value::Object(fields)) => fields.into_iter().collect(),
        Some(_) => {
            wrong(node, "config", "a table: [config]", faults);
            BTreeMap::new()
        }
        None => BTreeMap::new(),
    }
}

/// A TOML value as JSON, with nothing lost.
pub(super) fn json(node: &Node<'_>, key: &str, faults: &mut Faults<'_>) -> Option<Value> {
    match node.get_ref() {
        DeValue::String(text) => Some(Value::String(text.to_string())),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Integer(_) => {
            let exact = integer(node).filter(|i| i.unsigned_abs() <= EXACT_INTEGER_MAX);
            if exact.is_none() {
                wrong(
                    node,
                    key,
                    "it as a text: beyond 2^53 JSON numbers are not exact",
                    faults,
                );
            }
            exact.map(Value::from)
        }
        DeValue::Float(float) => {
            let exact = crate::parse_exact(float.as_str().trim_start_matches('+')).ok();
            if exact.is_none() {
                wrong(
                    node,
                    key,
                    "it as a text: a JSON number cannot hold it exactly",
                    faults,
                );
            }
            exact
        }
        DeValue::Datetime(_) => {
            wrong(
                node,
                key,
                "it as a text, for example \"2026-01-31\"",
                faults,
            );
            None
        }
        DeValue::Array(items) => items.iter().map(|item| json(item, key, faults)).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(name, node)| {
                Some((
                    name.get_ref().to_string(),
                    json(node, name.get_ref(), faults)?,
                ))
            })
            .collect::<Option<serde_json::Map<_, _>>>()
            .map(Value::Object),
    }
}
