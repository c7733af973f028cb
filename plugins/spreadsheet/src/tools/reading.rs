//! Rows, as a caller reads them.

use tollgate_sdk::prelude::*;

use super::Loaded;
use crate::cell::Cell;
use crate::limits::{ANSWER_BYTES, ANSWER_ROWS};
use crate::problem::Problem;
use crate::table::{Row, Table, Values};

/// Which rows, and what of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadRows {
    /// The directory, as the manifest names it; the manifest may set a default.
    directory: Option<String>,
    /// The file, such as `tracker.xlsx`.
    file: String,
    /// The sheet; the first visible one where it is left out.
    sheet: Option<String>,
    /// Only rows whose columns hold these values. `null` is an empty cell.
    #[serde(default)]
    filter: Values,
    /// Only these columns; all where it is left out.
    columns: Option<Vec<String>>,
    /// Begin at this row number: `next_row` of the answer before.
    from_row: Option<u32>,
    /// At most this many rows: 1 to 1000, and 100 where it is left out.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// The rows found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Rows {
    /// The sheet that was read.
    sheet: String,
    /// In order.
    rows: Vec<FoundRow>,
    /// Where the next rows begin, if there are more.
    next_row: Option<u32>,
}

/// One row.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FoundRow {
    /// Its number, as a spreadsheet program shows it.
    row: u32,
    /// What it holds, by column. Empty cells are left out.
    values: Values,
}

const DEFAULT_ROWS: usize = 100;

/// Reads rows of a sheet as values by column name. Numbers, true and false come
/// as such, dates as ISO 8601 text; in a csv file everything is text. Formulas
/// come as their last calculated value.
#[tool(title = "Read rows", effect = "read")]
pub(crate) fn read_rows(input: ReadRows) -> Result<Rows, ToolError> {
    let mut loaded = Loaded::read(input.directory.clone(), input.file.clone())?;
    let document = loaded.open(input.sheet.as_deref())?;
    Ok(select(document.table(), &input)?)
}

fn select(table: &Table, input: &ReadRows) -> Result<Rows, Problem> {
    let filter = places(table, &input.filter)?;
    let columns = match &input.columns {
        None => (0..table.columns.len()).collect(),
        Some(names) => names
            .iter()
            .map(|name| table.column(name))
            .collect::<Result<Vec<_>, _>>()?,
    };
    let limit = input
        .limit
        .map_or(DEFAULT_ROWS, |limit| limit as usize)
        .clamp(1, ANSWER_ROWS);
    let mut matching = table
        .rows
        .iter()
        .filter(|row| row.number >= input.from_row.unwrap_or(0))
        .filter(|row| row.cells.iter().any(|cell| !cell.is_empty()))
        .filter(|row| {
            filter
                .iter()
                .all(|(place, value)| row.cells[*place].same(value))
        });
    let mut rows = Vec::new();
    let mut bytes = 0;
    let next = matching.find(|row| {
        let full = rows.len() == limit || bytes >= ANSWER_BYTES;
        if !full {
            let found = project(table, row, &columns);
            bytes += weight(&found);
            rows.push(found);
        }
        full
    });
    Ok(Rows {
        sheet: table.sheet.clone(),
        rows,
        next_row: next.map(|row| row.number),
    })
}

fn places(table: &Table, filter: &Values) -> Result<Vec<(usize, Cell)>, Problem> {
    filter
        .iter()
        .map(|(name, value)| Ok((table.column(name)?, value.clone())))
        .collect()
}

fn project(table: &Table, row: &Row, columns: &[usize]) -> FoundRow {
    let filled = columns
        .iter()
        .filter(|place| !row.cells[**place].is_empty());
    let values = filled.map(|place| {
        (
            table.columns[*place].name.clone(),
            row.cells[*place].clone(),
        )
    });
    FoundRow {
        row: row.number,
        values: values.collect(),
    }
}

fn weight(row: &FoundRow) -> usize {
    let cells = row.values.iter();
    let text = |cell: &Cell| {
        if let Cell::Text(text) = cell {
            text.len()
        } else {
            8
        }
    };
    24 + cells
        .map(|(name, cell)| name.len() + text(cell) + 6)
        .sum::<usize>()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::document::Document;

    fn read(text: &str, json: &str) -> Result<Rows, Problem> {
        let mut input: serde_json::Value = serde_json::from_str(json).unwrap();
        input["file"] = "t.csv".into();
        let document = Document::open("t.csv", text.as_bytes().to_vec(), None).unwrap();
        select(document.table(), &serde_json::from_value(input).unwrap())
    }

    #[test]
    fn rows_come_in_pages_that_name_where_the_next_begins() {
        let text = "a,b\n1,x\n2,\n3,x\n4,x\n";
        let page = read(
            text,
            r#"{"filter": {"b": "x"}, "limit": 2, "columns": ["a"]}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&page).unwrap(),
            r#"{"sheet":"csv","rows":[{"row":2,"values":{"a":"1"}},{"row":4,"values":{"a":"3"}}],"next_row":5}"#
        );
        let page = read(text, r#"{"filter": {"b": "x"}, "from_row": 5}"#).unwrap();
        assert_eq!(page.rows.len(), 1);
        assert_eq!(page.next_row, None);
        let empty = read(text, r#"{"filter": {"b": null}}"#).unwrap();
        assert_eq!(empty.rows[0].row, 3);
    }

    #[test]
    fn an_answer_stays_below_the_size_that_the_host_would_refuse() {
        let line = format!("{}\n", "x".repeat(30_000));
        let page = read(&format!("a\n{}", line.repeat(50)), "{}").unwrap();
        assert!(page.rows.len() < 50 && page.next_row.is_some());
        assert!(serde_json::to_string(&page).unwrap().len() < 1 << 20);
    }

    #[test]
    fn a_filter_on_an_unknown_column_is_refused() {
        assert!(matches!(
            read("a\n1\n", r#"{"filter": {"z": 1}}"#),
            Err(Problem::UnknownColumn { .. })
        ));
    }
}
