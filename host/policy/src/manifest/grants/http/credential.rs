//! `[grant.http.NAME.credential]`: which secret, and its one place.

use super::{
    super::super::{
        error::Faults,
        keys::{Keys, Node, check_name, did_you_mean, start, text, wrong},
    },
    base_url::plain_url,
    route::is_pointer,
};
use crate::{
    Place, SignatureScheme,
    http::{Credential, OAuthClient, fields},
    visible,
};

/// The keys that say where it goes; exactly one of them stands.
const PLACES: [&str; 6] = ["header", "query", "body", "signature", "user", "oauth"];

pub(super) fn read(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Credential> {
    let secret = secret(&mut keys, faults);
    let format = keys.get("format").map(|node| (start(node), node));
    let found = PLACES.map(|key| keys.get(key).map(|node| (key, node)));
    let mut found = found.into_iter().flatten();
    let first = found.next();
    if first.is_none() {
        faults.add(
            keys.at,
            format!("{} does not say where the secret goes", keys.place),
            "add one of header, query, body, signature, user or oauth, for example header = \"authorization\"",
        );
    }
    for (key, node) in found {
        faults.add(
            start(node),
            format!("`{key}` is a second place for the secret"),
            "write exactly one of header, query, body, signature, user or oauth",
        );
    }
    keys.finish(faults);
    let (key, node) = first?;
    let mut credential = at_place(key, node, secret?, faults)?;
    let takes_format = matches!(key, "header" | "query" | "body");
    if let Some((at, node)) = format {
        let format = text(node, "format", faults)?;
        if !takes_format {
            faults.add(
                at,
                format!("`format` is of no use with `{key}`"),
                "remove it: the host knows the form",
            );
        } else if format.matches("{}").count() != 1 || !fields::is_value(format) {
            wrong(
                node,
                "format",
                "one line of visible ASCII with `{}` once, for example \"Bearer {}\"",
                faults,
            );
        }
        credential.format = Some(format.to_owned());
    }
    Some(credential)
}

/// A slot of the host's settings; never a value.
fn secret(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let node = keys.need("secret", "\"desk-token\"", faults)?;
    let name = text(node, "secret", faults)?;
    check_name(name, start(node), "a secret", faults);
    Some(name.to_owned())
}

fn at_place(
    key: &str,
    node: &Node<'_>,
    secret: String,
    faults: &mut Faults<'_>,
) -> Option<Credential> {
    let mut credential = Credential {
        secret,
        place: Place::Header("authorization".to_owned()),
        format: None,
        user: None,
        oauth: None,
    };
    if key == "oauth" {
        let keys = Keys::of(node, "[….credential.oauth]", faults)?;
        credential.place = Place::OAuthClient;
        credential.oauth = Some(oauth(keys, faults)?);
        return Some(credential);
    }
    let text = text(node, key, faults)?;
    let mut refuse = |hint: &str| {
        faults.add(
            start(node),
            format!("`{key}` cannot be \"{}\"", visible(text)),
            hint,
        );
    };
    match key {
        "header" => {
            let name = text.to_ascii_lowercase();
            if !fields::is_token(&name) || fields::is_framing(&name) {
                refuse("write a header that carries a credential, for example \"authorization\"");
            }
            credential.place = Place::Header(name);
        }
        "query" => {
            if !fields::is_query_name(text) {
                refuse("write the plain name of a query parameter, for example \"api_key\"");
            }
            credential.place = Place::Query(text.to_owned());
        }
        "body" => {
            if text.is_empty() || !is_pointer(text) {
                refuse("write a JSON Pointer to a member, for example \"/token\"");
            }
            credential.place = Place::Body(text.to_owned());
        }
        "signature" => {
            let scheme = match text {
                "standard-webhooks" => SignatureScheme::StandardWebhooks,
                "http-message" => SignatureScheme::HttpMessage,
                other => {
                    refuse(&did_you_mean(other, &["standard-webhooks", "http-message"]));
                    return None;
                }
            };
            credential.place = Place::Signature(scheme);
        }
        _ => {
            // A colon ends the name in a Basic login (RFC 7617, 2).
            if text.is_empty() || text.contains(':') || visible(text) != text || text.len() > 256 {
                refuse("write a user's name of 1 to 256 bytes without `:`");
            }
            credential.user = Some(text.to_owned());
        }
    }
    Some(credential)
}

fn oauth(mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<OAuthClient> {
    let url = keys.need("token_url", "\"https://login.example/token\"", faults);
    let token_url = url.and_then(|node| {
        let url = text(node, "token_url", faults)?;
        match plain_url(url) {
            Ok(url) if url.scheme() == "https" => Some(url),
            Ok(_) => {
                // A client secret in clear text is no secret (RFC 6749, 3.2).
                wrong(node, "token_url", "a URL with https", faults);
                None
            }
            Err((what, hint)) => {
                let message = format!("`token_url` {what}: `{}`", visible(url));
                faults.add(start(node), message, hint);
                None
            }
        }
    });
    let id = keys.need("client_id", "\"tollgate\"", faults);
    let client_id = id.and_then(|node| {
        let id = text(node, "client_id", faults)?;
        if !(1..=256).contains(&id.len()) || !fields::is_value(id) {
            wrong(node, "client_id", "1 to 256 visible characters", faults);
        }
        Some(id.to_owned())
    });
    let scopes = keys.short_texts("scopes", faults);
    for (at, scope) in &scopes {
        // RFC 6749, 3.3: visible characters without space, `"` and `\`.
        if scope.is_empty()
            || !scope
                .bytes()
                .all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        {
            faults.add(
                *at,
                format!("`{}` is no scope", visible(scope)),
                "write one scope in each text, without spaces",
            );
        }
    }
    keys.finish(faults);
    Some(OAuthClient {
        token_url: token_url?,
        client_id: client_id?,
        scopes: scopes.into_iter().map(|(_, scope)| scope).collect(),
    })
}
