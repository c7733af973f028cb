//! JSON with one spelling (RFC 8785), and a reader that loses nothing.
//!
//! Digests and approvals are taken over canonical JSON. RFC 8785 writes numbers
//! as doubles do, so two account numbers beyond 2^53 would share a digest, and
//! an approval for one would release a payment to the other. Hence the number
//! rule: a number that a double cannot hold exactly is refused, with advice to
//! send it as a string.
//!
//! The usual readers were refused for input from outside: they keep the last of
//! two equal keys (the checker may see the other one), and round numbers
//! silently.

use std::{cmp::Ordering, fmt::Write as _};

use serde_json::{Map, Number, Value};

/// The largest magnitude of a number: 2^53. Up to here every integer is exact
/// as a double.
pub const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// The deepest nesting that [`parse_exact`] reads. Tool inputs need five or
/// six; deeper ones aim at the stack of whoever walks them.
pub const JSON_DEPTH_MAX: usize = 64;

/// The deepest nesting that [`canonical`] writes: room for the host's own
/// layers around what was read.
const WRITE_DEPTH_MAX: usize = 2 * JSON_DEPTH_MAX;

/// Why JSON is not exact. `pointer` is a JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// Not UTF-8.
    #[error("the text is not UTF-8; send JSON in UTF-8")]
    NotUtf8,
    /// A number that a double cannot hold exactly.
    #[error("the number at `{pointer}` is not exact as a double ({number}); send it as a string")]
    InexactNumber {
        /// Where it stands.
        pointer: String,
        /// The number as it was written, cut where it is long.
        number: String,
    },
    /// A key that stands twice in one object.
    #[error("the key at `{pointer}` stands twice in its object; send each key once")]
    DuplicateKey {
        /// Where it stands.
        pointer: String,
    },
    /// Nested deeper than is read or written.
    #[error("the value at `{pointer}` is nested deeper than {limit} levels; send a flatter one")]
    TooDeep {
        /// Where the limit was reached.
        pointer: String,
        /// The limit.
        limit: usize,
    },
    /// Not JSON.
    #[error("the text is not JSON at byte {at}: {what}; send one JSON value")]
    Syntax {
        /// The byte offset.
        at: usize,
        /// What was expected there.
        what: &'static str,
    },
}

/// The canonical text of a value.
///
/// # Errors
/// When it holds a number above 2^53 in magnitude, or is nested too deeply.
pub fn canonical(value: &Value) -> Result<String, CanonicalError> {
    let mut writer = Writer {
        text: String::new(),
        path: Vec::new(),
    };
    writer.value(value)?;
    Ok(writer.text)
}

/// The value of a JSON text, with nothing lost: no key twice, no number that
/// a double rounds (an integer beyond 2^53 in any notation, more digits than a
/// double keeps, an exponent out of range), no lone surrogate, nothing nested
/// over [`JSON_DEPTH_MAX`]. Whole numbers become integers however they are
/// written, as the canonical text has them.
///
/// # Errors
/// With the place of what would be lost.
pub fn parse_exact(text: &str) -> Result<Value, CanonicalError> {
    let mut reader = Reader {
        text,
        at: 0,
        path: Vec::new(),
    };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at == text.len() {
        Ok(value)
    } else {
        reader.fail("nothing may follow the value")
    }
}

/// One step of a path: a key or an index.
enum Step {
    Key(String),
    Index(usize),
}

fn pointer(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                text.push('/');
                text.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(index) => {
                let _ = write!(text, "/{index}");
            }
        }
    }
    text
}

struct Writer {
    text: String,
    path: Vec<Step>,
}

impl Writer {
    fn value(&mut self, value: &Value) -> Result<(), CanonicalError> {
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            Value::Number(number) => self.number(number)?,
            Value::String(text) => self.string(text),
            Value::Array(items) => self.array(items)?,
            Value::Object(fields) => self.object(fields)?,
        }
        Ok(())
    }

    fn array(&mut self, items: &[Value]) -> Result<(), CanonicalError> {
        self.text.push('[');
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            self.below(Step::Index(i), item)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Result<(), CanonicalError> {
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| by_utf16(a, b));
        self.text.push('{');
        for (i, (key, value)) in sorted.into_iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            self.string(key);
            self.text.push(':');
            self.below(Step::Key(key.clone()), value)?;
        }
        self.text.push('}');
        Ok(())
    }

    fn below(&mut self, step: Step, value: &Value) -> Result<(), CanonicalError> {
        self.path.push(step);
        if self.path.len() > WRITE_DEPTH_MAX {
            let pointer = pointer(&self.path);
            return Err(CanonicalError::TooDeep {
                pointer,
                limit: WRITE_DEPTH_MAX,
            });
        }
        self.value(value)?;
        self.path.pop();
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Result<(), CanonicalError> {
        if let Some(integer) = number
            .as_i64()
            .filter(|i| i.unsigned_abs() <= EXACT_INTEGER_MAX)
        {
            let _ = write!(self.text, "{integer}");
            return Ok(());
        }
        let float = number.as_f64().filter(|_| number.is_f64());
        match float.filter(|f| f.abs() <= EXACT_INTEGER_MAX as f64) {
            Some(float) => self
                .text
                .push_str(ryu_js::Buffer::new().format_finite(float)),
            None => return Err(inexact(&self.path, &number.to_string())),
        }
        Ok(())
    }

    /// RFC 8785 §3.2.2.2: the two-character escapes, `\u00xx` for the other
    /// controls, everything else as it is.
    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\u{8}' => self.text.push_str("\\b"),
                '\t' => self.text.push_str("\\t"),
                '\n' => self.text.push_str("\\n"),
                '\u{c}' => self.text.push_str("\\f"),
                '\r' => self.text.push_str("\\r"),
                '\0'..='\u{1f}' => {
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}

/// RFC 8785 §3.2.3: keys are sorted as UTF-16, where a character beyond the
/// basic plane sorts before U+E000 to U+FFFF.
fn by_utf16(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

/// A decimal number: `0.digits × 10^point`, without zeros at either end.
#[derive(PartialEq)]
struct Decimal {
    negative: bool,
    digits: String,
    point: i64,
}

impl Decimal {
    /// The shortest digits that read back as the same double, as ECMAScript's
    /// `Number::toString` has them: of two that are as near it takes the even one,
    /// the standard library the farther from zero.
    fn of(float: f64) -> Self {
        let text = ryu_js::Buffer::new().format_finite(float).to_owned();
        Self::read(&text).expect("a written double is a readable numeral")
    }

    /// Reads a JSON numeral. Nothing where the exponent is absurd.
    fn read(numeral: &str) -> Option<Self> {
        let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
        let exponent: i64 = exponent.parse::<i32>().ok()?.into();
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0');
        let zeros = (all.len() - digits.len()) as i64;
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits,
                point: 0,
            });
        }
        Some(Self {
            negative,
            digits,
            point: whole.len() as i64 - zeros + exponent,
        })
    }
}

fn inexact(path: &[Step], number: &str) -> CanonicalError {
    let number = number.chars().take(40).collect();
    CanonicalError::InexactNumber {
        pointer: pointer(path),
        number,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    path: Vec<Step>,
}

impl Reader<'_> {
    fn fail<T>(&self, what: &'static str) -> Result<T, CanonicalError> {
        Err(CanonicalError::Syntax { at: self.at, what })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value, CanonicalError> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, CanonicalError> {
        let words = [
            ("null", Value::Null),
            ("true", true.into()),
            ("false", false.into()),
        ];
        for (word, value) in words {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.fail("a value is expected")
    }

    fn below(&mut self, step: Step) -> Result<Value, CanonicalError> {
        self.path.push(step);
        if self.path.len() > JSON_DEPTH_MAX {
            let pointer = pointer(&self.path);
            return Err(CanonicalError::TooDeep {
                pointer,
                limit: JSON_DEPTH_MAX,
            });
        }
        let value = self.value()?;
        self.path.pop();
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, CanonicalError> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.below(Step::Index(items.len()))?);
            self.space();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return self.fail("`,` or `]` is expected");
            }
        }
    }

    fn object(&mut self) -> Result<Value, CanonicalError> {
        self.at += 1;
        let mut fields = Map::new();
        self.space();
        if self.eat(b'}') {
            return Ok(Value::Object(fields));
        }
        loop {
            self.space();
            self.field(&mut fields)?;
            self.space();
            if self.eat(b'}') {
                return Ok(Value::Object(fields));
            }
            if !self.eat(b',') {
                return self.fail("`,` or `}` is expected");
            }
        }
    }

    fn field(&mut self, fields: &mut Map<String, Value>) -> Result<(), CanonicalError> {
        let key = self.string()?;
        if fields.contains_key(&key) {
            self.path.push(Step::Key(key));
            return Err(CanonicalError::DuplicateKey {
                pointer: pointer(&self.path),
            });
        }
        self.space();
        if !self.eat(b':') {
            return self.fail("`:` is expected");
        }
        self.space();
        let value = self.below(Step::Key(key.clone()))?;
        fields.insert(key, value);
        Ok(())
    }

    /// Finds the end of the string; escapes, controls and surrogates are judged
    /// by `serde_json`.
    fn string(&mut self) -> Result<String, CanonicalError> {
        let start = self.at;
        if !self.eat(b'"') {
            return self.fail("a string is expected");
        }
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return self.fail("the string has no end"),
            }
        }
        self.at += 1;
        let token = self.text.get(start..self.at);
        match token.and_then(|token| serde_json::from_str(token).ok()) {
            Some(text) => Ok(text),
            None => self.fail("the string has an escape or a character that JSON does not allow"),
        }
    }

    fn number(&mut self) -> Result<Value, CanonicalError> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        let numeral = &self.text[start..self.at];
        exact(numeral).ok_or_else(|| inexact(&self.path, numeral))
    }

    fn digits(&mut self) -> Result<(), CanonicalError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            self.fail("a digit is expected")
        }
    }
}

/// The number a numeral stands for, if a double holds just that: its shortest
/// digits are the numeral's own.
fn exact(numeral: &str) -> Option<Value> {
    let written = Decimal::read(numeral)?;
    let float: f64 = numeral.parse().ok()?;
    if !float.is_finite() || float.abs() > EXACT_INTEGER_MAX as f64 || Decimal::of(float) != written
    {
        return None;
    }
    if float.fract() == 0.0 {
        return Some((float as i64).into());
    }
    Number::from_f64(float).map(Value::Number)
}

#[cfg(test)]
mod tests {
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
}
