//! JSON read with nothing lost, for every face.
//!
//! The attack: a number that a double rounds, or a key that stands twice, means
//! one thing to a rule and another to whoever carries the call out. Two account
//! numbers beyond 2^53 would even share a digest, and with it an approval. So
//! what a lenient parser would silently change is refused, with its place.

use serde_json::Value;
use tollgate_policy::{CanonicalError, parse_exact};

use crate::gatekeeper::Refusal;

/// The value of `bytes`. Places inside the tool's input, which stands at
/// `input_at`, are named from there, as the host names them.
pub(crate) fn read(bytes: &[u8], input_at: &str) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(bytes).map_err(|_| refusal(CanonicalError::NotUtf8))?;
    parse_exact(text).map_err(|error| refusal(within(error, input_at)))
}

fn refusal(error: CanonicalError) -> Refusal {
    let message = error.to_string();
    match error {
        CanonicalError::InexactNumber { pointer, .. }
        | CanonicalError::DuplicateKey { pointer }
        | CanonicalError::TooDeep { pointer, .. } => {
            Refusal::new("invalid_input", message).with_pointer(pointer)
        }
        _ => Refusal::new("malformed", message),
    }
}

fn within(error: CanonicalError, input_at: &str) -> CanonicalError {
    let local = |pointer: String| match pointer.strip_prefix(input_at) {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => pointer,
    };
    match error {
        CanonicalError::InexactNumber { pointer, number } => CanonicalError::InexactNumber {
            pointer: local(pointer),
            number,
        },
        CanonicalError::DuplicateKey { pointer } => CanonicalError::DuplicateKey {
            pointer: local(pointer),
        },
        CanonicalError::TooDeep { pointer, limit } => CanonicalError::TooDeep {
            pointer: local(pointer),
            limit,
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_would_be_changed_is_named_with_its_place_in_the_input() {
        let cases = [
            (
                r#"{"input":{"account":9007199254740993}}"#,
                "invalid_input",
                Some("/account"),
            ),
            (
                r#"{"input":{"account":9007199254740993.0}}"#,
                "invalid_input",
                Some("/account"),
            ),
            (
                r#"{"input":{"of":[1e400]}}"#,
                "invalid_input",
                Some("/of/0"),
            ),
            (
                r#"{"input":{"to":"a","to":"b"}}"#,
                "invalid_input",
                Some("/to"),
            ),
            (
                r#"{"inputs":{"n":9007199254740993}}"#,
                "invalid_input",
                Some("/inputs/n"),
            ),
            ("{", "malformed", None),
        ];
        for (text, kind, pointer) in cases {
            let Err(refusal) = read(text.as_bytes(), "/input") else {
                panic!("{text} was read");
            };
            assert_eq!(
                (refusal.kind.as_ref(), refusal.pointer.as_deref()),
                (kind, pointer),
                "{text}"
            );
        }
    }
}
