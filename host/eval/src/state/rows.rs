//! Databases of a scenario.

use std::path::Path;

use serde_json::{Map, Value};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column as _, ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    TypeInfo as _, ValueRef as _,
};

use crate::fit::differences;
use crate::report::Finding;
use crate::scenario::ExpectRows;
use crate::value::resolve;

/// Run statements, the author's own.
pub(super) async fn execute(database: &Path, text: &str) -> Result<(), String> {
    let mut connection = open(database).await?;
    let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
        .execute(&mut connection)
        .await;
    let closed = connection.close().await;
    done.map_err(|error| error.to_string())?;
    closed.map_err(|error| error.to_string())
}

/// What a query finds that is not as expected.
pub(super) async fn findings(
    database: &Path,
    expected: &ExpectRows,
) -> Result<Vec<Finding>, String> {
    let mut connection = open(database).await?;
    let rows = sqlx::query(AssertSqlSafe(expected.query.clone()))
        .fetch_all(&mut connection)
        .await
        .map_err(|error| format!("`{}`: {error}", expected.query))?;
    let closed = connection.close().await;
    closed.map_err(|error| error.to_string())?;
    let found: Value = rows.iter().map(row).collect();
    let wanted = resolve(&Value::Array(expected.rows.clone()), &[])?;
    let what = format!("rows of `{}`", expected.query);
    Ok(differences(&what, &wanted, &found))
}

async fn open(database: &Path) -> Result<SqliteConnection, String> {
    if let Some(folder) = database.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    SqliteConnectOptions::new()
        .filename(database)
        .create_if_missing(true)
        .connect()
        .await
        .map_err(|error| format!("{}: {error}", database.display()))
}

fn row(row: &SqliteRow) -> Value {
    let members = row.columns().iter().map(|column| {
        let value = cell(row, column.ordinal());
        (column.name().to_owned(), value)
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// A value as JSON; bytes that are no text as their count, and nothing for what
/// cannot be read.
fn cell(row: &SqliteRow, at: usize) -> Value {
    let Ok(raw) = row.try_get_raw(at) else {
        return Value::Null;
    };
    let kind = raw.type_info().name().to_owned();
    let read = match kind.as_str() {
        "NULL" => Ok(Value::Null),
        "INTEGER" | "BOOLEAN" => row.try_get_unchecked::<i64, _>(at).map(Value::from),
        "REAL" => row.try_get_unchecked::<f64, _>(at).map(Value::from),
        "TEXT" => row.try_get_unchecked::<String, _>(at).map(Value::from),
        _ => row
            .try_get_unchecked::<Vec<u8>, _>(at)
            .map(|bytes| format!("{} bytes", bytes.len()).into()),
    };
    read.unwrap_or_default()
}
