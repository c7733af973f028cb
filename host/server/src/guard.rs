//! The wall in front of every route: which names this server answers to, which
//! pages may speak to it, and how a browser must treat what it says.
//!
//! Attacks named: DNS rebinding (a foreign name that resolves to this address
//! makes a victim's browser a proxy: stopped by the `Host` list), cross-site
//! requests (stopped by `Origin`, for every method and route, before a body is
//! read), framing and content sniffing (stopped by headers on every answer,
//! errors included).
//!
//! An `Origin` is ours when it is the public address, or when its authority is
//! the very `Host` the request came to, which has been checked first. CORS was
//! refused: no foreign page has business here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::gatekeeper::Refusal;
use crate::problem::Problem;

/// What may be in a page: our own stylesheet and forms to ourselves. No script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// `no-referrer` was refused: under it browsers send `Origin: null` with our
/// own forms, and the check of `Origin` would have to let that pass.
const REFERRER_POLICY: &str = "same-origin";

const ANSWER_HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, REFERRER_POLICY),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Names and origins this server answers to.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    allowed_hosts: Arc<[Authority]>,
    public: Uri,
}

impl Guard {
    /// Answer to `allowed_hosts` (a name for any port, or `name:port`) and to
    /// the authority of `public`.
    pub(crate) fn new(allowed_hosts: &[String], public: Uri) -> Result<Self, String> {
        let mut hosts = Vec::with_capacity(allowed_hosts.len() + 1);
        for host in allowed_hosts {
            hosts.push(authority(host).ok_or_else(|| host.clone())?);
        }
        hosts.extend(public.authority().cloned());
        Ok(Self {
            allowed_hosts: hosts.into(),
            public,
        })
    }

    /// The list in the words of `rmcp`'s own check, which stays on as well.
    pub(crate) fn host_names(&self) -> Vec<String> {
        self.allowed_hosts.iter().map(ToString::to_string).collect()
    }

    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Refusal> {
        let host = stated_host(uri, headers).ok_or_else(|| {
            Refusal::new(
                "foreign_host",
                "the request names no host, or more than one",
            )
        })?;
        if self
            .allowed_hosts
            .iter()
            .any(|allowed| names(allowed, &host))
        {
            return Ok(host);
        }
        Err(Refusal::new(
            "foreign_host",
            format!("this server does not answer to `{host}`"),
        )
        .with_hint("Use one of its configured names, or add this one to the allowed hosts."))
    }

    fn origin(&self, host: &Authority, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut stated = headers.get_all(header::ORIGIN).iter();
        let Some(first) = stated.next() else {
            return Ok(());
        };
        let ours = stated.next().is_none()
            && first
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .is_some_and(|origin: Uri| self.is_public(&origin) || is_at(&origin, host));
        if ours {
            return Ok(());
        }
        Err(Refusal::new(
            "foreign_origin",
            "a page of another site may not speak to this server",
        ))
    }

    fn is_public(&self, origin: &Uri) -> bool {
        origin.scheme() == self.public.scheme() && origin.authority() == self.public.authority()
    }
}

/// Refuse foreign names and pages, and put the headers on every answer.
pub(crate) async fn stand(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let checked = guard
        .host(request.uri(), request.headers())
        .and_then(|host| guard.origin(&host, request.headers()));
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => Problem::with_status(StatusCode::FORBIDDEN, refusal).into_response(),
    };
    for (name, value) in ANSWER_HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether a browser says that one of our own pages sent this request. Asked
/// for by everything that a form can do: a form post without any such statement
/// comes from no browser that we serve, and is refused.
pub(crate) fn is_from_our_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    match site {
        Some(site) => site == b"same-origin",
        // `stand` has compared it with our origins already.
        None => headers.contains_key(header::ORIGIN),
    }
}

fn stated_host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut stated = headers.get_all(header::HOST).iter();
    match (stated.next(), stated.next()) {
        (Some(host), None) => authority(host.to_str().ok()?),
        (None, None) => uri.authority().cloned(),
        _ => None,
    }
}

fn authority(text: &str) -> Option<Authority> {
    let parsed: Authority = text.trim().parse().ok()?;
    // `user@host` is never a Host header, and confuses whoever reads it.
    (!parsed.as_str().contains('@')).then_some(parsed)
}

/// An entry without a port names a host at every port.
fn names(allowed: &Authority, host: &Authority) -> bool {
    allowed.host().eq_ignore_ascii_case(host.host())
        && (allowed.port_u16().is_none() || allowed.port_u16() == host.port_u16())
}

fn is_at(origin: &Uri, host: &Authority) -> bool {
    let web = matches!(origin.scheme_str(), Some("http" | "https"));
    web && origin.authority() == Some(host)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn guard() -> Guard {
        let hosts = ["localhost".to_owned(), "127.0.0.1:8642".to_owned()];
        Guard::new(&hosts, "https://gate.example".parse().unwrap()).unwrap()
    }

    fn headers(rows: &[(&'static str, &'static str)]) -> HeaderMap {
        rows.iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn answers_only_to_its_own_names() {
        let cases = [
            ("localhost", true),
            ("LOCALHOST:9", true),
            ("127.0.0.1:8642", true),
            ("127.0.0.1:80", false),
            ("gate.example", true),
            ("gate.example.attacker.test", false),
            ("attacker.test", false),
            ("x@localhost", false),
            ("", false),
        ];
        for (host, expected) in cases {
            let answer = guard().host(&"/".parse().unwrap(), &headers(&[("host", host)]));
            assert_eq!(answer.is_ok(), expected, "{host}");
        }
    }

    #[test]
    fn only_its_own_pages_may_speak_to_it() {
        let host = authority("localhost:9").unwrap();
        let cases = [
            ("http://localhost:9", true),
            ("https://gate.example", true),
            ("http://gate.example", false),
            ("http://localhost:10", false),
            ("http://localhost", false),
            ("null", false),
            ("ftp://localhost:9", false),
            ("https://attacker.test", false),
        ];
        for (origin, expected) in cases {
            let answer = guard().origin(&host, &headers(&[("origin", origin)]));
            assert_eq!(answer.is_ok(), expected, "{origin}");
        }
        assert!(guard().origin(&host, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn a_form_without_a_statement_of_the_browser_is_not_ours() {
        assert!(!is_from_our_page(&HeaderMap::new()));
        assert!(!is_from_our_page(&headers(&[(
            "sec-fetch-site",
            "cross-site"
        )])));
        assert!(!is_from_our_page(&headers(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://localhost:9"),
        ])));
        assert!(is_from_our_page(&headers(&[(
            "sec-fetch-site",
            "same-origin"
        )])));
    }
}
