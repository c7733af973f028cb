//! Bounds of text, in both directions.

use tollgate_sdk::prelude::*;
use tollgate_sdk::text;
pub(crate) use tollgate_sdk::text::line;

/// Longest text of one entry that is handed on, characters. Enough for a mail
/// that a person wrote; a pasted log is cut.
pub(crate) const TEXT_CHARS_MAX: usize = 8000;

/// A text that may be cut, and whether it was.
pub(crate) fn cut(text: String) -> (String, bool) {
    text::cut(text, TEXT_CHARS_MAX)
}

/// An id of a ticket or an entry: digits, in all three desks.
///
/// The attack: an id such as `1/comment` or `1?x=y`. The host encodes segments
/// and the manifest types them; this gives the caller a better message.
pub(crate) fn id<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let is_id = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_id {
        return Ok(text);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is not an id: 1 to 20 digits, as `search_tickets` gives them",
    ))
}

/// A message, not longer than what `list_comments` would show.
pub(crate) fn message<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    text::message(pointer, text, TEXT_CHARS_MAX)
}

/// A key of the caller's own: what it is looked for by later. It stands in queries
/// and subjects of the desks, so it has no `:`.
pub(crate) fn key<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    text::key(pointer, text, "-_.")
}

/// A day, `YYYY-MM-DD`.
pub(crate) fn day<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let shape = |(at, byte): (usize, u8)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    };
    if text.len() == 10 && text.bytes().enumerate().all(shape) {
        return Ok(text);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is no day: write YYYY-MM-DD",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_digits_and_nothing_else() {
        assert!(id("/ticket", "42").is_ok());
        for bad in [
            "",
            "0x1",
            "1/comment",
            "-1",
            "1 ",
            "١",
            "../1",
            &"9".repeat(21),
        ] {
            assert!(id("/ticket", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_and_a_day_have_their_shape() {
        assert!(key("/key", "order-4711.a_b").is_ok());
        assert!(key("/key", "order-4711:paid").is_err());
        assert!(day("/updated_since", "2026-11-22").is_ok());
        for bad in ["2026-1-22", "22.11.2026", "2026-11-22' OR 1", "2026/11/22"] {
            assert!(day("/updated_since", bad).is_err(), "{bad}");
        }
    }
}
