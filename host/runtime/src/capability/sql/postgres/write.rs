//! Changing rows: what a statement would replace, doing it, and doing it in vain.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _, Row as _};
use tollgate_policy::Verb;

use super::Database;
use super::catalogue::{self, Table};
use super::fault::failed;
use super::kept::Key;
use super::server::{Committed, Mode};
use super::values::bound;
use crate::capability::sql::image::{image, prior_of, quoted, target, too_many};
use crate::capability::sql::{Changed, Granted, SqlError};
use crate::door::{Performed, Prior, Refusal};

impl Database {
    /// The rows that a statement would replace. `None` where they could not be put
    /// back: a table without a primary key, or with triggers.
    pub(in crate::capability::sql) async fn look(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Option<Prior>, SqlError> {
        let mut transaction = self.begin(Mode::ReadOnly, deadline).await?;
        let seen = self.seen(&mut transaction.connection, granted).await;
        transaction.roll_back().await;
        seen
    }

    async fn seen(
        &self,
        connection: &mut PgConnection,
        granted: &Granted,
    ) -> Result<Option<Prior>, SqlError> {
        let table = self.table(connection, granted).await?;
        // The statement is judged by the server before its condition is used.
        bound(connection, "", &granted.statement.text, &granted.parameters).await?;
        if !table.can_be_put_back() {
            return Ok(None);
        }
        let rows = table.met(connection, granted, false).await?;
        let image = image(&table.name, granted.statement.verb, Value::Array(rows));
        Ok(Some(prior_of(image)))
    }

    /// Run a granted write, if what it replaces is still what was seen.
    pub(in crate::capability::sql) async fn execute(
        &self,
        granted: &Granted,
        prior: Option<&Prior>,
        deadline: Duration,
    ) -> Performed<Result<Changed, SqlError>> {
        let mut transaction = match self.begin(Mode::ReadWrite, deadline).await {
            Ok(transaction) => transaction,
            Err(error) => return Performed::answered(Err(error)),
        };
        match self
            .changing(&mut transaction.connection, granted, prior)
            .await
        {
            Ok((changed, written)) => match transaction.commit().await {
                Committed::Done => Performed::Known {
                    // A statement that met no row changed nothing.
                    written: (changed.rows_affected > 0).then_some(written),
                    reply: Ok(changed),
                },
                Committed::Refused(error) => Performed::answered(Err(error)),
                Committed::Unknown => {
                    Performed::Unknown("the database did not answer the commit".to_owned())
                }
            },
            Err(error) => {
                transaction.roll_back().await;
                Performed::answered(Err(error))
            }
        }
    }

    /// Run a granted write and take it back: what it would change.
    pub(in crate::capability::sql) async fn preview(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Changed, SqlError> {
        let mut transaction = self.begin(Mode::ReadWrite, deadline).await?;
        let work = self
            .changing(&mut transaction.connection, granted, None)
            .await;
        transaction.roll_back().await;
        let (changed, _) = work?;
        Ok(Changed {
            inserted_id: None,
            ..changed
        })
    }

    async fn table(
        &self,
        connection: &mut PgConnection,
        granted: &Granted,
    ) -> Result<Table, SqlError> {
        catalogue::check(connection, &granted.statement, &self.grant).await?;
        Table::of(connection, target(granted)).await
    }

    /// The statement, inside a transaction that the caller ends.
    async fn changing(
        &self,
        connection: &mut PgConnection,
        granted: &Granted,
        prior: Option<&Prior>,
    ) -> Result<(Changed, Value), SqlError> {
        let table = self.table(connection, granted).await?;
        let verb = granted.statement.verb;
        if prior.is_some() && !table.can_be_put_back() {
            return Err(changed_meanwhile(&table));
        }
        stays_in_its_rows(&table, granted)?;
        let goes_on = verb == Verb::Delete && table.cascades.iter().any(|other| other.on_delete);
        let mut seen: BTreeSet<Key> = BTreeSet::new();
        if prior.is_some() || goes_on {
            if table.key.is_empty() {
                return Err(takes_along(&table));
            }
            let rows = table.met(connection, granted, true).await?;
            seen = rows.iter().map(|row| table.key_of(row)).collect();
            let now = prior_of(image(&table.name, verb, Value::Array(rows)));
            if prior.is_some_and(|prior| prior.version != now.version) {
                return Err(changed_meanwhile(&table));
            }
            let keys: Vec<Key> = seen.iter().cloned().collect();
            if goes_on && table.has_dependents(connection, &keys).await? {
                return Err(takes_along(&table));
            }
        }
        let keys = self.run(connection, &table, granted).await?;
        // A row that came to meet the condition after the look.
        if verb != Verb::Insert && prior.is_some() && keys.iter().any(|key| !seen.contains(key)) {
            return Err(changed_meanwhile(&table));
        }
        // What would be refused at the commit is refused now.
        connection
            .execute("SET CONSTRAINTS ALL IMMEDIATE")
            .await
            .map_err(failed)?;
        let written = match (verb, prior) {
            (_, None) | (Verb::Delete, _) => json!([]),
            _ => Value::Array(table.of_keys(connection, &keys, false).await?),
        };
        let is_number = table.key.len() == 1 && table.key_columns().all(|key| key.is_integer);
        let last = keys.last().and_then(|key| key.first()?.parse().ok());
        let changed = Changed {
            rows_affected: keys.len() as u64,
            inserted_id: last.filter(|_| is_number && verb == Verb::Insert),
        };
        Ok((changed, image(&table.name, verb, written)))
    }

    /// Run the statement; the keys of the rows that it wrote or removed, empty ones
    /// where the table has no key.
    async fn run(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        granted: &Granted,
    ) -> Result<Vec<Key>, SqlError> {
        let text = &granted.statement.text;
        let (text, arguments) = bound(connection, "", text, &granted.parameters).await?;
        let listed = if table.key.is_empty() {
            "1".to_owned()
        } else {
            table.listed_key()
        };
        let text = AssertSqlSafe(format!("{text} RETURNING {listed}"));
        let mut rows = sqlx::query_with(text, arguments)
            .persistent(false)
            .fetch(connection);
        let mut keys = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(failed)? {
            if keys.len() as u64 >= self.grant.max_rows {
                return Err(too_many(self.grant.max_rows));
            }
            let key = (0..table.key.len()).map(|at| row.try_get(at));
            keys.push(key.collect::<Result<Key, _>>().map_err(failed)?);
        }
        Ok(keys)
    }
}

impl Table {
    /// Whether rows of other tables would go with these.
    pub(super) async fn has_dependents(
        &self,
        connection: &mut PgConnection,
        keys: &[Key],
    ) -> Result<bool, SqlError> {
        for other in self.cascades.iter().filter(|other| other.on_delete) {
            let pairs = other.child_columns.iter().zip(&other.columns);
            let on = pairs.map(|(child, own)| format!("c.{} = t.{}", quoted(child), quoted(own)));
            let text = format!(
                "SELECT 1 FROM {} AS t JOIN {} AS c ON {} WHERE {} LIMIT 1",
                self.place(),
                other.child,
                on.collect::<Vec<_>>().join(" AND "),
                self.among_keys("t."),
            );
            let found = sqlx::query_with(AssertSqlSafe(text), self.key_arguments(keys)?)
                .persistent(false)
                .fetch_optional(&mut *connection)
                .await;
            if found.map_err(failed)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A change of the columns by which rows are told apart, or by which others refer
/// to them, could not be put back row by row.
fn stays_in_its_rows(table: &Table, granted: &Granted) -> Result<(), SqlError> {
    let statement = &granted.statement;
    if statement.verb != Verb::Update {
        return Ok(());
    }
    let mut followed = table.cascades.iter().filter(|other| other.on_update);
    let changes_key = table.key.iter().any(|name| statement.writes.contains(name));
    let changes_others = followed.any(|other| {
        other
            .columns
            .iter()
            .any(|name| statement.writes.contains(name))
    });
    if changes_key || changes_others {
        return Err(SqlError::Refused(Refusal::outside(format!(
            "the statement changes the key of rows of `{}`; that could not be put back",
            table.name
        ))));
    }
    Ok(())
}

fn takes_along(table: &Table) -> SqlError {
    SqlError::Refused(Refusal::outside(format!(
        "rows of other tables would change with those of `{}`, which is not granted",
        table.name
    )))
}

fn changed_meanwhile(table: &Table) -> SqlError {
    SqlError::Conflict(format!(
        "rows of `{}` were changed by others since they were looked at",
        table.name
    ))
}
