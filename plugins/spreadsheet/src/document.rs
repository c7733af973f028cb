//! A workbook or a csv file, by one face.
//!
//! Bytes in, bytes out: nothing here knows where a file lies or who may touch
//! it. Every change answers with the values as they will read, because that is
//! what an undo compares later.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cell::Cell;
use crate::delimited::{self, Delimited};
use crate::limits;
use crate::problem::Problem;
use crate::table::{Assignment, Table, Values};
use crate::workbook::{self, Opened, Workbook};

/// What a sheet is, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SheetSummary {
    /// Its name.
    pub name: String,
    /// Whether it is hidden from people.
    pub hidden: bool,
    /// The number of the header row; 0 where the sheet is empty.
    pub header_row: u32,
    /// The column names, from left to right.
    pub columns: Vec<String>,
    /// How many rows below the header hold anything.
    pub rows: u32,
    /// The number of the last of them; 0 where there is none.
    pub last_row: u32,
}

impl SheetSummary {
    /// A sheet without a header.
    pub(crate) fn empty(name: &str, hidden: bool) -> Self {
        let name = name.to_owned();
        Self {
            name,
            hidden,
            header_row: 0,
            columns: Vec::new(),
            rows: 0,
            last_row: 0,
        }
    }

    pub(crate) fn of(table: &Table, hidden: bool) -> Self {
        Self {
            name: table.sheet.clone(),
            hidden,
            header_row: table.header_row,
            columns: table
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            rows: u32::try_from(table.rows.len()).unwrap_or(u32::MAX),
            last_row: table.rows.last().map_or(0, |row| row.number),
        }
    }
}

/// A column of a new file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewColumn {
    /// The text of the header cell; different in every column.
    pub name: String,
    /// How a workbook shows the column. A csv file keeps no such thing.
    #[serde(default)]
    pub kind: ColumnKind,
}

/// How a workbook shows a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// As it comes: text and numbers.
    #[default]
    General,
    /// Dates such as `2026-11-22`.
    Date,
    /// Dates with a time such as `2026-11-22T09:30:00`.
    DateTime,
}

/// The files that this connector opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A workbook.
    Xlsx,
    /// Separated values.
    Csv,
}

impl Format {
    /// The format that a file's name says.
    ///
    /// # Errors
    /// [`Problem::Extension`] or [`Problem::Macros`].
    pub fn of(path: &str) -> Result<Self, Problem> {
        let file = path.rsplit('/').next().unwrap_or(path);
        let refused = |advice| {
            Err(Problem::Extension {
                path: path.to_owned(),
                advice,
            })
        };
        if file.starts_with("~$") || file.starts_with(".~lock.") {
            return refused("this is the mark of an open file; name the file itself");
        }
        let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension.to_ascii_lowercase().as_str() {
            "xlsx" => Ok(Self::Xlsx),
            "csv" => Ok(Self::Csv),
            "xlsm" | "xltm" | "xlam" => Err(Problem::Macros {
                path: path.to_owned(),
            }),
            "xls" | "xlsb" | "ods" | "numbers" => refused("save a copy as .xlsx"),
            _ => refused("name a file that ends in .xlsx or .csv"),
        }
    }
}

/// One opened sheet of a file, ready to be changed.
#[derive(Debug)]
pub struct Document {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Workbook(Box<Workbook>, Box<Opened>),
    Csv(Delimited),
}

/// A row that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The row's number.
    pub row: u32,
    /// The values as they read, by column.
    pub values: Values,
}

/// A row that was taken out.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The whole file.
    pub bytes: Vec<u8>,
    /// The row's number.
    pub row: u32,
    /// Whether an empty row stays behind.
    pub leaves_empty_row: bool,
}

impl Document {
    /// Open a sheet: the named one, or the first that people see. A csv file
    /// has one, whatever it is called.
    ///
    /// # Errors
    /// Any [`Problem`] of a file, and [`Problem::UnknownSheet`].
    pub fn open(path: &str, bytes: Vec<u8>, sheet: Option<&str>) -> Result<Self, Problem> {
        let kind = match Format::of(path)? {
            Format::Csv => Kind::Csv(Delimited::open(check_text(bytes)?)?),
            Format::Xlsx => {
                let mut workbook = Workbook::open(path, bytes)?;
                let opened = workbook.sheet(sheet)?;
                Kind::Workbook(Box::new(workbook), Box::new(opened))
            }
        };
        Ok(Self { kind })
    }

    /// The sheet's header and rows.
    #[must_use]
    pub fn table(&self) -> &Table {
        match &self.kind {
            Kind::Workbook(_, opened) => opened.table(),
            Kind::Csv(csv) => csv.table(),
        }
    }

    /// Add a row below everything. With a key column, a row that has the same
    /// key already is a [`Problem::KeyTaken`].
    ///
    /// # Errors
    /// Any [`Problem`] of columns and values.
    pub fn append(&mut self, values: &Values, key: Option<&str>) -> Result<Written, Problem> {
        let assignment = self.table().assign(values)?;
        if assignment.iter().all(|(_, cell)| cell.is_empty()) {
            return Err(Problem::NoValues);
        }
        if let Some(key) = key {
            self.table().check_key_free(key, values)?;
        }
        let (bytes, row, written) = match &mut self.kind {
            Kind::Workbook(workbook, opened) => workbook.append(opened, &assignment)?,
            Kind::Csv(csv) => csv.append(&assignment)?,
        };
        Ok(Written {
            bytes,
            row,
            values: self.named(written),
        })
    }

    /// Write some columns of the row that has this key. Where `expected` names
    /// columns, they must hold those values, else [`Problem::Changed`].
    ///
    /// # Errors
    /// Any [`Problem`] of columns, values and rows, and
    /// [`Problem::NoWayBack`] where the old value could not be written again.
    pub fn update(
        &mut self,
        key: (&str, &Cell),
        values: &Values,
        expected: &Values,
    ) -> Result<Written, Problem> {
        let assignment = self.table().assign(values)?;
        let row = self.table().row_by_key(key.0, key.1)?;
        self.table().check_expected(row, expected)?;
        self.table().check_way_back(row, &assignment)?;
        let number = row.number;
        let (bytes, written) = match &mut self.kind {
            Kind::Workbook(workbook, opened) => workbook.set(opened, number, &assignment)?,
            Kind::Csv(csv) => csv.set(number, &assignment)?,
        };
        Ok(Written {
            bytes,
            row: number,
            values: self.named(written),
        })
    }

    /// Take out a row that was appended, wherever it is now, if it still holds
    /// exactly `values`: found by its key, or by all it holds where there is no
    /// key. See [`Self::copies`] for `copies`; `near` is where it was.
    ///
    /// # Errors
    /// [`Problem::Changed`], [`Problem::Gone`], [`Problem::FewerCopies`] and
    /// those of columns and rows.
    pub fn remove_appended(
        &mut self,
        values: &Values,
        key: Option<&str>,
        near: u32,
        copies: u32,
    ) -> Result<Removed, Problem> {
        let row = self.table().appended(values, key, near, copies)?.number;
        let (bytes, leaves_empty_row) = match &mut self.kind {
            Kind::Workbook(workbook, opened) => workbook.remove(opened, row)?,
            Kind::Csv(csv) => (csv.remove(row)?, false),
        };
        Ok(Removed {
            bytes,
            row,
            leaves_empty_row,
        })
    }

    /// How many rows hold exactly these values.
    ///
    /// # Errors
    /// [`Problem::UnknownColumn`].
    pub fn copies(&self, values: &Values) -> Result<u32, Problem> {
        self.table().copies(values)
    }

    fn named(&self, assignment: Assignment) -> Values {
        let columns = &self.table().columns;
        assignment
            .into_iter()
            .map(|(place, cell)| (columns[place].name.clone(), cell))
            .collect()
    }
}

/// The sheets of a file.
///
/// # Errors
/// Any [`Problem`] of a file.
pub fn sheets(path: &str, bytes: Vec<u8>) -> Result<Vec<SheetSummary>, Problem> {
    match Format::of(path)? {
        Format::Csv => match Delimited::open(check_text(bytes)?) {
            Ok(csv) => Ok(vec![SheetSummary::of(csv.table(), false)]),
            Err(Problem::NoHeader { sheet }) => Ok(vec![SheetSummary::empty(&sheet, false)]),
            Err(problem) => Err(problem),
        },
        Format::Xlsx => Workbook::open(path, bytes)?.summaries(),
    }
}

/// A new file with a header row.
///
/// # Errors
/// [`Problem::BadName`] and [`Problem::NoValues`].
pub fn create(path: &str, sheet: &str, columns: &[NewColumn]) -> Result<Vec<u8>, Problem> {
    check_columns(columns)?;
    match Format::of(path)? {
        Format::Csv => Ok(delimited::create(
            &columns
                .iter()
                .map(|column| column.name.clone())
                .collect::<Vec<_>>(),
        )),
        Format::Xlsx => {
            check_sheet_name(sheet)?;
            workbook::create(sheet, columns)
        }
    }
}

/// A workbook under the name of a text file would be read as noise.
fn check_text(bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Problem::Corrupt(
            "it is named .csv and is a zip, perhaps a workbook".to_owned(),
        ));
    }
    Ok(bytes)
}

fn check_columns(columns: &[NewColumn]) -> Result<(), Problem> {
    if columns.is_empty() {
        return Err(Problem::NoValues);
    }
    if columns.len() > limits::COLUMNS as usize {
        let what = "a sheet cannot have so many columns";
        return Err(Problem::TooLarge {
            what,
            actual: columns.len() as u64,
            limit: u64::from(limits::COLUMNS),
        });
    }
    let mut seen = std::collections::HashSet::new();
    for NewColumn { name, .. } in columns {
        let bad = |message| {
            Err(Problem::BadName {
                name: name.clone(),
                message,
            })
        };
        if name.trim() != name || name.is_empty() {
            return bad("a column's name has text, and no spaces around it");
        }
        if name.chars().count() > limits::NAME_CHARS || name.chars().any(char::is_control) {
            return bad("a column's name has at most 255 characters, on one line");
        }
        if !seen.insert(name.to_lowercase()) {
            return bad("another column has the same name");
        }
    }
    Ok(())
}

/// The rules that spreadsheet programs have for the names of sheets.
fn check_sheet_name(name: &str) -> Result<(), Problem> {
    let bad = |message| {
        Err(Problem::BadName {
            name: name.to_owned(),
            message,
        })
    };
    if name.is_empty() || name.encode_utf16().count() > 31 {
        return bad("a sheet's name has 1 to 31 characters");
    }
    if name.contains(['[', ']', ':', '*', '?', '/', '\\']) || name.chars().any(char::is_control) {
        return bad("a sheet's name has none of [ ] : * ? / \\");
    }
    if name.starts_with('\'') || name.ends_with('\'') {
        return bad("a sheet's name has no apostrophe at its ends");
    }
    Ok(())
}
