//! Reading, in a transaction that cannot write. Rows come through a cursor, some
//! at a time, so that a result that is too large is not read to its end.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::server::Mode;
use super::values::{bound, columns, row_values};
use super::{Database, catalogue, fault::failed};
use crate::capability::sql::{Granted, Rows, SqlError};

/// Rows that are asked for at a time.
const AT_A_TIME: u64 = 100;

impl Database {
    /// Run a granted `SELECT`.
    pub(in crate::capability::sql) async fn query(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Rows, SqlError> {
        let mut transaction = self.begin(Mode::ReadOnly, deadline).await?;
        let rows = self.select(&mut transaction.connection, granted).await;
        transaction.roll_back().await;
        rows
    }

    async fn select(
        &self,
        connection: &mut PgConnection,
        granted: &Granted,
    ) -> Result<Rows, SqlError> {
        let Granted {
            statement,
            parameters,
            ..
        } = granted;
        catalogue::check(connection, statement, &self.grant).await?;
        let lead = "DECLARE tollgate_rows NO SCROLL CURSOR FOR ";
        let (text, arguments) = bound(connection, lead, &statement.text, parameters).await?;
        sqlx::query_with(AssertSqlSafe(text), arguments)
            .persistent(false)
            .execute(&mut *connection)
            .await
            .map_err(failed)?;
        let mut rows = Rows::none();
        let mut bytes = 0;
        loop {
            // One more than is granted, so that too many is noticed.
            let left = (self.grant.max_rows + 1).saturating_sub(rows.rows.len() as u64);
            let count = AT_A_TIME.min(left);
            let before = rows.rows.len();
            let fetch = format!("FETCH FORWARD {count} FROM tollgate_rows");
            let mut found = sqlx::raw_sql(AssertSqlSafe(fetch)).fetch(&mut *connection);
            while let Some(row) = found.try_next().await.map_err(failed)? {
                if rows.columns.is_empty() {
                    rows.columns = columns(&row);
                }
                rows.push(row_values(&row)?, &mut bytes, &self.grant)?;
            }
            if ((rows.rows.len() - before) as u64) < count {
                return Ok(rows);
            }
        }
    }
}
