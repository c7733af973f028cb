//! Databases that the manifest names. One statement a call, values only as
//! parameters; what the host cannot parse it refuses.
//!
//! - `value`: parameters and results, and their typed reading
//! - `rows`: what a query found, by column name, or as JSON

mod rows;
mod value;

pub use rows::{Row, Rows};
pub use value::{FromValue, Value};

use crate::bindings::tollgate::connector::sql as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::sql::Change;

/// Why a call did nothing, or a result cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The statement is not one that the host can check.
    #[error("the statement cannot be checked: {0}")]
    InvalidStatement(String),
    /// Unique, not null, foreign key or check.
    #[error("the database refused it: {0}")]
    Constraint(String),
    /// The rows to change were changed by others since they were looked at.
    #[error("the rows were changed by someone else: {0}")]
    Conflict(String),
    /// The result is over the grant's `max_rows` or `max_bytes`.
    #[error("the result is too large: {0}")]
    TooLarge(String),
    /// The database is locked or gone.
    #[error("the database does not answer now: {0}")]
    Unavailable(String),
    /// Any other answer of the database.
    #[error("the database answered: {0}")]
    Failed(String),
    /// The result has no such column.
    #[error("the result has no column `{0}`")]
    NoColumn(String),
    /// A column holds another type than was asked for.
    #[error("the column `{column}` holds {found}, not {wanted}")]
    WrongType {
        /// The column.
        column: String,
        /// What was asked for.
        wanted: &'static str,
        /// What is there.
        found: &'static str,
    },
}

/// Runs one `SELECT`.
///
/// # Errors
/// The host or the database refused it, or the result is too large.
pub fn query(database: &str, statement: &str, parameters: &[Value]) -> Result<Rows, Error> {
    let found = wire::query(database, statement, parameters)?;
    Ok(Rows::new(found.columns, found.rows))
}

/// Runs one `INSERT`, `UPDATE` or `DELETE`. The host captures the rows that it
/// changes, so that they can be put back.
///
/// # Errors
/// The host or the database refused it; nothing was changed then.
pub fn execute(database: &str, statement: &str, parameters: &[Value]) -> Result<Change, Error> {
    Ok(wire::execute(database, statement, parameters)?)
}

/// How many rows one `INSERT`, `UPDATE` or `DELETE` would write or remove. It runs
/// like [`execute`] and is taken back whatever it did; what a trigger does outside
/// of the database, and numbers that a sequence gave, do not come back.
///
/// # Errors
/// Whatever [`execute`] would answer.
pub fn preview(database: &str, statement: &str, parameters: &[Value]) -> Result<Change, Error> {
    Ok(wire::preview(database, statement, parameters)?)
}

from_wire!(
    InvalidStatement(reason),
    Constraint(reason),
    Conflict(reason),
    TooLarge(reason),
    Unavailable(reason),
    Failed(reason)
);

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Constraint(_) => Self::conflict(message),
            Error::Conflict(_) => Self::conflict(message).hint("read it again"),
            Error::TooLarge(_) => Self::limited(message).hint("ask for fewer rows or columns"),
            Error::Unavailable(_) => Self::unavailable(message).hint("try later"),
            Error::InvalidStatement(_)
            | Error::Failed(_)
            | Error::NoColumn(_)
            | Error::WrongType { .. } => Self::failed(message),
        }
    }
}
