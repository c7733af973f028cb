//! A sheet seen as a table: a header row and the rows below it.
//!
//! This is where rows are named. A row number is only a hint: others sort,
//! insert and remove. A row is found by a key column whose value occurs once,
//! or by everything it holds, with a count of its equals, so that an undo takes
//! away what was added or says why it does not.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::limits;
use crate::problem::{Difference, Problem};
use crate::reference;

/// One column that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The text of the header cell.
    pub name: String,
    /// Its place in the sheet, from 0.
    pub index: u32,
}

/// One row below the header that holds anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its number in the sheet, from 1.
    pub number: u32,
    /// What it holds, in the order of the columns.
    pub cells: Vec<Cell>,
    /// What it holds in places without a column name.
    pub beyond: Vec<(u32, Cell)>,
}

/// The header of a sheet and the rows below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The sheet's name.
    pub sheet: String,
    /// The number of the header row, from 1.
    pub header_row: u32,
    /// The named columns, from left to right.
    pub columns: Vec<Column>,
    /// The rows that hold anything, from top to bottom.
    pub rows: Vec<Row>,
}

/// Values by column name.
pub type Values = BTreeMap<String, Cell>;

/// Values by the column's place among the table's columns.
pub(crate) type Assignment = Vec<(usize, Cell)>;

impl Table {
    /// Read a sheet's rows, given from top to bottom, cells from left to right.
    /// The first row that holds anything is the header.
    pub(crate) fn build(
        sheet: &str,
        rows: impl IntoIterator<Item = (u32, Vec<(u32, Cell)>)>,
    ) -> Result<Self, Problem> {
        let mut rows = rows
            .into_iter()
            .filter(|(_, cells)| cells.iter().any(|(_, c)| !c.is_empty()));
        let (header_row, header) = rows.next().ok_or_else(|| Problem::NoHeader {
            sheet: sheet.to_owned(),
        })?;
        let columns = columns(header);
        let rows = rows
            .map(|(number, cells)| row(number, cells, &columns))
            .collect();
        Ok(Self {
            sheet: sheet.to_owned(),
            header_row,
            columns,
            rows,
        })
    }

    /// The number of the first row below everything.
    pub(crate) fn next_row(&self) -> Result<u32, Problem> {
        let last = self.rows.last().map_or(self.header_row, |row| row.number);
        if last >= limits::ROWS {
            return Err(Problem::TooLarge {
                what: "the sheet has no row left",
                actual: u64::from(last) + 1,
                limit: u64::from(limits::ROWS),
            });
        }
        Ok(last + 1)
    }

    /// The place of a column among the table's columns.
    ///
    /// # Errors
    /// [`Problem::UnknownColumn`] with the closest name, or
    /// [`Problem::AmbiguousColumn`].
    pub fn column(&self, name: &str) -> Result<usize, Problem> {
        let mut found = (0..self.columns.len()).filter(|i| self.columns[*i].name == name);
        match (found.next(), found.next()) {
            (Some(place), None) => Ok(place),
            (Some(_), Some(_)) => Err(Problem::AmbiguousColumn {
                name: name.to_owned(),
            }),
            (None, _) => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> Problem {
        let known: Vec<String> = self.columns.iter().map(|c| c.name.clone()).collect();
        Problem::UnknownColumn {
            name: name.to_owned(),
            meant: closest(name, &known),
            known,
        }
    }

    /// Values by name become values by place; each is checked.
    pub(crate) fn assign(&self, values: &Values) -> Result<Assignment, Problem> {
        if values.is_empty() {
            return Err(Problem::NoValues);
        }
        values
            .iter()
            .map(|(name, cell)| {
                let place = self.column(name)?;
                cell.check().map_err(|message| Problem::BadValue {
                    column: name.clone(),
                    message,
                })?;
                Ok((place, cell.clone()))
            })
            .collect()
    }

    /// The rows whose column holds the value.
    fn rows_with(&self, place: usize, value: &Cell) -> Vec<&Row> {
        self.rows
            .iter()
            .filter(|row| row.cells[place].same(value))
            .collect()
    }

    /// The one row whose column holds the value.
    ///
    /// # Errors
    /// [`Problem::NoRow`] or [`Problem::SeveralRows`].
    pub fn row_by_key(&self, column: &str, value: &Cell) -> Result<&Row, Problem> {
        let rows = self.rows_with(self.column(column)?, value);
        match rows.as_slice() {
            [row] => Ok(row),
            [] => Err(Problem::NoRow {
                column: column.to_owned(),
                value: value.clone(),
            }),
            several => Err(Problem::SeveralRows {
                column: column.to_owned(),
                value: value.clone(),
                rows: several.iter().map(|row| row.number).collect(),
            }),
        }
    }

    /// Refuse a key that some row holds already, or that is empty.
    pub(crate) fn check_key_free(&self, column: &str, values: &Values) -> Result<(), Problem> {
        let value = key_of(column, values)?;
        match self.rows_with(self.column(column)?, value).first() {
            None => Ok(()),
            Some(row) => Err(Problem::KeyTaken {
                column: column.to_owned(),
                value: value.clone(),
                row: row.number,
            }),
        }
    }

    /// Whether the row's named columns hold what is expected of them.
    pub(crate) fn check_expected(&self, row: &Row, expected: &Values) -> Result<(), Problem> {
        let mut found = Vec::new();
        for (name, value) in expected {
            let cell = &row.cells[self.column(name)?];
            if !cell.same(value) {
                found.push(difference(name, value, cell));
            }
        }
        if found.is_empty() {
            Ok(())
        } else {
            Err(Problem::Changed {
                row: row.number,
                found,
            })
        }
    }

    /// Whether what is there now could be written again.
    pub(crate) fn check_way_back(&self, row: &Row, values: &Assignment) -> Result<(), Problem> {
        let lost = values
            .iter()
            .find(|(place, _)| row.cells[*place].check().is_err());
        lost.map_or(Ok(()), |(place, _)| {
            Err(Problem::NoWayBack {
                column: self.columns[*place].name.clone(),
                row: row.number,
                found: row.cells[*place].clone(),
            })
        })
    }

    /// How many rows hold exactly these values and nothing else.
    pub(crate) fn copies(&self, values: &Values) -> Result<u32, Problem> {
        let count = self.matches(values)?.len();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    fn matches(&self, values: &Values) -> Result<Vec<&Row>, Problem> {
        self.check_names(values)?;
        let expected = self.in_order(values);
        let holds = |row: &&Row| {
            row.beyond.is_empty()
                && row
                    .cells
                    .iter()
                    .zip(&expected)
                    .all(|(cell, value)| cell.same(value))
        };
        Ok(self.rows.iter().filter(holds).collect())
    }

    fn check_names(&self, values: &Values) -> Result<(), Problem> {
        values
            .keys()
            .try_for_each(|name| self.column(name).map(drop))
    }

    /// The value for each column; nothing where `values` does not name it.
    fn in_order<'a>(&self, values: &'a Values) -> Vec<&'a Cell> {
        self.columns
            .iter()
            .map(|column| values.get(&column.name).unwrap_or(&Cell::Empty))
            .collect()
    }

    /// Every cell of the row that is not as in `values`; columns that `values`
    /// does not name must be empty.
    fn differences(&self, row: &Row, values: &Values) -> Vec<Difference> {
        let named = self
            .columns
            .iter()
            .zip(&row.cells)
            .zip(self.in_order(values));
        let named = named.filter(|((_, cell), expected)| !cell.same(expected));
        let named =
            named.map(|((column, cell), expected)| difference(&column.name, expected, cell));
        let beyond = row.beyond.iter().map(|(index, cell)| {
            difference(&reference::column_letters(*index), &Cell::Empty, cell)
        });
        named.chain(beyond).collect()
    }

    /// The appended row, wherever it is now: by its key where it has one, else
    /// by all it holds.
    ///
    /// Without a key there may be rows equal to it that others wrote. `copies`
    /// says how many there were right after the append; when there are fewer,
    /// the appended one may be the one that went, and none is taken. Among
    /// equals the one nearest to `near` is taken.
    pub(crate) fn appended(
        &self,
        values: &Values,
        key: Option<&str>,
        near: u32,
        copies: u32,
    ) -> Result<&Row, Problem> {
        match key {
            Some(column) => self.appended_by_key(values, column),
            None => self.appended_by_content(values, near, copies),
        }
    }

    fn appended_by_key(&self, values: &Values, column: &str) -> Result<&Row, Problem> {
        self.check_names(values)?;
        let row = self.row_by_key(column, key_of(column, values)?)?;
        let found = self.differences(row, values);
        if found.is_empty() {
            Ok(row)
        } else {
            Err(Problem::Changed {
                row: row.number,
                found,
            })
        }
    }

    fn appended_by_content(
        &self,
        values: &Values,
        near: u32,
        copies: u32,
    ) -> Result<&Row, Problem> {
        let rows = self.matches(values)?;
        let found = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        match rows.into_iter().min_by_key(|row| row.number.abs_diff(near)) {
            None => Err(Problem::Gone {
                closest: self.most_alike(values),
            }),
            Some(_) if found < copies => Err(Problem::FewerCopies {
                found,
                expected: copies,
            }),
            Some(row) => Ok(row),
        }
    }

    /// The row that shares most with `values`, if it shares at least half.
    fn most_alike(&self, values: &Values) -> Option<(u32, Vec<Difference>)> {
        self.rows
            .iter()
            .map(|row| (row.number, self.differences(row, values)))
            .min_by_key(|(_, found)| found.len())
            .filter(|(_, found)| found.len() * 2 <= self.columns.len())
    }

    /// A row's values by column name.
    #[must_use]
    pub fn values(&self, row: &Row) -> Values {
        self.columns
            .iter()
            .zip(&row.cells)
            .map(|(c, v)| (c.name.clone(), v.clone()))
            .collect()
    }
}

fn key_of<'a>(column: &str, values: &'a Values) -> Result<&'a Cell, Problem> {
    values
        .get(column)
        .filter(|value| !value.is_empty())
        .ok_or_else(|| Problem::BadValue {
            column: column.to_owned(),
            message: "it is the key of the row and needs a value".to_owned(),
        })
}

fn difference(column: &str, expected: &Cell, found: &Cell) -> Difference {
    Difference {
        column: column.to_owned(),
        expected: expected.clone(),
        found: found.clone(),
    }
}

fn columns(header: Vec<(u32, Cell)>) -> Vec<Column> {
    header
        .into_iter()
        .map(|(index, cell)| Column {
            name: cell.shown().trim().to_owned(),
            index,
        })
        .filter(|column| !column.name.is_empty())
        .collect()
}

/// Both the row's cells and the columns run from left to right.
fn row(number: u32, cells: Vec<(u32, Cell)>, columns: &[Column]) -> Row {
    let mut row = Row {
        number,
        cells: vec![Cell::Empty; columns.len()],
        beyond: Vec::new(),
    };
    for (index, cell) in cells {
        match columns.binary_search_by_key(&index, |column| column.index) {
            Ok(place) => row.cells[place] = cell,
            Err(_) if cell.is_empty() => {}
            Err(_) => row.beyond.push((index, cell)),
        }
    }
    row
}

/// The name that a person most likely meant: the same but for case and spaces,
/// or at most two or a third of its letters away.
pub(crate) fn closest(name: &str, known: &[String]) -> Option<String> {
    let plain = |text: &str| {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    let wanted = plain(name);
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(&wanted, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| {
            *distance
                <= 2.max(candidate.chars().count() / 3)
                    .min(wanted.chars().count() / 2)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.clone())
}
