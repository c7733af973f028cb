//! `base_url`: written in the one way that everybody reads alike.
//!
//! The attack: a host that a reviewer reads as one thing and a library as
//! another, such as `https://0x7f.1` (loopback), `https://desk.example@evil.example`
//! or a name with a Cyrillic letter. What is not spelled canonically is refused
//! with the canonical spelling, so the reviewer sees where it really goes.

use ipnet::IpNet;
use url::{Host, Url};

use super::super::super::{
    error::Faults,
    keys::{Node, start, text},
};
use crate::{host_name, http::is_literal, visible};

pub(super) const EXAMPLE: &str = "\"https://desk.example/api/v2\"";

/// The base URL. What it is not, and what to write instead.
pub(super) fn read(node: &Node<'_>, faults: &mut Faults<'_>) -> Option<Url> {
    let text = text(node, "base_url", faults)?;
    match plain_url(text) {
        Ok(url) if url.path() != "/" && url.path().ends_with('/') => {
            faults.add(
                start(node),
                format!("`base_url` ends with `/`: `{text}`"),
                format!("write {:?}", text.trim_end_matches('/')),
            );
            None
        }
        Ok(url) => Some(url),
        Err((what, hint)) => {
            faults.add(
                start(node),
                format!("`base_url` {what}: `{}`", visible(text)),
                hint,
            );
            None
        }
    }
}

/// `http` and addresses instead of names need `addresses`.
pub(super) fn check_addresses(url: &Url, listed: &[IpNet], at: usize, faults: &mut Faults<'_>) {
    let literal = match url.host() {
        Some(Host::Ipv4(v4)) => Some(v4.into()),
        Some(Host::Ipv6(v6)) => Some(std::net::IpAddr::V6(v6)),
        _ => None,
    };
    if let Some(address) = literal
        && !listed.iter().any(|net| net.contains(&address))
    {
        faults.add(
            at,
            format!("`base_url` has the address {address} instead of a name, which is not listed"),
            format!("add addresses = [\"{address}\"], or write the server's name"),
        );
    } else if url.scheme() == "http" && listed.is_empty() {
        faults.add(
            at,
            "`base_url` has no TLS, and leads into any network",
            "write https, or list the addresses that it stays on: addresses = [\"127.0.0.1\"]",
        );
    }
}

/// A URL with a plain origin and path, or what is wrong and what to write.
pub(super) fn plain_url(text: &str) -> Result<Url, (&'static str, String)> {
    let example = || format!("write {EXAMPLE}");
    let url = Url::parse(text).map_err(|error| {
        let hint = format!("{}, for the URL cannot be read ({error})", example());
        ("is no URL", hint)
    })?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(("is neither https nor http", example()));
    }
    if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
        let hint = "remove it, and write a [….credential] table that names a secret";
        return Err(("has a login before its host", hint.to_owned()));
    }
    if text.contains(['?', '#']) {
        let hint = "write the path alone; query parameters are granted by route";
        return Err(("has a query or fragment", hint.to_owned()));
    }
    if url.port() == Some(0) {
        return Err(("has port 0", example()));
    }
    if let Some(Host::Domain(name)) = url.host() {
        host_name::fault(name).map_or(Ok(()), Err)?;
    }
    let written = url.as_str();
    let canonical = if url.path() == "/" {
        written.trim_end_matches('/')
    } else {
        written
    };
    if text != canonical && text != written {
        return Err(("is not written canonically", format!("write {canonical:?}")));
    }
    let path = url.path().strip_prefix('/').unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    if url.path() != "/" && !path.split('/').all(is_plain_segment) {
        let hint = "write whole segments of A-Z, a-z, 0-9 and marks, none of them empty, without `%` and `;`";
        return Err(("has a path that is not plain", hint.to_owned()));
    }
    Ok(url)
}

/// What stands between `//` and the path, as it was written.
fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or(text, |(_, rest)| rest);
    rest.split(['/', '\\', '?', '#']).next().unwrap_or_default()
}

fn is_plain_segment(segment: &str) -> bool {
    !segment.is_empty() && is_literal(segment)
}
