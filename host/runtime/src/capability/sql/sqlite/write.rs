//! Writes: what they would replace, doing them, and putting rows back.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use tokio::sync::MutexGuard;
use tollgate_policy::Verb;

use super::connection::{Database, Session, columns, failed};
use super::value::{arguments, row_values};
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::capability::sql::image::{
    KeptRow, bounded, image, prior_of, quoted, rows, same_rows, target, text, too_many, touched,
    verb, way_back,
};
use crate::capability::sql::{Changed, Granted, SqlError, SqlValue};
use crate::door::{Performed, Prior, Refusal};

/// Time for putting rows back.
const RESTORE: Duration = Duration::from_secs(30);

/// The writing connection, held alone.
struct Writer<'a>(MutexGuard<'a, Option<Session>>);

impl Database {
    async fn write(&self, deadline: Duration) -> Result<Writer<'_>, SqlError> {
        let mut guard = self.writer.lock().await;
        if guard.is_none() {
            *guard = Some(self.session(false).await?);
        }
        if let Some(session) = guard.as_ref() {
            session.wall.stop_after(deadline);
        }
        Ok(Writer(guard))
    }

    /// The rows that a statement would replace. `None` where they cannot be
    /// told apart later: a table without row ids, or more rows than granted.
    pub(in crate::capability::sql) async fn look(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Option<Prior>, SqlError> {
        let mut writer = self.write(deadline).await?;
        let table = target(granted);
        if !writer.has_row_ids(table).await {
            return Ok(None);
        }
        writer.compiles(granted).await?;
        let rows = match &granted.statement.capture {
            None => Value::Array(Vec::new()),
            Some(_) => writer.captured(granted).await?,
        };
        if rows.as_array().map_or(0, Vec::len) as u64 > self.grant.max_rows {
            return Err(too_many(self.grant.max_rows));
        }
        Ok(Some(prior_of(image(table, granted.statement.verb, rows))))
    }

    /// Run a granted write, if what it replaces is still what was seen.
    pub(in crate::capability::sql) async fn execute(
        &self,
        granted: &Granted,
        prior: Option<&Prior>,
        deadline: Duration,
    ) -> Performed<Result<Changed, SqlError>> {
        let mut writer = match self.write(deadline).await {
            Ok(writer) => writer,
            Err(error) => return Performed::answered(Err(error)),
        };
        let work = writer.changing(granted, prior, self.grant.max_rows).await;
        writer.end(work).await
    }

    /// Run a granted write and take it back: what it would change.
    pub(in crate::capability::sql) async fn preview(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Changed, SqlError> {
        let mut writer = self.write(deadline).await?;
        let work = writer.changing(granted, None, self.grant.max_rows).await;
        writer.take_back().await;
        let (changed, _) = work?;
        Ok(Changed {
            inserted_id: None,
            ..changed
        })
    }

    /// The rows that a write touched, as they are now.
    pub(in crate::capability::sql) async fn rows_now(
        &self,
        restoring: &Restoring,
    ) -> Result<Value, SqlError> {
        self.write(RESTORE).await?.now(restoring).await
    }

    /// Put rows back, if they are still what the write left.
    pub(in crate::capability::sql) async fn restore(
        &self,
        restoring: &Restoring,
    ) -> Performed<Restored> {
        let gone = |error: SqlError| Err(RestoreFailure::Failed(format!("{error:?}")));
        let mut writer = match self.write(RESTORE).await {
            Ok(writer) => writer,
            Err(error) => return Performed::answered(gone(error)),
        };
        let work = writer.putting_back(restoring).await;
        let conflict = match &work {
            Err(SqlError::Conflict(now)) => Some(now.clone()),
            _ => None,
        };
        writer.end(work).await.map(|reply| match (reply, conflict) {
            (Ok(_), _) => Ok(()),
            (Err(_), Some(now)) => Err(RestoreFailure::Conflict(
                serde_json::from_str(&now).unwrap_or(Value::Null),
            )),
            (Err(error), None) => gone(error),
        })
    }
}

impl Writer<'_> {
    fn session(&mut self) -> Result<&mut Session, SqlError> {
        self.0
            .as_mut()
            .ok_or_else(|| SqlError::Unavailable("the connection was closed".to_owned()))
    }

    /// Run a statement of the host's own: the wall is lowered while it is
    /// compiled, and it is not kept, so that a guest's statement of the same
    /// text is compiled anew.
    async fn host(&mut self, text: String, values: &[SqlValue]) -> Result<Vec<KeptRow>, SqlError> {
        let arguments = arguments(values).map_err(failed)?;
        let session = self.session()?;
        session.wall.lower(true);
        let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
            .persistent(false)
            .fetch_all(&mut session.connection)
            .await;
        session.wall.lower(false);
        let mut kept = Vec::new();
        for row in rows.map_err(failed)? {
            let values = row_values(&row).map_err(failed)?;
            kept.push(kept_row(columns(&row), &values));
        }
        Ok(kept)
    }

    /// Whether rows of a table can be found again by their row id: not in a
    /// table `WITHOUT ROWID`, not where a column hides it, and not where the
    /// table replaces other rows on conflict: SQLite tells nobody of those.
    async fn has_row_ids(&mut self, table: &str) -> bool {
        let unfit = self
            .host(
                "SELECT 1 FROM pragma_table_info(?1) WHERE lower(name) = 'rowid' UNION ALL \
                 SELECT 1 FROM sqlite_schema WHERE lower(tbl_name) = ?1 AND type = 'table' \
                 AND sql LIKE '%REPLACE%' UNION ALL \
                 SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden <> 0"
                    .to_owned(),
                &[SqlValue::Text(table.to_owned())],
            )
            .await;
        matches!(unfit, Ok(rows) if rows.is_empty())
            && self
                .host(format!("SELECT rowid FROM {} LIMIT 0", quoted(table)), &[])
                .await
                .is_ok()
    }

    /// Have SQLite compile a guest's statement with the wall up, and run nothing:
    /// its WHERE is used below with the wall lowered, so the second wall must have
    /// judged it before.
    async fn compiles(&mut self, granted: &Granted) -> Result<(), SqlError> {
        let text = format!("EXPLAIN {}", granted.statement.text);
        let arguments = arguments(&granted.parameters).map_err(failed)?;
        let session = self.session()?;
        sqlx::query_with(AssertSqlSafe(text), arguments)
            .persistent(false)
            .fetch_all(&mut session.connection)
            .await
            .map(drop)
            .map_err(failed)
    }

    async fn captured(&mut self, granted: &Granted) -> Result<Value, SqlError> {
        let Some(capture) = &granted.statement.capture else {
            return Ok(Value::Array(Vec::new()));
        };
        let values: Vec<SqlValue> = capture
            .parameter_indexes
            .iter()
            .filter_map(|index| granted.parameters.get(*index).cloned())
            .collect();
        let select = format!("{} LIMIT {}", capture.select, self.limit_of_capture());
        let rows = self.host(select, &values).await?;
        bounded(&rows)?;
        Ok(Value::Array(rows))
    }

    /// One more than any grant allows, so that too many is noticed.
    fn limit_of_capture(&self) -> u64 {
        self.0.as_ref().map_or(0, |session| session.wall.max_rows()) + 1
    }

    /// The statement, inside a transaction that the caller ends.
    async fn changing(
        &mut self,
        granted: &Granted,
        prior: Option<&Prior>,
        max_rows: u64,
    ) -> Result<(Changed, Value), SqlError> {
        self.host("BEGIN IMMEDIATE".to_owned(), &[]).await?;
        let table = target(granted).to_owned();
        let verb = granted.statement.verb;
        if let Some(prior) = prior {
            let rows = self.captured(granted).await?;
            if prior_of(image(&table, verb, rows)).version != prior.version {
                return Err(SqlError::Conflict(format!(
                    "rows of `{table}` were changed by others since they were looked at"
                )));
            }
        }
        let arguments = arguments(&granted.parameters).map_err(failed)?;
        let session = self.session()?;
        session.wall.take_changes();
        let text = AssertSqlSafe(granted.statement.text.clone());
        let done = sqlx::query_with(text, arguments)
            .execute(&mut session.connection)
            .await
            .map_err(failed)?;
        let changes = session.wall.take_changes();
        if done.rows_affected() > max_rows {
            return Err(too_many(max_rows));
        }
        only(&table, &changes)?;
        let ids: BTreeSet<i64> = changes.iter().map(|(_, id)| *id).collect();
        if let Some(prior) = prior
            && verb != Verb::Insert
        {
            // A changed primary key, or rows that go with others (ON DELETE
            // CASCADE): what was captured would not bring them back.
            let seen = rows(&prior.value).iter().filter_map(row_id).collect();
            if !ids.is_subset(&seen) {
                return Err(SqlError::Refused(Refusal::outside(format!(
                    "the statement changes row ids of `{table}`, or rows that it does not name; \
                     that could not be put back"
                ))));
            }
        }
        let written = match (verb, prior) {
            (_, None) => json!([]),
            (Verb::Delete, _) => json!([]),
            _ => self.rows_of(&table, &ids).await?,
        };
        let changed = Changed {
            rows_affected: done.rows_affected(),
            inserted_id: (verb == Verb::Insert).then(|| done.last_insert_rowid()),
        };
        Ok((changed, image(&table, verb, written)))
    }

    /// Commit what went well, roll back what did not. A commit that fails in a
    /// way that leaves its outcome open is said to be unknown.
    async fn end(
        &mut self,
        work: Result<(Changed, Value), SqlError>,
    ) -> Performed<Result<Changed, SqlError>> {
        match work {
            Ok((changed, written)) => match self.host("COMMIT".to_owned(), &[]).await {
                Ok(_) => Performed::Known {
                    // A statement that met no row changed nothing.
                    written: (changed.rows_affected > 0).then_some(written),
                    reply: Ok(changed),
                },
                Err(error) => {
                    // SQLite refuses a commit as a whole; after a rollback
                    // nothing of it is there.
                    match self.host("ROLLBACK".to_owned(), &[]).await {
                        Ok(_) => Performed::answered(Err(error)),
                        Err(_) => {
                            *self.0 = None;
                            Performed::Unknown(format!("the commit failed: {error:?}"))
                        }
                    }
                }
            },
            Err(error) => {
                self.take_back().await;
                Performed::answered(Err(error))
            }
        }
    }

    /// Roll back whatever was begun.
    async fn take_back(&mut self) {
        if self.host("ROLLBACK".to_owned(), &[]).await.is_err() {
            // Nothing was begun, or the connection is gone: a new one starts
            // clean either way.
            *self.0 = None;
        }
    }

    async fn rows_of(&mut self, table: &str, ids: &BTreeSet<i64>) -> Result<Value, SqlError> {
        let mut rows = Vec::new();
        for id in ids {
            let text = format!("SELECT rowid, * FROM {} WHERE rowid = ?", quoted(table));
            rows.extend(self.host(text, &[SqlValue::Integer(*id)]).await?);
        }
        bounded(&rows)?;
        Ok(Value::Array(rows))
    }

    /// The rows a write touched, as they are now: those it left, or, where it
    /// removed rows, those that have come back since.
    async fn now(&mut self, restoring: &Restoring) -> Result<Value, SqlError> {
        let table = text(&restoring.written, "table");
        let ids = touched(restoring).iter().filter_map(row_id).collect();
        let rows = self.rows_of(&table, &ids).await?;
        Ok(image(&table, verb(restoring), rows))
    }

    async fn putting_back(&mut self, restoring: &Restoring) -> Result<(Changed, Value), SqlError> {
        self.host("BEGIN IMMEDIATE".to_owned(), &[]).await?;
        let now = self.now(restoring).await?;
        if !same_rows(restoring, &now) {
            return Err(SqlError::Conflict(now.to_string()));
        }
        let table = text(&restoring.written, "table");
        self.session()?.wall.take_changes();
        let mut count = 0;
        match verb(restoring) {
            Verb::Insert => {
                for row in rows(&restoring.written) {
                    let text = format!("DELETE FROM {} WHERE rowid = ?", quoted(&table));
                    let id = row_id(&row).map_or(SqlValue::Null, SqlValue::Integer);
                    self.host(text, &[id]).await?;
                    count += 1;
                }
            }
            _ => {
                for row in rows(&restoring.before) {
                    self.put_row(&table, &row, verb(restoring)).await?;
                    count += 1;
                }
            }
        }
        let changes = self.session()?.wall.take_changes();
        only(&table, &changes)?;
        // A row of ours that others' rows now hang on would take them along.
        let ours: BTreeSet<i64> = touched(restoring).iter().filter_map(row_id).collect();
        if changes.iter().any(|(_, id)| !ours.contains(id)) {
            return Err(SqlError::Conflict(now.to_string()));
        }
        let back = touched(restoring).iter().filter_map(row_id).collect();
        let left = self.rows_of(&table, &back).await?;
        let changed = Changed {
            rows_affected: count,
            inserted_id: None,
        };
        Ok((changed, image(&table, way_back(restoring), left)))
    }

    async fn put_row(&mut self, table: &str, row: &Value, verb: Verb) -> Result<(), SqlError> {
        let empty = Map::new();
        let columns = row["columns"].as_object().unwrap_or(&empty);
        let id = row_id(row).map_or(SqlValue::Null, SqlValue::Integer);
        let mut values: Vec<SqlValue> = columns
            .values()
            .map(|value| SqlValue::from_json(value).unwrap_or(SqlValue::Null))
            .collect();
        values.push(id);
        let names: Vec<String> = columns.keys().map(|name| quoted(name)).collect();
        let text = if verb == Verb::Delete {
            format!(
                "INSERT INTO {} ({}, rowid) VALUES ({}?)",
                quoted(table),
                names.join(", "),
                "?, ".repeat(names.len()),
            )
        } else {
            let set: Vec<String> = names.iter().map(|name| format!("{name} = ?")).collect();
            format!(
                "UPDATE {} SET {} WHERE rowid = ?",
                quoted(table),
                set.join(", ")
            )
        };
        self.host(text, &values).await.map(drop)
    }
}

/// A write that fires a trigger on another table does more than was granted.
fn only(table: &str, changes: &[(String, i64)]) -> Result<(), SqlError> {
    match changes.iter().find(|(changed, _)| changed != table) {
        None => Ok(()),
        Some((other, _)) => Err(SqlError::Refused(Refusal::outside(format!(
            "the statement fires a trigger that writes `{other}`, which is not granted"
        )))),
    }
}

fn row_id(row: &Value) -> Option<i64> {
    match SqlValue::from_json(&row["rowid"])? {
        SqlValue::Integer(id) => Some(id),
        _ => None,
    }
}

/// A row with its id first, as the host's statements select it.
fn kept_row(columns: Vec<String>, values: &[SqlValue]) -> KeptRow {
    let mut cells = columns.into_iter().zip(values);
    let id = cells.next().map_or(Value::Null, |(_, value)| value.json());
    let columns: Map<String, Value> = cells.map(|(name, value)| (name, value.json())).collect();
    json!({ "rowid": id, "columns": columns })
}
