//! What a label's value may be.

/// Longest value, characters.
const CHARS_MAX: usize = 64;

/// A name as a label's value: letters, digits and `_ - . : /`, at most 64 of them.
///
/// The attack: a connector calls a tool `a"} 1\ntollgate_calls_total{tenant="b`, to
/// write lines of its own. Names of installed connectors and tools cannot hold such,
/// and the library escapes; this holds where both were wrong.
#[must_use]
pub fn label(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    let cleaned = name.chars().take(CHARS_MAX);
    cleaned.map(|c| if plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_where_it_ends() {
        assert_eq!(label("orders-db.get_v2:a/b"), "orders-db.get_v2:a/b");
        assert_eq!(label("a\"} 1\nb{\\"), "a___1_b__");
        assert_eq!(label("\u{202e}é"), "__");
        assert_eq!(label(&"x".repeat(500)).len(), CHARS_MAX);
    }
}
