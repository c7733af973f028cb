//! Nothing that a guest says leaves its place in the target.

use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::{super::*, get, grant, routes};

/// The attacks on a path that are known by name, and what becomes of each.
#[test]
fn no_spelling_of_a_segment_goes_up_or_becomes_two() {
    let desk = routes(&[
        "call = \"GET /t/{name:text}\"",
        "call = \"GET /f/{rest:path}\"",
    ]);
    for segment in [
        ".",
        "..",
        "../admin",
        "a/../../admin",
        "..\\admin",
        "..;",
        "..;x=1",
        "a/..;/b",
        "./a",
        "a/.",
        "\r\nx",
        "a\0",
        "a\u{7f}",
        "\u{85}",
    ] {
        for first in ["t", "f"] {
            let told = desk.judge(&get(&[first, segment], &[])).unwrap_err();
            assert!(
                matches!(told, HttpRefusal::Segment { index: 2, .. }),
                "{segment:?}: {told}"
            );
        }
    }
    for segment in ["a/b", "a\\b", "//evil.example", "1/close"] {
        let told = desk.judge(&get(&["t", segment], &[])).unwrap_err();
        assert!(
            matches!(told, HttpRefusal::Segment { index: 2, .. }),
            "{segment:?}: {told}"
        );
    }
    for (segment, sent) in [
        ("%2e%2e", "%252e%252e"),
        ("a?b=c", "a%3Fb=c"),
        ("a#b", "a%23b"),
        ("a;b", "a%3Bb"),
        ("a b+c", "a%20b+c"),
        ("...", "..."),
        ("..a", "..a"),
        ("a:b@c!$&'()*,=~", "a:b@c!$&'()*,=~"),
        ("ü", "%C3%BC"),
        ("\u{ff0e}\u{ff0e}", "%EF%BC%8E%EF%BC%8E"),
    ] {
        let judged = desk.judge(&get(&["t", segment], &[])).unwrap();
        assert_eq!(judged.target.with_key(""), format!("/api/v2/t/{sent}"));
    }
    // In a rest, a slash inside a segment would read as two of them in a rule.
    assert!(desk.judge(&get(&["f", "a/b"], &[])).is_err());
    for path in [&["t", "", "a"][..], &["", "t", "a"], &["f", "", "a"]] {
        let told = desk.judge(&get(path, &[])).unwrap_err();
        assert!(
            matches!(told, HttpRefusal::Segment { .. }),
            "{path:?}: {told}"
        );
    }
}

#[test]
fn a_query_value_is_one_value() {
    let desk = routes(&["call = \"GET /s\"\nquery = { q = \"text\", \"filter[a]\" = \"text\" }"]);
    for (value, sent) in [
        ("a&admin=1", "a%26admin%3D1"),
        ("a;admin=1", "a%3Badmin%3D1"),
        ("a+b c", "a%2Bb%20c"),
        ("a#b?c/d", "a%23b%3Fc%2Fd"),
        ("\r\n", "%0D%0A"),
        ("", ""),
    ] {
        let judged = desk.judge(&get(&["s"], &[("q", value)])).unwrap();
        assert_eq!(judged.target.with_key(""), format!("/api/v2/s?q={sent}"));
        assert_eq!(judged.query["q"], value);
    }
    let judged = desk.judge(&get(&["s"], &[("filter[a]", "b")])).unwrap();
    assert_eq!(judged.target.with_key(""), "/api/v2/s?filter%5Ba%5D=b");
}

/// The attack: a second `role=admin` that the server takes, behind the first one that
/// the rule has seen.
#[test]
fn a_parameter_stands_as_often_as_its_row_says_and_rules_see_them_all() {
    let desk = routes(&[
        "call = \"GET /s\"\nquery = { tag = { kind = \"int\", times = 2 }, \
         state = { one_of = [\"open\", \"on hold\"] } }",
    ]);
    let sent = |query: &[(&str, &str)]| {
        let judged = desk.judge(&get(&["s"], query))?;
        Ok::<_, HttpRefusal>((judged.target.with_key(""), judged.query, judged.egress))
    };
    let (target, query, egress) =
        sent(&[("tag", "1"), ("state", "on hold"), ("tag", "2")]).unwrap();
    assert_eq!(target, "/api/v2/s?tag=1&state=on%20hold&tag=2");
    assert_eq!(
        Value::from(query),
        json!({"tag": [1, 2], "state": "on hold"})
    );
    assert!(!egress, "closed values and numbers are no free text");
    // One value of a list is a list: a rule need not know how many there are.
    assert_eq!(sent(&[("tag", "1")]).unwrap().1["tag"], json!([1]));
    let told = |query: &[(&str, &str)]| sent(query).unwrap_err().to_string();
    let thrice = told(&[("tag", "1"), ("tag", "2"), ("tag", "3")]);
    assert!(thrice.contains("may stand there 2 times"), "{thrice}");
    let twice = told(&[("state", "open"), ("state", "open")]);
    assert!(twice.contains("may stand there once"), "{twice}");
    for (name, value) in [("state", "Open"), ("state", ""), ("tag", "a")] {
        let told = told(&[(name, value)]);
        assert!(told.contains(" is not "), "{told}");
        assert!(!told.contains("Open"), "no value in a message: {told}");
    }
    assert!(told(&[("state", "no")]).contains("one of `on hold`, `open`"));
}

#[test]
fn a_base_without_a_path_and_a_path_without_segments_make_a_target() {
    let root = |call: &str| {
        grant(&format!(
            "[grant.http.desk]\nbase_url = \"https://desk.example\"\n[[grant.http.desk.route]]\ncall = \"{call}\"\nquery = {{ a = \"int\" }}"
        ))
    };
    let target = |grant: &HttpGrant, path: &[&str], query: &[(&str, &str)]| {
        grant.judge(&get(path, query)).unwrap().target.with_key("")
    };
    assert_eq!(target(&root("GET /"), &[], &[]), "/");
    assert_eq!(target(&root("GET /"), &[], &[("a", "1")]), "/?a=1");
    assert_eq!(target(&root("GET /a"), &["a"], &[("a", "1")]), "/a?a=1");
    let below = routes(&["call = \"GET /\""]);
    assert_eq!(target(&below, &[], &[]), "/api/v2");
}

#[test]
fn what_is_too_long_for_servers_is_not_sent() {
    let desk = routes(&["call = \"GET /f/{rest:path}\""]);
    let long = "a".repeat(2_049);
    assert!(desk.judge(&get(&["f", &long], &[])).is_err());
    let wide = "ü".repeat(1_000);
    assert!(desk.judge(&get(&["f", &wide], &[])).is_ok());
    let told = desk.judge(&get(&["f", &wide, &wide], &[])).unwrap_err();
    assert!(matches!(told, HttpRefusal::TooMuch { .. }), "{told}");
    let many = vec!["f"; 65];
    assert!(matches!(
        desk.judge(&get(&many, &[])),
        Err(HttpRefusal::TooMuch { .. })
    ));
}

/// What a careful server makes of a percent-encoded text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b == b'%' {
            let hex = [rest.next().unwrap(), rest.next().unwrap()];
            let hex = std::str::from_utf8(&hex).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// Text with the marks that matter much more often than by chance.
fn hostile() -> impl Strategy<Value = String> {
    let mark = prop_oneof![
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("/".to_owned()),
        Just("\\".to_owned()),
        Just("%2e".to_owned()),
        Just("%2F".to_owned()),
        Just(";".to_owned()),
        Just("?".to_owned()),
        Just("#".to_owned()),
        Just("\r\n".to_owned()),
        Just(" ".to_owned()),
        Just("@".to_owned()),
        Just("//".to_owned()),
        Just(":".to_owned()),
        Just("\u{202e}".to_owned()),
        "[a-z]{1,3}",
        "\\PC{0,3}",
        any::<char>().prop_map(|c| c.to_string()),
    ];
    prop::collection::vec(mark, 0..6).prop_map(|marks| marks.concat())
}

proptest! {
    #[test]
    fn an_accepted_target_is_below_the_base_and_decodes_to_its_segments(
        texts in prop::collection::vec(hostile(), 0..5),
        is_rest in any::<bool>(),
        value in hostile(),
    ) {
        let row = "query = { q = \"text\" }";
        let desk = routes(&[
            &format!("call = \"GET /t/{{a:text}}\"\n{row}"),
            &format!("call = \"GET /t/{{a:text}}/x/{{b:text}}\"\n{row}"),
            &format!("call = \"GET /r/{{rest:path}}\"\n{row}"),
        ]);
        let mut path: Vec<&str> = vec![if is_rest { "r" } else { "t" }];
        path.extend(texts.iter().map(String::as_str));
        if !is_rest && path.len() == 3 {
            path.insert(2, "x");
        }
        let query = [("q", value.as_str())];
        if let Ok(judged) = desk.judge(&get(&path, &query)) {
            let target = judged.target.with_key("");
            prop_assert!(target.bytes().all(|b| (b'!'..=b'~').contains(&b)), "{target}");
            prop_assert!(!target.contains(['\\', '#', '"', '<', '>', ';']), "{target}");
            let (sent, asked) = target.split_once('?').unwrap();
            prop_assert!(!asked.contains(['?', '&']), "{target}");
            prop_assert_eq!(decoded(asked.strip_prefix("q=").unwrap()), value);
            let below = sent.strip_prefix("/api/v2/").unwrap();
            let segments: Vec<String> = below.split('/').map(decoded).collect();
            prop_assert_eq!(&segments, &path);
            // The library that sends it reads the same, and resolves nothing away.
            let url = Url::parse(&format!("https://desk.example{target}")).unwrap();
            prop_assert_eq!(url.path(), sent);
            prop_assert_eq!(url.query(), Some(asked));
            prop_assert_eq!(url.host_str(), Some("desk.example"));
        }
    }
}
