//! Values in SQLite.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, TypeInfo, ValueRef};

use crate::capability::sql::SqlValue;

/// Values as a statement's parameters.
pub(super) fn arguments(values: &[SqlValue]) -> Result<SqliteArguments, sqlx::Error> {
    use sqlx::Arguments as _;
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            SqlValue::Null => arguments.add(None::<i64>),
            SqlValue::Integer(integer) => arguments.add(*integer),
            SqlValue::Real(real) => arguments.add(*real),
            SqlValue::Text(text) => arguments.add(text.clone()),
            SqlValue::Blob(bytes) => arguments.add(bytes.clone()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// The values of a row, by their own types, not the columns' declared ones.
pub(super) fn row_values(row: &SqliteRow) -> Result<Vec<SqlValue>, sqlx::Error> {
    (0..row.len()).map(|index| cell(row, index)).collect()
}

fn cell(row: &SqliteRow, index: usize) -> Result<SqlValue, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(SqlValue::Null);
    }
    let kind = raw.type_info();
    match kind.name() {
        "REAL" => row.try_get_unchecked(index).map(SqlValue::Real),
        "TEXT" => row.try_get_unchecked(index).map(SqlValue::Text),
        "BLOB" => row.try_get_unchecked(index).map(SqlValue::Blob),
        _ => row.try_get_unchecked(index).map(SqlValue::Integer),
    }
}
