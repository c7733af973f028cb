//! What a query found.

use serde_json::Map;

use super::{Error, FromValue, Value};

/// The rows of a result, in order.
#[derive(Debug)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    /// Rows under these columns, as a host returns them; useful in tests.
    pub fn new(columns: Vec<String>, rows: Vec<Vec<Value>>) -> Self {
        Self { columns, rows }
    }

    /// The column names, in order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Each row.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row {
            columns: &self.columns,
            values,
        })
    }

    /// Each row as a JSON object. Of two columns of one name the last counts;
    /// see [`Value::into_json`] for numbers and bytes.
    pub fn into_json(self) -> Vec<Map<String, serde_json::Value>> {
        let Self { columns, rows } = self;
        let object = |values: Vec<Value>| {
            columns
                .iter()
                .cloned()
                .zip(values.into_iter().map(Value::into_json))
                .collect()
        };
        rows.into_iter().map(object).collect()
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    values: &'a [Value],
}

impl Row<'_> {
    /// A column by its name.
    ///
    /// # Errors
    /// There is no such column, or it holds another type; `Option<T>` accepts
    /// null.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Error> {
        let position = self.columns.iter().position(|name| name == column);
        let value = position.and_then(|position| self.values.get(position));
        let value = value.ok_or_else(|| Error::NoColumn(column.to_owned()))?;
        T::from_value(value).ok_or_else(|| Error::WrongType {
            column: column.to_owned(),
            wanted: T::WANTED,
            found: value.kind(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn orders() -> Rows {
        let columns = vec!["id".into(), "note".into()];
        Rows::new(
            columns,
            vec![vec![7.into(), Value::Null], vec![8.into(), "late".into()]],
        )
    }

    #[test]
    fn columns_are_read_by_name_and_type() {
        let rows = orders();
        let first = rows.first().unwrap();
        assert_eq!(first.get::<i64>("id").unwrap(), 7);
        assert_eq!(first.get::<Option<String>>("note").unwrap(), None);
        let error = first.get::<String>("note").unwrap_err();
        assert_eq!(error.to_string(), "the column `note` holds null, not text");
        let error = first.get::<i64>("total").unwrap_err();
        assert_eq!(error.to_string(), "the result has no column `total`");
    }

    #[test]
    fn rows_become_objects() {
        let objects = serde_json::to_value(orders().into_json()).unwrap();
        assert_eq!(
            objects,
            json!([{"id": 7, "note": null}, {"id": 8, "note": "late"}])
        );
    }
}
