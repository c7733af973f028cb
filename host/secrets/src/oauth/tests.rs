//! Tokens from a server that is a function.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const API: &str = "https://api.example";

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
        .token("acme", &client(), &secret(), API, &Scanner::default(), send)
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
                r#"{{"access_token":"a-token-with-number-{number}","token_type":"Bearer","expires_in":3600}}"#
            );
            Ok::<_, Infallible>(answer(200, &body))
        }
    };
    let (client, secret) = (client(), secret());
    let get = || tokens.token("acme", &client, &secret, API, &scanner, send);
    let (one, two) = tokio::join!(get(), get());
    assert_eq!(one.unwrap().expose(), b"a-token-with-number-0");
    assert_eq!(two.unwrap().expose(), b"a-token-with-number-0");
    assert_eq!(get().await.unwrap().name(), "desk-client");
    assert_eq!(count.load(Ordering::SeqCst), 1);
    let found = scanner.find("acme", b"x a-token-with-number-0 y").unwrap();
    assert_eq!(found.to_string(), "the secret `desk-client`");

    let first = get().await.unwrap();
    tokens.forget("acme", &client, API, &first);
    assert_eq!(get().await.unwrap().expose(), b"a-token-with-number-1");
    // Another tenant's token is another one.
    let other = tokens
        .token("other", &client, &secret, API, &scanner, send)
        .await;
    assert_eq!(other.unwrap().expose(), b"a-token-with-number-2");
    // A client that has another secret now asks anew.
    let rotated = Secret::new("desk-client", b"another-secret".to_vec());
    let plain = |_: HttpRequest| async {
        let body = r#"{"access_token":"a-token-by-another-secret","token_type":"bearer"}"#;
        Ok::<_, Infallible>(answer(200, body))
    };
    let anew = tokens
        .token("acme", &client, &rotated, API, &scanner, plain)
        .await;
    assert_eq!(anew.unwrap().expose(), b"a-token-by-another-secret");
    assert!(!format!("{tokens:?} {scanner:?}").contains("a-token-"));
}

#[tokio::test]
async fn a_token_that_has_ended_or_is_about_to_is_not_used() {
    let (tokens, scanner) = (Tokens::default(), Scanner::default());
    let count = AtomicUsize::new(0);
    let send = |_: HttpRequest| {
        count.fetch_add(1, Ordering::SeqCst);
        async {
            let body =
                r#"{"access_token":"a-token-that-ends-soon","token_type":"bearer","expires_in":0}"#;
            Ok::<_, Infallible>(answer(200, body))
        }
    };
    for number in 1..=2 {
        let got = tokens
            .token("acme", &client(), &secret(), API, &scanner, send)
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
        (
            200,
            r#"{"access_token":"application/json","token_type":"bearer"}"#,
            OAuthError::Unusable("it is too short or too long"),
        ),
        (
            200,
            r#"{"access_token":"the content of the answer","token_type":"bearer"}"#,
            OAuthError::Unusable("it has characters that no bearer token has (RFC 6750, 2.1)"),
        ),
        (
            200,
            r#"{"access_token":"====================","token_type":"bearer"}"#,
            OAuthError::Unusable("it has characters that no bearer token has (RFC 6750, 2.1)"),
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
        .token("acme", &client(), &secret(), API, &scanner, send)
        .await;
    assert_eq!(
        failed.unwrap_err().to_string(),
        "the token's server gave no answer: cannot send [secret desk-client] to login.example"
    );
}

/// A server with a new token, of no length of life, and a refresh token every time.
fn always_new(
    count: &AtomicUsize,
    seconds: u64,
) -> impl Fn(HttpRequest) -> std::future::Ready<Result<HttpResponse, Infallible>> {
    move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let body = format!(
            r#"{{"access_token":"a-token-with-number-{number}","refresh_token":"a-refresh-token-number-{number}","token_type":"bearer","expires_in":{seconds}}}"#
        );
        std::future::ready(Ok(answer(200, &body)))
    }
}

#[tokio::test]
async fn a_token_is_for_one_resource() {
    let (tokens, scanner, count) = (Tokens::default(), Scanner::default(), AtomicUsize::new(0));
    let (client, secret, send) = (client(), secret(), always_new(&count, 3_600));
    for (resource, number) in [(API, 0), ("https://eu.api.example", 1), (API, 0)] {
        let token = tokens
            .token("acme", &client, &secret, resource, &scanner, &send)
            .await;
        let expected = format!("a-token-with-number-{number}");
        assert_eq!(token.unwrap().expose(), expected.as_bytes());
    }
}

/// The attack: a server that gives another token every time, to have the host look
/// for more and more, in the answers of all tenants.
#[tokio::test]
async fn a_servers_tokens_are_looked_for_in_their_tenant_and_two_at_most() {
    let (tokens, scanner, count) = (Tokens::default(), Scanner::default(), AtomicUsize::new(0));
    let (client, secret, send) = (client(), secret(), always_new(&count, 0));
    for _ in 0..20 {
        let token = tokens.token("acme", &client, &secret, API, &scanner, &send);
        token.await.unwrap();
    }
    assert_eq!(count.load(Ordering::SeqCst), 20);
    assert_eq!(format!("{scanner:?}"), "Scanner(2 values)");
    let finds = |tenant, text: &str| scanner.find(tenant, text.as_bytes()).is_some();
    assert!(finds("acme", "<a-token-with-number-18>"));
    assert!(finds("acme", "<a-token-with-number-19>"));
    assert!(!finds("acme", "<a-token-with-number-17>"));
    assert!(!finds("other", "<a-token-with-number-19>"));
    assert!(!finds("acme", "<a-refresh-token-number-19>"));
}

/// The attack: a resource that answers 401 to every call of one run, so that all
/// runs of the tenant ask for tokens without end.
#[tokio::test]
async fn only_the_token_that_was_sent_is_given_up_and_once_a_minute() {
    let (tokens, scanner, count) = (Tokens::default(), Scanner::default(), AtomicUsize::new(0));
    let (client, secret, send) = (client(), secret(), always_new(&count, 3_600));
    let get = || tokens.token("acme", &client, &secret, API, &scanner, &send);
    let first = get().await.unwrap();
    let another = Secret::new("desk-client", b"a-token-of-earlier".to_vec());
    tokens.forget("acme", &client, API, &another);
    tokens.forget("acme", &client, "https://eu.api.example", &first);
    assert_eq!(get().await.unwrap().expose(), first.expose());

    tokens.forget("acme", &client, API, &first);
    let second = get().await.unwrap();
    assert_eq!(second.expose(), b"a-token-with-number-1");
    tokens.forget("acme", &client, API, &first);
    tokens.forget("acme", &client, API, &second);
    assert_eq!(get().await.unwrap().expose(), second.expose());
    // As if a minute had passed.
    for cell in tokens.cells().values() {
        cell.state().forgotten = Instant::now().checked_sub(FORGET_EVERY);
    }
    tokens.forget("acme", &client, API, &second);
    assert_eq!(get().await.unwrap().expose(), b"a-token-with-number-2");
}
