//! Webhooks: what reaches the host, and what a sender is told.

use axum::http::StatusCode;

use super::Server;

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_delivery_reaches_the_host_as_it_came_and_needs_no_token() {
    let server = Server::new();
    let body = "{ \"order\":  7 }";
    let headers = [
        JSON,
        ("Webhook-Id", "msg_1"),
        ("webhook-signature", "v1,a"),
        ("webhook-signature", "v1,b"),
    ];
    let answer = server.send("POST", "/hooks/orders", &headers, body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!(answer.json()["run"], "run-1");
    assert_eq!(answer.json()["repeated"], false);
    let delivery = server.host.deliveries().remove(0);
    assert_eq!(delivery.body, body.as_bytes(), "to the last blank");
    assert_eq!(delivery.headers["webhook-id"], "msg_1");
    assert!(
        !delivery.headers.contains_key("webhook-signature"),
        "a header that stands twice has no value"
    );
    let again = server.send("POST", "/hooks/orders", &headers, body).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.json()["repeated"], true);
}

#[tokio::test]
async fn every_refusal_says_whose_turn_it_is() {
    let server = Server::new();
    let cases = [
        ("unfit", StatusCode::BAD_REQUEST, None),
        ("unknown", StatusCode::UNAUTHORIZED, None),
        ("reused", StatusCode::CONFLICT, None),
        ("busy", StatusCode::TOO_MANY_REQUESTS, Some("10")),
        ("away", StatusCode::SERVICE_UNAVAILABLE, Some("10")),
        ("panics", StatusCode::SERVICE_UNAVAILABLE, Some("10")),
    ];
    for (name, status, again) in cases {
        let path = format!("/hooks/{name}");
        let answer = server.send("POST", &path, &[JSON], "{}").await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
        let after = answer.headers.get("retry-after");
        assert_eq!(after.map(|after| after.to_str().unwrap()), again, "{name}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let unfit = server.send("POST", "/hooks/unfit", &[JSON], "{}").await;
    assert_eq!(unfit.json()["pointer"], "/order/id");
    let word = server.send("POST", "/hooks/slack", &[JSON], "{}").await;
    assert_eq!((word.status, word.text.as_str()), (StatusCode::OK, "word"));
    assert_eq!(word.header("content-type"), "text/plain; charset=utf-8");
    let get = server.send("GET", "/hooks/orders", &[], "").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

/// The attack: memory is filled by who has no key.
#[tokio::test]
async fn a_body_that_is_too_large_reaches_nobody() {
    let server = Server::new();
    let largest = " ".repeat(256 * 1024);
    let answer = server
        .send("POST", "/hooks/orders", &[JSON], &largest)
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let larger = format!("{largest} ");
    let length = larger.len().to_string();
    for headers in [vec![JSON], vec![JSON, ("content-length", &length)]] {
        let answer = server
            .send("POST", "/hooks/orders", &headers, &larger)
            .await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(answer.json()["kind"], "too_large");
    }
    assert_eq!(server.host.deliveries().len(), 1);
}
