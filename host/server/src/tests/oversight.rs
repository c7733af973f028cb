//! Drills and metrics: an operator's, and nobody's who could use them to look away.

use axum::http::StatusCode;
use serde_json::json;

use super::Server;
use crate::double::{AGENT, MIRA, OLGA, SCRAPER, SERVICE};

const DRILL: &str = r#"{"like":"apr-0","set":{"/input/cents":900000},"approval":"finance"}"#;

#[tokio::test]
async fn an_operator_plants_a_drill() {
    let server = Server::new();
    let answer = server.rest(OLGA, "POST", "/v1/drills", DRILL).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.json()["kind"], "finance");
    let planted = server.host.drills();
    assert_eq!(planted[0].like.as_deref(), Some("apr-0"));
    assert_eq!(planted[0].set["/input/cents"], json!(900_000));
    let misspelt = DRILL.replace("like", "liek");
    let answer = server.rest(OLGA, "POST", "/v1/drills", &misspelt).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

/// The attack: an agent, or somebody who decides, plants what nobody trusts then.
#[tokio::test]
async fn nobody_else_does() {
    let server = Server::new();
    for token in [AGENT, SERVICE, SCRAPER, MIRA] {
        let answer = server.rest(token, "POST", "/v1/drills", DRILL).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token}");
    }
    let answer = server.send("POST", "/v1/drills", &[], DRILL).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(server.host.drills().is_empty());
}

#[tokio::test]
async fn metrics_are_an_operators_or_a_collecting_services() {
    let server = Server::new();
    for token in [OLGA, SCRAPER] {
        let answer = server.rest(token, "GET", "/metrics", "").await;
        assert_eq!(answer.status, StatusCode::OK, "{token}");
        assert_eq!(
            answer.header("content-type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        assert!(answer.text.ends_with("# EOF\n"));
    }
    for token in [AGENT, SERVICE, MIRA] {
        let answer = server.rest(token, "GET", "/metrics", "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{token}");
        assert!(!answer.text.contains("# of"), "{}", answer.text);
    }
    // Without a credential, with a wrong one, with one in the address.
    for (path, headers) in [
        ("/metrics", vec![]),
        ("/metrics", vec![("authorization", "Bearer nobody")]),
        ("/metrics?token=token-of-olga", vec![]),
    ] {
        let answer = server.send("GET", path, &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
