//! An open database: some connections that only read, one that writes, each with
//! its wall. The pool of `sqlx` was refused here: a statement's deadline and the
//! wall belong to one connection, and the pool does not say which one it lends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Column as _, ConnectOptions as _, Row as _, SqliteConnection};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tollgate_policy::{SqlGrant, Statement};

use super::authorizer::Wall;
use super::value::{arguments, row_values};
use crate::capability::sql::{Granted, Rows, SqlError, SqlValue};
use crate::door::Refusal;

/// Connections of one database that read at the same time.
const READERS: usize = 4;

/// How long to wait for another process's lock.
const BUSY: Duration = Duration::from_secs(5);

/// One database under one grant.
pub(in crate::capability::sql) struct Database {
    pub(in crate::capability::sql) grant: SqlGrant,
    path: PathBuf,
    readers: Mutex<Vec<Session>>,
    reading: Semaphore,
    pub(super) writer: AsyncMutex<Option<Session>>,
}

/// One connection and its wall.
pub(super) struct Session {
    pub(super) connection: SqliteConnection,
    pub(super) wall: Arc<Wall>,
}

impl Database {
    pub(in crate::capability::sql) fn new(grant: SqlGrant, path: PathBuf) -> Self {
        Self {
            grant,
            path,
            readers: Mutex::default(),
            reading: Semaphore::new(READERS),
            writer: AsyncMutex::new(None),
        }
    }

    pub(super) async fn session(&self, read_only: bool) -> Result<Session, SqlError> {
        let mut connection = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .read_only(read_only)
            .busy_timeout(BUSY)
            .foreign_keys(true)
            .disable_statement_logging()
            .connect()
            .await
            .map_err(failed)?;
        let wall = Wall::new(self.grant.clone());
        wall.put_up(&mut connection).await.map_err(failed)?;
        Ok(Session { connection, wall })
    }

    /// Run a granted `SELECT`.
    pub(in crate::capability::sql) async fn query(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Rows, SqlError> {
        let _turn = self
            .reading
            .acquire()
            .await
            .map_err(|error| SqlError::Unavailable(error.to_string()))?;
        let waiting = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut session = match waiting {
            Some(session) => session,
            None => self.session(true).await?,
        };
        session.wall.stop_after(deadline);
        let rows = session
            .select(&granted.statement, &granted.parameters, &self.grant)
            .await;
        // A connection whose query was given up in the middle is not kept: this
        // line is not reached then, and dropping it ends the query.
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(session);
        rows
    }
}

impl Session {
    async fn select(
        &mut self,
        statement: &Statement,
        parameters: &[SqlValue],
        grant: &SqlGrant,
    ) -> Result<Rows, SqlError> {
        let arguments = arguments(parameters).map_err(failed)?;
        let text = AssertSqlSafe(statement.text.clone());
        let mut stream = sqlx::query_with(text, arguments).fetch(&mut self.connection);
        let mut rows = Rows {
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let mut bytes = 0;
        while let Some(row) = stream.try_next().await.map_err(failed)? {
            if rows.columns.is_empty() {
                rows.columns = columns(&row);
            }
            let values = row_values(&row).map_err(failed)?;
            rows.push(values, &mut bytes, grant)?;
        }
        Ok(rows)
    }
}

pub(super) fn columns(row: &SqliteRow) -> Vec<String> {
    row.columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect()
}

/// What the database's answer means for the guest.
pub(super) fn failed(error: sqlx::Error) -> SqlError {
    let sqlx::Error::Database(answer) = &error else {
        return SqlError::Unavailable(error.to_string());
    };
    let message = answer.message().to_owned();
    // The low byte of an extended result code is the primary one.
    let code = answer
        .code()
        .and_then(|code| code.parse::<i32>().ok())
        .unwrap_or_default();
    match code & 0xff {
        libsqlite3_sys::SQLITE_AUTH => SqlError::Refused(Refusal::outside(format!(
            "the database's authorizer refused the statement: {message}"
        ))),
        libsqlite3_sys::SQLITE_INTERRUPT => {
            SqlError::TooLarge("the statement ran out of time; ask for less".to_owned())
        }
        libsqlite3_sys::SQLITE_CONSTRAINT => SqlError::Constraint(message),
        libsqlite3_sys::SQLITE_BUSY
        | libsqlite3_sys::SQLITE_LOCKED
        | libsqlite3_sys::SQLITE_CANTOPEN
        | libsqlite3_sys::SQLITE_IOERR
        | libsqlite3_sys::SQLITE_FULL => SqlError::Unavailable(message),
        _ => SqlError::Failed(message),
    }
}
