//! What is refused, and the line that would grant it.

use super::{super::*, JSON, desk, get, grant, send};

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
        &["users", uuid, "2026-01-31", "true", "a.b", "x{y:z}", "%2e"],
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
    refused(
        get(&["tickets", "1"], &repeated),
        "`page` may stand there once",
    );
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
