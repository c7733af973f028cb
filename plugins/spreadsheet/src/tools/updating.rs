//! Some values of one row.

use tollgate_sdk::prelude::*;

use super::Loaded;
use crate::cell::Cell;
use crate::document::{Document, Written};
use crate::problem::Problem;
use crate::table::Values;

/// Which row, and what to write into it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateRow {
    /// The directory, as the manifest names it; the manifest may set a default.
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<String>,
    /// The file, such as `tracker.xlsx`.
    file: String,
    /// The sheet; the first visible one where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    sheet: Option<String>,
    /// The column that finds the row, such as `case`.
    key: String,
    /// The value of that column in the row. Exactly one row must have it.
    key_value: Cell,
    /// The new values by column name; `null` empties a cell. Columns that are
    /// left out keep what they hold.
    values: Values,
    /// What the row must hold now, by column name; anything else is a conflict
    /// and nothing is written.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    expected: Values,
}

/// The row that was changed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Updated {
    /// The sheet.
    sheet: String,
    /// The row's number.
    row: u32,
    /// What the columns held before.
    before: Values,
    /// What they hold now, as it reads.
    after: Values,
}

/// Writes some columns of the one row that a key finds. Only the columns named
/// change; formulas are never overwritten. Give `expected` to change a row only
/// if it is as you have read it. Undone by writing the old values back, if
/// nobody changed them since.
#[tool(title = "Update row", effect = "write", undo = "update_row")]
pub(crate) fn update_row(input: UpdateRow) -> Result<Undoable<Updated, UpdateRow>, ToolError> {
    let mut loaded = Loaded::read(input.directory.clone(), input.file.clone())?;
    let mut document = loaded.open(input.sheet.as_deref())?;
    let (updated, bytes, inverse) = update(&mut document, &loaded.directory, input)?;
    let Some(bytes) = bytes else {
        return Ok(Undoable::unchanged(updated));
    };
    loaded.write(&bytes)?;
    Ok(Undoable::new(updated, inverse))
}

/// The answer, the new file unless nothing changes, and the way back.
fn update(
    document: &mut Document,
    directory: &str,
    input: UpdateRow,
) -> Result<(Updated, Option<Vec<u8>>, UpdateRow), Problem> {
    let before = before(document, &input)?;
    let written = document.update(
        (&input.key, &input.key_value),
        &input.values,
        &input.expected,
    )?;
    let Written {
        bytes,
        row,
        values: after,
    } = written;
    let is_same = after
        .iter()
        .all(|(name, value)| before.get(name).is_some_and(|old| old == value));
    let inverse = UpdateRow {
        directory: Some(directory.to_owned()),
        file: input.file,
        sheet: Some(document.table().sheet.clone()),
        key_value: after.get(&input.key).unwrap_or(&input.key_value).clone(),
        key: input.key,
        values: before.clone(),
        expected: after.clone(),
    };
    let sheet = document.table().sheet.clone();
    Ok((
        Updated {
            sheet,
            row,
            before,
            after,
        },
        (!is_same).then_some(bytes),
        inverse,
    ))
}

fn before(document: &Document, input: &UpdateRow) -> Result<Values, Problem> {
    let table = document.table();
    let row = table.row_by_key(&input.key, &input.key_value)?;
    let names = input.values.keys();
    names
        .map(|name| Ok((name.clone(), row.cells[table.column(name)?].clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn open(text: &[u8]) -> Document {
        Document::open("t.csv", text.to_vec(), None).unwrap()
    }

    fn input(json: &str) -> UpdateRow {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_inverse_puts_the_old_values_back_after_others_were_added_and_the_key_changed() {
        let change = r#"{"file":"t.csv","key":"id","key_value":"a","values":{"id":"b","n":2}}"#;
        let (updated, bytes, inverse) =
            update(&mut open(b"id,n\na,1\n"), "d", input(change)).unwrap();
        assert_eq!(updated.before["n"], Cell::from("1"));
        let theirs = [bytes.unwrap(), b"c,3\n".to_vec()].concat();
        let inverse: UpdateRow = input(&serde_json::to_string(&inverse).unwrap());
        let (_, bytes, _) = update(&mut open(&theirs), "d", inverse.clone()).unwrap();
        assert_eq!(bytes.unwrap(), b"id,n\na,1\nc,3\n");
        let edited = b"id,n\nb,9\n";
        let problem = update(&mut open(edited), "d", inverse).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "row 2 was changed since: `n` should be \"2\" and is \"9\""
        );
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let same = r#"{"file":"t.csv","key":"id","key_value":"a","values":{"n":"1"}}"#;
        let (_, bytes, _) = update(&mut open(b"id,n\na,1\n"), "d", input(same)).unwrap();
        assert_eq!(bytes, None);
    }
}
