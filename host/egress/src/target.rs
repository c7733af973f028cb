//! A request's URL and headers, checked before they are used.

use percent_encoding::percent_decode_str;
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::{Host, Url};

use crate::EgressError;

/// Longest target.
const MAX_TARGET: usize = 16 * 1024;
/// Most request headers, and most bytes of them.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Headers that say how a message travels, or to whom. They are the host's: with
/// them a request could be smuggled inside another one, or go to another site of
/// the same server.
const OURS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A base as it must be: an origin of http or https and a path, nothing else.
pub(crate) fn check_base(base: &Url) -> Result<Host<&str>, EgressError> {
    if !matches!(base.scheme(), "http" | "https") {
        return Err(invalid("the base URL is neither http nor https"));
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err(invalid("the base URL has user information"));
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err(invalid("the base URL has a query or a fragment"));
    }
    if base.port() == Some(0) {
        return Err(invalid("the base URL has port 0"));
    }
    match base.host() {
        // The name is also what TLS compares, and there no name ends with a dot.
        Some(Host::Domain(name)) if name.ends_with('.') => {
            Err(invalid("the base URL's host ends with a dot"))
        }
        Some(host) => Ok(host),
        None => Err(invalid("the base URL has no host")),
    }
}

/// The URL of a target below a base. The target has to stay below it as it is
/// written: nothing is repaired.
pub(crate) fn compose(base: &Url, target: &str) -> Result<Url, EgressError> {
    if target.len() > MAX_TARGET {
        return Err(invalid("the target is too long"));
    }
    // `http://other/`, `//other/` and `@other` begin otherwise, or with a second
    // slash; `\` is a slash to some parsers; controls could end the request line.
    if !(target.is_empty() || target.starts_with(['/', '?'])) || target.starts_with("//") {
        return Err(invalid("the target does not begin with one slash"));
    }
    if !target
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'))
    {
        return Err(invalid("the target is not encoded"));
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    if has_dot_segment(path) {
        return Err(invalid("the target has a dot segment"));
    }
    let mut whole = base.path().trim_end_matches('/').to_owned();
    whole.push_str(path);
    if whole.is_empty() {
        whole.push('/');
    }
    let mut url = base.clone();
    url.set_path(&whole);
    url.set_query(query);
    // The parser repairs what it finds wrong. Then it is not what was judged.
    if url.path() != whole || url.query() != query || url.origin() != base.origin() {
        return Err(invalid("the target is not encoded"));
    }
    Ok(url)
}

/// Whether a server that decodes before it splits would see `.` or `..`.
fn has_dot_segment(path: &str) -> bool {
    let decoded: Vec<u8> = percent_decode_str(path).collect();
    decoded
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| segment == b"." || segment == b"..")
}

/// Refuses methods that are not for content.
pub(crate) fn check_method(method: &Method) -> Result<(), EgressError> {
    // CONNECT makes a proxy of the server; TRACE echoes credentials.
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(invalid("the method is not one that can be sent"));
    }
    Ok(())
}

/// Refuses headers that are the host's own, or too many. A line end cannot be in a
/// value: the type has none.
pub(crate) fn check_headers(headers: &HeaderMap) -> Result<(), EgressError> {
    if let Some(name) = OURS.iter().find(|name| headers.contains_key(**name)) {
        return Err(EgressError::Invalid(format!(
            "the header {name} is set by the host"
        )));
    }
    if headers.len() > MAX_HEADERS || header_bytes(headers) > MAX_HEADER_BYTES {
        return Err(invalid("the request has too many headers"));
    }
    Ok(())
}

/// The bytes of all names and values.
pub(crate) fn header_bytes(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum()
}

pub(crate) fn invalid(what: &str) -> EgressError {
    EgressError::Invalid(what.to_owned())
}
