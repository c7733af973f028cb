//! Text from guests and agents, made safe to look at.
//!
//! The attack: a right-to-left override or a zero-width character in an order
//! number makes an approver read another number than the one that is sent; an
//! escape sequence rewrites the terminal above the card. Such characters are
//! shown by their code point instead.

/// The text with every character that a reader could not see, or that moves
/// other characters, replaced by its code point in `⟨U+…⟩`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_deceptive(c) {
            shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character is a control, a bidirectional or other invisible format
/// character, a private-use one or a space that looks like another.
pub(crate) fn is_deceptive(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(u32::from(c),
            0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0xE000..=0xF8FF | 0x1BCA0..=0x1BCA3
            | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF | 0xF0000..=0x10_FFFF)
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn deceptive_characters_show_as_code_points() {
        assert_eq!(visible("a\u{202e}b"), "a⟨U+202E⟩b");
        assert_eq!(visible("\u{1b}[2J"), "⟨U+001B⟩[2J");
        assert_eq!(visible("x\u{200b}y\u{feff}"), "x⟨U+200B⟩y⟨U+FEFF⟩");
        assert_eq!(visible("a\u{a0}b\nc"), "a⟨U+00A0⟩b⟨U+000A⟩c");
    }

    #[test]
    fn ordinary_text_stays() {
        for text in ["refund of 80.00 €", "žluťoučký kůň", "注文 42", "🚲"] {
            assert_eq!(visible(text), text);
        }
    }
}
