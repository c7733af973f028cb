//! Why a statement does not run.

use super::{Dialect, Verb};

/// Why a statement does not run. Two kinds, told apart by
/// [`is_denial`](Self::is_denial): it cannot be judged (the connector's author
/// must write it otherwise), or it is not granted (the operator could).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SqlRefusal {
    /// More bytes, tokens or nesting than are judged.
    #[error("the statement is too long or too deep to be checked: {what}; send less at a time")]
    TooLarge {
        /// Which bound.
        what: &'static str,
    },
    /// Not SQL as far as the host can read it.
    #[error(
        "the statement cannot be read: {reason}; write one plain SELECT, INSERT, UPDATE or DELETE"
    )]
    Unreadable {
        /// The parser's word, made visible.
        reason: String,
    },
    /// No statement, or several.
    #[error("one statement a call is checked and run, this has {found}; send each by itself")]
    NotOne {
        /// How many, in words.
        found: &'static str,
    },
    /// A form that is not in the safe subset.
    #[error("{what} cannot be checked here; {instead}")]
    Unsupported {
        /// The form.
        what: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// A name that belongs to nothing in scope.
    #[error("`{name}` names no column of a table in this statement; {instead}")]
    UnknownName {
        /// The name.
        name: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// The dialect of the grant is another.
    #[error(
        "the statement was read in another SQL dialect than the database's; this is a fault of the host"
    )]
    DialectMismatch,
    /// The table is not granted for this.
    #[error("{verb} on table `{table}` is not granted by the manifest")]
    TableNotGranted {
        /// What was to be done.
        verb: Verb,
        /// The table.
        table: String,
        /// The grant's name in the manifest.
        database: String,
    },
    /// The column is not granted for this.
    #[error("{verb} of column `{column}` of table `{table}` is not granted by the manifest")]
    ColumnNotGranted {
        /// What was to be done with the column: read it (`SELECT`) or write it.
        verb: Verb,
        /// The table.
        table: String,
        /// The column, or `*`.
        column: String,
        /// The grant's name in the manifest.
        database: String,
    },
    /// The column says whose the row is; the host writes it.
    #[error("column `{column}` of table `{table}` is written by the host; leave it out")]
    TenantColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The function is not granted.
    #[error("the function `{function}` is not granted by the manifest")]
    FunctionNotGranted {
        /// The function.
        function: String,
        /// The database's dialect, which decides whether it could be.
        dialect: Dialect,
        /// The grant's name in the manifest.
        database: String,
    },
}

impl SqlRefusal {
    /// Whether an operator could grant it. What cannot be judged cannot be
    /// granted either.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        matches!(
            self,
            Self::TableNotGranted { .. }
                | Self::ColumnNotGranted { .. }
                | Self::FunctionNotGranted { .. }
        )
    }

    /// The manifest line that an operator could add.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let row = |verb: &Verb, database: &str, table: &str, column: &str| {
            let at = format!("under [[grant.sql.{database}.table]] with name = \"{table}\" write");
            match verb {
                Verb::Select => format!(
                    "{at} read = [\"{column}\"], or name the table before the column if another is meant"
                ),
                Verb::Insert => format!("{at} insert = [\"{column}\"]"),
                Verb::Update => format!("{at} update = [\"{column}\"]"),
                Verb::Delete => format!("{at} delete = true"),
            }
        };
        match self {
            Self::TableNotGranted {
                verb,
                table,
                database,
            } => Some(row(verb, database, table, "column")),
            Self::ColumnNotGranted {
                verb,
                table,
                column,
                database,
            } => Some(row(verb, database, table, column)),
            Self::FunctionNotGranted {
                function,
                dialect,
                database,
            } => super::is_grantable_function(function, *dialect).then(|| {
                format!("under [grant.sql.{database}] write functions = [\"{function}\"]")
            }),
            _ => None,
        }
    }

    pub(super) fn unsupported(what: impl Into<String>, instead: &'static str) -> Self {
        Self::Unsupported {
            what: what.into(),
            instead,
        }
    }
}
