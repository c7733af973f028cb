//! Bounds of text, in both directions.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tollgate_sdk::prelude::*;

/// Longest text of a message, characters: what Slack advises for `text`
/// (docs.slack.dev, `chat.postMessage`, "Truncating content"), and far below the
/// 64 KiB of a Matrix event.
pub(crate) const TEXT_CHARS_MAX: usize = 4000;

/// Longest id, cursor or token, bytes.
const ID_BYTES_MAX: usize = 512;

/// A text that may be cut, and whether it was.
pub(crate) fn cut(mut text: String) -> (String, bool) {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => {
            text.truncate(end);
            (text, true)
        }
        None => (text, false),
    }
}

/// A name as the service gives it: one line, at most 200 characters.
pub(crate) fn name(text: &str) -> Option<String> {
    let line: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A message: not empty, not too long, no control characters but line breaks.
pub(crate) fn message<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let invalid = |what: &str| Err(ToolError::invalid_input(pointer, what.to_owned()));
    if text.trim().is_empty() {
        return invalid("is empty");
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        return invalid(&format!(
            "has more than {TEXT_CHARS_MAX} characters; post it in parts"
        ));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return invalid("holds a control character");
    }
    Ok(text)
}

/// A key of the caller's own: what a message is looked for by later.
pub(crate) fn key<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if (8..=64).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is no key: 8 to 64 of letters, digits, `-`, `_`, `.` and `:`",
    ))
}

/// An id or cursor that an earlier answer gave.
pub(crate) fn token<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let is_token = (1..=ID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_token {
        return Ok(text);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is nothing that an earlier answer gave",
    ))
}

/// A time in seconds since 1970, as RFC 3339.
pub(crate) fn instant(seconds: i64) -> Option<String> {
    let instant = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    instant.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let (text, was_cut) = cut("é".repeat(TEXT_CHARS_MAX + 1));
        assert_eq!((text.chars().count(), was_cut), (TEXT_CHARS_MAX, true));
        assert!(!cut("é".repeat(TEXT_CHARS_MAX)).1);
    }

    #[test]
    fn a_message_says_something_in_bounds() {
        assert!(message("/text", "done\n\tall").is_ok());
        for bad in [
            "",
            " \n",
            "a\u{1b}[2J",
            "a\0",
            &"x".repeat(TEXT_CHARS_MAX + 1),
        ] {
            assert!(message("/text", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn keys_and_tokens_have_their_shape() {
        assert!(key("/key", "order-4711:paid").is_ok());
        for bad in ["short", "with space 1", "quote'quote", &"k".repeat(65)] {
            assert!(key("/key", bad).is_err(), "{bad}");
        }
        assert!(token("/page", "bmV4dF90czoxNTEy==").is_ok());
        for bad in ["", "a b", "a\nb", "é", &"t".repeat(513)] {
            assert!(token("/page", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_is_written_for_people() {
        assert_eq!(
            instant(1_503_435_956).as_deref(),
            Some("2017-08-22T21:05:56Z")
        );
        assert_eq!(instant(i64::MAX), None);
    }
}
