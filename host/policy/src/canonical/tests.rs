//! What two parties must read and write alike.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;
use proptest::prelude::*;
use serde_json::json;

#[test]
fn account_numbers_that_differ_in_the_last_digit_never_share_a_text() {
    let pointer_of = |text: &str| match parse_exact(text) {
        Err(CanonicalError::InexactNumber { pointer, .. }) => pointer,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(
        pointer_of(r#"{"to":{"account":9007199254740993}}"#),
        "/to/account"
    );
    assert_eq!(
        pointer_of(r#"[1,{"a/b~":9007199254740993.0}]"#),
        "/1/a~1b~0"
    );
    for text in [
        "9007199254740993",
        "-9007199254740993",
        "9007199254740993.0",
        "9007199254740993e0",
        "90071992547409930e-1",
        "0.9007199254740993e16",
        "9007199254740994",
        "18446744073709551616",
        "1e16",
        "1e22",
        "1e308",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999",
        "1e-99999999999",
        "9007199254740991.3",
        "0.1000000000000000055",
        "123456789.12345678901",
    ] {
        pointer_of(text);
    }
    assert_eq!(
        parse_exact("9007199254740992"),
        Ok(json!(9_007_199_254_740_992_i64))
    );
    for value in [
        json!(9_007_199_254_740_993_i64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e17),
        json!(-1e300),
    ] {
        assert!(
            matches!(canonical(&value), Err(CanonicalError::InexactNumber { .. })),
            "{value}"
        );
    }
    assert_eq!(
        canonical(&json!(9_007_199_254_740_992_i64)).unwrap(),
        "9007199254740992"
    );
}

#[test]
fn numbers_are_written_as_ecmascript_writes_them() {
    for (float, text) in [
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (-1.234e-10, "-1.234e-10"),
        (5e-324, "5e-324"),
        (123_456.789, "123456.789"),
        (4_503_599_627_370_495.5, "4503599627370495.5"),
        (9_007_199_254_740_992.0, "9007199254740992"),
        (0.000_012_3, "0.0000123"),
    ] {
        assert_eq!(canonical(&json!(float)).unwrap(), text);
    }
    // Two decimals are as near to this double: the even one is written.
    assert_eq!(
        canonical(&json!(-2_212_798_997_884_661.2)).unwrap(),
        "-2212798997884661.2"
    );
    assert_eq!(
        canonical(&json!(333_333_333.333_333_3)).unwrap(),
        "333333333.3333333"
    );
}

#[test]
fn keys_are_sorted_as_utf_16() {
    let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
    let text = canonical(&value).unwrap();
    assert_eq!(
        text,
        "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}"
    );
}

#[test]
fn whole_numbers_read_as_integers_however_they_are_written() {
    for (text, value) in [
        ("1.0", 1),
        ("1e2", 100),
        ("-0", 0),
        ("-0.0", 0),
        ("100e-2", 1),
        ("0e9", 0),
        ("1.50e1", 15),
    ] {
        let read = parse_exact(text).unwrap();
        assert!(read.is_i64(), "{text}");
        assert_eq!(read, json!(value));
    }
    assert_eq!(parse_exact("0.10").unwrap(), json!(0.1));
}

#[test]
fn what_other_readers_would_understand_otherwise_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "--1",
        "0x10",
        "NaN",
        "Infinity",
        "nul",
        "truefalse",
        "1 2",
        "[1 2]",
        "\"a",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "\"\u{1}\"",
        "\u{feff}1",
        "/* */1",
        "1 // x",
        "{\"a\" 1}",
        "{\"a\"}",
        "\"\\",
        "{\"é\":1,}",
        "\u{a0}1",
    ] {
        assert!(
            matches!(parse_exact(text), Err(CanonicalError::Syntax { .. })),
            "{text:?}"
        );
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_in_every_spelling() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":3}"#,
        r#"{"a":1,"\u0061":2}"#,
    ] {
        assert_eq!(
            parse_exact(text),
            Err(CanonicalError::DuplicateKey {
                pointer: "/a".to_owned()
            })
        );
    }
    let inner = parse_exact(r#"[{"x":{"é":1,"\u00e9":2}}]"#);
    assert_eq!(
        inner,
        Err(CanonicalError::DuplicateKey {
            pointer: "/0/x/é".to_owned()
        })
    );
}

#[test]
fn nesting_is_bounded_in_both_directions() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(parse_exact(&nested(JSON_DEPTH_MAX + 1)).is_ok());
    for depth in [JSON_DEPTH_MAX + 2, 100_000] {
        assert!(matches!(
            parse_exact(&nested(depth)),
            Err(CanonicalError::TooDeep { .. })
        ));
    }
    let deep = (0..200).fold(Value::Null, |value, _| json!([value]));
    assert!(matches!(
        canonical(&deep),
        Err(CanonicalError::TooDeep { .. })
    ));
}

fn json_value() -> impl Strategy<Value = Value> {
    let limit = EXACT_INTEGER_MAX as i64;
    let number = prop_oneof![
        (-limit..=limit).prop_map(Value::from),
        any::<f64>()
            .prop_filter("within 2^53", |f| f.abs() <= EXACT_INTEGER_MAX as f64)
            .prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_text_is_the_one_of_an_independent_writer(value in json_value()) {
        let theirs = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(canonical(&value).unwrap(), theirs);
    }

    #[test]
    fn the_text_reads_back_to_the_same_text(value in json_value()) {
        let text = canonical(&value).unwrap();
        prop_assert_eq!(canonical(&parse_exact(&text).unwrap()).unwrap(), text);
    }

    #[test]
    fn an_independent_reader_agrees_on_what_is_accepted(text in "[\\[\\]{},:\"\\\\eE+.a0-9 -]{0,16}") {
        if let Ok(value) = parse_exact(&text) {
            let theirs: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(canonical(&value).unwrap(), serde_json_canonicalizer::to_string(&theirs).unwrap());
        }
    }

    #[test]
    fn garbage_is_an_error_and_never_a_panic(text in "\\PC{0,64}") {
        let _ = parse_exact(&text);
    }
}
