//! Cell references in A1 form, and what a removed row does to them.

use crate::limits;

/// `0` is `A`, `26` is `AA`.
pub(crate) fn column_letters(index: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + u8::try_from(rest % 26).unwrap_or(0)));
        rest /= 26;
    }
    letters.iter().rev().collect()
}

/// The name of a cell by its column, from 0, and its row, from 1.
pub(crate) fn cell_name(column: u32, row: u32) -> String {
    format!("{}{row}", column_letters(column))
}

/// Column, from 0, and row, from 1, of a name such as `C4` or `$C$4`.
pub(crate) fn parse_cell(name: &str) -> Option<(u32, u32)> {
    let name = name.strip_prefix('$').unwrap_or(name);
    let split = name.find(|c: char| !c.is_ascii_alphabetic())?;
    let (letters, row) = name.split_at(split);
    let row = row.strip_prefix('$').unwrap_or(row);
    if letters.is_empty() || letters.len() > 3 || !row.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let column = letters.bytes().fold(0_u32, |sum, b| {
        sum * 26 + u32::from(b.to_ascii_uppercase() - b'A') + 1
    });
    let row = row
        .parse()
        .ok()
        .filter(|row| (1..=limits::ROWS).contains(row))?;
    (column <= limits::COLUMNS).then_some((column - 1, row))
}

/// A rectangle of cells, both corners within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) right: u32,
    pub(crate) bottom: u32,
}

impl Area {
    /// Read `B2:D9`, or `B2` alone.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (from, to) = text.split_once(':').unwrap_or((text, text));
        let ((left, top), (right, bottom)) = (parse_cell(from)?, parse_cell(to)?);
        (left <= right && top <= bottom).then_some(Self {
            left,
            top,
            right,
            bottom,
        })
    }

    /// The area after a row has been removed and those below have moved up.
    /// Nothing is left of an area that was only that row.
    pub(crate) fn without_row(mut self, row: u32) -> Option<Self> {
        if self.top == row && self.bottom == row {
            return None;
        }
        if self.top > row {
            self.top -= 1;
        }
        if self.bottom >= row {
            self.bottom -= 1;
        }
        Some(self)
    }
}

impl std::fmt::Display for Area {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&cell_name(self.left, self.top))?;
        if (self.left, self.top) == (self.right, self.bottom) {
            return Ok(());
        }
        write!(f, ":{}", cell_name(self.right, self.bottom))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn names_translate_both_ways() {
        for (name, column, row) in [
            ("A1", 0, 1),
            ("Z9", 25, 9),
            ("AA10", 26, 10),
            ("XFD1048576", 16_383, 1_048_576),
        ] {
            assert_eq!(parse_cell(name), Some((column, row)));
            assert_eq!(cell_name(column, row), name);
        }
        assert_eq!(parse_cell("$C$4"), Some((2, 4)));
    }

    #[test]
    fn what_is_outside_a_sheet_is_no_cell() {
        for name in [
            "",
            "A",
            "1",
            "A0",
            "XFE1",
            "A1048577",
            "AAAA1",
            "A-1",
            "A1B",
            "A99999999999",
        ] {
            assert_eq!(parse_cell(name), None, "{name}");
        }
    }

    #[test]
    fn a_removed_row_moves_what_is_below_and_shortens_what_spans_it() {
        let after = |text: &str| {
            Area::parse(text)
                .unwrap()
                .without_row(5)
                .map(|a| a.to_string())
        };
        assert_eq!(after("B2:D4").as_deref(), Some("B2:D4"));
        assert_eq!(after("B2:D9").as_deref(), Some("B2:D8"));
        assert_eq!(after("B5:D9").as_deref(), Some("B5:D8"));
        assert_eq!(after("B6:D9").as_deref(), Some("B5:D8"));
        assert_eq!(after("A5:Z5"), None);
    }
}
