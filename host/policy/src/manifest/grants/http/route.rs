//! `[[grant.http.NAME.route]]`.

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::{
    super::super::{
        error::Faults,
        keys::{Keys, did_you_mean, start, text, wrong},
    },
    super::window,
    call, query,
};
use crate::{
    Effect,
    http::{HttpMethod, KeyPlace, Route, RouteUndo, fields},
    visible,
};

pub(super) fn read(
    mut keys: Keys<'_, '_>,
    headers: &BTreeSet<String>,
    faults: &mut Faults<'_>,
) -> Option<Route> {
    let at = keys.at;
    let call = keys.need("call", "\"GET /tickets/{id:int}\"", faults);
    let call = call.and_then(|node| {
        call::read(text(node, "call", faults)?)
            .map_err(|(message, hint)| faults.add(start(node), message, hint))
            .ok()
    });
    let query = query::read(&mut keys, faults);
    // What follows speaks of the method, so nothing is said of it without one.
    let Some((method, path)) = call else {
        for key in [
            "effect",
            "undo",
            "at",
            "idempotency",
            "conditional",
            "window",
        ] {
            keys.get(key);
        }
        keys.finish(faults);
        return None;
    };
    let effect = effect(&mut keys, method, faults);
    let undo = undo(&mut keys, method, effect, faults);
    let mut route = Route {
        method,
        path,
        query,
        effect: effect.unwrap_or(default_effect(method)),
        undo,
        idempotency: None,
        conditional: keys.flag("conditional", false, faults),
        window: window(&mut keys, faults),
    };
    route.idempotency = idempotency(&mut keys, &route, headers, faults);
    keys.finish(faults);
    if route.window.is_some() && route.effect == Effect::Read {
        faults.add(
            at,
            "`window` says for how long a write can be taken back, and this row reads",
            "remove it",
        );
    }
    if route.conditional {
        check_conditional(&route, headers, at, faults);
    }
    if route.has_key() && route.idempotency != Some(KeyPlace::Path) {
        faults.add(
            at,
            "the path has a place for the idempotency key, and `idempotency` is not \"path\"",
            "add idempotency = \"path\", or write another kind than `key`",
        );
    }
    Some(route)
}

fn default_effect(method: HttpMethod) -> Effect {
    if method.is_safe() {
        Effect::Read
    } else {
        Effect::Irreversible
    }
}

/// The class that the row says, if it says one that the method can have.
fn effect(keys: &mut Keys<'_, '_>, method: HttpMethod, faults: &mut Faults<'_>) -> Option<Effect> {
    let node = keys.get("effect")?;
    let name = text(node, "effect", faults)?;
    let effect = Effect::from_name(name);
    match effect {
        // The attack: a row that calls a DELETE a read passes every gate.
        Some(Effect::Read) if !method.is_safe() && method != HttpMethod::Post => {
            faults.add(
                start(node),
                format!("a {method} is never a read"),
                "write effect = \"write\" with an undo, or remove it; a search by POST can be a read",
            );
            None
        }
        None => {
            let known = Effect::ALL.map(Effect::as_str);
            let message = format!("there is no effect class `{}`", visible(name));
            faults.add(start(node), message, did_you_mean(name, &known));
            None
        }
        effect => effect,
    }
}

/// The undo, which a write needs and nothing else has.
fn undo(
    keys: &mut Keys<'_, '_>,
    method: HttpMethod,
    effect: Option<Effect>,
    faults: &mut Faults<'_>,
) -> RouteUndo {
    let pointer = keys.get("at");
    let at = pointer.and_then(|node| {
        let at = text(node, "at", faults)?;
        if !is_pointer(at) {
            wrong(
                node,
                "at",
                "a JSON Pointer such as \"/ticket\", or \"\"",
                faults,
            );
        }
        Some(at.to_owned())
    });
    let Some(node) = keys.get("undo") else {
        if effect == Some(Effect::Write) {
            faults.add(
                keys.at,
                "a write is what can be taken back, and this row names no undo",
                "add undo = \"inverse\" or undo = \"restore\", or write effect = \"irreversible\"",
            );
        }
        if let Some(node) = pointer {
            faults.add(
                start(node),
                "`at` belongs to undo = \"restore\"",
                "add undo = \"restore\", or remove it",
            );
        }
        return RouteUndo::None;
    };
    let undo = match text(node, "undo", faults) {
        Some("inverse") => RouteUndo::Inverse,
        Some("restore") => RouteUndo::Restore {
            at: at.unwrap_or_default(),
        },
        // Nothing is lowered by it, so there is nothing to accept.
        Some("compensate") => {
            faults.add(
                start(node),
                "a compensation leaves a trace, so this request stays irreversible",
                "remove `undo` and `effect`; the connector's tool declares what compensates it",
            );
            return RouteUndo::None;
        }
        Some(other) => {
            let message = format!("there is no undo `{}`", visible(other));
            faults.add(
                start(node),
                message,
                did_you_mean(other, &["inverse", "restore"]),
            );
            return RouteUndo::None;
        }
        None => return RouteUndo::None,
    };
    if effect != Some(Effect::Write) {
        faults.add(
            start(node),
            "an undo is what makes a request a write, and this row does not say that it is one",
            "add effect = \"write\", or remove `undo`",
        );
    }
    let is_restore = matches!(undo, RouteUndo::Restore { .. });
    if is_restore && !matches!(method, HttpMethod::Put | HttpMethod::Patch) {
        faults.add(
            start(node),
            format!("the host can put back what a PUT or PATCH wrote, and this is a {method}"),
            "write undo = \"inverse\" if the connector has a tool that takes it back",
        );
    }
    // The attack, or the accident: a PUT of one member empties all others, and what
    // is put back is that one.
    let partial = keys.get("partial");
    let is_partial = partial.is_some_and(|node| matches!(node.get_ref(), DeValue::Boolean(true)));
    match (is_restore && method == HttpMethod::Put, partial) {
        (true, _) if !is_partial => faults.add(
            start(node),
            "a PUT replaces the whole resource (RFC 9110, 9.3.4), and only the members that it names could be put back",
            "write partial = true if this server changes only what a PUT names, or use PATCH or undo = \"inverse\"",
        ),
        (false, Some(node)) => faults.add(
            start(node),
            "`partial` belongs to a PUT with undo = \"restore\"",
            "remove it",
        ),
        _ => {}
    }
    if let (false, Some(node)) = (is_restore, pointer) {
        faults.add(
            start(node),
            "`at` belongs to undo = \"restore\"",
            "remove it",
        );
    }
    undo
}

/// `idempotency = "header:Idempotency-Key" | "path" | "body:/pointer" | "signature"`.
fn idempotency(
    keys: &mut Keys<'_, '_>,
    route: &Route,
    headers: &BTreeSet<String>,
    faults: &mut Faults<'_>,
) -> Option<KeyPlace> {
    let node = keys.get("idempotency")?;
    let at = start(node);
    let text = text(node, "idempotency", faults)?;
    let place = if text == "path" {
        if !route.has_key() {
            faults.add(
                at,
                "the path has no place for the idempotency key",
                "write one, as in \"PUT /payments/{number:key}\"",
            );
        }
        KeyPlace::Path
    } else if text == "signature" {
        KeyPlace::Signature
    } else if let Some(name) = text.strip_prefix("header:") {
        let name = name.to_ascii_lowercase();
        if !fields::is_token(&name) || fields::is_owned(&name) {
            faults.add(
                at,
                format!(
                    "the header `{}` can carry no idempotency key",
                    visible(&name)
                ),
                "write \"header:idempotency-key\", or the one that the server documents",
            );
        }
        if headers.contains(&name) {
            faults.add(
                at,
                format!("the header `{name}` is the host's here, and `headers` lets the connector set it"),
                "remove it from `headers`",
            );
        }
        KeyPlace::Header(name)
    } else if let Some(pointer) = text.strip_prefix("body:") {
        if !is_pointer(pointer) || pointer.is_empty() {
            faults.add(
                at,
                format!("`{}` is no JSON Pointer to a member", visible(pointer)),
                "write \"body:/request_id\"",
            );
        }
        if route.method == HttpMethod::Delete {
            faults.add(
                at,
                "the content of a DELETE has no meaning of its own",
                "write \"header:idempotency-key\" if the server knows it, or remove it",
            );
        }
        KeyPlace::Body(pointer.to_owned())
    } else {
        wrong(
            node,
            "idempotency",
            "\"header:idempotency-key\", \"path\", \"body:/pointer\" or \"signature\"",
            faults,
        );
        return None;
    };
    if route.effect == Effect::Read {
        faults.add(
            at,
            "a read changes nothing, so it needs no idempotency key",
            "remove `idempotency`",
        );
    }
    Some(place)
}

fn check_conditional(
    route: &Route,
    headers: &BTreeSet<String>,
    at: usize,
    faults: &mut Faults<'_>,
) {
    let method = route.method;
    if !matches!(
        method,
        HttpMethod::Put | HttpMethod::Patch | HttpMethod::Delete
    ) {
        faults.add(
            at,
            format!("a {method} replaces nothing that it could be conditional on"),
            "remove `conditional`",
        );
    } else if !headers.contains("if-match") {
        faults.add(
            at,
            "a conditional write needs `if-match`, which the connector may not set",
            "add headers = [\"if-match\"] to the grant",
        );
    }
}

/// The host reads a resource before it is written, so it must be allowed to.
pub(super) fn check_restore(
    at: usize,
    route: &Route,
    routes: &[(usize, Route)],
    faults: &mut Faults<'_>,
) {
    if !matches!(route.undo, RouteUndo::Restore { .. }) {
        return;
    }
    if route.has_key() {
        faults.add(
            at,
            format!("`{route}` makes what it names, so there is nothing to put back"),
            "write undo = \"inverse\", or remove it",
        );
        return;
    }
    let reads = |(_, other): &(usize, Route)| {
        other.method == HttpMethod::Get && other.effect == Effect::Read && other.covers(route)
    };
    if !routes.iter().any(reads) {
        let call = route.to_string();
        let path = call.split_once(' ').map_or("/", |(_, path)| path);
        faults.add(
            at,
            format!("`{route}` is to be restored, and no route reads it before"),
            format!("add a route with call = \"GET {path}\""),
        );
    }
}

/// A JSON Pointer (RFC 6901): empty, or each name after a `/`.
pub(super) fn is_pointer(text: &str) -> bool {
    let escaped = |part: &str| part.starts_with(['0', '1']);
    (text.is_empty() || text.starts_with('/'))
        && text.len() <= 512
        && visible(text) == text
        && text.split('~').skip(1).all(escaped)
}
