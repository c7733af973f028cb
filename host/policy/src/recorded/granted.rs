//! Whether a manifest grants the destination of a written import call at all.
//!
//! What is granted of it (statements, routes, recipients, paths, sizes) is not
//! judged here: that takes the host's reading of the call, and a written line has
//! only what rules see of it.

use crate::Manifest;

/// Why a call cannot be made, whatever the rules say. A line without a destination
/// is taken to mean one that is granted.
pub(super) fn refusal(
    manifest: &Manifest,
    call: &str,
    destination: Option<&str>,
) -> Option<String> {
    let (capability, _) = call.split_once('.')?;
    let grant = &manifest.grant;
    let is_granted = match capability {
        "clock" => grant.clock,
        "random" => grant.random,
        "log" => grant.log,
        "config" => true,
        "sql" => has(grant.sql.keys(), destination),
        "files" => has(grant.files.keys(), destination),
        "kv" => has(grant.kv.keys(), destination),
        "http" => has(grant.http.keys(), destination),
        "mail" => has(grant.mail.keys(), destination),
        "handoff" => has(grant.handoff.keys(), destination),
        extension => {
            let named = grant.extension.get(extension);
            named.is_some_and(|named| has(named.keys(), destination))
        }
    };
    (!is_granted).then(|| match destination {
        Some(name) => format!("nothing is granted for `{call}` at `{name}`"),
        None => format!("nothing is granted for `{call}`"),
    })
}

fn has<'n>(mut names: impl Iterator<Item = &'n String>, destination: Option<&str>) -> bool {
    names.any(|name| destination.is_none_or(|wanted| wanted == name))
}
