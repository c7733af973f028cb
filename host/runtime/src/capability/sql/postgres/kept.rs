//! Rows as they stand in a record: each column as the server's own text, which
//! goes back by a cast to the column's type, so that a number with all its digits,
//! `NaN`, a time in the last microsecond or a list come back as they were.

use futures_util::TryStreamExt as _;
use serde_json::{Map, Value, json};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row as _};

use super::catalogue::{Column, Table};
use super::fault::failed;
use super::values::{as_text, bound};
use crate::capability::sql::image::{KeptRow, bounded, quoted, too_many};
use crate::capability::sql::{Granted, SqlError, SqlValue};

/// The values of a row's primary key, as text, in the key's order.
pub(super) type Key = Vec<String>;

/// Bytes of text that are read before the rows are counted as records count them.
const TEXT_BYTES_MAX: usize = 16 << 20;

impl Table {
    /// The rows that a statement's condition meets, locked where that is asked.
    pub(super) async fn met(
        &self,
        connection: &mut PgConnection,
        granted: &Granted,
        lock: bool,
    ) -> Result<Vec<KeptRow>, SqlError> {
        let Some(capture) = &granted.statement.capture else {
            return Ok(Vec::new());
        };
        let values: Vec<SqlValue> = capture
            .parameter_indexes
            .iter()
            .filter_map(|index| granted.parameters.get(*index).cloned())
            .collect();
        let lead = format!("SELECT {} FROM {} WHERE ", self.listed(), self.place());
        // The guest's text stands alone in it: it was judged as one condition.
        let (text, arguments) = bound(connection, &lead, &capture.condition, &values).await?;
        let max = granted.grant.max_rows;
        let text = format!("{text} {} LIMIT {}{}", self.order(), max + 1, locked(lock));
        let rows = self.kept(connection, text, arguments).await?;
        if rows.len() as u64 > max {
            return Err(too_many(max));
        }
        Ok(rows)
    }

    /// The rows of these keys, as they are now.
    pub(super) async fn of_keys(
        &self,
        connection: &mut PgConnection,
        keys: &[Key],
        lock: bool,
    ) -> Result<Vec<KeptRow>, SqlError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = self.key_arguments(keys)?;
        let text = format!(
            "SELECT {} FROM {} WHERE {} {}{}",
            self.listed(),
            self.place(),
            self.among_keys(""),
            self.order(),
            locked(lock)
        );
        self.kept(connection, text, arguments).await
    }

    /// `(k1, k2) IN (the keys)`, with the key's columns under this name. Takes a
    /// list of texts for each column of the key.
    pub(super) fn among_keys(&self, table: &str) -> String {
        let each = |write: &dyn Fn(usize, &Column) -> String| {
            let columns = self.key_columns().enumerate();
            columns
                .map(|(at, column)| write(at, column))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let names = each(&|_, column| format!("{table}{}", quoted(&column.name)));
        let casts = each(&|at, column| format!("CAST(k.k{at} AS {})", column.kind));
        let lists = each(&|at, _| format!("${}::text[]", at + 1));
        let columns = each(&|at, _| format!("k{at}"));
        format!("({names}) IN (SELECT {casts} FROM unnest({lists}) AS k({columns}))")
    }

    pub(super) fn key_arguments(&self, keys: &[Key]) -> Result<PgArguments, SqlError> {
        use sqlx::Arguments as _;
        let mut arguments = PgArguments::default();
        for at in 0..self.key.len() {
            let list = keys.iter().map(|key| key.get(at).cloned());
            let list: Vec<Option<String>> = list.collect();
            arguments
                .add(list)
                .map_err(|error| failed(sqlx::Error::Encode(error)))?;
        }
        Ok(arguments)
    }

    /// Its name, with the schema.
    pub(super) fn place(&self) -> String {
        format!("public.{}", quoted(&self.name))
    }

    /// The columns of its key, as text.
    pub(super) fn listed_key(&self) -> String {
        let text = |column: &Column| format!("{}::text", quoted(&column.name));
        self.key_columns().map(text).collect::<Vec<_>>().join(", ")
    }

    fn listed(&self) -> String {
        let text = |column: &Column| format!("{}::text", quoted(&column.name));
        self.columns.iter().map(text).collect::<Vec<_>>().join(", ")
    }

    fn order(&self) -> String {
        let names: Vec<String> = self.key.iter().map(|name| quoted(name)).collect();
        format!("ORDER BY {}", names.join(", "))
    }

    async fn kept(
        &self,
        connection: &mut PgConnection,
        text: String,
        arguments: PgArguments,
    ) -> Result<Vec<KeptRow>, SqlError> {
        let query = sqlx::query_with(AssertSqlSafe(text), arguments).persistent(false);
        let mut found = query.fetch(connection);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while let Some(row) = found.try_next().await.map_err(failed)? {
            let (row, size) = self.row(&row)?;
            bytes += size;
            if bytes > TEXT_BYTES_MAX {
                return Err(SqlError::TooLarge(
                    "the rows are more than can be kept to put them back; narrow the WHERE"
                        .to_owned(),
                ));
            }
            rows.push(row);
        }
        bounded(&rows)?;
        Ok(rows)
    }

    fn row(&self, row: &PgRow) -> Result<(KeptRow, usize), SqlError> {
        let mut columns = Map::new();
        let mut bytes = 0;
        for (at, column) in self.columns.iter().enumerate() {
            let text: Option<String> = row.try_get(at).map_err(failed)?;
            bytes += text.as_ref().map_or(4, String::len) + column.name.len();
            let integer = text.as_ref().filter(|_| column.is_integer);
            let value = match (integer.and_then(|text| text.parse().ok()), text) {
                (Some(integer), _) => SqlValue::Integer(integer),
                (None, Some(text)) => SqlValue::Text(text),
                (None, None) => SqlValue::Null,
            };
            columns.insert(column.name.clone(), value.json());
        }
        let key: Map<String, Value> = self
            .key
            .iter()
            .filter_map(|name| Some((name.clone(), columns.get(name)?.clone())))
            .collect();
        Ok((json!({ "key": key, "columns": columns }), bytes))
    }

    /// The key of a row that was kept.
    pub(super) fn key_of(&self, row: &KeptRow) -> Key {
        let text = |name: &String| text_of(&row["key"][name.as_str()]).unwrap_or_default();
        self.key.iter().map(text).collect()
    }
}

/// A kept value as the server reads it.
pub(super) fn text_of(value: &Value) -> Option<String> {
    SqlValue::from_json(value).as_ref().and_then(as_text)
}

fn locked(lock: bool) -> &'static str {
    if lock { " FOR UPDATE" } else { "" }
}
