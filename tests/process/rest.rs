//! REST of a real host: who may do what, and what is no request at all.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::shop::{Open, Shop, answered, approval, http, refund};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_an_agent_nor_a_service_sees_or_decides_held_calls() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let digest = host.card(&shop.people.mira, &held).await["digest"].clone();
    let id = approval(&held);
    let decision = json!({ "digest": digest, "reason": "because" });
    let deny = json!({ "digest": digest, "reason": "because" });
    for token in [&shop.people.agent, &shop.people.service] {
        for path in [
            "/v1/approvals",
            "/v1/approvals?all=true",
            &format!("/v1/approvals/{id}"),
            "/v1/log",
        ] {
            refused(
                host.get(token, path).await,
                StatusCode::FORBIDDEN,
                "not_a_person",
            );
        }
        let approve = format!("/v1/approvals/{id}/approve");
        refused(
            host.post(token, &approve, &decision).await,
            StatusCode::FORBIDDEN,
            "not_a_person",
        );
        let path = format!("/v1/approvals/{id}/deny");
        refused(
            host.post(token, &path, &deny).await,
            StatusCode::FORBIDDEN,
            "not_a_person",
        );
    }
    // Another agent's run does not exist for a service.
    let run = format!("/v1/runs/{}", held["run"].as_str().unwrap());
    refused(
        host.get(&shop.people.service, &run).await,
        StatusCode::NOT_FOUND,
        "unknown_run",
    );
    assert_eq!(
        host.card(&shop.people.mira, &held).await["state"],
        "pending"
    );
    assert_eq!(shop.refunds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_does_not_decide_and_nobody_decides_twice() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.mira, 12_900).await;
    let path = format!("/v1/approvals/{}/approve", approval(&held));
    let card = host.card(&shop.people.omar, &held).await;
    assert_eq!(card["requester"], "mira");
    let digest = json!({ "digest": card["digest"] });
    refused(
        host.post(&shop.people.mira, &path, &digest).await,
        StatusCode::FORBIDDEN,
        "requester",
    );
    refused(
        host.post(&shop.people.rosa, &path, &digest).await,
        StatusCode::FORBIDDEN,
        "not_an_approver",
    );
    assert_eq!(shop.refunds(), 0);
    let done = host.post(&shop.people.omar, &path, &digest).await;
    assert_eq!(
        (done.status, &done.body["state"]),
        (StatusCode::OK, &json!("done")),
        "{done:?}"
    );
    refused(
        host.post(&shop.people.omar, &path, &digest).await,
        StatusCode::CONFLICT,
        "already_decided",
    );
    let deny = format!("/v1/approvals/{}/deny", approval(&held));
    let no = json!({ "digest": card["digest"], "reason": "changed my mind" });
    refused(
        host.post(&shop.people.omar, &deny, &no).await,
        StatusCode::CONFLICT,
        "already_decided",
    );
    assert_eq!(shop.refunds(), 1);
    shop.verifies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_approvers_at_the_same_moment_make_one_refund() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let path = format!("/v1/approvals/{}/approve", approval(&held));
    let digest = json!({ "digest": host.card(&shop.people.omar, &held).await["digest"] });
    let votes = (0..8).map(|n| {
        let who = if n % 2 == 0 {
            &shop.people.mira
        } else {
            &shop.people.omar
        };
        host.post(who, &path, &digest)
    });
    let answers = futures_util::future::join_all(votes).await;
    let taken = answers
        .iter()
        .filter(|answer| answer.status.is_success())
        .count();
    assert_eq!(taken, 1, "{answers:?}");
    for answer in answers
        .into_iter()
        .filter(|answer| !answer.status.is_success())
    {
        refused(answer, StatusCode::CONFLICT, "already_decided");
    }
    assert_eq!(shop.refunds(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_names_the_card_that_was_seen() {
    let shop = Shop::new();
    let host = shop.open();
    let first = host.hold(&shop.people.agent, 12_900).await;
    let second = host.hold(&shop.people.agent, 990_000).await;
    let seen = host.card(&shop.people.mira, &first).await["digest"].clone();
    let path = format!("/v1/approvals/{}/approve", approval(&second));
    for digest in [seen, json!(format!("sha256:{}", "0".repeat(64))), json!("")] {
        let answer = host
            .post(&shop.people.mira, &path, &json!({ "digest": digest }))
            .await;
        refused(answer, StatusCode::CONFLICT, "changed");
    }
    refused(
        host.post(&shop.people.mira, &path, &json!({})).await,
        StatusCode::BAD_REQUEST,
        "malformed",
    );
    assert_eq!(shop.refunds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_is_final_and_says_why() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let digest = host.card(&shop.people.mira, &held).await["digest"].clone();
    let deny = format!("/v1/approvals/{}/deny", approval(&held));
    let silent = host
        .post(
            &shop.people.mira,
            &deny,
            &json!({ "digest": digest, "reason": " " }),
        )
        .await;
    refused(silent, StatusCode::UNPROCESSABLE_ENTITY, "reason_missing");
    let no = json!({ "digest": digest, "reason": "the order was never paid" });
    assert_eq!(
        host.post(&shop.people.mira, &deny, &no).await.status,
        StatusCode::OK
    );
    let run = host
        .get(
            &shop.people.agent,
            &format!("/v1/runs/{}", held["run"].as_str().unwrap()),
        )
        .await;
    assert_eq!(run.body["state"], "denied", "{run:?}");
    assert!(
        run.body.to_string().contains("the order was never paid"),
        "{run:?}"
    );
    assert_eq!(shop.refunds(), 0);
    shop.verifies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_known_token_there_is_only_a_challenge() {
    let shop = Shop::new();
    let host = shop.open();
    let url = format!("{}/v1/tools", host.url);
    let wrong = format!("tgt_{}", "0".repeat(64));
    for request in [
        http().get(&url),
        http().get(&url).bearer_auth(wrong),
        http().get(&url).bearer_auth(""),
        http().get(&url).basic_auth("mira", Some(&shop.people.mira)),
        http().get(format!("{url}?access_token={}", shop.people.mira)),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .starts_with("Bearer ")
        );
    }
    assert_eq!(
        host.get(&shop.people.mira, "/v1/tools").await.status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_names_and_pages_are_refused_with_a_good_token_too() {
    let shop = Shop::new();
    let host = shop.open();
    for path in ["/v1/tools", "/mcp", "/", "/healthz"] {
        for (header, value, kind) in [
            ("host", "attacker.test", "foreign_host"),
            ("origin", "https://attacker.test", "foreign_origin"),
            ("origin", "null", "foreign_origin"),
        ] {
            let request = host
                .request(&shop.people.mira, Method::GET, path)
                .header(header, value);
            refused(answered(request).await, StatusCode::FORBIDDEN, kind);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_not_read() {
    let shop = Shop::new();
    let host = shop.open();
    let long = format!(
        r#"{{"connector":"database","tool":"lookup","input":{{"query":"{}"}}}}"#,
        "x".repeat(3 << 20)
    );
    for path in ["/v1/calls", "/mcp"] {
        let request = host
            .request(&shop.people.agent, Method::POST, path)
            .body(long.clone());
        let request = request
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        // A server that answers before it has read everything may close first.
        if let Ok(response) = request.send().await {
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        }
    }
    // It goes on as before.
    assert_eq!(
        host.get(&shop.people.agent, "/v1/tools").await.status,
        StatusCode::OK
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_would_be_rounded_is_refused_with_its_place() {
    let shop = Shop::new();
    let host = shop.open();
    for number in [
        "9007199254740993",
        "9007199254740993.0",
        "-9007199254740993",
        "9.007199254740993e15",
        "1e400",
        "0.12345678901234567890",
    ] {
        let body = call(&format!(
            r#"{{"statement":"refund","params":{{"order_id":{number},"amount_cents":100,"reason":"x"}}}}"#
        ));
        let answer = host.post_text(&shop.people.agent, "/v1/calls", &body).await;
        assert_eq!(
            answer.body["pointer"], "/params/order_id",
            "{number}: {answer:?}"
        );
        refused(answer, StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    }
    let twice = call(
        r#"{"statement":"refund","params":{"order_id":1042,"amount_cents":100,"amount_cents":1,"reason":"x"}}"#,
    );
    let answer = host
        .post_text(&shop.people.agent, "/v1/calls", &twice)
        .await;
    assert_eq!(answer.body["pointer"], "/params/amount_cents");
    refused(answer, StatusCode::UNPROCESSABLE_ENTITY, "invalid_input");
    for no_json in [
        "",
        "{",
        "[]",
        "\u{feff}{}",
        r#"{"connector":"database","tool":"x","extra":1}"#,
    ] {
        let answer = host
            .post_text(&shop.people.agent, "/v1/calls", no_json)
            .await;
        refused(answer, StatusCode::BAD_REQUEST, "malformed");
    }
    assert_eq!(shop.refunds(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_under_the_limit_needs_nobody() {
    let shop = Shop::new();
    let host = shop.open();
    let small = json!({ "connector": "database", "tool": "execute", "input": refund(5_000) });
    let answer = host.post(&shop.people.agent, "/v1/calls", &small).await;
    assert_eq!(answer.body["state"], "done", "{answer:?}");
    assert_eq!(shop.refunds(), 1);
    held_as_text(&host, &shop).await;
}

/// The attack: an amount that is no number passes `gt = 5000` by not comparing.
async fn held_as_text(host: &Open, shop: &Shop) {
    let mut input = refund(0);
    input["params"]["amount_cents"] = json!("990000");
    let call = json!({ "connector": "database", "tool": "execute", "input": input });
    let answer = host.post(&shop.people.agent, "/v1/calls", &call).await;
    assert_ne!(answer.body["state"], "done", "{answer:?}");
    assert_eq!(shop.refunds(), 1);
}

fn call(input: &str) -> String {
    format!(r#"{{"connector":"database","tool":"execute","input":{input}}}"#)
}

#[track_caller]
fn refused(answer: crate::shop::Answer, status: StatusCode, kind: &str) {
    assert_eq!(
        (answer.status, &answer.body["kind"]),
        (status, &json!(kind)),
        "{answer:?}"
    );
    assert_ne!(answer.body["detail"], Value::Null, "{answer:?}");
}
