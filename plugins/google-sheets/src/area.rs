//! A rectangle of cells of one sheet, and how Sheets writes it (A1 notation).
//!
//! The attack: a sheet's name such as `x'!A1:Z9` that moves a call to other
//! cells. Names are always quoted, and quotes in them doubled.

use std::fmt;

use tollgate_sdk::ToolError;

/// The last row that a document can have: 10 million cells in one column
/// (support.google.com/drive/answer/37603).
const ROW_MAX: u32 = 10_000_000;

/// The last column that a document can have, `ZZZ` (the same page).
const COLUMN_MAX: u32 = 18_278;

/// The longest name of a sheet, characters.
const SHEET_CHARS_MAX: usize = 100;

/// Cells from a corner to the opposite one, both within. Rows and columns count
/// from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) sheet: String,
    pub(crate) first: Corner,
    pub(crate) last: Corner,
}

/// One cell of a sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) column: u32,
    pub(crate) row: u32,
}

impl Area {
    /// Of a sheet's name and cells such as `A2:D9`, or `B3` for one cell. The
    /// pointers are where they stand in the input.
    pub(crate) fn of(sheet: &str, cells: &str, at: &str) -> Result<Self, ToolError> {
        check_sheet(sheet, at)?;
        let corners = corners(cells);
        let (first, last) = corners.ok_or_else(|| {
            ToolError::invalid_input(
                format!("{at}/cells"),
                "is no rectangle of cells; write both corners, upper left first, such as `A2:D9`, without the sheet's name",
            )
        })?;
        let sheet = sheet.to_owned();
        Ok(Self { sheet, first, last })
    }

    /// Of what Google writes, such as `'My sheet'!A5:C6`.
    pub(crate) fn from_google(range: &str) -> Option<Self> {
        let (sheet, cells) = range.rsplit_once('!')?;
        let quoted = sheet
            .strip_prefix('\'')
            .and_then(|rest| rest.strip_suffix('\''));
        let sheet = quoted.map_or_else(|| sheet.to_owned(), |inner| inner.replace("''", "'"));
        let (first, last) = corners(cells)?;
        Some(Self { sheet, first, last })
    }

    pub(crate) const fn rows(&self) -> u32 {
        self.last.row - self.first.row + 1
    }

    pub(crate) const fn columns(&self) -> u32 {
        self.last.column - self.first.column + 1
    }

    /// The cells without the sheet: `A2:D9`.
    pub(crate) fn cells(&self) -> String {
        format!("{}:{}", self.first, self.last)
    }

    /// The first rows of it, and the cells of what is left.
    pub(crate) fn split(&self, rows: u32) -> (Self, Option<String>) {
        if self.rows() <= rows {
            return (self.clone(), None);
        }
        let (mut head, mut rest) = (self.clone(), self.clone());
        head.last.row = self.first.row + rows - 1;
        rest.first.row = head.last.row + 1;
        (head, Some(rest.cells()))
    }

    /// Whether a cell is in both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        // Sheets compares the names of sheets without regard to case.
        self.sheet.to_lowercase() == other.sheet.to_lowercase()
            && self.first.row <= other.last.row
            && other.first.row <= self.last.row
            && self.first.column <= other.last.column
            && other.first.column <= self.last.column
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}!{}", quoted(&self.sheet), self.cells())
    }
}

impl fmt::Display for Corner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", letters(self.column), self.row)
    }
}

/// A whole column of a sheet: `'Cases'!A:A`.
pub(crate) fn whole_column(sheet: &str, column: u32) -> String {
    let letters = letters(column);
    format!("{}!{letters}:{letters}", quoted(sheet))
}

/// The column of letters such as `A` or `AB`.
pub(crate) fn column(text: &str) -> Option<u32> {
    let mut column = 0_u32;
    for b in text.bytes() {
        let digit = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a',
            _ => return None,
        };
        column = column.checked_mul(26)?.checked_add(u32::from(digit) + 1)?;
        if column > COLUMN_MAX {
            return None;
        }
    }
    (column > 0).then_some(column)
}

fn check_sheet(sheet: &str, at: &str) -> Result<(), ToolError> {
    let count = sheet.chars().count();
    if (1..=SHEET_CHARS_MAX).contains(&count) && !sheet.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ToolError::invalid_input(
        format!("{at}/sheet"),
        "is no name of a sheet; `sheets` lists those that exist",
    ))
}

fn quoted(sheet: &str) -> String {
    format!("'{}'", sheet.replace('\'', "''"))
}

fn corners(cells: &str) -> Option<(Corner, Corner)> {
    let (first, last) = match cells.split_once(':') {
        Some((first, last)) => (corner(first)?, corner(last)?),
        None => (corner(cells)?, corner(cells)?),
    };
    (first.column <= last.column && first.row <= last.row).then_some((first, last))
}

fn corner(text: &str) -> Option<Corner> {
    let digits = text.find(|c: char| c.is_ascii_digit())?;
    let (letters, row) = text.split_at(digits);
    let is_number = row.bytes().all(|b| b.is_ascii_digit()) && !row.starts_with('0');
    let row: u32 = row.parse().ok().filter(|_| is_number)?;
    let column = column(letters)?;
    (row <= ROW_MAX).then_some(Corner { column, row })
}

fn letters(mut column: u32) -> String {
    let mut letters = Vec::new();
    while column > 0 {
        column -= 1;
        letters.push(char::from(b'A' + u8::try_from(column % 26).unwrap_or(0)));
        column /= 26;
    }
    letters.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn cells_are_written_as_they_are_read() {
        for (cells, written) in [
            ("A1:D9", "'Cases'!A1:D9"),
            ("b3", "'Cases'!B3:B3"),
            ("Z9:AB10", "'Cases'!Z9:AB10"),
            ("AAA1:ZZZ1", "'Cases'!AAA1:ZZZ1"),
        ] {
            assert_eq!(Area::of("Cases", cells, "").unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_rectangle_is_refused() {
        for cells in [
            "",
            "A",
            "1",
            "A:D",
            "A0",
            "A01",
            "D9:A1",
            "A9:D1",
            "A1:B2:C3",
            "A1 ",
            "A1;B2",
            "Other!A1",
            "A1:AAAA1",
            "A10000001",
            "A1:B99999999999",
            "A+1",
            "A1B",
            "R1C1",
        ] {
            let refused = Area::of("Cases", cells, "/ranges/1");
            assert!(
                matches!(&refused, Err(ToolError::InvalidInput { pointer, .. }) if pointer == "/ranges/1/cells"),
                "{cells}: {refused:?}"
            );
        }
    }

    #[test]
    fn a_sheet_s_name_cannot_name_other_cells() {
        let area = Area::of("x'!A1:Z9", "B2", "").unwrap();
        assert_eq!(area.to_string(), "'x''!A1:Z9'!B2:B2");
        assert_eq!(Area::from_google(&area.to_string()).unwrap(), area);
        assert!(Area::of("a\nb", "B2", "").is_err());
        assert!(Area::of("", "B2", "").is_err());
    }

    #[test]
    fn google_writes_plain_names_without_quotes() {
        let area = Area::from_google("Cases!A5:C6").unwrap();
        assert_eq!((area.rows(), area.columns()), (2, 3));
        assert_eq!(Area::from_google("string"), None);
    }

    #[test]
    fn a_long_area_is_cut_into_pages_without_a_gap() {
        let area = Area::of("Cases", "A2:B10", "").unwrap();
        let (head, rest) = area.split(4);
        assert_eq!(
            (head.cells().as_str(), rest.as_deref()),
            ("A2:B5", Some("A6:B10"))
        );
        assert_eq!(area.split(9).1, None);
    }

    #[test]
    fn areas_overlap_where_they_share_a_cell() {
        let area = |cells| Area::of("Cases", cells, "").unwrap();
        assert!(area("A1:B2").overlaps(&area("B2:C3")));
        assert!(!area("A1:B2").overlaps(&area("C1:D2")));
        assert!(area("A1").overlaps(&Area::of("CASES", "A1", "").unwrap()));
        assert!(!area("A1").overlaps(&Area::of("Other", "A1", "").unwrap()));
    }
}
