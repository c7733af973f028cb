//! Callbacks: what reaches the host, and what a sender is told.

use axum::http::StatusCode;
use serde_json::json;

use super::Server;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PATH: &str = "/v1/callbacks/slack";

#[tokio::test]
async fn a_callback_reaches_the_host_as_it_came_and_needs_no_token() {
    let server = Server::new();
    let body = "payload=%7B%7D";
    let headers = [
        FORM,
        ("X-Slack-Signature", "v0=ab"),
        ("x-slack-request-timestamp", "1"),
        ("x-slack-request-timestamp", "2"),
        // No rights come with it.
        ("authorization", "Bearer agent-token"),
    ];
    let answer = server.send("POST", PATH, &headers, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let request = server.host.deliveries().remove(0);
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(request.headers["x-slack-signature"], "v0=ab");
    assert!(
        !request.headers.contains_key("x-slack-request-timestamp"),
        "a header that stands twice has no value"
    );
    let get = server.send("GET", PATH, &[], "").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn who_pressed_a_button_is_told_with_words_and_a_program_with_what_came_of_it() {
    let server = Server::new();
    let told = server.send("POST", PATH, &[FORM], "payload=%7B%7D").await;
    let expected =
        json!({"response_type": "ephemeral", "replace_original": false, "text": "Denied."});
    assert_eq!(told.json(), expected);
    let path = "/v1/callbacks/program";
    let taken = server.send("POST", path, &[], "{}").await;
    assert_eq!(taken.status, StatusCode::OK);
    let expected = json!({"approval": "apr-1", "decision": "approved", "outcome": "voted",
        "votes": 1, "quorum": 2});
    assert_eq!(taken.json(), expected);
}

#[tokio::test]
async fn every_refusal_is_a_problem_that_says_whose_turn_it_is() {
    let server = Server::new();
    let cases = [
        ("not_verified", StatusCode::UNAUTHORIZED),
        ("malformed", StatusCode::BAD_REQUEST),
        ("unknown_person", StatusCode::FORBIDDEN),
        ("not_by_callback", StatusCode::FORBIDDEN),
        ("not_an_approver", StatusCode::FORBIDDEN),
        ("signature_missing", StatusCode::FORBIDDEN),
        ("unknown_approval", StatusCode::NOT_FOUND),
        ("changed", StatusCode::CONFLICT),
        ("reason_missing", StatusCode::UNPROCESSABLE_ENTITY),
        ("limited", StatusCode::TOO_MANY_REQUESTS),
        ("unavailable", StatusCode::SERVICE_UNAVAILABLE),
    ];
    for (kind, status) in cases {
        let path = format!("/v1/callbacks/{kind}");
        let answer = server.send("POST", &path, &[], "{}").await;
        assert_eq!(answer.status, status, "{kind}: {}", answer.text);
        assert_eq!(answer.json()["kind"], kind);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

/// The attack: memory is filled by who has no key.
#[tokio::test]
async fn a_body_that_is_too_large_reaches_nobody() {
    let server = Server::new();
    let largest = " ".repeat(64 * 1024);
    let answer = server.send("POST", PATH, &[FORM], &largest).await;
    assert_eq!(answer.status, StatusCode::OK);
    let larger = format!("{largest} ");
    let length = larger.len().to_string();
    for headers in [vec![FORM], vec![FORM, ("content-length", &length)]] {
        let answer = server.send("POST", PATH, &headers, &larger).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.json()["kind"], "too_large");
    }
    assert_eq!(server.host.deliveries().len(), 1);
}

/// The attack: a page that a person of the office has open sends a request there.
#[tokio::test]
async fn a_page_of_another_site_is_refused_before_anything_is_read() {
    let server = Server::new();
    let headers = [FORM, ("origin", "https://evil.example")];
    let answer = server.send("POST", PATH, &headers, "payload=%7B%7D").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    assert!(server.host.deliveries().is_empty());
}
