//! Text as workbooks keep it.
//!
//! Long ago the format chose `_x000D_` for characters that XML cannot hold, so
//! text that happens to look like that must be escaped as well.

use super::xml::{Walker, local};
use crate::problem::Problem;
use quick_xml::events::Event;

/// The workbook's shared strings, in order. Formatting within a string is left
/// out, and so is how it is pronounced.
pub(super) fn shared_strings(part: &str, text: &str) -> Result<Vec<String>, Problem> {
    let mut walker = Walker::new(part, text);
    let mut strings = Vec::new();
    while let Some(step) = walker.next()? {
        match step.event {
            Event::Start(e) if local(&e) == "si" => strings.push(string(&mut walker)?),
            Event::Empty(e) if local(&e) == "si" => strings.push(String::new()),
            _ => {}
        }
    }
    Ok(strings)
}

/// The text of a string element that was just opened: `si` or `is`.
pub(super) fn string(walker: &mut Walker<'_>) -> Result<String, Problem> {
    let mut text = String::new();
    let mut depth = 0;
    loop {
        match walker.inside()?.event {
            Event::Start(e) if local(&e) == "t" => text.push_str(&walker.text()?),
            Event::Start(e) if local(&e) == "rPh" => walker.skip()?,
            Event::Start(_) => depth += 1,
            Event::End(_) if depth == 0 => return Ok(unescape(text)),
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
}

/// `_x000D_` and the like become the characters they stand for.
pub(super) fn unescape(text: String) -> String {
    if !text.contains("_x") {
        return text;
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(character) = rest.chars().next() {
        if let Some(unit) = escaped_unit(rest) {
            units.push(unit);
            rest = &rest[ESCAPE_LENGTH..];
        } else {
            units.extend(character.encode_utf16(&mut [0; 2]).iter());
            rest = &rest[character.len_utf8()..];
        }
    }
    String::from_utf16_lossy(&units)
}

/// Text as it may stand in a cell: what looks like an escape is escaped, and so
/// is a carriage return, which XML would turn into a line feed.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if character == '_' && escaped_unit(&text[at..]).is_some() {
            out.push_str("_x005F_");
        } else if character == '\r' {
            out.push_str("_x000D_");
        } else {
            out.push(character);
        }
    }
    out
}

const ESCAPE_LENGTH: usize = "_x000D_".len();

fn escaped_unit(text: &str) -> Option<u16> {
    let escape = text.as_bytes().get(..ESCAPE_LENGTH)?;
    let hex = escape.strip_prefix(b"_x")?.strip_suffix(b"_")?;
    let hex = std::str::from_utf8(hex)
        .ok()
        .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(hex, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_an_escape_survives() {
        for text in [
            "_x0041_",
            "a_x000D_b",
            "__x0041__",
            "_x005F_x0041_",
            "_xZZZZ_",
            "a\r\nb",
            "plain_text",
            "_x00e9_ü",
        ] {
            assert_eq!(unescape(escape(text)), text);
        }
        assert_eq!(unescape("a_x000D_b".to_owned()), "a\rb");
        assert_eq!(unescape("_xD83D__xDE00_".to_owned()), "😀");
    }
}
