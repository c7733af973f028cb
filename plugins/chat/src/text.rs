//! Bounds of text, in both directions.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tollgate_sdk::prelude::*;
use tollgate_sdk::text;

/// Longest text of a message, characters: what Slack advises for `text`
/// (docs.slack.dev, `chat.postMessage`, "Truncating content"), and far below the
/// 64 KiB of a Matrix event.
pub(crate) const TEXT_CHARS_MAX: usize = 4000;

/// Longest id, cursor or token, bytes.
const ID_BYTES_MAX: usize = 512;

/// A text that may be cut, and whether it was.
pub(crate) fn cut(text: String) -> (String, bool) {
    text::cut(text, TEXT_CHARS_MAX)
}

/// A name as the service gives it: one line, at most 200 characters.
pub(crate) fn name(text: &str) -> Option<String> {
    let line: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A message. One that is too long is posted in parts.
pub(crate) fn message<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    text::message(pointer, text, TEXT_CHARS_MAX)
}

/// A key of the caller's own: what a message is looked for by later.
pub(crate) fn key<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    text::key(pointer, text, "-_.:")
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
    fn keys_and_tokens_have_their_shape() {
        assert!(key("/key", "order-4711:paid").is_ok());
        assert!(key("/key", "order 4711").is_err());
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
