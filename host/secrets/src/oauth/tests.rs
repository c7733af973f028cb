//! Tokens from a server that is a function.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn client() -> OAuthClient {
    OAuthClient {
        token_url: "https://login.example/token".parse().unwrap(),
        client_id: "desk".to_owned(),
        scopes: vec!["tickets:read".to_owned()],
    }
}

fn secret() -> Secret {
    Secret::new("desk-client", b"canary-of-the-client".to_vec())
}

fn answer(status: u16, body: &str) -> HttpResponse {
    http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(body.as_bytes().to_vec())
        .unwrap()
}

async fn asked(status: u16, body: &str) -> Result<Secret, OAuthError> {
    let send = |_: HttpRequest| async { Ok::<_, Infallible>(answer(status, body)) };
    Tokens::default()
        .token("acme", &client(), &secret(), &Scanner::default(), send)
        .await
}

#[tokio::test]
async fn a_token_is_asked_for_once_kept_and_looked_for() {
    let (tokens, scanner, count) = (Tokens::default(), Scanner::default(), AtomicUsize::new(0));
    let send = |request: HttpRequest| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        assert_eq!(request.uri(), "https://login.example/token");
        let body = String::from_utf8(request.body().clone()).unwrap();
        assert_eq!(body, "grant_type=client_credentials&scope=tickets%3Aread");
        // Basic login of `desk:canary-of-the-client` (RFC 6749, 2.3.1).
        let login = request.headers()["authorization"].to_str().unwrap();
        assert_eq!(login, "Basic ZGVzazpjYW5hcnktb2YtdGhlLWNsaWVudA==");
        async move {
            tokio::task::yield_now().await;
            let body = format!(
                r#"{{"access_token":"token-number-{number}","token_type":"Bearer","expires_in":3600}}"#
            );
            Ok::<_, Infallible>(answer(200, &body))
        }
    };
    let (client, secret) = (client(), secret());
    let get = || tokens.token("acme", &client, &secret, &scanner, send);
    let (one, two) = tokio::join!(get(), get());
    assert_eq!(one.unwrap().expose(), b"token-number-0");
    assert_eq!(two.unwrap().expose(), b"token-number-0");
    assert_eq!(get().await.unwrap().name(), "desk-client");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let found = scanner.find("acme", b"x token-number-0 y").unwrap();
    assert_eq!(found.to_string(), "the secret `desk-client`");

    tokens.forget("acme", &client, &secret).await;
    assert_eq!(get().await.unwrap().expose(), b"token-number-1");
    // Another tenant's token is another one.
    let other = tokens
        .token("other", &client, &secret, &scanner, send)
        .await;
    assert_eq!(other.unwrap().expose(), b"token-number-2");
    // A client that has another secret now asks anew.
    let rotated = Secret::new("desk-client", b"another-secret".to_vec());
    let plain = |_: HttpRequest| async {
        let body = r#"{"access_token":"token-by-another","token_type":"bearer"}"#;
        Ok::<_, Infallible>(answer(200, body))
    };
    let anew = tokens
        .token("acme", &client, &rotated, &scanner, plain)
        .await;
    assert_eq!(anew.unwrap().expose(), b"token-by-another");
    assert!(!format!("{tokens:?} {scanner:?}").contains("token-"));
}

#[tokio::test]
async fn a_token_that_has_ended_or_is_about_to_is_not_used() {
    let (tokens, scanner) = (Tokens::default(), Scanner::default());
    let count = AtomicUsize::new(0);
    let send = |_: HttpRequest| {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            let body = r#"{"access_token":"a-short-token","token_type":"bearer","expires_in":0}"#;
            Ok::<_, Infallible>(answer(200, body))
        }
    };
    for number in 1..=2 {
        let got = tokens
            .token("acme", &client(), &secret(), &scanner, send)
            .await;
        assert!(got.is_ok());
        assert_eq!(count.load(Ordering::SeqCst), number);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_standards_words_alone() {
    let echo = r#"{"error":"invalid_client","error_description":"canary-of-the-client is wrong"}"#;
    let own = r#"{"error":"canary-of-the-client"}"#;
    let cases = [
        (
            401,
            echo,
            OAuthError::Refused("it does not know the client, or not this secret"),
        ),
        (400, own, OAuthError::Refused("for a reason of its own")),
        (
            500,
            "canary-of-the-client",
            OAuthError::Unusable("its answer is not of RFC 6749"),
        ),
        (
            200,
            "{\"canary-of-the-client\":1}",
            OAuthError::Unusable("its answer is not of RFC 6749"),
        ),
        (
            200,
            r#"{"access_token":"a-token-for-a-mac","token_type":"mac"}"#,
            OAuthError::Unusable("it is no bearer token"),
        ),
        (
            200,
            r#"{"access_token":"short","token_type":"bearer"}"#,
            OAuthError::Unusable("it is too short or too long"),
        ),
    ];
    for (status, body, expected) in cases {
        let refused = asked(status, body).await.unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains("canary"),
            "{refused:?}"
        );
        assert_eq!(refused, expected);
    }
}

#[tokio::test]
async fn an_error_on_the_way_is_told_without_the_secret() {
    let scanner = Scanner::default();
    scanner.learn("acme", &secret()).unwrap();
    let send = |_: HttpRequest| async {
        let why = "cannot send canary-of-the-client to login.example";
        Err::<HttpResponse, _>(std::io::Error::other(why))
    };
    let tokens = Tokens::default();
    let failed = tokens
        .token("acme", &client(), &secret(), &scanner, send)
        .await;
    assert_eq!(
        failed.unwrap_err().to_string(),
        "the token's server gave no answer: cannot send [secret desk-client] to login.example"
    );
}
