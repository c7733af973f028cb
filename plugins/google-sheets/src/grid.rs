//! Rows of cells as a rectangle. Google leaves out empty cells at the end of a
//! row and empty rows at the end, so nothing is compared before it is filled up.

use serde_json::Value;
use tollgate_sdk::ToolError;

use crate::area::{Area, Corner};
use crate::cell::Cell;

/// Rows of one range.
pub(crate) type Rows = Vec<Vec<Cell>>;

/// What Google answers for a range, with the cells that it left out. Rows and
/// columns beyond the range are not looked at.
pub(crate) fn filled(area: &Area, values: Vec<Vec<Value>>) -> Rows {
    let columns = area.columns() as usize;
    let mut rows: Rows = values
        .into_iter()
        .take(area.rows() as usize)
        .map(|row| {
            let mut row: Vec<Cell> = row
                .into_iter()
                .take(columns)
                .map(Cell::from_google)
                .collect();
            row.resize(columns, Cell::Empty);
            row
        })
        .collect();
    rows.resize(area.rows() as usize, vec![Cell::Empty; columns]);
    rows
}

/// As Google takes rows.
pub(crate) fn to_google(rows: &Rows) -> Vec<Vec<Value>> {
    let row = |row: &Vec<Cell>| row.iter().map(Cell::to_google).collect();
    rows.iter().map(row).collect()
}

/// An empty rectangle of the same size.
pub(crate) fn emptied(rows: &Rows) -> Rows {
    rows.iter()
        .map(|row| vec![Cell::Empty; row.len()])
        .collect()
}

/// Whether the rows are as large as the area, and each cell can be kept.
pub(crate) fn check(rows: &Rows, area: &Area, at: &str) -> Result<(), ToolError> {
    let (height, width) = (area.rows() as usize, area.columns() as usize);
    if rows.len() != height {
        let message = format!(
            "has {} rows, and `{}` has {height}",
            rows.len(),
            area.cells()
        );
        return Err(ToolError::invalid_input(at, message));
    }
    if let Some(index) = rows.iter().position(|row| row.len() != width) {
        let found = rows.get(index).map_or(0, Vec::len);
        let message = format!(
            "has {found} cells, and `{}` has {width} columns; write null for an empty cell",
            area.cells()
        );
        return Err(ToolError::invalid_input(format!("{at}/{index}"), message));
    }
    check_cells(rows, at)
}

/// Whether each cell can be kept.
pub(crate) fn check_cells(rows: &Rows, at: &str) -> Result<(), ToolError> {
    for (r, row) in rows.iter().enumerate() {
        for (c, cell) in row.iter().enumerate() {
            if let Some(fault) = cell.fault() {
                return Err(ToolError::invalid_input(format!("{at}/{r}/{c}"), fault));
            }
        }
    }
    Ok(())
}

/// The first cell in which two rectangles differ, and both values.
pub(crate) fn difference<'r>(
    area: &Area,
    left: &'r Rows,
    right: &'r Rows,
) -> Option<(Corner, &'r Cell, &'r Cell)> {
    for (r, (a, b)) in (area.first.row..).zip(left.iter().zip(right)) {
        for (c, (a, b)) in (area.first.column..).zip(a.iter().zip(b)) {
            if a != b {
                return Some((Corner { column: c, row: r }, a, b));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn area(cells: &str) -> Area {
        Area::of("Cases", cells, "").unwrap()
    }

    fn rows(value: Value) -> Rows {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_google_leaves_out_is_empty() {
        let answer = vec![vec![json!("a")], vec![], vec![json!(1), json!(2), json!(3)]];
        let filled = filled(&area("A1:B4"), answer);
        assert_eq!(
            filled,
            rows(json!([["a", null], [null, null], [1, 2], [null, null]]))
        );
    }

    #[test]
    fn rows_must_be_as_large_as_the_cells_named() {
        let pointer = |value| match check(&rows(value), &area("A1:B2"), "/values") {
            Err(ToolError::InvalidInput { pointer, .. }) => pointer,
            other => panic!("{other:?}"),
        };
        assert_eq!(pointer(json!([["a", "b"]])), "/values");
        assert_eq!(pointer(json!([["a", "b"], ["c"]])), "/values/1");
        assert!(check(&rows(json!([[1, 2], [3, null]])), &area("A1:B2"), "").is_ok());
    }

    #[test]
    fn a_difference_is_named_by_its_cell() {
        let (left, right) = (
            rows(json!([[1, 2], [3, "x"]])),
            rows(json!([[1, 2], [3, "y"]])),
        );
        let (at, a, b) = difference(&area("B5:C6"), &left, &right).unwrap();
        assert_eq!(format!("{at} {a} {b}"), "C6 \"x\" \"y\"");
        assert!(difference(&area("B5:C6"), &left, &left).is_none());
    }
}
