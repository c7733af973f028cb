//! What is wrong with a manifest, where, and what to write instead.

use std::fmt;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    /// The file, as it was named when it was read.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            column,
            message,
            hint,
        } = self;
        write!(f, "{file}:{line}:{column}: {message}\n  help: {hint}")
    }
}

impl std::error::Error for ManifestError {}

/// Every fault of a manifest, in the file's order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestErrors(Vec<ManifestError>);

impl ManifestErrors {
    pub(super) fn new(mut errors: Vec<ManifestError>) -> Self {
        errors.sort_by_key(|error| (error.line, error.column));
        Self(errors)
    }

    /// The faults.
    #[must_use]
    pub fn as_slice(&self) -> &[ManifestError] {
        &self.0
    }
}

impl fmt::Display for ManifestErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ManifestErrors {}

/// Collects faults while a manifest is read.
pub(super) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    errors: Vec<ManifestError>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            errors: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        offset: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (line, column) = self.place(offset);
        let file = self.file.to_owned();
        self.errors.push(ManifestError {
            file,
            line,
            column,
            message: message.into(),
            hint: hint.into(),
        });
    }

    /// Line and column of a byte offset, both counted from 1.
    pub(super) fn place(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (
            before.matches('\n').count() + 1,
            before[start..].chars().count() + 1,
        )
    }

    /// The text that faults are told of.
    pub(super) const fn text(&self) -> &'a str {
        self.text
    }

    /// The byte offset where a line begins, counted from 1.
    pub(super) fn line_start(&self, line: usize) -> usize {
        let before = self.text.split_inclusive('\n').take(line.saturating_sub(1));
        before.map(str::len).sum()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.errors.is_empty()
    }

    pub(super) fn finish(self) -> ManifestErrors {
        ManifestErrors::new(self.errors)
    }
}
