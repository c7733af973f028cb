use axum::http::StatusCode;
use serde_json::{Value, json};

use tollgate_runtime::{Resolution, RunState};

use super::Server;
use crate::double::{AGENT, DIGEST, MIRA, PAUL, SERVICE, doubtful, line};

const LOOKUP: &str = r#"{"connector":"database","tool":"lookup","input":{"order":"7"}}"#;

fn decision() -> String {
    json!({"digest": DIGEST, "reason": "because"}).to_string()
}

#[tokio::test]
async fn no_token_or_a_wrong_one_gets_a_challenge() {
    let server = Server::new();
    let answer = server.send("GET", "/v1/tools", &[], "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("www-authenticate"),
        "Bearer realm=\"tollgate\""
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let answer = server.rest("guess", "GET", "/v1/tools", "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("www-authenticate").contains("invalid_token"));
    assert_eq!(answer.json()["status"], 401);
    let long = "x".repeat(600);
    let answer = server.rest(&long, "GET", "/v1/tools", "").await;
    assert_eq!(answer.json()["kind"], "no_token");
}

#[tokio::test]
async fn a_store_that_is_gone_is_not_a_wrong_token() {
    let answer = Server::new()
        .rest("store-is-gone", "GET", "/v1/tools", "")
        .await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_call_answers_with_its_run() {
    let server = Server::new();
    let answer = server.rest(AGENT, "POST", "/v1/calls", LOOKUP).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["output"], json!({"total": 80}));
    let run = answer.json()["run"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{run}?wait=1");
    let answer = server.rest(AGENT, "GET", &path, "").await;
    assert_eq!(answer.json()["state"], "done");
}

#[tokio::test]
async fn a_held_call_answers_202_with_where_to_look() {
    let server = Server::new();
    let body = r#"{"connector":"database","tool":"refund","input":{}}"#;
    let answer = server.rest(AGENT, "POST", "/v1/calls", body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.header("location"), "/v1/runs/run-1");
    assert_eq!(answer.json()["state"], "held");
    assert!(
        !answer.text.contains(DIGEST),
        "an asker gets nothing to decide with"
    );
}

#[tokio::test]
async fn bad_requests_are_problems_with_advice() {
    let server = Server::new();
    let unknown = r#"{"connector":"database","tool":"nope","input":{}}"#;
    let cases = [
        ("POST", "/v1/calls", "{", 400, "malformed"),
        ("POST", "/v1/calls", "{}", 400, "malformed"),
        ("POST", "/v1/calls", unknown, 404, "unknown_tool"),
        (
            "POST",
            "/v1/calls",
            r#"{"connector":"database","tool":"forbidden"}"#,
            403,
            "denied",
        ),
        ("GET", "/v1/runs/none", "", 404, "not_found"),
        ("GET", "/v1/runs/none?wait=61", "", 400, "malformed"),
        ("GET", "/v1/runs/none?wait=x", "", 400, "malformed"),
        ("GET", "/v1/nowhere", "", 404, "not_found"),
    ];
    for (method, path, body, status, kind) in cases {
        let answer = server.rest(AGENT, method, path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {}", answer.text);
        let problem = answer.json();
        assert_eq!(problem["kind"], kind, "{path}");
        assert_eq!(problem["type"], format!("urn:tollgate:problem:{kind}"));
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn an_oversized_body_is_not_read() {
    let server = Server::new();
    let body = "x".repeat(2 * 1024 * 1024 + 1);
    let answer = server.rest(AGENT, "POST", "/v1/calls", &body).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(server.host.calls().is_empty());
}

#[tokio::test]
async fn neither_agents_nor_services_decide_or_read_the_log() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    for token in [AGENT, SERVICE] {
        for (method, path) in [
            ("POST", format!("/v1/approvals/{id}/approve")),
            ("POST", format!("/v1/approvals/{id}/deny")),
            ("GET", format!("/v1/approvals/{id}")),
            ("GET", "/v1/approvals".to_owned()),
            ("GET", "/v1/log".to_owned()),
            ("GET", "/v1/queue".to_owned()),
            ("GET", "/v1/queue/que-1".to_owned()),
        ] {
            let answer = server.rest(token, method, &path, &decision()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
            assert_eq!(answer.json()["kind"], "not_a_person");
        }
    }
    assert_eq!(server.host.card_state(), "pending");
}

#[tokio::test]
async fn a_session_cookie_opens_nothing_here() {
    let answer = Server::new()
        .send(
            "GET",
            "/v1/approvals",
            &[("cookie", "tollgate=anything")],
            "",
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_person_approves_what_was_shown_and_nothing_else() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let path = format!("/v1/approvals/{id}/approve");
    let answer = server
        .rest(MIRA, "POST", &path, r#"{"digest":"sha256:00"}"#)
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["kind"].as_str()),
        (409, Some("changed"))
    );
    let body = format!(r#"{{"digest":"{DIGEST}"}}"#);
    let answer = server.rest(MIRA, "POST", &path, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["state"], "done");
    let answer = server.rest(PAUL, "POST", &path, &body).await;
    assert_eq!(answer.json()["kind"], "already_decided");
}

#[tokio::test]
async fn whoever_asked_does_not_decide() {
    let server = Server::new();
    let id = server.hold(PAUL).await;
    let path = format!("/v1/approvals/{id}/deny");
    let answer = server.rest(PAUL, "POST", &path, &decision()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["kind"], "requester");
}

#[tokio::test]
async fn a_no_needs_words() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let path = format!("/v1/approvals/{id}/deny");
    let body = json!({"digest": DIGEST, "reason": " \n"}).to_string();
    let answer = server.rest(MIRA, "POST", &path, &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.json()["kind"], "reason_missing");
    let answer = server.rest(MIRA, "POST", &path, &decision()).await;
    assert_eq!(answer.json()["state"], "denied");
    assert_eq!(
        server.rest(MIRA, "GET", "/v1/approvals", "").await.json(),
        json!([])
    );
    let all = server
        .rest(MIRA, "GET", "/v1/approvals?all=true", "")
        .await
        .json();
    assert_eq!(all[0]["denial_reason"], "because");
}

#[tokio::test]
async fn a_body_is_an_object_and_nothing_read_by_its_order() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let digest = format!(r#"["{DIGEST}"]"#);
    for (path, body) in [
        (format!("/v1/approvals/{id}/approve"), digest.as_str()),
        ("/v1/runs/run-1/undo".to_owned(), "[]"),
        ("/v1/runs/run-1/undo".to_owned(), "[true]"),
        ("/v1/calls".to_owned(), r#"["db", "refund", {}]"#),
        ("/v1/calls".to_owned(), "null"),
    ] {
        let answer = server.rest(MIRA, "POST", &path, body).await;
        assert_eq!(
            (answer.status, answer.json()["kind"].as_str()),
            (StatusCode::BAD_REQUEST, Some("malformed")),
            "{path} {body}"
        );
    }
    let waiting = server.rest(MIRA, "GET", "/v1/approvals", "").await.json();
    assert_eq!(waiting.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn undo_can_be_planned_first() {
    let server = Server::new();
    let planned = server
        .rest(AGENT, "POST", "/v1/runs/run-1/undo", r#"{"plan":true}"#)
        .await;
    assert_eq!(planned.json()["outcome"], "planned");
    let step = &planned.json()["steps"][0];
    assert_eq!(
        (&step["held_by"], &step["note"]),
        (&json!("finance"), &json!(null))
    );
    let body = r#"{"plan":true,"fields":true}"#;
    let fields = server
        .rest(AGENT, "POST", "/v1/runs/run-1/undo", body)
        .await;
    assert_eq!(fields.json()["steps"][0]["note"], "<b>by fields</b>");
    let typo = server
        .rest(AGENT, "POST", "/v1/runs/run-1/undo", r#"{"field":true}"#)
        .await;
    assert_eq!(typo.status, StatusCode::BAD_REQUEST, "{}", typo.text);
    let undone = server.rest(AGENT, "POST", "/v1/runs/run-1/undo", "").await;
    assert_eq!(undone.json()["outcome"], "undone");
}

#[tokio::test]
async fn the_log_is_filtered_and_bounded() {
    let server = Server::new();
    let path = "/v1/log?run=run-1&linked=true&case=c&outcome=in_doubt&tool=db.refund\
        &since=1970-01-01T00:00:01Z&until=1970-01-02&newest=true&limit=1000";
    let answer = server.rest(MIRA, "GET", path, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = server.host.asked();
    assert_eq!(asked.run.as_deref(), Some("run-1"));
    assert_eq!(asked.tool.as_deref(), Some("db.refund"));
    assert_eq!(asked.outcome, Some(RunState::InDoubt));
    assert!(asked.linked && asked.newest);
    assert_eq!(
        (asked.since_ms, asked.until_ms),
        (Some(1_000), Some(86_400_000))
    );
    assert_eq!(asked.limit, Some(1_000));
    for wrong in [
        "who=x",
        "outcome=lost",
        "since=yesterday",
        "after=-1",
        "limit=0",
        "limit=1001",
    ] {
        let answer = server
            .rest(MIRA, "GET", &format!("/v1/log?{wrong}"), "")
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn a_page_of_the_log_links_to_the_next_with_the_same_question() {
    let server = Server::new();
    server.host.record(line(7, "call.intent"));
    let path = "/v1/log?case=a%20b%26c&since=2h&limit=1";
    let answer = server.rest(MIRA, "GET", path, "").await;
    let link = answer.header("link").to_owned();
    let since = server.host.asked().since_ms;
    let next = link
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
    let next = next.unwrap_or_else(|| panic!("{link}"));
    assert!(
        next.contains("case=a%20b%26c") && next.contains("after=7"),
        "{next}"
    );
    let answer = server.rest(MIRA, "GET", next, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let asked = server.host.asked();
    assert_eq!(asked.case.as_deref(), Some("a b&c"));
    assert_eq!((asked.after, asked.since_ms), (Some(7), since));
    let last = server.rest(MIRA, "GET", "/v1/log?limit=2", "").await;
    assert!(!last.headers.contains_key("link"));
}

#[tokio::test]
async fn a_person_settles_a_call_in_doubt_once_and_says_how_they_know() {
    let server = Server::new();
    server.host.doubt(doubtful("bot"));
    let listed = server.rest(MIRA, "GET", "/v1/queue", "").await.json();
    assert_eq!(listed[0]["id"], "que-1");
    let item = server.rest(MIRA, "GET", "/v1/queue/que-1", "").await.json();
    assert_eq!(item["found"], json!({"refunded": 0}));
    let path = "/v1/queue/que-1/resolve";
    let cases = [
        (json!({"resolution": "done"}), 400),
        (json!({"resolution": "maybe", "note": "x"}), 400),
        (json!({"resolution": "done", "note": " \n"}), 422),
        (
            json!({"resolution": "not_done", "note": "x", "reply": 1}),
            400,
        ),
        (
            json!({"resolution": "done", "note": "x", "sure": true}),
            400,
        ),
    ];
    for (body, status) in cases {
        let answer = server.rest(MIRA, "POST", path, &body.to_string()).await;
        assert_eq!(answer.status.as_u16(), status, "{body} {}", answer.text);
    }
    assert!(server.host.resolutions().is_empty());
    let said = json!({"resolution": "done", "note": "it is in the ledger", "reply": {"id": 7}});
    let answer = server.rest(MIRA, "POST", path, &said.to_string()).await;
    assert_eq!(answer.json()["state"], "done", "{}", answer.text);
    let told = server.host.resolutions();
    let expected = (
        Resolution::Done,
        "it is in the ledger".to_owned(),
        Some(json!({"id": 7})),
    );
    assert_eq!(told, [expected]);
    let again = server.rest(PAUL, "POST", path, &said.to_string()).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(
        server.rest(MIRA, "GET", "/v1/queue", "").await.json(),
        json!([])
    );
    let all = server
        .rest(MIRA, "GET", "/v1/queue?all=true", "")
        .await
        .json();
    assert_eq!(
        (&all[0]["resolved_by"], &all[0]["resolution"]),
        (&json!("mira"), &json!("done"))
    );
    let none = server.rest(MIRA, "GET", "/v1/queue/que-2", "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_asked_does_not_settle_and_no_agent_ever_does() {
    let server = Server::new();
    server.host.doubt(doubtful("paul"));
    let said = json!({"resolution": "not_done", "note": "x"}).to_string();
    for (token, kind) in [
        (AGENT, "not_a_person"),
        (SERVICE, "not_a_person"),
        (PAUL, "requester"),
    ] {
        let answer = server
            .rest(token, "POST", "/v1/queue/que-1/resolve", &said)
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json()["kind"], kind);
    }
    assert!(server.host.resolutions().is_empty());
}

#[tokio::test]
async fn the_document_describes_routes_that_exist() {
    let server = Server::new();
    let document = server.send("GET", "/v1/openapi.json", &[], "").await.json();
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 28);
    for (path, methods) in paths {
        let address = path.replace(['{', '}'], "");
        for method in methods.as_object().unwrap().keys() {
            let answer = server
                .rest(MIRA, &method.to_uppercase(), &address, "{}")
                .await;
            assert_ne!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            let no_route = "there is no such route under /v1";
            assert!(!answer.text.contains(no_route), "{method} {path}");
        }
    }
    assert!(every_reference_resolves(&document, &document));
}

fn every_reference_resolves(document: &Value, part: &Value) -> bool {
    match part {
        Value::Object(fields) => {
            fields
                .iter()
                .all(|(name, value)| match (name.as_str(), value.as_str()) {
                    ("$ref", Some(place)) => document.pointer(&place[1..]).is_some(),
                    _ => every_reference_resolves(document, value),
                })
        }
        Value::Array(parts) => parts
            .iter()
            .all(|part| every_reference_resolves(document, part)),
        _ => true,
    }
}
