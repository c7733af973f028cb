//! Patterns without backtracking, compiled to complete tables.
//!
//! A full table (no lazy one, no interpreter) needs no working memory, so a
//! match allocates nothing and takes one step a byte whatever the text is. Its
//! price is size, which is bounded: a pattern over the bound is refused when
//! the manifest is read, never when a call is judged.

use std::{fmt, sync::Arc};

use regex_automata::{
    Anchored, Input, MatchKind,
    dfa::{Automaton, StartKind, dense},
    nfa::thompson,
    util::syntax,
};

/// The longest pattern, in bytes: one line that a reviewer can read.
const PATTERN_BYTES_MAX: usize = 512;

/// The largest table, in bytes. `\w{1,64}` over all of Unicode would pass it;
/// usual identifiers, dates and addresses need a tenth. A thousand rules with
/// tables of this size still fit into a gigabyte.
const TABLE_BYTES_MAX: usize = 1 << 20;

/// The deepest nesting of groups: past ten nobody reads a pattern.
const NESTING_MAX: u32 = 32;

/// A pattern that a whole text must fit.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    table: Arc<dense::DFA<Vec<u32>>>,
}

impl Pattern {
    /// Compile a pattern. It is anchored at both ends.
    ///
    /// # Errors
    /// With what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!(
                "the pattern is longer than {PATTERN_BYTES_MAX} bytes; write several rules"
            ));
        }
        let config = dense::Config::new()
            // All matches, so that the last one found is the longest. The pattern is
            // not wrapped in text such as `^(?:…)$`: `a)|(?:b` would break out of that.
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(TABLE_BYTES_MAX))
            .determinize_size_limit(Some(4 * TABLE_BYTES_MAX));
        let table = dense::Builder::new()
            .configure(config)
            .thompson(thompson::Config::new().nfa_size_limit(Some(TABLE_BYTES_MAX)))
            .syntax(syntax::Config::new().nest_limit(NESTING_MAX))
            .build(text)
            .map_err(|error| refusal(text, &error))?;
        Ok(Self {
            text: text.to_owned(),
            table: Arc::new(table),
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text fits; nothing where the table cannot say.
    #[must_use]
    pub fn matches(&self, text: &str) -> Option<bool> {
        let input = Input::new(text).anchored(Anchored::Yes);
        let end = self.table.try_search_fwd(&input).ok()?;
        Some(end.is_some_and(|end| end.offset() == text.len()))
    }
}

fn refusal(text: &str, error: &dense::BuildError) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let last = cause.to_string();
    let cause = last
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .trim_start_matches("error: ");
    if error.is_size_limit_exceeded() {
        format!(
            "the pattern `{text}` needs too large a table; write `[a-z0-9]` instead of `\\w`, and smaller counts"
        )
    } else if text.contains("\\b") || text.contains("\\B") {
        format!(
            "the pattern `{text}` is not supported: {cause}; a pattern fits the whole text, so leave `\\b` out"
        )
    } else {
        format!(
            "the pattern `{text}` cannot be read: {cause}; the syntax is the one of the Rust regex crate, without look-around and back-references"
        )
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pattern").field(&self.text).finish()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_pattern_fits_the_whole_text_or_not_at_all() {
        for (pattern, text, expected) in [
            ("[A-Z]-[0-9]+", "A-17", true),
            ("[A-Z]-[0-9]+", "A-17 OR 1=1", false),
            ("[A-Z]-[0-9]+", "xA-17", false),
            ("[A-Z]-[0-9]+", "A-17\n", false),
            ("a|ab", "ab", true),
            ("a+?", "aaa", true),
            ("(?m)^a$", "a\nb", false),
            ("(?x)a # note", "a", true),
            ("", "", true),
            ("", "a", false),
            ("é+", "éé", true),
            (".*", "a\nb", false),
            ("(?s).*", "a\nb", true),
            ("(?i)yes", "YES", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().matches(text),
                Some(expected),
                "{pattern} {text:?}"
            );
        }
    }

    #[test]
    fn patterns_that_break_out_or_explode_are_refused() {
        for bad in [
            "a)|(?:b",
            "(",
            "a{2,1}",
            "(?=a)b",
            "\\1",
            "[z-a]",
            "\\bword",
            &"(a?){50}".repeat(60),
            "\\w{2000}",
            "(?:[01]*1[01]{24})",
            &"(".repeat(200),
        ] {
            let error = Pattern::parse(bad).unwrap_err();
            assert!(
                error.contains("write") || error.contains("leave") || error.contains("syntax"),
                "{bad}: {error}"
            );
        }
    }

    #[test]
    fn hostile_text_takes_one_step_a_byte() {
        let pattern = Pattern::parse("(a+)+b").unwrap();
        assert_eq!(pattern.matches(&"a".repeat(1 << 20)), Some(false));
    }
}
