//! Places named by a text: the host of an address, and a path.
//!
//! Both read a strict form that every reader takes for the same place. Whatever
//! is not of that form is unknown, and so the worst case: `https://good@evil/`,
//! `https://good\@evil/`, `reports/../secrets`, `%2e%2e`.

use crate::host_name;

/// A host, or all below a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    name: String,
    /// `*.example.com`: any name below it, and not itself.
    is_below: bool,
}

impl HostPattern {
    /// Read a pattern: `api.example.com`, or `*.example.com`.
    ///
    /// # Errors
    /// With what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, is_below) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        match host_name::fault(name) {
            Some((_, hint)) => Err(hint),
            None if is_below && !name.contains('.') => {
                Err("write a domain of two labels or more after `*.`".to_owned())
            }
            None => Ok(Self {
                name: name.to_owned(),
                is_below,
            }),
        }
    }

    fn contains(&self, host: &str) -> bool {
        let (host, name) = (host.as_bytes(), self.name.as_bytes());
        if !self.is_below {
            return host.eq_ignore_ascii_case(name);
        }
        let Some(rest) = host.len().checked_sub(name.len() + 1).filter(|n| *n > 0) else {
            return false;
        };
        host.get(rest) == Some(&b'.')
            && host
                .get(rest + 1..)
                .is_some_and(|end| end.eq_ignore_ascii_case(name))
    }
}

/// Whether an address is of one of these hosts. Nothing where it is no plain
/// address: a host's name, or `http://` or `https://` with one.
pub(super) fn is_of_host(patterns: &[HostPattern], text: &str) -> Option<bool> {
    let host = host_of(text)?;
    Some(patterns.iter().any(|pattern| pattern.contains(host)))
}

/// The host of a plain address. The attack: a text in which two readers see two
/// hosts (user names before `@`, `\` for `/`, tabs that are dropped, numbers that
/// are addresses, letters that are folded). Only letters, digits, `-` and `.`
/// between `//` and the first `/`, `?`, `#` or port are read.
fn host_of(text: &str) -> Option<&str> {
    if text.bytes().any(|b| b <= b' ' || b == b'\\' || b == 0x7f) {
        return None;
    }
    let rest = match text.find("://") {
        Some(at) => {
            let (scheme, rest) = text.split_at(at);
            let is_web =
                scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
            is_web.then(|| rest.get(3..))??
        }
        None if text.contains(['/', '?', '#']) => return None,
        None => text,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = match authority.split_once(':') {
        Some((host, port)) => port.parse::<u16>().ok().map(|_| host)?,
        None => authority,
    };
    let plain = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let last = host.rsplit('.').next()?;
    let is_number = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    (host.len() <= 253 && host.split('.').all(plain) && !is_number).then_some(host)
}

/// A place in a tree, and everything below it, segment by segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern(String);

impl PathPattern {
    /// Read a path: `reports/2026`, or `/v1/customers` of a request's target.
    ///
    /// # Errors
    /// With what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let segments = text.strip_prefix('/').unwrap_or(text);
        if segments.is_empty() || !segments.split('/').all(is_plain_segment) {
            return Err(
                "write names divided by `/`, without `.`, `..`, `%`, `?`, `*` and an end of `/`; patterns are written with `glob`"
                    .to_owned(),
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a path is this place or below it. Nothing where it is no plain path,
    /// or the one begins at the root and the other does not.
    pub(super) fn contains(&self, text: &str) -> Option<bool> {
        let is_rooted = text.starts_with('/');
        if is_rooted != self.0.starts_with('/') {
            return None;
        }
        // The target of a request carries its query; a file's name may have `?` in it.
        let path = match text.find(['?', '#']).filter(|_| is_rooted) {
            Some(end) => text.get(..end)?,
            None => text,
        };
        let segments = path.strip_prefix('/').unwrap_or(path);
        if segments.is_empty() || !segments.split('/').all(is_plain_segment) {
            return None;
        }
        let rest = path.strip_prefix(self.0.as_str());
        Some(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    }
}

/// Whether every reader takes a segment for the same name. `%2e%2e` is `..` and
/// `%2f` is `/` to a server that decodes before it looks.
fn is_plain_segment(segment: &str) -> bool {
    !matches!(segment, "" | "." | "..")
        && !segment
            .bytes()
            .any(|b| b < b' ' || matches!(b, b'%' | b'\\' | b'?' | b'#' | b'*' | 0x7f))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_is_read_in_its_plain_form_only() {
        let hosts = [
            HostPattern::parse("api.example.com").unwrap(),
            HostPattern::parse("*.shop.example").unwrap(),
        ];
        for (text, expected) in [
            ("https://api.example.com/x?y#z", Some(true)),
            ("HTTPS://API.Example.com", Some(true)),
            ("http://api.example.com:8080/", Some(true)),
            ("api.example.com", Some(true)),
            ("https://eu.shop.example/", Some(true)),
            ("https://a.b.shop.example", Some(true)),
            ("https://shop.example", Some(false)),
            ("https://evilshop.example", Some(false)),
            ("https://api.example.com.evil.example/", Some(false)),
            ("https://example.com", Some(false)),
            ("https://api.example.com@evil.example/", None),
            ("https://evil.example\\@api.example.com/", None),
            ("https://api.example.com\t.evil.example/", None),
            ("https://api.example.com./", None),
            ("https://127.1/", None),
            ("https://0x7f000001/", None),
            ("https://[::1]/", None),
            ("https://\u{0430}pi.example.com/", None),
            ("https:api.example.com", None),
            ("//api.example.com", None),
            ("ftp://api.example.com", None),
            ("https://api.example.com:99999", None),
            ("", None),
        ] {
            assert_eq!(is_of_host(&hosts, text), expected, "{text:?}");
        }
        for bad in [
            "",
            "*",
            "*.com",
            "API.example.com",
            "a b",
            "1.2.3.4",
            "x.",
            "https://x",
        ] {
            assert!(HostPattern::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn where_a_host_is_read_the_standard_reader_sees_the_same(
            text in "(https?://)?[a-zA-Z0-9.@:\\\\/?#% \u{e9}-]{0,24}"
        ) {
            if let Some(host) = host_of(&text) {
                let whole = if text.contains("://") { text.clone() } else { format!("http://{text}") };
                if let Ok(url) = url::Url::parse(&whole) {
                    prop_assert_eq!(url.host_str().unwrap(), host.to_ascii_lowercase());
                }
            }
        }
    }

    #[test]
    fn a_path_is_compared_segment_by_segment() {
        let reports = PathPattern::parse("reports/2026").unwrap();
        for (text, expected) in [
            ("reports/2026", Some(true)),
            ("reports/2026/a.csv", Some(true)),
            ("reports/2026-old/a.csv", Some(false)),
            ("reports", Some(false)),
            ("reports/2026/../../secrets", None),
            ("reports/./2026", None),
            ("reports//2026", None),
            ("reports/2026/%2e%2e/x", None),
            ("reports/2026/..\\x", None),
            ("/reports/2026", None),
            ("", None),
        ] {
            assert_eq!(reports.contains(text), expected, "{text:?}");
        }
        let target = PathPattern::parse("/v1/customers").unwrap();
        for (text, expected) in [
            ("/v1/customers/5?expand=1", Some(true)),
            ("/v1/customers", Some(true)),
            ("/v1/customersX", Some(false)),
            ("/v1/customers/%2e%2e/admin", None),
            ("/", None),
        ] {
            assert_eq!(target.contains(text), expected, "{text:?}");
        }
        for bad in ["", "/", "a/", "a//b", "../a", "a/*", "a?b"] {
            assert!(PathPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
