//! Adding rows below a table, and taking it back by emptying them.

use std::collections::BTreeSet;

use tollgate_sdk::prelude::*;

use super::check_size;
use super::updating::{UpdateRange, update_range};
use crate::api;
use crate::area::{self, Area, Corner};
use crate::cell::Cell;
use crate::grid::{self, Rows};
use crate::settings::{self, Manner};

/// Most rows in one call.
const ROWS_MAX: usize = 1000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppendRows {
    /// The document, by its name in the manifest.
    document: String,
    /// The sheet, by its name; `sheets` lists them.
    sheet: String,
    /// The table's header, or any of its cells: `A1:D1`. Rows go below the last
    /// row of the table that Google finds there, from its first column on.
    table: String,
    /// The rows, all of the same length; null is an empty cell. Text stays text,
    /// also where it begins with `=`, `+`, `-` or `@`.
    #[schemars(length(min = 1, max = 1000))]
    rows: Rows,
    /// The letters of a column, such as `A`, in which no value may come twice: a
    /// row whose value is there already is a conflict, and nothing is added. It
    /// makes a repeated call harmless.
    #[serde(default)]
    key: Option<String>,
    /// Understand the values as if a person had typed them. Only where the
    /// manifest allows it.
    #[serde(default)]
    entered: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct AppendedRows {
    /// The sheet.
    sheet: String,
    /// Where the rows are.
    cells: String,
    /// What the cells hold, by Google's answer to the write.
    after: Rows,
}

/// Adds rows below a table; what stands below it moves down. Give `key` so that
/// a call that is made again adds nothing twice. Undone by emptying exactly
/// these cells, if they still hold what was added where it was added; the empty
/// rows stay.
#[tool(title = "Add rows", effect = "write", undo = "update_range")]
pub(crate) fn append_rows(
    input: AppendRows,
) -> Result<Undoable<AppendedRows, UpdateRange>, ToolError> {
    let id = settings::document(&input.document)?;
    let manner = Manner::asked(input.entered)?;
    let table = Area::of(&input.sheet, &input.table, "").map_err(at_table)?;
    check_rows(&input.rows)?;
    check_size(&[&extent(&table, &input.rows)], "the call")?;
    if let Some(letters) = &input.key {
        check_key(&id, &table, letters, &input.rows)?;
    }
    let (area, after) = api::append(&id, &table, &input.rows, manner)?;
    let inverse = UpdateRange {
        document: input.document,
        sheet: area.sheet.clone(),
        cells: area.cells(),
        values: grid::emptied(&after),
        expected: Some(after.clone()),
        entered: false,
    };
    let output = AppendedRows {
        cells: area.cells(),
        sheet: area.sheet,
        after,
    };
    Ok(Undoable::new(output, inverse))
}

fn at_table(error: ToolError) -> ToolError {
    match error {
        ToolError::InvalidInput { pointer, message } if pointer == "/cells" => {
            ToolError::invalid_input("/table", message)
        }
        other => other,
    }
}

fn check_rows(rows: &Rows) -> Result<(), ToolError> {
    if !(1..=ROWS_MAX).contains(&rows.len()) {
        let message = format!("must have 1 to {ROWS_MAX} rows and has {}", rows.len());
        return Err(ToolError::invalid_input("/rows", message));
    }
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 {
        return Err(ToolError::invalid_input("/rows/0", "has no cell"));
    }
    if let Some(index) = rows.iter().position(|row| row.len() != width) {
        let message = format!("has another number of cells than the first row, which has {width}");
        return Err(ToolError::invalid_input(format!("/rows/{index}"), message));
    }
    // Google looks for the end of the table by what cells hold.
    if let Some(index) = rows.iter().position(|row| row.iter().all(Cell::is_empty)) {
        let message = "is empty, so that nobody could find it again";
        return Err(ToolError::invalid_input(format!("/rows/{index}"), message));
    }
    grid::check_cells(rows, "/rows")
}

/// As large as the rows.
fn extent(table: &Area, rows: &Rows) -> Area {
    let size = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let width = size(rows.first().map_or(1, Vec::len));
    let first = table.first;
    let last = Corner {
        column: first.column.saturating_add(width.saturating_sub(1)),
        row: first.row.saturating_add(size(rows.len()).saturating_sub(1)),
    };
    Area {
        sheet: table.sheet.clone(),
        first,
        last,
    }
}

/// Whether no key of the rows is in its column already.
fn check_key(id: &str, table: &Area, letters: &str, rows: &Rows) -> Result<(), ToolError> {
    let column = area::column(letters).ok_or_else(|| {
        ToolError::invalid_input("/key", "is no column; write its letters, such as `A`")
    })?;
    let keys = keys(table, column, rows)?;
    let there = api::get_column(id, &table.sheet, column)?;
    if let Some((row, twice)) = (1_u32..)
        .zip(&there)
        .find(|(_, cell)| keys.contains(&same(cell)))
    {
        return Err(ToolError::conflict(format!(
            "{twice} exists already, in {letters}{row} of `{}`",
            table.sheet
        ))
        .hint("read that row; nothing was added"));
    }
    Ok(())
}

/// The keys of the rows, each there and each once.
fn keys(table: &Area, column: u32, rows: &Rows) -> Result<BTreeSet<String>, ToolError> {
    let offset = column
        .checked_sub(table.first.column)
        .and_then(|offset| usize::try_from(offset).ok());
    let mut keys = BTreeSet::new();
    for (r, row) in rows.iter().enumerate() {
        let cell = offset.and_then(|offset| row.get(offset));
        let Some(cell) = cell.filter(|cell| !cell.is_empty()) else {
            let message = "has nothing in the column of the key";
            return Err(ToolError::invalid_input(format!("/rows/{r}"), message));
        };
        if !keys.insert(same(cell)) {
            let message = format!("has the key {cell} of a row before it");
            return Err(ToolError::invalid_input(format!("/rows/{r}"), message));
        }
    }
    Ok(keys)
}

/// How keys are compared: `7`, `"7"` and `7.0` are one key, for a person who
/// typed one of them made the other.
fn same(cell: &Cell) -> String {
    match cell {
        Cell::Number(number) => number
            .as_f64()
            .map_or_else(|| number.to_string(), |n| n.to_string()),
        Cell::Text(text) => text.clone(),
        Cell::Flag(flag) => flag.to_string().to_uppercase(),
        Cell::Empty => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::{Value, json};

    use super::*;

    fn rows(value: Value) -> Rows {
        serde_json::from_value(value).unwrap()
    }

    fn pointer<T: std::fmt::Debug>(result: Result<T, ToolError>) -> String {
        match result {
            Err(ToolError::InvalidInput { pointer, .. }) => pointer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_that_could_not_be_found_again_are_refused() {
        assert_eq!(pointer(check_rows(&rows(json!([])))), "/rows");
        assert_eq!(pointer(check_rows(&rows(json!([[]])))), "/rows/0");
        assert_eq!(
            pointer(check_rows(&rows(json!([["a"], ["b", 1]])))),
            "/rows/1"
        );
        assert_eq!(
            pointer(check_rows(&rows(json!([["a"], [null]])))),
            "/rows/1"
        );
        assert!(check_rows(&rows(json!([["=1+1", null], ["b", 1]]))).is_ok());
    }

    #[test]
    fn each_row_needs_a_key_of_its_own() {
        let table = Area::of("Cases", "B1:C1", "").unwrap();
        let found = keys(&table, 3, &rows(json!([["x", 7], ["y", "8"]]))).unwrap();
        assert_eq!(found, BTreeSet::from(["7".to_owned(), "8".to_owned()]));
        assert_eq!(
            pointer(keys(&table, 3, &rows(json!([["x", 7], ["y", "7"]])))),
            "/rows/1"
        );
        assert_eq!(
            pointer(keys(&table, 3, &rows(json!([["x", null]])))),
            "/rows/0"
        );
        assert_eq!(
            pointer(keys(&table, 1, &rows(json!([["x", 1]])))),
            "/rows/0"
        );
        assert_eq!(
            pointer(keys(&table, 4, &rows(json!([["x", 1]])))),
            "/rows/0"
        );
    }
}
