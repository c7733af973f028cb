//! Putting a secret into a request: the last thing before it is sent, and the only
//! place where a value meets what a guest asked for.
//!
//! The attacks: a guest that sets the header itself, or names the parameter twice,
//! so that the receiver takes the wrong one; a value with a line break that makes
//! a second header (CWE-113).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;
use tollgate_policy::{Place, SignatureScheme};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::signature::{SignatureError, sign_message, sign_webhook};
use crate::{Secret, words};

/// A request that a secret is put into.
pub struct RequestParts<'a> {
    /// The method.
    pub method: &'a str,
    /// What stands before the target: scheme, host, port and path.
    pub base: &'a str,
    /// Path and query below the base, encoded.
    pub target: &'a mut String,
    /// The headers.
    pub headers: &'a mut HeaderMap,
    /// The content.
    pub body: &'a mut Option<Vec<u8>>,
}

/// How a secret is put in, beside where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner<'a> {
    /// What the value is put into: `{}` stands for it.
    pub format: Option<&'a str>,
    /// The user of a basic login (RFC 7617).
    pub user: Option<&'a str>,
    /// What a signature names: the webhook's id, or the key's. One of the call:
    /// a request that is sent again has the same.
    pub id: &'a str,
    /// The time of signing, seconds since 1970.
    pub now_s: u64,
}

/// Why a secret was not put in. Nothing may be sent then.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlacementError {
    /// The guest put something there already.
    #[error("the request has {0} already, which is the host's to set")]
    Taken(String),
    /// The value, or what it is put into, does not fit there.
    #[error("the secret `{name}` cannot be put into {place}: {why}")]
    Unfit {
        /// Which.
        name: String,
        /// Where.
        place: String,
        /// Why.
        why: &'static str,
    },
    /// It cannot be signed.
    #[error(transparent)]
    Signature(#[from] SignatureError),
}

/// Put a secret into a request.
///
/// # Errors
///
/// When it does not fit, or something else is there.
pub fn put_in(
    place: &Place,
    manner: Manner<'_>,
    secret: &Secret,
    parts: &mut RequestParts<'_>,
) -> Result<(), PlacementError> {
    let unfit = |why| PlacementError::Unfit {
        name: secret.name().to_owned(),
        place: words(place),
        why,
    };
    let value = formatted(manner, secret).map_err(unfit)?;
    match place {
        Place::Header(name) => {
            let name: HeaderName = name.parse().map_err(|_| unfit("it is no header's name"))?;
            if parts.headers.contains_key(&name) {
                return Err(PlacementError::Taken(words(place)));
            }
            let held = hidden(&value).ok_or_else(|| unfit("a header cannot hold its value"))?;
            parts.headers.insert(name, held);
        }
        Place::Query(name) => {
            let query = parts.target.split_once('?').map_or("", |(_, query)| query);
            if form_urlencoded::parse(query.as_bytes()).any(|(found, _)| found == *name) {
                return Err(PlacementError::Taken(words(place)));
            }
            let joint = if parts.target.contains('?') { '&' } else { '?' };
            parts.target.push(joint);
            parts.target.push_str(&pair(name, &value));
        }
        Place::Body(pointer) => {
            let name = pointer.strip_prefix('/').filter(|name| !name.contains('/'));
            let name = name.ok_or_else(|| unfit("it is no member of the content itself"))?;
            let name = name.replace("~1", "/").replace("~0", "~");
            let kind = parts.headers.get(CONTENT_TYPE);
            let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
            let kind = kind.split(';').next().unwrap_or_default().trim();
            let body = parts.body.as_mut();
            let body = body.ok_or_else(|| unfit("the request has no content"))?;
            let put = match kind.to_ascii_lowercase().as_str() {
                "application/json" => into_json(body, &name, &value),
                "application/x-www-form-urlencoded" => into_form(body, &name, &value),
                _ => Err(Unplaced::Unfit("the content is neither JSON nor a form")),
            };
            put.map_err(|failed| match failed {
                Unplaced::Taken => PlacementError::Taken(words(place)),
                Unplaced::Unfit(why) => unfit(why),
            })?;
        }
        Place::Signature(scheme) => sign(*scheme, manner, secret, parts)?,
        Place::OAuthClient | Place::Login => {
            return Err(unfit("it is used to log in, and is in no request"));
        }
    }
    Ok(())
}

enum Unplaced {
    Taken,
    Unfit(&'static str),
}

fn formatted(manner: Manner<'_>, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let value = secret.expose();
    if let Some(user) = manner.user {
        if user.contains(':') {
            return Err("a user's name has no `:` (RFC 7617, 2)");
        }
        let login = Zeroizing::new([user.as_bytes(), b":", value].concat());
        let encoded = Zeroizing::new(STANDARD.encode(&*login));
        return Ok(Zeroizing::new(format!("Basic {}", *encoded).into_bytes()));
    }
    let (before, after) = match manner.format {
        None => ("", ""),
        Some(format) => format.split_once("{}").ok_or("its format has no `{}`")?,
    };
    Ok(Zeroizing::new(
        [before.as_bytes(), value, after.as_bytes()].concat(),
    ))
}

/// A header's value that no log of the HTTP library shows.
fn hidden(value: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn pair(name: &str, value: &[u8]) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let value: String = form_urlencoded::byte_serialize(value).collect();
    format!("{name}={value}")
}

fn into_form(body: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), Unplaced> {
    if form_urlencoded::parse(body).any(|(found, _)| found == name) {
        return Err(Unplaced::Taken);
    }
    if !body.is_empty() {
        body.push(b'&');
    }
    body.extend_from_slice(pair(name, value).as_bytes());
    Ok(())
}

/// Put in at the front, so that the guest's own text stays as it was approved: to
/// parse and write it again would round its numbers.
fn into_json(body: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), Unplaced> {
    let unfit = Unplaced::Unfit;
    let parsed: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(body).map_err(|_| unfit("the content is no JSON object"))?;
    if parsed.contains_key(name) {
        return Err(Unplaced::Taken);
    }
    let value = std::str::from_utf8(value).map_err(|_| unfit("its value is no text"))?;
    let quoted = |text| serde_json::to_string(text).map_err(|_| unfit("it is no text"));
    let member = Zeroizing::new(format!(
        "{}:{}{}",
        quoted(name)?,
        quoted(value)?,
        if parsed.is_empty() { "" } else { "," }
    ));
    let open = body.iter().position(|byte| *byte == b'{');
    let at = open.ok_or(unfit("the content is no JSON object"))? + 1;
    body.splice(at..at, member.bytes());
    Ok(())
}

fn sign(
    scheme: SignatureScheme,
    manner: Manner<'_>,
    secret: &Secret,
    parts: &mut RequestParts<'_>,
) -> Result<(), PlacementError> {
    let mut set = |name: &'static str, value: String| {
        let name = HeaderName::from_static(name);
        if parts.headers.contains_key(&name) {
            return Err(PlacementError::Taken(format!("the header `{name}`")));
        }
        let value = HeaderValue::from_str(&value)
            .map_err(|_| SignatureError::Unfit("a header cannot hold its id"))?;
        parts.headers.insert(name, value);
        Ok(())
    };
    match scheme {
        SignatureScheme::StandardWebhooks => {
            let body = parts.body.as_deref().unwrap_or_default();
            let signature = sign_webhook(secret, manner.id, manner.now_s, body)?;
            set("webhook-id", manner.id.to_owned())?;
            set("webhook-timestamp", manner.now_s.to_string())?;
            set("webhook-signature", signature)
        }
        SignatureScheme::HttpMessage => {
            let uri = format!("{}{}", parts.base, parts.target);
            let body = parts.body.as_deref();
            let signed = sign_message(secret, manner.id, parts.method, &uri, body, manner.now_s)?;
            if let Some(digest) = signed.content_digest {
                set("content-digest", digest)?;
            }
            set("signature-input", signed.input)?;
            set("signature", signed.signature)
        }
        SignatureScheme::GitHub | SignatureScheme::Slack => {
            Err(SignatureError::Unfit("its scheme is of what comes in").into())
        }
    }
}

impl fmt::Debug for RequestParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Target, headers and content may hold the value.
        write!(f, "RequestParts({} to {})", self.method, self.base)
    }
}

#[cfg(test)]
mod tests;
