//! Values in disguise.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const VALUE: &str = "k3y/with+odd\"chars\\ä %41 end";

fn scanner(value: &str) -> Scanner {
    let scanner = Scanner::default();
    let secret = Secret::new("desk-token", value.as_bytes().to_vec());
    scanner.learn("acme", &secret).unwrap();
    scanner
}

fn percent(text: &str, upper: bool) -> String {
    let byte = |byte| match upper {
        true => format!("%{byte:02X}"),
        false => format!("%{byte:02x}"),
    };
    text.bytes().map(byte).collect()
}

fn escaped(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect()
}

/// A text in the encodings that answers have.
fn disguises(value: &str) -> Vec<(&'static str, String)> {
    let form: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let mixed: String = value
        .chars()
        .enumerate()
        .map(|(at, one)| match at % 2 {
            0 => percent(&one.to_string(), false),
            _ => percent(&one.to_string(), true),
        })
        .collect();
    let json = serde_json::to_string(value).unwrap();
    let wrapped: Vec<String> = STANDARD
        .encode(value)
        .as_bytes()
        .chunks(8)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    vec![
        ("raw", value.to_owned()),
        ("percent", percent(value, true)),
        ("percent, lower case", percent(value, false)),
        ("percent, mixed", mixed),
        ("form", form.clone()),
        ("form, twice", percent(&form, true)),
        ("json", json.clone()),
        ("json, escaped slashes", json.replace('/', "\\/")),
        ("json, all escaped", escaped(value)),
        ("json in json", serde_json::to_string(&json).unwrap()),
        (
            "form in json in json",
            serde_json::to_string(&serde_json::to_string(&form).unwrap()).unwrap(),
        ),
        ("base64", STANDARD.encode(value)),
        ("base64, url-safe", URL_SAFE.encode(value)),
        ("base64, no padding", STANDARD_NO_PAD.encode(value)),
        ("base64, lines", wrapped.join("\r\n")),
        ("base64, percent", percent(&STANDARD.encode(value), true)),
        (
            "base64, escaped slashes",
            STANDARD.encode(value).replace('/', "\\/"),
        ),
        (
            "a login",
            STANDARD.encode(format!("desk@example.com:{value}")),
        ),
        ("base64, twice", STANDARD.encode(STANDARD.encode(value))),
        (
            "base64, thrice",
            URL_SAFE_NO_PAD.encode(STANDARD.encode(STANDARD.encode(value))),
        ),
        (
            "json in base64",
            STANDARD.encode(format!("{{\"token\":{json}}}")),
        ),
        (
            "form in base64 in json",
            format!(
                "{{\"body\":\"{}\"}}",
                STANDARD.encode(format!("a=b&token={form}"))
            ),
        ),
        ("hex", hex::encode(value)),
        ("hex, upper case", hex::encode_upper(value)),
        ("numbers", format!("{:?}", value.as_bytes())),
        (
            "numbers, close",
            format!("{:?}", value.as_bytes()).replace(' ', ""),
        ),
        ("hex in base64", STANDARD.encode(hex::encode(value))),
        ("base64 in hex", hex::encode(STANDARD.encode(value))),
    ]
}

#[test]
fn a_value_is_found_in_every_encoding_and_what_is_not_it_is_left() {
    for value in [VALUE, "a1b2c3d4", "tgt_0123456789abcdef0123456789abcdef"] {
        let scanner = scanner(value);
        for (how, text) in disguises(value) {
            for around in [
                ("", ""),
                ("x ", " y"),
                ("{\"reply\":\"", "\"}"),
                ("<b>", "</b>"),
            ] {
                let text = format!("{}{text}{}", around.0, around.1);
                let found = scanner.find("acme", text.as_bytes());
                let name = found.and_then(|found| found.name);
                assert_eq!(name.as_deref(), Some("desk-token"), "{how}: {text}");
            }
        }
        let other = disguises("another value: 0123456789-9876543210");
        for (how, text) in other {
            assert_eq!(scanner.find("acme", text.as_bytes()), None, "{how}");
        }
    }
}

#[test]
fn a_scrubbed_text_has_no_value_in_any_encoding() {
    let scanner = scanner(VALUE);
    for (how, text) in disguises(VALUE) {
        let text = format!("the server said <{text}>, twice: {text}");
        let scrubbed = scanner.scrub(&text);
        assert!(
            scrubbed.contains("[secret desk-token]"),
            "{how}: {scrubbed}"
        );
        assert_eq!(
            scanner.find("acme", scrubbed.as_bytes()),
            None,
            "{how}: {scrubbed}"
        );
    }
    let text = format!("no {VALUE} here");
    assert_eq!(scanner.scrub(&text), "no [secret desk-token] here");
    assert!(matches!(scanner.scrub("nothing"), Cow::Borrowed("nothing")));
    let login = STANDARD.encode(format!("desk:{VALUE}"));
    assert_eq!(
        scanner.scrub(&format!("Authorization: Basic {login}.")),
        "Authorization: Basic [secret desk-token].",
        "not even the letters that it shares with the user's name stay"
    );
}

#[test]
fn another_tenants_value_is_found_and_its_slot_not_named() {
    let scanner = scanner(VALUE);
    let found = scanner.find("other", VALUE.as_bytes()).unwrap();
    assert_eq!(found.name, None);
    assert_eq!(found.to_string(), "a secret of this host");
    assert_eq!(scanner.scrub_for("other", VALUE), "[secret]");
    assert_eq!(scanner.scrub_for("acme", VALUE), "[secret desk-token]");
    let same = Secret::new("ours", VALUE.as_bytes().to_vec());
    scanner.learn("other", &same).unwrap();
    let found = scanner.find("other", VALUE.as_bytes()).unwrap();
    assert_eq!(found.to_string(), "the secret `ours`");
}

#[test]
fn an_earlier_value_and_a_token_are_looked_for_until_their_time() {
    let scanner = scanner("the-first-value");
    let second = Secret::new("desk-token", b"the-second-value".to_vec());
    scanner.learn("acme", &second).unwrap();
    let now = Instant::now();
    scanner
        .learn_until("acme", "desk-token", "desk", b"an-access-token", now)
        .unwrap();
    scanner
        .learn_until("acme", "desk-token", "desk", b"short", now)
        .unwrap();
    let knows = |text: &str| scanner.find("acme", text.as_bytes()).is_some();
    for value in ["the-first-value", "the-second-value", "an-access-token"] {
        assert!(knows(value), "{value}");
    }
    assert!(!knows("short"));
    // As if their time had passed: the next change leaves them out.
    for live in scanner.live.lock().unwrap().iter_mut() {
        if live.until.is_some() {
            live.until = Some(now);
        }
    }
    let other = Secret::new("other", b"yet-another-value".to_vec());
    scanner.learn("acme", &other).unwrap();
    assert!(!knows("the-first-value") && !knows("an-access-token"));
    assert!(knows("the-second-value") && knows("yet-another-value"));
    // A value that comes back is current again.
    let first = Secret::new("desk-token", b"the-first-value".to_vec());
    scanner.learn("acme", &first).unwrap();
    scanner.learn("acme", &second).unwrap();
    let live = scanner.live.lock().unwrap();
    let current: Vec<_> = live.iter().filter(|live| live.until.is_none()).collect();
    assert_eq!(current.len(), 2);
    assert!(
        current
            .iter()
            .any(|live| live.value.as_slice() == second.expose())
    );
}

/// The attack: a server gives one tenant a value that begins before another
/// tenant's secret in an answer, and covers its beginning.
#[test]
fn a_value_that_a_server_gave_withholds_nothing_of_others_and_hides_nothing() {
    let scanner = scanner("canary-of-acme");
    let given = b"a-header-then-canary-of";
    scanner
        .learn_until("other", "api", "api", given, Instant::now())
        .unwrap();
    let both = "a-header-then-canary-of-acme";
    for tenant in ["acme", "other", "third"] {
        assert!(scanner.find(tenant, both.as_bytes()).is_some(), "{tenant}");
        let scrubbed = scanner.scrub_for(tenant, both);
        assert!(!scrubbed.contains("canary-of-acme"), "{scrubbed}");
    }
    let found = |tenant| scanner.find(tenant, given);
    assert_eq!(found("acme"), None);
    assert_eq!(found("other").unwrap().to_string(), "the secret `api`");
    let text = "a-header-then-canary-of";
    assert_eq!(scanner.scrub_for("acme", text), text);
    assert_eq!(scanner.scrub_for("other", text), "[secret api]");
    assert_eq!(scanner.scrub(text), "[secret api]");
    assert_eq!(
        scanner.scrub_for("other", "canary-of-acme, a-header-then-canary-of"),
        "[secret], [secret api]"
    );
}

#[test]
fn without_secrets_nothing_is_found_or_changed() {
    let scanner = Scanner::default();
    assert_eq!(scanner.find("acme", b"anything"), None);
    assert_eq!(scanner.scrub("anything"), "anything");
    assert_eq!(format!("{scanner:?}"), "Scanner(0 values)");
}

proptest! {
    /// Bytes of any kind neither panic nor look like a secret; with the value in
    /// them they do, whatever stands around it.
    #[test]
    fn any_bytes_are_looked_at(
        value in proptest::collection::vec(any::<u8>(), 12..40),
        before in proptest::collection::vec(any::<u8>(), 0..40),
        after in "[%\\\\u0-9a-f+/=\\n ]{0,40}",
    ) {
        let scanner = Scanner::default();
        scanner.learn("acme", &Secret::new("x", value.clone())).unwrap();
        let noise = [before.as_slice(), after.as_bytes()].concat();
        prop_assert_eq!(scanner.find("acme", &noise), None);
        let text = [before.as_slice(), &value, after.as_bytes()].concat();
        prop_assert!(scanner.find("acme", &text).is_some());
        let json = serde_json::json!({ "bytes": STANDARD.encode(&text) }).to_string();
        prop_assert!(scanner.find("acme", json.as_bytes()).is_some());
        let twice = serde_json::json!({ "bytes": STANDARD.encode(&json) }).to_string();
        prop_assert!(scanner.find("acme", twice.as_bytes()).is_some());
    }
}
