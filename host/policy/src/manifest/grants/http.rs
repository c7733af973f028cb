//! `[grant.http.NAME]`.

mod base_url;
mod call;
mod credential;
mod query;
mod route;

use std::collections::BTreeSet;

use toml::de::DeValue;

use super::{
    super::{
        error::Faults,
        keys::{Keys, start},
        limits,
    },
    network,
};
use crate::{
    Place, SignatureScheme,
    http::{Credential, HttpGrant, KeyPlace, Route, fields},
    visible,
};

pub(super) fn read(
    name: &str,
    mut keys: Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Option<HttpGrant> {
    let at = keys.at;
    let base = keys.need("base_url", base_url::EXAMPLE, faults);
    let base = base.and_then(|node| Some((start(node), base_url::read(node, faults)?)));
    let addresses = network::addresses(&mut keys, faults);
    if let Some((at, url)) = &base {
        base_url::check_addresses(url, &addresses, *at, faults);
    }
    let is_tls = base.as_ref().is_none_or(|(_, url)| url.scheme() == "https");
    let roots = network::roots(&mut keys, is_tls, faults);
    let own_origin = keys.flag("own_origin", false, faults);
    let max_request = keys.bytes_within(
        "max_request",
        limits::HTTP_REQUEST_BYTES,
        limits::HTTP_BYTES_MAX,
        faults,
    );
    let max_response = keys.bytes_within(
        "max_response",
        limits::HTTP_RESPONSE_BYTES,
        limits::HTTP_BYTES_MAX,
        faults,
    );
    let timeout = keys.duration(
        "timeout",
        limits::HTTP_TIMEOUT,
        limits::DEADLINE_MAX,
        faults,
    );
    let connections = keys.count_within(
        "connections",
        limits::HTTP_CONNECTIONS,
        limits::HTTP_CONNECTIONS_MAX,
        faults,
    );
    let rate = network::rate(&mut keys, faults);
    let credential = keys.get("credential").and_then(|node| {
        let place = format!("[grant.http.{}.credential]", visible(name));
        credential::read(Keys::of(node, place, faults)?, faults)
    });
    let headers = request_headers(&mut keys, credential.as_ref(), faults);
    let response_headers = response_headers(&mut keys, faults);
    let place = format!("[[grant.http.{}.route]]", visible(name));
    let rows = keys.tables("route", &place, faults);
    let is_list = matches!(
        keys.get("route").map(|node| node.get_ref()),
        None | Some(DeValue::Array(_))
    );
    keys.finish(faults);
    if rows.is_empty() && is_list {
        faults.add(
            at,
            format!("[grant.http.{}] grants no request", visible(name)),
            format!("add {place} with call = \"GET /…\""),
        );
    }
    let routes = routes(rows, &headers, credential.as_ref(), faults);
    Some(HttpGrant {
        name: name.to_owned(),
        base_url: base?.1,
        addresses,
        roots,
        headers,
        response_headers,
        own_origin,
        max_request,
        max_response,
        timeout,
        // At most HTTP_CONNECTIONS_MAX.
        connections: u32::try_from(connections).unwrap_or(1),
        rate,
        credential,
        routes,
    })
}

fn request_headers(
    keys: &mut Keys<'_, '_>,
    credential: Option<&Credential>,
    faults: &mut Faults<'_>,
) -> BTreeSet<String> {
    let headers = names("headers", keys, faults);
    for (at, name) in &headers {
        if fields::is_owned(name) {
            faults.add(
                *at,
                format!("the header `{name}` is the host's own, so no connector can set it"),
                "remove it",
            );
        } else if credential.is_some_and(|credential| credential.sets_header(name)) {
            faults.add(
                *at,
                format!(
                    "the header `{name}` belongs to the credential, so no connector can set it"
                ),
                "remove it",
            );
        }
    }
    headers.into_iter().map(|(_, name)| name).collect()
}

fn response_headers(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> BTreeSet<String> {
    let headers = names("response_headers", keys, faults);
    for (at, name) in &headers {
        if fields::is_kept_back(name) {
            faults.add(
                *at,
                format!("the header `{name}` of an answer is never passed on"),
                "remove it: cookies and what speaks of the connection stay with the host",
            );
        }
    }
    headers.into_iter().map(|(_, name)| name).collect()
}

/// Names of headers, in lower case.
fn names(
    key: &'static str,
    keys: &mut Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Vec<(usize, String)> {
    let names = keys.short_texts(key, faults);
    names
        .into_iter()
        .filter(|(at, name)| {
            let lower = name.to_ascii_lowercase();
            let plain = fields::is_token(name) && *name == lower;
            if !plain {
                faults.add(
                    *at,
                    format!("`{}` is no header's name in lower case", visible(name)),
                    "write a name such as \"if-match\"",
                );
            }
            plain
        })
        .collect()
}

/// The rows, with faults for those that another row leaves without work.
fn routes(
    rows: Vec<Keys<'_, '_>>,
    headers: &BTreeSet<String>,
    credential: Option<&Credential>,
    faults: &mut Faults<'_>,
) -> Vec<Route> {
    if let Some(extra) = rows.get(limits::HTTP_ROUTES_MAX) {
        faults.add(
            extra.at,
            format!("there are {} routes", rows.len()),
            "write at most 500; use parameters instead of single rows",
        );
        return Vec::new();
    }
    let mut routes: Vec<(usize, Route)> = Vec::new();
    for row in rows {
        let at = row.at;
        let Some(route) = route::read(row, headers, faults) else {
            continue;
        };
        let mut before = routes.iter().map(|(_, other)| other);
        if let Some(other) =
            before.find(|other| other.method == route.method && other.covers(&route))
        {
            faults.add(
                at,
                format!("the route `{route}` can never decide: `{other}` before it takes all its requests"),
                "remove one of them, or put the narrower one first",
            );
        }
        check_credential(&route, credential, at, faults);
        routes.push((at, route));
    }
    for (at, route) in &routes {
        route::check_restore(*at, route, &routes, faults);
    }
    routes.into_iter().map(|(_, route)| route).collect()
}

/// What the credential and the idempotency key need, and guests cannot take.
fn check_credential(
    route: &Route,
    credential: Option<&Credential>,
    at: usize,
    faults: &mut Faults<'_>,
) {
    // What HTTP Message Signatures name is the key, and not the message.
    let signs_id = credential.is_some_and(|credential| {
        credential.place == Place::Signature(SignatureScheme::StandardWebhooks)
    });
    if route.idempotency == Some(KeyPlace::Signature) && !signs_id {
        faults.add(
            at,
            "the credential is no signature that has the idempotency key as its id",
            "add signature = \"standard-webhooks\" to the credential, or write another `idempotency`",
        );
    }
    let Some(credential) = credential else {
        return;
    };
    if let Place::Query(own) = &credential.place
        && route
            .query
            .keys()
            .any(|name| name.eq_ignore_ascii_case(own))
    {
        faults.add(
            at,
            format!(
                "the query parameter `{own}` belongs to the credential, so no connector can set it"
            ),
            "remove it from `query`",
        );
    }
    if let (Place::Body(_), true) = (&credential.place, route.method.is_safe()) {
        faults.add(
            at,
            format!(
                "the credential goes into the content, and a {} has none",
                route.method
            ),
            "give these routes a grant of their own, whose credential is a header",
        );
    }
    let is_taken = match (&route.idempotency, &credential.place) {
        (Some(KeyPlace::Header(key)), _) => credential.sets_header(key),
        (Some(KeyPlace::Body(key)), Place::Body(own)) => key == own,
        _ => false,
    };
    if is_taken {
        faults.add(
            at,
            "the idempotency key and the credential go to the same place",
            "write another `idempotency`",
        );
    }
}
