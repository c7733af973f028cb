//! What is granted, and what the host makes of it.

use serde_json::json;

use super::{super::*, JSON, desk, get, grant, send};

#[test]
fn a_granted_request_has_its_row_target_class_and_parameters() {
    let desk = desk();
    let query = [("include", "users"), ("page", "2"), ("open", "true")];
    let judged = desk.judge(&get(&["tickets", "42"], &query)).unwrap();
    assert_eq!(judged.route.to_string(), "GET /tickets/{id:int}");
    assert_eq!(
        judged.target.with_key("unused"),
        "/api/v2/tickets/42?include=users&page=2&open=true"
    );
    assert_eq!((judged.effect, judged.egress), (Effect::Read, false));
    assert_eq!(
        judged.args(),
        json!({ "path": { "id": 42 }, "query": { "include": "users", "page": 2, "open": true } })
    );
    let judged = desk.judge(&get(&["files", "a b", "c"], &[])).unwrap();
    assert_eq!(judged.args()["path"], json!({ "rest": "a b/c" }));
    assert_eq!(judged.target.with_key(""), "/api/v2/files/a%20b/c");
    let judged = desk.judge(&get(&["v2.json"], &[])).unwrap();
    assert_eq!(judged.args()["path"], json!({ "major": 2 }));
    let judged = desk.judge(&get(&["lists", ""], &[])).unwrap();
    assert_eq!(judged.target.with_key(""), "/api/v2/lists/");
}

#[test]
fn a_number_that_json_cannot_hold_as_it_stands_stays_a_text() {
    let desk = desk();
    for (sent, seen) in [
        ("0", json!(0)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("9007199254740993", json!("9007199254740993")),
        ("99999999999999999999", json!("99999999999999999999")),
        ("007", json!("007")),
    ] {
        let judged = desk.judge(&get(&["tickets", sent], &[])).unwrap();
        assert_eq!(judged.path["id"], seen);
        assert_eq!(
            judged.target.with_key(""),
            format!("/api/v2/tickets/{sent}")
        );
    }
}

#[test]
fn a_read_that_carries_words_out_is_told_apart() {
    let desk = desk();
    let egress = |request: HttpRequest<'_>| desk.judge(&request).unwrap().egress;
    assert!(!egress(get(&["tickets", "1"], &[("include", "users")])));
    assert!(egress(get(&["search"], &[("q", "all our customers")])));
    assert!(!egress(get(&["search"], &[])));
    assert!(egress(get(&["files", "all our customers"], &[])));
    let search = ["tickets", "search"];
    let judged = desk.judge(&send(HttpMethod::Post, &search, &[], Some(JSON)));
    let judged = judged.unwrap();
    assert_eq!((judged.effect, judged.egress), (Effect::Read, true));
    let prefer = [("Prefer", "all our customers")];
    assert!(egress(send(HttpMethod::Get, &["search"], &prefer, None)));
}

#[test]
fn the_class_is_that_of_the_row_and_irreversible_without_one() {
    let desk = desk();
    let etag = [("If-Match", "\"7\"")];
    for (request, effect) in [
        (
            send(HttpMethod::Put, &["tickets", "1"], &etag, Some(JSON)),
            Effect::Write,
        ),
        (
            send(HttpMethod::Post, &["tickets"], &[], Some(JSON)),
            Effect::Irreversible,
        ),
        (
            send(HttpMethod::Delete, &["tickets", "1"], &[], None),
            Effect::Irreversible,
        ),
    ] {
        assert_eq!(desk.judge(&request).unwrap().effect, effect);
    }
}

#[test]
fn the_idempotency_key_has_one_place_that_guests_leave_empty() {
    let desk = desk();
    let judged = desk
        .judge(&send(
            HttpMethod::Put,
            &["payments", "", "lines"],
            &[],
            Some(JSON),
        ))
        .unwrap();
    assert!(judged.target.has_key() && judged.path.is_empty());
    assert_eq!(
        judged.target.with_key("k/1"),
        "/api/v2/payments/k%2F1/lines"
    );
    for taken in ["k", "0"] {
        let path = ["payments", taken, "lines"];
        let told = desk.judge(&send(HttpMethod::Put, &path, &[], Some(JSON)));
        assert!(
            matches!(told, Err(HttpRefusal::PathKind { .. })),
            "{told:?}"
        );
    }
    let own = [("idempotency-key", "mine")];
    let told = desk.judge(&send(HttpMethod::Delete, &["tickets", "1"], &own, None));
    assert!(
        matches!(told, Err(HttpRefusal::HeaderOwned { .. })),
        "{told:?}"
    );
    for body in [
        None,
        Some(HttpBody {
            content_type: "text/plain",
            bytes: 1,
        }),
    ] {
        let told = desk.judge(&send(HttpMethod::Post, &["tickets"], &[], body));
        assert!(
            matches!(told, Err(HttpRefusal::BodyNeeded { .. })),
            "{told:?}"
        );
    }
}

#[test]
fn kinds_hold_what_they_say() {
    let long = "a".repeat(129);
    for (kind, good, bad) in [
        (
            Kind::Int,
            &["0", "18446744073709551615"][..],
            &["", "-1", "1.0", "+1", "１", "123456789012345678901"][..],
        ),
        (
            Kind::Id,
            &["a", "A-b_c.d~e:f@g!", "5:cancel"],
            &["", ".a", "a/b", "a b", "a%2e", "é", "a;b", &long],
        ),
        (
            Kind::Uuid,
            &[
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
                "67E55044-10B1-426F-9247-BB680E5FE0C8",
            ],
            &[
                "",
                "67e5504410b1426f9247bb680e5fe0c8",
                "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
                "67e55044-10b1-426f-9247-bb680e5fe0cg",
            ],
        ),
        (
            Kind::Date,
            &[
                "2026-01-31",
                "2026-01-31T23:59:59Z",
                "2026-01-31T23:59:59.123+02:00",
            ],
            &[
                "",
                "2026-02-30",
                "2026-1-31",
                "+2026-01-31",
                "2026-01-31 23:59:59Z",
                "2026-01-31T23:59:59",
                "2026-01-31t23:59:59Z",
                "yesterday",
            ],
        ),
        (Kind::Flag, &["true", "false"], &["", "True", "1"]),
        (Kind::Text, &["a", "ü ?&#/"], &[""]),
        (Kind::Key, &[""], &["a"]),
    ] {
        assert_eq!(Kind::from_name(kind.as_str()), Some(kind));
        for value in good {
            assert!(kind.accepts(value), "{kind:?} {value}");
        }
        for value in bad {
            assert!(!kind.accepts(value), "{kind:?} {value}");
        }
    }
    assert!(Kind::Text.accepts(&"a".repeat(2_048)) && !Kind::Text.accepts(&"a".repeat(2_049)));
}

#[test]
fn an_approval_is_bound_to_where_it_goes_and_what_is_put_in() {
    let base = "[grant.http.desk]\nbase_url = \"https://desk.example/api\"\n[[grant.http.desk.route]]\ncall = \"GET /\"\n";
    let credential = "[grant.http.desk.credential]\nsecret = \"desk-token\"\n";
    let plain = grant(base);
    assert_eq!(plain.identity(), "https://desk.example/api");
    let mut all = vec![
        plain.identity(),
        grant(&base.replace("/api", "")).identity(),
        grant(&base.replace("desk.example", "desk.example:8443")).identity(),
    ];
    for place in [
        "header = \"authorization\"",
        "header = \"x-key\"",
        "header = \"authorization\"\nformat = \"Bearer {}\"",
        "query = \"key\"",
        "signature = \"standard-webhooks\"",
        "signature = \"http-message\"",
        "user = \"mira\"",
        "user = \"mira\\\" of client \\\"x\"",
        "oauth = { token_url = \"https://login.example/token\", client_id = \"x\" }",
        "oauth = { token_url = \"https://login.example/token\", client_id = \"x\", scopes = [\"a\", \"b\"] }",
        "oauth = { token_url = \"https://login.example/token\", client_id = \"x\", scopes = [\"a,b\"] }",
        "oauth = { token_url = \"https://login.example/other\", client_id = \"x\" }",
    ] {
        all.push(grant(&format!("{base}{credential}{place}")).identity());
        all.push(
            grant(&format!(
                "{base}{}{place}",
                credential.replace("desk-", "other-")
            ))
            .identity(),
        );
    }
    for (i, one) in all.iter().enumerate() {
        assert!(!all[i + 1..].contains(one), "{one}");
    }
    let mut moved = plain.clone();
    moved.addresses = vec!["10.0.0.1/32".parse().unwrap()];
    assert_eq!(moved.identity(), plain.identity());
}
