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
//!   it is, which ends a string early on SQLite. Where the tree has to change, for
//!   a table that several tenants share (`tenant`), the print is read again and
//!   must give the same tree, and is then written anew like any text.
//! * *Only what is listed passes.* Each part of the tree is taken apart to the
//!   last field, and a field that a new version of the parser adds does not
//!   compile until someone has judged it. Nothing is looked for that should not
//!   be there; only what is known to be harmless is let through.

mod analyze;
mod columns;
mod functions;
mod grant;
mod plain;
mod refusal;
mod scope;
mod tenant;
mod tokens;
mod words;

use std::collections::{BTreeMap, BTreeSet};

pub use analyze::analyze;
pub use columns::ColumnSet;
pub(crate) use functions::{grantable_functions, is_grantable_function};
pub use grant::{SqlGrant, TableGrant};
pub use plain::{PlainColumns, plain_columns};
pub use refusal::SqlRefusal;
pub use tokens::STATEMENT_BYTES_MAX;
pub(crate) use words::is_system_table;

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
    /// Whether some expression in it can fail for what a row holds (a division, a
    /// cast), so that the failure tells of the row.
    pub fallible: bool,
    /// Whether its last parameter is the tenant, which the host gives
    /// ([`SqlGrant::confine`]).
    pub takes_tenant: bool,
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
    /// `SELECT rowid, * FROM target WHERE …`, without `rowid` on PostgreSQL.
    pub select: String,
    /// What follows its `WHERE`.
    pub condition: String,
    /// Which of the statement's values it takes, counted from 0, in the order of
    /// its own parameters.
    pub parameter_indexes: Vec<usize>,
}

/// A text that [`analyze`] wrote, with each parameter, counted from 1, written
/// in another way: PostgreSQL is told there of which type it is.
///
/// # Errors
/// When the text is none that was written by this module.
pub fn with_parameters(
    text: &str,
    dialect: Dialect,
    parameter: impl Fn(usize) -> String,
) -> Result<String, SqlRefusal> {
    Ok(tokens::Tokens::read(text, dialect)?.text_with(parameter))
}

#[cfg(test)]
mod tests;
