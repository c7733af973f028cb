//! Everything that can be wrong with a file, a table or a value.
//!
//! One typed list for the whole crate, so that a tool can say to its caller
//! whose fault it is and what to do next. Messages name the cell, the row or
//! the part; a library's own error text is quoted only where the file itself is
//! broken and a person has to look.

use crate::cell::Cell;

/// Why a spreadsheet could not be read or changed. Nothing was written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The name does not end in `.xlsx` or `.csv`.
    #[error("`{path}` is not a file this connector opens")]
    Extension {
        /// The name as given.
        path: String,
        /// What to do instead.
        advice: &'static str,
    },
    /// The workbook carries a program.
    #[error("`{path}` carries macros, and a file with macros is never opened")]
    Macros {
        /// The name as given.
        path: String,
    },
    /// The workbook is locked with a password, or is of the format before 2007.
    #[error("the workbook is encrypted, or is of the old binary format")]
    Encrypted,
    /// The bytes are not what the name says, or are damaged.
    #[error("the file is damaged: {0}")]
    Corrupt(String),
    /// The file is sound, but changing it would lose or break something.
    #[error("{what}")]
    Unsupported {
        /// What stands in the way.
        what: String,
        /// What a person can do about it.
        advice: &'static str,
    },
    /// A limit of this connector or of the format.
    #[error("{what}: {actual}, and the limit is {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is, or would be.
        actual: u64,
        /// The limit.
        limit: u64,
    },
    /// No sheet of that name.
    #[error("there is no sheet `{name}`{}", instead(meant.as_deref(), known))]
    UnknownSheet {
        /// The name as given.
        name: String,
        /// The closest name, where one is close.
        meant: Option<String>,
        /// The sheets of the file.
        known: Vec<String>,
    },
    /// A sheet without any text in it has no columns.
    #[error("sheet `{sheet}` has no header row")]
    NoHeader {
        /// The sheet.
        sheet: String,
    },
    /// No column of that name.
    #[error("there is no column `{name}`{}", instead(meant.as_deref(), known))]
    UnknownColumn {
        /// The name as given.
        name: String,
        /// The closest name, where one is close.
        meant: Option<String>,
        /// The columns of the sheet.
        known: Vec<String>,
    },
    /// Two columns share the name.
    #[error("the header names `{name}` more than once")]
    AmbiguousColumn {
        /// The name.
        name: String,
    },
    /// A value that cannot stand in a cell.
    #[error("column `{column}`: {message}")]
    BadValue {
        /// The column.
        column: String,
        /// Why not.
        message: String,
    },
    /// A name for a sheet or a column that a spreadsheet program would refuse.
    #[error("`{name}` cannot be a name: {message}")]
    BadName {
        /// The name as given.
        name: String,
        /// Why not.
        message: &'static str,
    },
    /// Nothing to write.
    #[error("no values were given")]
    NoValues,
    /// A row with that key exists.
    #[error("a row with `{column}` = {value} exists already: row {row}")]
    KeyTaken {
        /// The key column.
        column: String,
        /// The key.
        value: Cell,
        /// Where it is.
        row: u32,
    },
    /// No row has that key.
    #[error("no row has `{column}` = {value}")]
    NoRow {
        /// The key column.
        column: String,
        /// The key.
        value: Cell,
    },
    /// Several rows have that key, so none of them can be meant safely.
    #[error("{} rows have `{column}` = {value}: {}", rows.len(), listed(rows))]
    SeveralRows {
        /// The key column.
        column: String,
        /// The key.
        value: Cell,
        /// Where they are.
        rows: Vec<u32>,
    },
    /// The row holds something else than the caller expects.
    #[error("row {row} was changed since: {}", differences(found))]
    Changed {
        /// The row.
        row: u32,
        /// Every cell that differs.
        found: Vec<Difference>,
    },
    /// The appended row is not there any more.
    #[error("no row holds what was appended{}", closest.as_ref().map_or_else(String::new, |(row, found)| {
        format!("; the closest is row {row}: {}", differences(found))
    }))]
    Gone {
        /// The row most like it, and where it differs.
        closest: Option<(u32, Vec<Difference>)>,
    },
    /// Of several equal rows at least one has gone, so it may be the appended.
    #[error("{found} rows hold what was appended, and there were {expected}")]
    FewerCopies {
        /// How many are there.
        found: u32,
        /// How many there were right after the append.
        expected: u32,
    },
    /// A person has closed the sheet or the workbook to changes.
    #[error("{what}, so it is only read")]
    Protected {
        /// What is closed, and how.
        what: String,
    },
    /// The cell is calculated.
    #[error("cell {cell} holds a formula")]
    Formula {
        /// The cell, such as `C4`.
        cell: String,
    },
    /// The cell holds what an undo could not put back.
    #[error("column `{column}` of row {row} holds {found}, which could not be put back later")]
    NoWayBack {
        /// The column.
        column: String,
        /// The row.
        row: u32,
        /// What is there.
        found: Cell,
    },
    /// The cell shows an error, which has no value to put back later.
    #[error("cell {cell} holds an error value")]
    ErrorValue {
        /// The cell, such as `C4`.
        cell: String,
    },
}

/// One cell that is not as expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The column's name, or its letter where it has no name.
    pub column: String,
    /// What should be there.
    pub expected: Cell,
    /// What is there.
    pub found: Cell,
}

impl Problem {
    /// What the caller can do next, where the message does not say it already.
    #[must_use]
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Extension { advice, .. } | Self::Unsupported { advice, .. } => advice,
            Self::Macros { .. } => "save a copy without macros as .xlsx",
            Self::Encrypted => "save a copy without a password as .xlsx",
            Self::Corrupt(_) => {
                "open the file in a spreadsheet program, save it again, and look whether it is whole"
            }
            Self::TooLarge { .. } => "split the file, or ask for less",
            Self::NoHeader { .. } => "write column names into the first row of the sheet",
            Self::AmbiguousColumn { .. } => "rename one of the columns",
            Self::BadValue { .. } | Self::BadName { .. } | Self::NoValues => "change the input",
            Self::KeyTaken { .. } => "update that row, or use another key",
            Self::NoRow { .. } => "read the rows again; the row may have been removed or renamed",
            Self::SeveralRows { .. } => "use a column that is different in every row",
            Self::Changed { .. } => "read the row again and decide from what it holds now",
            Self::Gone { .. } | Self::FewerCopies { .. } => {
                "read the rows again; somebody changed or removed it, and nothing was done"
            }
            Self::Protected { .. } => "ask the owner of the workbook to make the change",
            Self::Formula { .. } => "change the cells that it is calculated from",
            Self::NoWayBack { .. } | Self::ErrorValue { .. } => {
                "ask the owner of the workbook to correct the cell"
            }
            Self::UnknownSheet { .. } | Self::UnknownColumn { .. } => return None,
        })
    }
}

fn instead(meant: Option<&str>, known: &[String]) -> String {
    match meant {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None => format!("; there are: {}", known.join(", ")),
    }
}

fn listed(rows: &[u32]) -> String {
    let mut text = rows
        .iter()
        .take(10)
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ");
    if rows.len() > 10 {
        text.push_str(", …");
    }
    text
}

fn differences(found: &[Difference]) -> String {
    found
        .iter()
        .take(10)
        .map(|d| format!("`{}` should be {} and is {}", d.column, d.expected, d.found))
        .collect::<Vec<_>>()
        .join("; ")
}
