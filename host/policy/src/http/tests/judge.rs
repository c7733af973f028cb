//! What is granted, and every way to ask for more.

use serde_json::json;

use super::{super::*, get, grant, routes};

const JSON: HttpBody<'static> = HttpBody {
    content_type: "application/json",
    bytes: 10,
};

fn desk() -> HttpGrant {
    routes(&[
        "call = \"GET /tickets/{id:int}\"\nquery = { include = \"id\", page = \"int\", open = \"flag\" }",
        "call = \"GET /search\"\nquery = { q = \"text\" }",
        "call = \"GET /files/{rest:path}\"",
        "call = \"GET /v{major:int}.json\"",
        "call = \"GET /lists/\"",
        "call = \"PUT /tickets/{id:int}\"\neffect = \"write\"\nundo = \"restore\"\nat = \"/ticket\"\nconditional = true",
        "call = \"PUT /payments/{number:key}/lines\"\nidempotency = \"path\"",
        "call = \"POST /tickets\"\nidempotency = \"body:/request_id\"",
        "call = \"POST /tickets/search\"\neffect = \"read\"",
        "call = \"DELETE /tickets/{id:int}\"\nidempotency = \"header:Idempotency-Key\"",
    ])
}

fn send<'a>(
    method: HttpMethod,
    path: &'a [&'a str],
    headers: &'a [(&'a str, &'a str)],
    body: Option<HttpBody<'a>>,
) -> HttpRequest<'a> {
    HttpRequest {
        method,
        path,
        query: &[],
        headers,
        body,
    }
}

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
fn what_no_row_grants_is_denied_with_the_line_to_add() {
    let desk = desk();
    for (request, said, line) in [
        (
            get(&["users", "7"], &[]),
            "no route of `desk` grants GET /users/{p2:int}",
            Some("[[grant.http.desk.route]]\ncall = \"GET /users/{p2:int}\""),
        ),
        (
            get(&[], &[]),
            "no route of `desk` grants GET /",
            Some("[[grant.http.desk.route]]\ncall = \"GET /\""),
        ),
        (
            get(&["users", "a \" b"], &[]),
            "no route of `desk` grants GET /users/{p2:text}",
            Some("[[grant.http.desk.route]]\ncall = \"GET /users/{p2:text}\""),
        ),
        (
            send(HttpMethod::Delete, &["lists", ""], &[], None),
            "no route of `desk` grants DELETE /lists/",
            Some("[[grant.http.desk.route]]\ncall = \"DELETE /lists/\""),
        ),
        (
            send(HttpMethod::Head, &["tickets", "1"], &[], None),
            "no route of `desk` grants HEAD /tickets/{p2:int}",
            Some("[[grant.http.desk.route]]\ncall = \"HEAD /tickets/{p2:int}\""),
        ),
        (
            get(&["tickets", "one"], &[]),
            "the part `id` of the route `GET /tickets/{id:int}` of `desk` is not 1 to 20 decimal digits",
            Some(
                "under [[grant.http.desk.route]] with call = \"GET /tickets/{id:int}\" write a wider kind for `id`, such as {id:id} or {id:text}",
            ),
        ),
        (
            get(&["tickets", "1"], &[("sort", "asc")]),
            "the query parameter `sort` is not granted by the route `GET /tickets/{id:int}` of `desk`",
            Some(
                "under [[grant.http.desk.route]] with call = \"GET /tickets/{id:int}\" write query = { \"sort\" = \"id\" }",
            ),
        ),
        (
            get(&["tickets", "1"], &[("a&admin=1", "x")]),
            "the query parameter `a&admin=1` is not granted by the route `GET /tickets/{id:int}` of `desk`",
            None,
        ),
        (
            get(&["tickets", "1"], &[("page", "-1")]),
            "the query parameter `page` of the route `GET /tickets/{id:int}` of `desk` is not 1 to 20 decimal digits",
            Some(
                "under [[grant.http.desk.route]] with call = \"GET /tickets/{id:int}\" write a wider kind for the query parameter `page`, such as \"text\"",
            ),
        ),
        (
            send(HttpMethod::Get, &["search"], &[("X-Trace", "1")], None),
            "the header `x-trace` is not granted by `desk`",
            Some("under [grant.http.desk] write headers = [\"x-trace\"]"),
        ),
        (
            send(
                HttpMethod::Post,
                &["tickets"],
                &[],
                Some(HttpBody {
                    content_type: "application/json",
                    bytes: 1_025,
                }),
            ),
            "the content has 1025 bytes, more than the 1024 that `desk` takes",
            Some("under [grant.http.desk] write max_request = \"2KiB\""),
        ),
        (
            send(HttpMethod::Put, &["tickets", "1"], &[], Some(JSON)),
            "the route `PUT /tickets/{id:int}` of `desk` takes no write without `if-match`; read the resource and send its `etag`",
            Some(
                "under [[grant.http.desk.route]] with call = \"PUT /tickets/{id:int}\" write conditional = false",
            ),
        ),
        (
            send(
                HttpMethod::Put,
                &["tickets", "1"],
                &[("if-match", "*")],
                Some(JSON),
            ),
            "the route `PUT /tickets/{id:int}` of `desk` takes no write without `if-match`; read the resource and send its `etag`",
            Some(
                "under [[grant.http.desk.route]] with call = \"PUT /tickets/{id:int}\" write conditional = false",
            ),
        ),
    ] {
        let refusal = desk.judge(&request).unwrap_err();
        assert_eq!(refusal.to_string(), said);
        assert_eq!(refusal.hint().as_deref(), line, "{said}");
        assert!(refusal.is_denial(), "{said}");
    }
}

#[test]
fn every_line_to_add_for_a_new_route_is_one_that_the_manifest_takes() {
    let desk = desk();
    let uuid = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    for path in [
        &["users"][..],
        &[],
        &["users", ""],
        &[
            "users",
            uuid,
            "2026-01-31",
            "true",
            "a.b",
            "a/b",
            "x{y:z}",
            "%2e",
        ],
        &["Users", "\u{202e}"],
    ] {
        let line = desk.judge(&get(path, &[])).unwrap_err().hint().unwrap();
        let text = format!("[grant.http.desk]\nbase_url = \"https://desk.example\"\n{line}");
        assert!(grant(&text).judge(&get(path, &[])).is_ok(), "{line}");
    }
}

#[test]
fn what_two_servers_could_read_differently_is_not_sent() {
    let desk = desk();
    let long = "a".repeat(4_097);
    let many = vec![("prefer", "a"); 33];
    let refused = |request: HttpRequest<'_>, said: &str| {
        let refusal = desk.judge(&request).unwrap_err();
        assert!(refusal.to_string().contains(said), "{said}: {refusal}");
        assert!(
            !refusal.is_denial() && refusal.hint().is_none(),
            "{refusal}"
        );
    };
    let header = |name, value| {
        let headers = [(name, value)];
        desk.judge(&send(HttpMethod::Get, &["search"], &headers, None))
            .unwrap_err()
    };
    for owned in [
        "Host",
        "content-length",
        "TRANSFER-ENCODING",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "proxy-authorization",
        "expect",
        "cookie",
        "forwarded",
        "x-forwarded-for",
        "sec-fetch-site",
        "content-type",
        "accept-encoding",
        "content-encoding",
        "x-http-method-override",
        "x-original-url",
    ] {
        let refusal = header(owned, "x");
        assert!(
            matches!(refusal, HttpRefusal::HeaderOwned { .. }),
            "{owned}: {refusal}"
        );
    }
    for (name, value) in [
        ("prefer", "a\r\nhost: evil.example"),
        ("prefer", "a\nb"),
        ("prefer", "a\0b"),
        ("prefer", "a\tb"),
        ("prefer", "é"),
        ("prefer", " a"),
        ("prefer", "a "),
        ("prefer", &long),
        ("pre fer", "a"),
        ("prefer:", "a"),
        ("prefer\r\nx", "a"),
        ("", "a"),
        ("pr\u{e9}fer", "a"),
    ] {
        let refusal = header(name, value);
        assert!(
            matches!(refusal, HttpRefusal::HeaderText { .. }),
            "{name}: {refusal}"
        );
        assert!(!refusal.to_string().contains(['\r', '\n']), "{refusal:?}");
    }
    let twice = [("prefer", "a"), ("PREFER", "b")];
    refused(
        send(HttpMethod::Get, &["search"], &twice, None),
        "stands twice",
    );
    refused(
        send(HttpMethod::Get, &["search"], &many, None),
        "more than 32 headers",
    );
    let body = Some(JSON);
    refused(
        send(HttpMethod::Get, &["search"], &[], body),
        "a GET has no content",
    );
    for content_type in [
        "",
        "json",
        "application/json\r\nx: y",
        "a/b, c/d",
        "a/",
        "text/plain; é",
    ] {
        let body = Some(HttpBody {
            content_type,
            bytes: 1,
        });
        refused(
            send(HttpMethod::Post, &["tickets"], &[], body),
            "media type",
        );
    }
    let repeated = [("page", "1"), ("page", "2")];
    refused(get(&["tickets", "1"], &repeated), "`page` stands twice");
}

#[test]
fn all_headers_together_have_a_bound() {
    let names: Vec<String> = (0..5).map(|i| format!("x-{i}")).collect();
    let listed: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let desk = grant(&format!(
        "[grant.http.desk]\nbase_url = \"https://desk.example\"\nheaders = [{}]\n[[grant.http.desk.route]]\ncall = \"GET /\"",
        listed.join(", ")
    ));
    let value = "a".repeat(4_000);
    let headers: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), value.as_str()))
        .collect();
    assert!(
        desk.judge(&send(HttpMethod::Get, &[], &headers[..4], None))
            .is_ok()
    );
    let told = desk.judge(&send(HttpMethod::Get, &[], &headers, None));
    assert!(matches!(told, Err(HttpRefusal::TooMuch { .. })), "{told:?}");
}

#[test]
fn a_header_of_the_credential_is_never_a_guests_even_where_a_grant_lists_it() {
    for (place, header) in [
        (Place::Header("x-api-key".to_owned()), "X-Api-Key"),
        (Place::Query("key".to_owned()), "authorization"),
        (Place::OAuthClient, "authorization"),
        (
            Place::Signature(SignatureScheme::StandardWebhooks),
            "webhook-id",
        ),
        (
            Place::Signature(SignatureScheme::HttpMessage),
            "signature-input",
        ),
    ] {
        let mut desk = desk();
        desk.headers.insert(header.to_ascii_lowercase());
        let headers = [(header, "mine")];
        let request = send(HttpMethod::Get, &["search"], &headers, None);
        assert!(desk.judge(&request).is_ok(), "{header}");
        desk.credential = Some(Credential {
            secret: "desk-token".to_owned(),
            place,
            format: None,
            user: None,
            oauth: None,
        });
        let told = desk.judge(&request);
        assert!(
            matches!(told, Err(HttpRefusal::HeaderOwned { .. })),
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
