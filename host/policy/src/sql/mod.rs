//! What would this statement touch, and is that granted?
//!
//! [`analyze`] reads one statement and says which tables, columns and functions
//! it names; [`SqlGrant::check`] compares that with the manifest. It is the
//! first of two walls: the database's own authorizer or role is the second, and
//! sees what text cannot show (views, triggers).
//!
//! Two ideas carry it:
//!
//! * *What runs is what was read.* The statement is split into tokens once; the
//!   parser reads these tokens, and the text that goes to the database is
//!   written anew from the very same ones: comments cannot hide anything,
//!   strings are quoted here, parameters are numbered here. Printing the parsed
//!   tree was refused: the parser's printer leaves a quote after a backslash as
//!   it is, which ends a string early on SQLite.
//! * *Only what is listed passes.* Each part of the tree is taken apart to the
//!   last field, and a field that a new version of the parser adds does not
//!   compile until someone has judged it. Nothing is looked for that should not
//!   be there; only what is known to be harmless is let through.

mod analyze;
mod columns;
mod grant;
mod refusal;
mod scope;
mod tokens;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use analyze::analyze;
pub use columns::ColumnSet;
pub use grant::{SqlGrant, TableGrant};
pub use refusal::SqlRefusal;
pub use tokens::STATEMENT_BYTES_MAX;
pub(crate) use words::{GRANTABLE_FUNCTIONS, is_grantable_function, is_system_table};

/// Whose SQL it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite: names are compared without regard to ASCII case, quoted or not.
    Sqlite,
    /// PostgreSQL: names without quotes are folded to lower case.
    Postgres,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Reads rows.
    Select,
    /// Adds rows.
    Insert,
    /// Changes rows.
    Update,
    /// Removes rows.
    Delete,
}

impl Verb {
    /// The name for people: `SELECT`, `INSERT`, `UPDATE` or `DELETE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

impl std::fmt::Display for Verb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One statement and all that it touches. Names are folded as the dialect
/// compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The dialect it was read in.
    pub dialect: Dialect,
    /// What it does.
    pub verb: Verb,
    /// The table it writes to.
    pub target: Option<String>,
    /// Every table and column it reads, also only to compare or sort. A table
    /// that is only counted has no column.
    pub reads: BTreeMap<String, ColumnSet>,
    /// The columns of the target it writes. Empty for `DELETE`.
    pub writes: BTreeSet<String>,
    /// The functions it calls, in lower case.
    pub functions: BTreeSet<String>,
    /// The text to run: written anew from the tokens that were judged. Never
    /// run the text that came in.
    pub text: String,
    /// How many parameters it takes. Numbers up to this one may go unused, but
    /// a call must bring exactly so many values.
    pub parameters: usize,
    /// For `UPDATE` and `DELETE`: how to read the rows before they change.
    pub capture: Option<Capture>,
}

/// The query that finds the rows an `UPDATE` or `DELETE` would touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// `SELECT rowid, * FROM target WHERE …` (`ctid` on PostgreSQL).
    pub select: String,
    /// Which of the statement's values it takes, counted from 0, in the order of
    /// its own parameters.
    pub parameter_indexes: Vec<usize>,
}

#[cfg(test)]
mod tests;
