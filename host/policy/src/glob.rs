//! Patterns for names with segments, such as paths.
//!
//! `*` stands for any run of characters within one segment, `**` as a whole
//! segment for any number of segments (at the end: for at least one). Nothing
//! else is special. Character classes and alternatives were refused: every tool
//! reads them differently, and a grant must mean what its reader thinks.
//!
//! Matching goes back to the last star only, so its time is bounded by pattern
//! times text: no text, however hostile, makes it explode.

use std::fmt;

/// A pattern matched segment by segment, where `/` divides segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// `**`: any number of segments.
    Any,
    /// One segment, with `*` for any run of characters.
    One(String),
}

/// Why a text is no glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GlobError {
    /// Nothing in it, or nothing between two slashes.
    #[error(
        "the pattern has an empty segment; write `**` for everything, and no `/` at either end"
    )]
    EmptySegment,
    /// `**` beside other characters.
    #[error("`**` must be a whole segment; write `**/*.csv`, or one `*` within a segment")]
    PartialDoubleStar,
    /// A character that other tools treat as special.
    #[error(
        "`{character}` means nothing here; write one row for every name, with `*` within a segment and `**` across segments"
    )]
    Special {
        /// The character.
        character: char,
    },
    /// `.` or `..`.
    #[error("`{segment}` is no name; write the path from the named directory down")]
    Dots {
        /// The segment.
        segment: String,
    },
    /// Too long to be meant.
    #[error("the pattern is longer than 1024 bytes; write a shorter one with `*`")]
    TooLong,
}

impl Glob {
    /// Read a pattern.
    ///
    /// # Errors
    /// When it could be read in more than one way.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        if text.len() > 1024 {
            return Err(GlobError::TooLong);
        }
        let segments = text
            .split('/')
            .map(Segment::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text fits. Letters are compared exactly, also where the
    /// file system would not: `Private` is not `private`, so what is not spelled
    /// as granted is not granted.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut names = text.split('/');
        let mut at = 0;
        // Where to go on when what follows the last `**` did not fit.
        let mut retry = None;
        loop {
            let before = names.clone();
            match (self.segments.get(at), names.next()) {
                (None, None) => return true,
                (Some(Segment::Any), first) => {
                    let last = at + 1 == self.segments.len();
                    if last {
                        return first.is_some();
                    }
                    at += 1;
                    names = before.clone();
                    retry = Some((at, before));
                    continue;
                }
                (Some(Segment::One(pattern)), Some(name)) if fits(pattern, name) => {
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((star, from)) = retry.as_mut() else {
                return false;
            };
            if from.next().is_none() {
                return false;
            }
            at = *star;
            names = from.clone();
        }
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, GlobError> {
        match text {
            "" => return Err(GlobError::EmptySegment),
            "**" => return Ok(Self::Any),
            "." | ".." => {
                return Err(GlobError::Dots {
                    segment: text.to_owned(),
                });
            }
            _ if text.contains("**") => return Err(GlobError::PartialDoubleStar),
            _ => {}
        }
        let special =
            |c: &char| matches!(c, '?' | '[' | ']' | '{' | '}' | '\\' | '!') || c.is_control();
        match text.chars().find(special) {
            Some(character) => Err(GlobError::Special { character }),
            None => Ok(Self::One(text.to_owned())),
        }
    }
}

/// Whether one segment fits a pattern whose only special character is `*`.
fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, n));
            p += 1;
        } else if pattern.get(p) == Some(&name[n]) {
            p += 1;
            n += 1;
        } else if let Some((after, from)) = star.as_mut() {
            *from += 1;
            (p, n) = (*after, *from);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_star_stays_within_its_segment_and_two_cross() {
        for (pattern, text, expected) in [
            ("*.xlsx", "a.xlsx", true),
            ("*.xlsx", "a/b.xlsx", false),
            ("*.xlsx", ".xlsx", true),
            ("*.xlsx", "a.xlsx.exe", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("**", "a/b/c", true),
            ("**/*.csv", "a.csv", true),
            ("**/*.csv", "x/y/a.csv", true),
            ("**/*.csv", "x/y/a.csv/z", false),
            ("data/**", "data/a/b", true),
            ("data/**", "data", false),
            ("data/**", "data2/a", false),
            ("a/**/b/**/c", "a/b/c", true),
            ("a/**/b/**/c", "a/x/b/y/z/c", true),
            ("a/**/b/**/c", "a/x/y/z/c", false),
            ("a/**/b", "a/b/b", true),
            ("a/*/c", "a/b/c", true),
            ("a/*/c", "a/c", false),
            ("Private/*", "private/x", false),
            ("é*", "éa", true),
        ] {
            assert_eq!(
                Glob::parse(pattern).unwrap().matches(text),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn ambiguous_patterns_are_refused() {
        for bad in [
            "", "/a", "a/", "a//b", "**.csv", "a**", "../a", "./a", "a?", "[ab]", "{a,b}", "a\\b",
            "!a", "a\nb",
        ] {
            assert!(Glob::parse(bad).is_err(), "{bad}");
        }
        assert!(Glob::parse(&"a".repeat(2000)).is_err());
    }

    #[test]
    fn hostile_text_takes_bounded_time() {
        let glob = Glob::parse(&format!("{}b", "a*".repeat(200))).unwrap();
        assert!(!glob.matches(&"a".repeat(4000)));
        let glob = Glob::parse(&format!("{}b", "**/a/".repeat(100))).unwrap();
        assert!(!glob.matches(&"a/".repeat(500)));
    }
}
