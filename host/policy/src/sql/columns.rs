//! Sets of columns, and the columns that `*` does not stand for.

use std::{collections::BTreeSet, fmt};

/// Columns of one table: those named, or all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnSet {
    /// Every ordinary column. The database's own hidden columns (`rowid` and
    /// its like) are in the set only when they are named.
    pub all: bool,
    /// The columns named.
    pub names: BTreeSet<String>,
}

/// Columns that exist without being declared. A row id tells in which order
/// rows were added and how many were removed, and system columns more than
/// that, so that `*` does not grant them.
const HIDDEN: [&str; 9] = [
    "rowid", "oid", "_rowid_", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid",
];

impl ColumnSet {
    /// Every ordinary column.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            all: true,
            names: BTreeSet::new(),
        }
    }

    /// These columns.
    #[must_use]
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self {
            all: false,
            names: names.into_iter().map(Into::into).collect(),
        }
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.all && self.names.is_empty()
    }

    /// Whether this column is in the set.
    #[must_use]
    pub fn contains(&self, column: &str) -> bool {
        self.names.contains(column) || (self.all && !HIDDEN.contains(&column))
    }
}

impl fmt::Display for ColumnSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = self.all.then_some("*");
        let names: Vec<_> = star
            .into_iter()
            .chain(self.names.iter().map(String::as_str))
            .collect();
        f.write_str(&names.join(", "))
    }
}
