//! What a request looks like with a secret in it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

struct Request {
    target: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

fn request(target: &str, kind: &str, body: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    if !kind.is_empty() {
        headers.insert(CONTENT_TYPE, kind.parse().unwrap());
    }
    Request {
        target: target.to_owned(),
        headers,
        body: body.map(|body| body.as_bytes().to_vec()),
    }
}

impl Request {
    fn put(
        &mut self,
        place: &Place,
        manner: Manner<'_>,
        value: &[u8],
    ) -> Result<(), PlacementError> {
        let mut parts = RequestParts {
            method: "POST",
            base: "https://desk.example/api",
            target: &mut self.target,
            headers: &mut self.headers,
            body: &mut self.body,
        };
        let put = put_in(
            place,
            manner,
            &Secret::new("desk", value.to_vec()),
            &mut parts,
        );
        assert!(!format!("{parts:?} {put:?}").contains("canary"));
        put
    }

    fn body(&self) -> &str {
        std::str::from_utf8(self.body.as_deref().unwrap()).unwrap()
    }
}

fn manner(format: Option<&'static str>, user: Option<&'static str>) -> Manner<'static> {
    Manner {
        format,
        user,
        id: "msg_1",
        now_s: 7,
    }
}

const CANARY: &[u8] = b"canary \"&=1";

#[test]
fn a_header_holds_it_unseen_and_replaces_nothing_of_the_guests() {
    let place = Place::Header("authorization".to_owned());
    let mut one = request("/a", "", None);
    one.put(&place, manner(Some("Bearer {}"), None), CANARY)
        .unwrap();
    let held = &one.headers["authorization"];
    assert_eq!(held.as_bytes(), b"Bearer canary \"&=1");
    assert!(held.is_sensitive() && !format!("{:?}", one.headers).contains("canary"));
    let again = one.put(&place, manner(None, None), CANARY);
    assert!(matches!(again, Err(PlacementError::Taken(_))));

    let mut login = request("/a", "", None);
    login
        .put(&place, manner(None, Some("Aladdin")), b"open sesame")
        .unwrap();
    // RFC 7617, 2.
    assert_eq!(
        login.headers["authorization"],
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    );
    for (manner, value) in [
        (manner(None, Some("a:b")), CANARY),
        (manner(Some("Bearer"), None), CANARY),
        (manner(None, None), b"canary\r\nx: y".as_slice()),
    ] {
        let refused = request("/a", "", None).put(&place, manner, value);
        assert!(
            matches!(refused, Err(PlacementError::Unfit { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn a_query_gets_it_encoded_and_once() {
    let place = Place::Query("api key".to_owned());
    for (target, expected) in [
        ("/a", "/a?api+key=canary+%22%26%3D1"),
        ("/a?b=c", "/a?b=c&api+key=canary+%22%26%3D1"),
    ] {
        let mut one = request(target, "", None);
        one.put(&place, manner(None, None), CANARY).unwrap();
        assert_eq!(one.target, expected);
    }
    for target in ["/a?api+key=x", "/a?b&api%20key", "/a?%61pi%20key=x"] {
        let taken = request(target, "", None).put(&place, manner(None, None), CANARY);
        assert!(matches!(taken, Err(PlacementError::Taken(_))), "{target}");
    }
}

#[test]
fn content_gets_it_and_keeps_every_other_byte() {
    let place = Place::Body("/token".to_owned());
    let json = "application/json; charset=utf-8";
    let form = "application/x-www-form-urlencoded";
    let cases = [
        (
            json,
            " {\"amount\": 12345678901234567890.10}",
            " {\"token\":\"canary \\\"&=1\",\"amount\": 12345678901234567890.10}",
        ),
        (json, "{ }", "{\"token\":\"canary \\\"&=1\" }"),
        (form, "a=b", "a=b&token=canary+%22%26%3D1"),
        (form, "", "token=canary+%22%26%3D1"),
    ];
    for (kind, body, expected) in cases {
        let mut one = request("/a", kind, Some(body));
        one.put(&place, manner(None, None), CANARY).unwrap();
        assert_eq!(one.body(), expected);
    }
    let taken = [
        (json, "{\"token\": 1}"),
        (json, "{\"\\u0074oken\": 1}"),
        (form, "token"),
        (form, "%74oken=x"),
    ];
    for (kind, body) in taken {
        let taken = request("/a", kind, Some(body)).put(&place, manner(None, None), CANARY);
        assert!(matches!(taken, Err(PlacementError::Taken(_))), "{body}");
    }
    for (kind, body) in [
        (json, Some("[]")),
        (json, None),
        ("text/plain", Some("x")),
        ("", Some("{}")),
    ] {
        let unfit = request("/a", kind, body).put(&place, manner(None, None), CANARY);
        assert!(matches!(unfit, Err(PlacementError::Unfit { .. })), "{kind}");
    }
}

#[test]
fn a_signature_is_over_what_is_sent_and_holds_no_key() {
    let hooks = Place::Signature(SignatureScheme::StandardWebhooks);
    let mut one = request("/hook", "", Some("{}"));
    one.put(&hooks, manner(None, None), CANARY).unwrap();
    assert_eq!(one.headers["webhook-id"], "msg_1");
    assert_eq!(one.headers["webhook-timestamp"], "7");
    let signature = one.headers["webhook-signature"].to_str().unwrap();
    let keys = [Secret::new("desk", CANARY.to_vec())];
    crate::signature::verify_webhook(&keys, "msg_1", "7", signature, b"{}", 7).unwrap();
    let again = one.put(&hooks, manner(None, None), CANARY);
    assert!(
        matches!(again, Err(PlacementError::Taken(_))),
        "a guest's own headers"
    );

    let message = Place::Signature(SignatureScheme::HttpMessage);
    let mut one = request("/hook?a=b", "", Some("{}"));
    one.put(&message, manner(None, None), CANARY).unwrap();
    let expected = sign_message(
        &keys[0],
        "msg_1",
        "POST",
        "https://desk.example/api/hook?a=b",
        Some(b"{}"),
        7,
    );
    let expected = expected.unwrap();
    assert_eq!(one.headers["signature"], expected.signature.as_str());
    assert_eq!(one.headers["signature-input"], expected.input.as_str());
    for place in [Place::Login, Place::OAuthClient] {
        let unfit = request("/a", "", None).put(&place, manner(None, None), CANARY);
        assert!(matches!(unfit, Err(PlacementError::Unfit { .. })));
    }
}
