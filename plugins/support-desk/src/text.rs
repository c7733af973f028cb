//! Bounds of text, in both directions.

use tollgate_sdk::prelude::*;

/// Longest text of one entry that is handed on, characters. Enough for a mail
/// that a person wrote; a pasted log is cut.
pub(crate) const TEXT_CHARS_MAX: usize = 8000;

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

/// One line, not empty: a subject, a name, a key. Line breaks in a subject can
/// become headers of a mail in the desk.
pub(crate) fn line<'a>(pointer: &str, text: &'a str, most: usize) -> Result<&'a str, ToolError> {
    if text.trim().is_empty() {
        return Err(ToolError::invalid_input(pointer, "is empty"));
    }
    if text.chars().count() > most {
        let message = format!("has more than {most} characters");
        return Err(ToolError::invalid_input(pointer, message));
    }
    if text.chars().any(char::is_control) {
        return Err(ToolError::invalid_input(
            pointer,
            "holds a line break or another control character",
        ));
    }
    Ok(text)
}

/// A message: not empty, not longer than what `list_comments` would show.
pub(crate) fn message<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    if text.trim().is_empty() {
        return Err(ToolError::invalid_input(pointer, "is empty"));
    }
    if text.chars().count() > TEXT_CHARS_MAX {
        let message = format!("has more than {TEXT_CHARS_MAX} characters");
        return Err(ToolError::invalid_input(pointer, message));
    }
    Ok(text)
}

/// A key of the caller's own: what it is looked for by later.
pub(crate) fn key<'a>(pointer: &str, text: &'a str) -> Result<&'a str, ToolError> {
    let is_key = (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_key {
        return Ok(text);
    }
    Err(ToolError::invalid_input(
        pointer,
        "is no key: 8 to 64 of letters, digits, `-`, `_` and `.`",
    ))
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
    fn a_long_text_is_cut_between_characters() {
        let (text, was_cut) = cut("é".repeat(TEXT_CHARS_MAX + 1));
        assert_eq!((text.chars().count(), was_cut), (TEXT_CHARS_MAX, true));
        assert!(!cut("é".repeat(TEXT_CHARS_MAX)).1);
    }

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
    fn a_subject_is_one_line() {
        assert!(line("/subject", "Lamp broken", 200).is_ok());
        for bad in [
            "",
            "  ",
            "a\nBcc: all@example.com",
            "a\u{7f}",
            &"x".repeat(201),
        ] {
            assert!(line("/subject", bad, 200).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_and_a_day_have_their_shape() {
        assert!(key("/key", "order-4711.a_b").is_ok());
        for bad in ["short", "with space 1", "quote'quote", &"k".repeat(65)] {
            assert!(key("/key", bad).is_err(), "{bad}");
        }
        assert!(day("/updated_since", "2026-11-22").is_ok());
        for bad in ["2026-1-22", "22.11.2026", "2026-11-22' OR 1", "2026/11/22"] {
            assert!(day("/updated_since", bad).is_err(), "{bad}");
        }
    }
}
