//! The vectors of those who wrote the schemes, and what must not pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn secret(value: &[u8]) -> Secret {
    Secret::new("hook", value.to_vec())
}

/// From the reference libraries of Standard Webhooks.
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const AT: u64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

#[test]
fn standard_webhooks_are_signed_as_its_own_libraries_do() {
    let signed = sign_webhook(&secret(KEY.as_bytes()), ID, AT, BODY);
    assert_eq!(signed.unwrap(), SIGNATURE);
    let raw = STANDARD.decode(&KEY["whsec_".len()..]).unwrap();
    let signed = sign_webhook(&secret(&raw), ID, AT, BODY);
    assert_eq!(signed.unwrap(), SIGNATURE, "a key may be given as it is");
    for id in ["", "a.b", "a b", "ä"] {
        let unfit = sign_webhook(&secret(KEY.as_bytes()), id, AT, BODY);
        assert!(matches!(unfit, Err(SignatureError::Unfit(_))), "{id}");
    }
    let bad = sign_webhook(&secret(b"whsec_canary*canary"), ID, AT, BODY).unwrap_err();
    assert!(matches!(bad, SignatureError::Key { .. }));
    assert!(!format!("{bad} {bad:?}").contains("canary"));
}

#[test]
fn a_webhook_holds_under_any_of_its_keys_and_signatures_and_only_as_it_was_signed() {
    let keys = [secret(b"an-older-key"), secret(KEY.as_bytes())];
    let verify = |at: &str, id: &str, signatures: &str, body: &[u8], now: u64| {
        verify_webhook(&keys, id, at, signatures, body, now)
    };
    let at = AT.to_string();
    let several = format!("v1a,AAAA v1,AAAA {SIGNATURE}");
    assert_eq!(verify(&at, ID, SIGNATURE, BODY, AT), Ok(()));
    assert_eq!(verify(&at, ID, &several, BODY, AT + 300), Ok(()));
    let late = verify(&at, ID, SIGNATURE, BODY, AT + 301);
    assert_eq!(late, Err(SignatureError::Untimely));
    let early = verify(&at, ID, SIGNATURE, BODY, AT - 301);
    assert_eq!(early, Err(SignatureError::Untimely));
    let other = (AT + 1).to_string();
    let wrong = [
        verify(&at, "msg_other", SIGNATURE, BODY, AT),
        verify(&other, ID, SIGNATURE, BODY, AT),
        verify(&at, ID, SIGNATURE, b"{}", AT),
        verify(&at, ID, "", BODY, AT),
        verify(&at, ID, "v1,", BODY, AT),
        verify(&at, ID, &SIGNATURE.replace("v1,", "v2,"), BODY, AT),
        verify(&at, ID, &SIGNATURE[..20], BODY, AT),
        verify_webhook(&[], ID, &at, SIGNATURE, BODY, AT),
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        assert_eq!(wrong, Err(SignatureError::Wrong), "{number}");
    }
    for time in ["", "+1614265330", "1614265330 ", "99999999999999999999"] {
        let malformed = verify(time, ID, SIGNATURE, BODY, AT);
        assert!(
            matches!(malformed, Err(SignatureError::Malformed(_))),
            "{time}"
        );
    }
    // The border between id, time and body cannot be moved.
    let moved = verify(&at, &format!("{ID}.1614265330"), SIGNATURE, BODY, AT);
    assert!(matches!(moved, Err(SignatureError::Malformed(_))));
}

#[test]
fn github_and_slack_are_believed_by_their_documentations_own_examples() {
    let keys = [secret(b"It's a Secret to Everybody")];
    let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verify_github(&keys, header, b"Hello, World!"), Ok(()));
    let wrong = verify_github(&keys, header, b"Hello, World");
    assert_eq!(wrong, Err(SignatureError::Wrong));
    for header in ["", "sha1=00", "sha256=zz"] {
        let malformed = verify_github(&keys, header, b"");
        assert!(matches!(malformed, Err(SignatureError::Malformed(_))));
    }

    let keys = [secret(b"8f742231b10e8888abcd99yyyzzz85a5")];
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let header = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let at = 1_531_420_618;
    assert_eq!(verify_slack(&keys, "1531420618", header, body, at), Ok(()));
    let moved = verify_slack(&keys, "1531420619", header, body, at);
    assert_eq!(moved, Err(SignatureError::Wrong));
    let late = verify_slack(&keys, "1531420618", header, body, at + 600);
    assert_eq!(late, Err(SignatureError::Untimely));
}

#[test]
fn a_message_is_signed_as_rfc_9421_does() {
    // RFC 9421, B.1.5 and B.2.5.
    let key =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    let key = STANDARD.decode(key).unwrap();
    let components = [
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("@authority", "example.com"),
        ("content-type", "application/json"),
    ];
    let parameters = ";created=1618884473;keyid=\"test-shared-secret\"";
    let (base, input) = message::base(&components, parameters);
    assert_eq!(
        input,
        "(\"date\" \"@authority\" \"content-type\");created=1618884473;keyid=\"test-shared-secret\""
    );
    let signature = signed(&key, &[base.as_bytes()]);
    assert_eq!(signature, "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
    // RFC 9530, appendix B.1.
    assert_eq!(
        content_digest(b"{\"hello\": \"world\"}\n"),
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    );
}

#[test]
fn method_address_content_and_time_are_all_signed() {
    let key = secret(b"a-shared-key");
    let sign = |method: &str, uri: &str, body: Option<&[u8]>, at: u64| {
        sign_message(&key, "desk \"1\"", method, uri, body, at).unwrap()
    };
    let uri = "https://desk.example/a?b=c";
    let first = sign("POST", uri, Some(b"{}"), 7);
    assert_eq!(
        first.input,
        r#"sig1=("@method" "@target-uri" "content-digest");created=7;keyid="desk \"1\"";alg="hmac-sha256""#
    );
    let others = [
        sign("PUT", uri, Some(b"{}"), 7),
        sign("POST", "https://desk.example/a?b=d", Some(b"{}"), 7),
        sign("POST", uri, Some(b"{ }"), 7),
        sign("POST", uri, None, 7),
        sign("POST", uri, Some(b"{}"), 8),
    ];
    for other in &others {
        assert_ne!(first.signature, other.signature);
    }
    assert_eq!(others[3].content_digest, None);
    let forged = sign_message(&key, "k", "GET", "https://x/\n\"@method\": POST", None, 7);
    assert!(matches!(forged, Err(SignatureError::Unfit(_))));
}
