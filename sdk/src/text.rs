//! Text with bounds, in both directions: what a caller may send on, and how much
//! of another system's text is handed to it.
//!
//! What another system holds was written by somebody. It is cut where it is long
//! and never interpreted; what a caller writes is checked before it leaves, with
//! errors that point at the place.

use crate::ToolError;

/// At most so many characters, and whether there were more.
#[must_use]
pub fn cut(mut text: String, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((end, _)) => {
            text.truncate(end);
            (text, true)
        }
        None => (text, false),
    }
}

/// At most so many characters; `…` says that there were more.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match cut(text.to_owned(), most) {
        (text, true) => format!("{text}…"),
        (text, false) => text,
    }
}

/// One line of a caller's: a subject, a name, a status. Not empty, at most so many
/// characters, no control character.
///
/// The attack: a line break in what becomes a header of a mail.
///
/// # Errors
/// What is wrong with it, at the pointer.
pub fn line<'a>(pointer: &str, text: &'a str, most: usize) -> Result<&'a str, ToolError> {
    bounded(pointer, text, most)?;
    if text.chars().any(char::is_control) {
        return Err(ToolError::invalid_input(
            pointer,
            "holds a line break or another control character",
        ));
    }
    Ok(text)
}

/// A message of a caller's: not empty, at most so many characters, no control
/// character but line breaks and tabs.
///
/// # Errors
/// What is wrong with it, at the pointer.
pub fn message<'a>(pointer: &str, text: &'a str, most: usize) -> Result<&'a str, ToolError> {
    bounded(pointer, text, most)?;
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().any(is_odd) {
        return Err(ToolError::invalid_input(
            pointer,
            "holds a control character",
        ));
    }
    Ok(text)
}

/// A key of a caller's own, by which something is looked for later: 8 to 64 letters
/// and digits of ASCII, and these marks.
///
/// # Errors
/// What a key is, at the pointer.
pub fn key<'a>(pointer: &str, text: &'a str, marks: &str) -> Result<&'a str, ToolError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
    if (8..=64).contains(&text.len()) && text.chars().all(is_plain) {
        return Ok(text);
    }
    let marks: Vec<String> = marks.chars().map(|mark| format!("`{mark}`")).collect();
    Err(ToolError::invalid_input(
        pointer,
        format!(
            "is no key: 8 to 64 letters and digits, and of {}",
            marks.join(", ")
        ),
    ))
}

fn bounded(pointer: &str, text: &str, most: usize) -> Result<(), ToolError> {
    if text.trim().is_empty() {
        return Err(ToolError::invalid_input(pointer, "is empty"));
    }
    if text.chars().count() > most {
        let message = format!("has more than {most} characters");
        return Err(ToolError::invalid_input(pointer, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(cut("éé".to_owned(), 1), ("é".to_owned(), true));
        assert_eq!(cut("éé".to_owned(), 2), ("éé".to_owned(), false));
        assert_eq!(shortened("éé", 1), "é…");
        assert_eq!(shortened("éé", 2), "éé");
    }

    #[test]
    fn a_line_is_one_line() {
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
    fn a_message_says_something_in_bounds() {
        assert!(message("/text", "done\r\n\tall", 20).is_ok());
        for bad in ["", " \n", "a\u{1b}[2J", "a\0", &"x".repeat(21)] {
            assert!(message("/text", bad, 20).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_key_has_its_shape() {
        assert!(key("/key", "order-4711.a_b", "-_.").is_ok());
        assert!(key("/key", "order-4711:a", "-_.:").is_ok());
        for bad in [
            "short",
            "with space 1",
            "quote'quote",
            "colon:colon",
            "ééééééééé",
            &"k".repeat(65),
        ] {
            assert!(key("/key", bad, "-_.").is_err(), "{bad}");
        }
    }
}
