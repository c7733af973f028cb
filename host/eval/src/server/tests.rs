//! What servers of a scenario say, and what they tell afterwards.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Deserialize)]
struct Exchanges {
    exchange: Vec<Exchange>,
}

struct Desk {
    servers: Servers,
    url: String,
    client: reqwest::Client,
}

/// A server with these exchanges.
async fn desk(exchanges: &str) -> Desk {
    let read: Exchanges = toml::from_str(exchanges).unwrap();
    let mut servers = Servers::new(Path::new("."), read.exchange).unwrap();
    let address = servers.serve("desk").await.unwrap();
    Desk {
        servers,
        url: format!("http://{address}"),
        client: reqwest::Client::builder().no_proxy().build().unwrap(),
    }
}

impl Desk {
    async fn get(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        self.client.get(format!("{}{path}", self.url)).send().await
    }

    fn told(&self) -> Vec<String> {
        let findings = self.servers.findings();
        findings.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test]
async fn a_request_gets_the_answer_of_its_exchange() {
    let desk = desk(
        r#"
        [[exchange]]
        request = "PATCH /rest/issue/1?notify=false&lang=de"
        headers = { if-match = "\"abc\"", authorization = "Bearer *" }
        body = { title = "x" }
        status = 412
        answer = { error = { msg = "stale" } }
        answer_headers = { etag = "\"def\"" }
        "#,
    )
    .await;
    let response = desk
        .client
        .patch(format!("{}/rest/issue/1?lang=de&notify=false", desk.url))
        .header("if-match", "\"abc\"")
        .header("authorization", "Bearer token")
        .json(&json!({"title": "x", "more": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 412);
    assert_eq!(response.headers()["etag"], "\"def\"");
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body, json!({"error": {"msg": "stale"}}));
    assert!(desk.told().is_empty(), "{:?}", desk.told());
}

#[tokio::test]
async fn exchanges_of_one_request_follow_each_other() {
    let desk = desk(
        r#"
        [[exchange]]
        request = "GET /a"
        status = 503
        times = 2
        [[exchange]]
        request = "GET /a"
        text = "here"
        times = "any"
        "#,
    )
    .await;
    for status in [503, 503, 200, 200] {
        assert_eq!(desk.get("/a").await.unwrap().status(), status);
    }
    assert!(desk.told().is_empty());
}

#[tokio::test]
async fn what_is_no_exchange_and_what_never_came_is_told() {
    let desk = desk(
        r#"
        [[exchange]]
        request = "GET /issue/1"
        [[exchange]]
        request = "POST /issue"
        headers = { x-key = "1" }
        body = { title = "x" }
        times = 3
        "#,
    )
    .await;
    assert_eq!(desk.get("/issue/2").await.unwrap().status(), 501);
    assert!(desk.get("/issue/1").await.unwrap().status().is_success());
    assert_eq!(desk.get("/issue/1").await.unwrap().status(), 501);
    let post = desk.client.post(format!("{}/issue", desk.url));
    let secret = post.try_clone().unwrap().header("x-key", "SECRET");
    secret.json(&json!({"title": "x"})).send().await.unwrap();
    let post = post.header("x-key", "1");
    post.json(&json!({"title": "y"})).send().await.unwrap();
    let told = desk.told();
    let words = [
        "the closest one is `GET /issue/1`",
        "more often than the exchange says",
        "its header `x-key` is not `1`",
        "its content /title",
        "times that `POST /issue` came",
    ];
    assert_eq!(told.len(), words.len(), "{told:#?}");
    for (told, words) in told.iter().zip(words) {
        assert!(told.contains(words), "{told}");
        assert!(!told.contains("SECRET"), "{told}");
    }
    assert!(
        told[4].contains("expected  3") && told[4].contains("found     0"),
        "{}",
        told[4]
    );
}

#[tokio::test]
async fn a_connection_can_be_lost_in_every_way() {
    let desk = desk(
        r#"
        [[exchange]]
        request = "GET /close"
        fault = "close"
        [[exchange]]
        request = "GET /after"
        fault = "close-after-request"
        [[exchange]]
        request = "GET /garbage"
        fault = "garbage"
        [[exchange]]
        request = "GET /truncate"
        fault = "truncate"
        text = "0123456789"
        "#,
    )
    .await;
    for path in ["/close", "/after", "/garbage"] {
        let error = desk.get(path).await.unwrap_err();
        assert!(
            !error.is_timeout() && !error.is_connect(),
            "{path}: {error:?}"
        );
    }
    let response = desk.get("/truncate").await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.content_length(), Some(10));
    assert!(response.bytes().await.is_err());
    assert!(desk.told().is_empty(), "{:?}", desk.told());
}

#[tokio::test]
async fn a_slow_answer_never_ends_and_a_flood_neither() {
    let desk = desk(
        r#"
        [[exchange]]
        request = "GET /slow"
        fault = "slow"
        text = "0123456789"
        [[exchange]]
        request = "GET /flood"
        fault = "flood"
        text = "begin"
        "#,
    )
    .await;
    let mut response = desk.get("/slow").await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "01234");
    let more = tokio::time::timeout(Duration::from_millis(50), response.chunk());
    assert!(more.await.is_err(), "nothing more may come");
    let mut response = desk.get("/flood").await.unwrap();
    assert_eq!(response.content_length(), None);
    let mut bytes = 0;
    while bytes < 8 << 20 {
        bytes += response.chunk().await.unwrap().unwrap().len();
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_given_is_refused_before() {
    for (exchange, words) in [
        ("status = 101", "no final status"),
        ("text = \"a\"\nanswer = {}", "more than one of"),
        ("file = \"nothing.html\"", "nothing.html"),
        ("answer_headers = { \"a b\" = \"c\" }", "no header"),
    ] {
        let text = format!("[[exchange]]\nrequest = \"GET /\"\n{exchange}\n");
        let read: Exchanges = toml::from_str(&text).unwrap();
        let said = Servers::new(Path::new("."), read.exchange).err().unwrap();
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn nobody_listens_where_a_destination_is_down() {
    let mut servers = Servers::new(Path::new("."), Vec::new()).unwrap();
    let address = servers.refuse().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let error = client.get(format!("http://{address}/")).send().await;
    assert!(error.unwrap_err().is_connect());
}
