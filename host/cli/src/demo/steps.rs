//! The lines of the story, as a person reads them.

use std::cell::Cell;

use super::words::wrapped;
use crate::output;

/// Characters of a line, beside its number.
const WIDTH: usize = 88;

/// Counts the lines of the story.
#[derive(Default)]
pub(super) struct Steps(Cell<u32>);

impl Steps {
    /// The next line of the story.
    pub(super) fn say(&self, what: impl AsRef<str>) {
        self.0.set(self.0.get() + 1);
        output::note(format!("{:>3}  {}", self.0.get(), what.as_ref()));
    }

    /// What somebody else wrote, however long.
    pub(super) fn quote(&self, text: impl AsRef<str>) {
        for line in wrapped(&format!("“{}”", text.as_ref()), WIDTH) {
            self.more(line);
        }
    }

    /// More about the line before.
    pub(super) fn more(&self, what: impl AsRef<str>) {
        output::note(format!("     {}", what.as_ref()));
    }
}
