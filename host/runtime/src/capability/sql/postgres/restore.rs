//! Putting rows back, if they are still what the write left.

use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgArguments, PgConnection};
use tollgate_policy::Verb;

use super::Database;
use super::catalogue::{Column, Table};
use super::fault::failed;
use super::kept::{Key, text_of};
use super::server::{Committed, Mode};
use super::values::add;
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::capability::sql::SqlError;
use crate::capability::sql::image::{
    KeptRow, image, quoted, rows, same_rows, text, touched, verb, way_back,
};
use crate::door::Performed;

/// Time for putting rows back.
const RESTORE: Duration = Duration::from_secs(30);

/// Why nothing was put back.
enum Fault {
    /// These rows are there now.
    Conflict(Value),
    Failed(SqlError),
}

impl From<SqlError> for Fault {
    fn from(error: SqlError) -> Self {
        Self::Failed(error)
    }
}

impl From<Fault> for RestoreFailure {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(now) => Self::Conflict(now),
            Fault::Failed(error) => Self::Failed(format!("{error:?}")),
        }
    }
}

impl Database {
    /// The rows that a write touched, as they are now: those it left, or, where it
    /// removed rows, those that have come back since.
    pub(in crate::capability::sql) async fn rows_now(
        &self,
        restoring: &Restoring,
    ) -> Result<Value, SqlError> {
        let mut transaction = self.begin(Mode::ReadOnly, RESTORE).await?;
        let now = now(&mut transaction.connection, restoring, false).await;
        transaction.roll_back().await;
        now.map(|(_, now)| now)
    }

    /// Put rows back, if they are still what the write left.
    pub(in crate::capability::sql) async fn restore(
        &self,
        restoring: &Restoring,
    ) -> Performed<Restored> {
        let mut transaction = match self.begin(Mode::ReadWrite, RESTORE).await {
            Ok(transaction) => transaction,
            Err(error) => return Performed::answered(Err(Fault::Failed(error).into())),
        };
        match putting_back(&mut transaction.connection, restoring).await {
            Ok(left) => match transaction.commit().await {
                Committed::Done => Performed::Known {
                    written: Some(left),
                    reply: Ok(()),
                },
                Committed::Refused(error) => Performed::answered(Err(Fault::Failed(error).into())),
                Committed::Unknown => {
                    Performed::Unknown("the database did not answer the commit".to_owned())
                }
            },
            Err(fault) => {
                transaction.roll_back().await;
                Performed::answered(Err(fault.into()))
            }
        }
    }
}

async fn now(
    connection: &mut PgConnection,
    restoring: &Restoring,
    lock: bool,
) -> Result<(Table, Value), SqlError> {
    let table = Table::of(connection, &text(&restoring.written, "table")).await?;
    if !table.can_be_put_back() {
        return Err(SqlError::Failed(format!(
            "rows of `{}` can no longer be put back: it has no primary key now, or has triggers",
            table.name
        )));
    }
    let keys = keys_of(&table, &touched(restoring));
    let rows = table.of_keys(connection, &keys, lock).await?;
    let image = image(&table.name, verb(restoring), Value::Array(rows));
    Ok((table, image))
}

fn keys_of(table: &Table, rows: &[KeptRow]) -> Vec<Key> {
    rows.iter().map(|row| table.key_of(row)).collect()
}

async fn putting_back(
    connection: &mut PgConnection,
    restoring: &Restoring,
) -> Result<Value, Fault> {
    let (table, now) = now(connection, restoring, true).await?;
    if !same_rows(restoring, &now) {
        return Err(Fault::Conflict(now));
    }
    let keys = keys_of(&table, &touched(restoring));
    match verb(restoring) {
        Verb::Insert => {
            // A row of ours that others' rows now hang on would take them along.
            if table.has_dependents(connection, &keys).await? {
                return Err(Fault::Conflict(now));
            }
            let text = format!(
                "DELETE FROM {} WHERE {}",
                table.place(),
                table.among_keys("")
            );
            let arguments = table.key_arguments(&keys)?;
            run(connection, text, arguments, keys.len() as u64).await?;
        }
        Verb::Delete => {
            for row in rows(&restoring.before) {
                table.insert(connection, &row).await?;
            }
        }
        _ => {
            let written = rows(&restoring.written);
            for row in rows(&restoring.before) {
                let left = written.iter().find(|left| left["key"] == row["key"]);
                table
                    .update(connection, &row, left.unwrap_or(&Value::Null))
                    .await?;
            }
        }
    }
    let left = table.of_keys(connection, &keys, false).await?;
    Ok(image(&table.name, way_back(restoring), Value::Array(left)))
}

impl Table {
    /// A column that is to be written, with its value in a row.
    fn value_of<'r>(&self, column: &Column, row: &'r KeptRow) -> Result<&'r Value, SqlError> {
        row["columns"].get(&column.name).ok_or_else(|| {
            SqlError::Failed(format!(
                "`{}` has a new column `{}` since the row was kept",
                self.name, column.name
            ))
        })
    }

    async fn insert(&self, connection: &mut PgConnection, row: &KeptRow) -> Result<(), SqlError> {
        self.has_no_other_column(row)?;
        let mut arguments = PgArguments::default();
        let (mut names, mut casts) = (Vec::new(), Vec::new());
        for column in self.columns.iter().filter(|column| !column.is_generated) {
            add(&mut arguments, text_of(self.value_of(column, row)?))?;
            names.push(quoted(&column.name));
            casts.push(format!("CAST(${} AS {})", names.len(), column.kind));
        }
        // Also a number that the server always gives itself comes back as it was.
        let text = format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})",
            self.place(),
            names.join(", "),
            casts.join(", ")
        );
        run(connection, text, arguments, 1).await
    }

    /// Set what the write changed, and nothing else.
    async fn update(
        &self,
        connection: &mut PgConnection,
        row: &KeptRow,
        left: &KeptRow,
    ) -> Result<(), SqlError> {
        self.has_no_other_column(row)?;
        let mut arguments = PgArguments::default();
        let mut set = Vec::new();
        let mut count = 0;
        for column in self.columns.iter().filter(|column| !column.is_generated) {
            let value = self.value_of(column, row)?;
            if left["columns"].get(&column.name) == Some(value) {
                continue;
            }
            add(&mut arguments, text_of(value))?;
            count += 1;
            set.push(format!(
                "{} = CAST(${count} AS {})",
                quoted(&column.name),
                column.kind
            ));
        }
        if set.is_empty() {
            return Ok(());
        }
        let mut same = Vec::new();
        for (column, value) in self.key_columns().zip(self.key_of(row)) {
            add(&mut arguments, Some(value))?;
            count += 1;
            same.push(format!(
                "{} = CAST(${count} AS {})",
                quoted(&column.name),
                column.kind
            ));
        }
        let text = format!(
            "UPDATE {} SET {} WHERE {}",
            self.place(),
            set.join(", "),
            same.join(" AND ")
        );
        run(connection, text, arguments, 1).await
    }

    /// A column that is gone could not come back.
    fn has_no_other_column(&self, row: &KeptRow) -> Result<(), SqlError> {
        let empty = Map::new();
        let kept = row["columns"].as_object().unwrap_or(&empty);
        let is_here = |name: &&String| self.columns.iter().any(|column| column.name == **name);
        match kept.keys().find(|name| !is_here(name)) {
            None => Ok(()),
            Some(gone) => Err(SqlError::Failed(format!(
                "`{}` has no column `{gone}` any more",
                self.name
            ))),
        }
    }
}

/// Run a statement of the host's own that must touch so many rows.
async fn run(
    connection: &mut PgConnection,
    text: String,
    arguments: PgArguments,
    expected: u64,
) -> Result<(), SqlError> {
    let done = sqlx::query_with(AssertSqlSafe(text), arguments)
        .persistent(false)
        .execute(connection)
        .await
        .map_err(failed)?;
    if done.rows_affected() != expected {
        // Row security, for one, keeps rows from those who can read them.
        return Err(SqlError::Failed(format!(
            "the database put back {} rows of {expected}",
            done.rows_affected()
        )));
    }
    Ok(())
}
