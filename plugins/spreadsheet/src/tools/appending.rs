//! A new row at the end of a table.

use tollgate_sdk::prelude::*;

use super::Loaded;
use super::removing::{RemoveRow, remove_row};
use crate::document::{Document, Written};
use crate::problem::Problem;
use crate::table::Values;

/// What to add, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppendRow {
    /// The directory, as the manifest names it; the manifest may set a default.
    pub(super) directory: Option<String>,
    /// The file, such as `tracker.xlsx`.
    pub(super) file: String,
    /// The sheet; the first visible one where it is left out.
    pub(super) sheet: Option<String>,
    /// The values by column name. Columns that are left out stay empty.
    pub(super) values: Values,
    /// The column whose value tells rows apart, such as `case`. When it is
    /// named, a second row with the same value is refused, so calling again
    /// never adds the row twice.
    pub(super) key: Option<String>,
}

/// The row that was added.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Appended {
    /// The sheet.
    sheet: String,
    /// The row's number now. It changes when others insert or remove rows.
    row: u32,
    /// What was written, as it reads.
    values: Values,
}

/// Adds a row below the last one of a sheet, with the look of the row above.
/// Text is written as text, never as a formula; a date such as `2026-11-22`
/// becomes a real date where the column shows dates. A conflict means that a row
/// with this key is there already, or that somebody saved the file meanwhile:
/// nothing was written. Undone by removing that very row.
#[tool(title = "Append row", effect = "write", undo = "remove_row")]
pub(crate) fn append_row(input: AppendRow) -> Result<Undoable<Appended, RemoveRow>, ToolError> {
    let mut loaded = Loaded::read(input.directory.clone(), input.file.clone())?;
    let mut document = loaded.open(input.sheet.as_deref())?;
    let (written, inverse) = append(&mut document, &loaded.directory, input)?;
    loaded.write(&written.bytes)?;
    let sheet = document.table().sheet.clone();
    Ok(Undoable::new(
        Appended {
            sheet,
            row: written.row,
            values: written.values,
        },
        inverse,
    ))
}

fn append(
    document: &mut Document,
    directory: &str,
    input: AppendRow,
) -> Result<(Written, RemoveRow), Problem> {
    let written = document.append(&input.values, input.key.as_deref())?;
    let inverse = RemoveRow {
        directory: Some(directory.to_owned()),
        file: input.file,
        sheet: Some(document.table().sheet.clone()),
        values: written.values.clone(),
        key: input.key,
        row: Some(written.row),
        copies: Some(document.copies(&written.values)? + 1),
    };
    Ok((written, inverse))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::cell::Cell;

    fn open(text: &[u8]) -> Document {
        Document::open("t.csv", text.to_vec(), None).unwrap()
    }

    fn input(case: &str, key: Option<&str>) -> AppendRow {
        AppendRow {
            directory: None,
            file: "t.csv".to_owned(),
            sheet: None,
            values: [
                ("case".to_owned(), Cell::from(case)),
                ("n".to_owned(), Cell::Number(1.0)),
            ]
            .into(),
            key: key.map(str::to_owned),
        }
    }

    #[test]
    fn the_inverse_travels_as_json_and_removes_the_row_after_others_were_added() {
        for key in [None, Some("case")] {
            let (ours, inverse) =
                append(&mut open(b"case,n\nC-1,1\n"), "d", input("C-2", key)).unwrap();
            let (theirs, _) = append(&mut open(&ours.bytes), "d", input("C-3", key)).unwrap();
            let inverse: RemoveRow =
                serde_json::from_str(&serde_json::to_string(&inverse).unwrap()).unwrap();
            assert_eq!(
                inverse.directory.as_deref(),
                Some("d"),
                "the same place, whatever the default is then"
            );
            let removed = inverse.remove(&mut open(&theirs.bytes)).unwrap();
            assert_eq!(removed.bytes, b"case,n\nC-1,1\nC-3,1\n");
        }
    }

    #[test]
    fn an_inverse_without_a_key_counts_the_rows_that_were_equal_before() {
        let (ours, inverse) =
            append(&mut open(b"case,n\nC-1,1\n"), "d", input("C-1", None)).unwrap();
        assert_eq!(inverse.copies, Some(2));
        assert_eq!(
            inverse.remove(&mut open(&ours.bytes)).unwrap().bytes,
            b"case,n\nC-1,1\n"
        );
        assert!(
            inverse.remove(&mut open(b"case,n\nC-1,1\n")).is_err(),
            "one of two is gone: which?"
        );
    }
}
