//! Which file a guest may name.
//!
//! A path is judged as text before any file system sees it: relative, made of
//! plain segments, the same on every system. The directory handles of the
//! runtime are the second wall (links, races); this is the first. Repairing a
//! path (dropping `.`, folding `a//b`) was refused: two spellings of one file
//! are two chances to pass a rule.

use std::time::Duration;

use crate::{Effect, Glob, visible, visible::is_deceptive};

/// The longest path, in bytes. Common systems stop at 4096 for the whole path
/// with the directory before it; a quarter of that leaves the operator's
/// directory room on all of them.
pub const PATH_BYTES_MAX: usize = 1024;

/// The longest segment of a path, in bytes: what the common file systems can
/// store, so that a longer one fails here with a clear answer.
pub const PATH_SEGMENT_BYTES_MAX: usize = 255;

/// What may be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileVerb {
    /// Read it, and see it in a listing.
    Read,
    /// Create or replace it.
    Write,
    /// Remove it.
    Remove,
}

impl FileVerb {
    /// All verbs.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Remove];

    /// The name used in manifests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Remove => "remove",
        }
    }
}

impl std::fmt::Display for FileVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A named directory and what may be done in it.
#[derive(Clone, Debug)]
pub struct FilesGrant {
    /// The name that guests use.
    pub name: String,
    /// The directory, relative to the host's home or absolute.
    pub directory: String,
    /// The rows; what no row grants is refused.
    pub paths: Vec<PathGrant>,
}

/// One row: which paths, which verbs, how large.
#[derive(Clone, Debug)]
pub struct PathGrant {
    /// The paths.
    pub glob: Glob,
    /// What may be done with them.
    pub verbs: Vec<FileVerb>,
    /// The largest file that is read or written, in bytes.
    pub max_size: u64,
    /// Raises the class of writes and removals.
    pub effect: Option<Effect>,
    /// For how long after a write or removal it may be taken back.
    pub window: Option<Duration>,
}

impl FilesGrant {
    /// Whether any row grants this verb on this path, which [`clean_path`] has
    /// accepted.
    #[must_use]
    pub fn allows(&self, path: &str, verb: FileVerb) -> bool {
        self.row(path, verb).is_some()
    }

    /// The first row that grants this verb on this path.
    #[must_use]
    pub fn row(&self, path: &str, verb: FileVerb) -> Option<&PathGrant> {
        self.paths
            .iter()
            .find(|row| row.verbs.contains(&verb) && row.glob.matches(path))
    }

    /// The class of this verb on this path. Every row that names the path can
    /// raise it, also one that grants other verbs: overlapping rows never lower
    /// a class.
    #[must_use]
    pub fn effect(&self, path: &str, verb: FileVerb) -> Effect {
        if verb == FileVerb::Read {
            return Effect::Read;
        }
        let rows = self.paths.iter().filter(|row| row.glob.matches(path));
        rows.filter_map(|row| row.effect)
            .fold(Effect::Write, Effect::max)
    }

    /// For how long a write to this path may be taken back: the shortest of the
    /// rows that speak of it.
    #[must_use]
    pub fn window(&self, path: &str) -> Option<Duration> {
        let rows = self.paths.iter().filter(|row| row.glob.matches(path));
        rows.filter_map(|row| row.window).min()
    }
}

/// Why a path cannot be named. The message is for the connector's author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathRefusal {
    /// Nothing at all.
    #[error("the path is empty; name a file in the directory")]
    Empty,
    /// More than [`PATH_BYTES_MAX`] bytes, or a segment over
    /// [`PATH_SEGMENT_BYTES_MAX`].
    #[error("the path is too long; use at most 1024 bytes, and 255 between two slashes")]
    TooLong,
    /// It begins with `/`.
    #[error(
        "the path is absolute; write it relative to the named directory, without a leading `/`"
    )]
    Absolute,
    /// Two slashes together, or one at the end.
    #[error("the path has an empty segment; write one `/` between names and none at the end")]
    EmptySegment,
    /// `.` or `..`: the classic way out of a directory (CWE-22).
    #[error(
        "the path has a `{segment}` segment; write the file's own path from the named directory down"
    )]
    Dots {
        /// The segment.
        segment: String,
    },
    /// A segment that ends with a dot or has a space at either end. Windows drops them, so that
    /// `secret.` opens `secret` (CWE-42, CWE-46).
    #[error(
        "the segment `{segment}` ends with a dot or has a space at its end or start; rename the file"
    )]
    TrailingDotOrSpace {
        /// The segment.
        segment: String,
    },
    /// A character that is a separator, a drive or stream mark, a wildcard, a
    /// control or an invisible one somewhere.
    #[error(
        "the path has the character `{character}`, which file names here cannot have; rename the file"
    )]
    Character {
        /// The character, shown visibly.
        character: String,
    },
    /// A name that some systems take for a device, for example `NUL` (CWE-67).
    #[error("`{segment}` names a device on some systems; rename the file")]
    Device {
        /// The segment.
        segment: String,
    },
}

/// The path, if it is one that can be named; the same text, never a repaired
/// one. Case is kept: grants compare letters exactly.
///
/// # Errors
/// With what is wrong with it and what to write instead.
pub fn clean_path(path: &str) -> Result<String, PathRefusal> {
    if path.is_empty() {
        return Err(PathRefusal::Empty);
    }
    if path.len() > PATH_BYTES_MAX {
        return Err(PathRefusal::TooLong);
    }
    if path.starts_with('/') {
        return Err(PathRefusal::Absolute);
    }
    if let Some(character) = path.chars().find(|c| is_refused(*c)) {
        return Err(PathRefusal::Character {
            character: visible(&character.to_string()),
        });
    }
    path.split('/').try_for_each(check_segment)?;
    Ok(path.to_owned())
}

/// `\` and `:` are separators and drive or stream marks on Windows
/// (`..\x`, `C:x`, `a.txt:hidden`); the look-alike slashes are folded to `/` by
/// some systems.
fn is_refused(c: char) -> bool {
    matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(
            c,
            '\u{2044}'
                | '\u{2215}'
                | '\u{29F8}'
                | '\u{FF0F}'
                | '\u{FF3C}'
                | '\u{FE68}'
                | '\u{2024}'
                | '\u{FF0E}'
        )
        || c == '\u{FFFD}'
        || is_deceptive(c)
}

fn check_segment(segment: &str) -> Result<(), PathRefusal> {
    let owned = || segment.to_owned();
    if segment.is_empty() {
        Err(PathRefusal::EmptySegment)
    } else if segment == "." || segment == ".." {
        Err(PathRefusal::Dots { segment: owned() })
    } else if segment.ends_with(['.', ' ']) || segment.starts_with(' ') {
        Err(PathRefusal::TrailingDotOrSpace { segment: owned() })
    } else if segment.len() > PATH_SEGMENT_BYTES_MAX {
        Err(PathRefusal::TooLong)
    } else if is_device(segment) {
        Err(PathRefusal::Device { segment: owned() })
    } else {
        Ok(())
    }
}

fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end();
    let numbered = |prefix: &str| {
        let rest = stem
            .get(..3)
            .filter(|s| s.eq_ignore_ascii_case(prefix))
            .map(|_| &stem[3..]);
        rest.is_some_and(|digit| {
            let mut chars = digit.chars();
            matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³')) && chars.next().is_none()
        })
    };
    let devices = ["con", "prn", "aux", "nul", "conin$", "conout$"];
    devices
        .iter()
        .any(|device| stem.eq_ignore_ascii_case(device))
        || numbered("com")
        || numbered("lpt")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_pass_unchanged() {
        for path in [
            "a",
            "a.xlsx",
            "reports/2026/q1.csv",
            ".hidden",
            "a b/c-d_e",
            "注文.csv",
            "Ünïcode",
            "a..b",
            "...a",
            "com",
            "com10",
            "console",
            "nullable.csv",
        ] {
            assert_eq!(clean_path(path).as_deref(), Ok(path));
        }
    }

    #[test]
    fn every_way_out_of_the_directory_is_refused() {
        let long_segment = "a".repeat(256);
        let long = "a/".repeat(600) + "a";
        for path in [
            "",
            "/",
            "/etc/passwd",
            "//server/share",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a/../../b",
            ".",
            "./a",
            "a/./b",
            "a//b",
            "a/",
            "a/b/",
            "\\a",
            "..\\a",
            "a\\..\\b",
            "C:",
            "C:a",
            "c:/a",
            "a.txt:stream",
            "file:a",
            "\\\\?\\C:\\a",
            "a\0",
            "a\0.txt",
            "a\nb",
            "a\rb",
            "a\tb",
            "\u{1b}a",
            "a\u{7f}",
            "a\u{85}",
            "a.",
            "a./b",
            "a ",
            "a /b",
            " a",
            "...",
            "a..",
            "a\u{202e}txt.exe",
            "a\u{200b}",
            "a\u{feff}",
            "a\u{2066}b",
            "a\u{ad}b",
            "a\u{a0}",
            "a\u{3000}b",
            "a\u{e0041}",
            "..\u{2215}a",
            "..\u{ff0f}a",
            "..\u{ff3c}a",
            "\u{ff0e}\u{ff0e}/a",
            "\u{2024}./a",
            "*",
            "a?",
            "a\"b",
            "<a",
            "a>",
            "a|b",
            "nul",
            "NUL",
            "a/CON",
            "aux.txt",
            "com1",
            "COM9.csv",
            "lpt1",
            "lpt¹",
            "prn.tar.gz",
            "CONIN$",
            &long_segment,
            &long,
        ] {
            assert!(clean_path(path).is_err(), "{path:?}");
        }
    }

    fn grant() -> FilesGrant {
        let row = |glob: &str, verbs: &[FileVerb], effect| PathGrant {
            glob: Glob::parse(glob).unwrap(),
            verbs: verbs.to_vec(),
            max_size: 1,
            effect,
            window: None,
        };
        FilesGrant {
            name: "tracker".to_owned(),
            directory: "data".to_owned(),
            paths: vec![
                row("*.xlsx", &[FileVerb::Read, FileVerb::Write], None),
                row("out/**", &[FileVerb::Write, FileVerb::Remove], None),
                row("out/sent/*", &[FileVerb::Read], Some(Effect::Irreversible)),
            ],
        }
    }

    #[test]
    fn only_granted_verbs_on_granted_paths_are_allowed() {
        let grant = grant();
        for (path, verb, expected) in [
            ("a.xlsx", FileVerb::Read, true),
            ("a.xlsx", FileVerb::Write, true),
            ("a.xlsx", FileVerb::Remove, false),
            ("A.XLSX", FileVerb::Read, false),
            ("d/a.xlsx", FileVerb::Read, false),
            ("out/x/y", FileVerb::Write, true),
            ("out/x/y", FileVerb::Read, false),
            ("out", FileVerb::Write, false),
            ("output/x", FileVerb::Write, false),
        ] {
            assert_eq!(grant.allows(path, verb), expected, "{verb} {path}");
        }
    }

    #[test]
    fn an_overlapping_row_raises_a_class_and_never_lowers_it() {
        let grant = grant();
        assert_eq!(grant.effect("out/x", FileVerb::Write), Effect::Write);
        assert_eq!(
            grant.effect("out/sent/x", FileVerb::Remove),
            Effect::Irreversible
        );
        assert_eq!(grant.effect("out/sent/x", FileVerb::Read), Effect::Read);
    }

    proptest! {
        #[test]
        fn a_clean_path_never_leaves_its_directory(path in "[a./\\\\: \\PC]{0,24}") {
            if let Ok(clean) = clean_path(&path) {
                prop_assert_eq!(&clean, &path);
                let parts = std::path::Path::new(&clean).components();
                prop_assert!(parts.into_iter().all(|part| matches!(part, std::path::Component::Normal(_))));
            }
        }
    }
}
