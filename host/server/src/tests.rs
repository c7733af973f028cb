//! What the faces promise, tried from outside against the double.

#![expect(clippy::unwrap_used, reason = "tests")]

mod callbacks;
mod decisions;
mod hooks;
mod mcp;
mod oversight;
mod rest;
mod sign_in;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::double::Double;
use crate::{FaceOptions, router};

const HOST: &str = "127.0.0.1:8642";

/// A server without a socket.
struct Server {
    host: Arc<Double>,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Server {
    fn new() -> Self {
        Self::at("http://127.0.0.1:8642")
    }

    fn at(public_url: &str) -> Self {
        let host = Arc::new(Double::default());
        let router = router(host.clone(), &FaceOptions::at(public_url)).unwrap();
        Self { host, router }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", HOST);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// REST with a token.
    async fn rest(&self, token: &str, method: &str, path: &str, body: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        self.send(method, path, &[("authorization", &bearer)], body)
            .await
    }

    /// Have a refund held for somebody.
    async fn hold(&self, token: &str) -> String {
        let body = r#"{"connector":"database","tool":"refund","input":{"order":"7"}}"#;
        let answer = self.rest(token, "POST", "/v1/calls", body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        answer.json()["pending"]["approval"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }
}

#[tokio::test]
async fn every_answer_tells_the_browser_to_be_strict() {
    let server = Server::new();
    for path in [
        "/",
        "/login",
        "/login/oidc",
        "/login/oidc/callback",
        "/style.css",
        "/v1/tools",
        "/mcp",
        "/healthz",
        "/nowhere",
    ] {
        let answer = server.send("GET", path, &[], "").await;
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_on_every_route() {
    let server = Server::new();
    let bearer = format!("Bearer {}", crate::double::MIRA);
    for path in [
        "/",
        "/login",
        "/v1/tools",
        "/mcp",
        "/healthz",
        "/v1/openapi.json",
        "/hooks/orders",
    ] {
        for foreign in [
            ("host", "attacker.test"),
            ("origin", "https://attacker.test"),
            ("origin", "null"),
        ] {
            let headers = [foreign, ("authorization", bearer.as_str())];
            let answer = server.send("POST", path, &headers, "").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {foreign:?}");
        }
    }
}
