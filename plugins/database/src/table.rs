//! Results, from SQL to JSON.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};
use tollgate_sdk::ToolError;
use tollgate_sdk::sql::Rows;

/// What a read found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Table {
    /// The column names, in the order of the statement.
    columns: Vec<String>,
    /// One object a row. Numbers beyond 2^53 are text, bytes are base64.
    rows: Vec<Map<String, Json>>,
    /// Whether there were more rows than were asked for.
    truncated: bool,
}

impl Table {
    /// The first rows of a result. Two columns of one name are refused: an
    /// object would silently keep one of them.
    pub(crate) fn of(rows: Rows, most: usize) -> Result<Self, ToolError> {
        let columns = rows.columns().to_vec();
        if let Some(twice) = twice(&columns) {
            return Err(
                ToolError::failed(format!("two columns are called `{twice}`"))
                    .hint("give one of them another name with AS"),
            );
        }
        let truncated = rows.len() > most;
        let mut rows = rows.into_json();
        rows.truncate(most);
        Ok(Self {
            columns,
            rows,
            truncated,
        })
    }
}

fn twice(columns: &[String]) -> Option<&String> {
    columns
        .iter()
        .enumerate()
        .find(|(at, name)| columns[..*at].contains(name))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;
    use tollgate_sdk::sql::Value;

    use super::*;

    fn rows(columns: &[&str], rows: Vec<Vec<Value>>) -> Rows {
        Rows::new(
            columns.iter().map(|name| (*name).to_owned()).collect(),
            rows,
        )
    }

    #[test]
    fn rows_become_objects_with_exact_numbers() {
        let found = rows(&["id", "total"], vec![vec![i64::MAX.into(), 5.into()]]);
        let table = serde_json::to_value(Table::of(found, 10).unwrap()).unwrap();
        assert_eq!(
            table,
            json!({"columns": ["id", "total"], "truncated": false,
                   "rows": [{"id": "9223372036854775807", "total": 5}]})
        );
    }

    #[test]
    fn more_rows_than_asked_for_are_cut_and_said() {
        let found = rows(
            &["id"],
            vec![vec![1.into()], vec![2.into()], vec![3.into()]],
        );
        let table = Table::of(found, 2).unwrap();
        assert_eq!((table.rows.len(), table.truncated), (2, true));
        let found = rows(&["id"], vec![vec![1.into()], vec![2.into()]]);
        assert!(!Table::of(found, 2).unwrap().truncated);
    }

    #[test]
    fn two_columns_of_one_name_are_no_silent_loss() {
        let found = rows(&["id", "id"], vec![vec![1.into(), 2.into()]]);
        assert_eq!(
            Table::of(found, 10).unwrap_err().message(),
            "two columns are called `id`"
        );
    }
}
