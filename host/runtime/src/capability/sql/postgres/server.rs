//! Connections to one database: a bounded number, each set up before its first
//! statement. The pool of `sqlx` was refused: what a connection acts as is judged
//! when it is made, and its pool would say of a refused one only that none came.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::fault::{failed, is_answer};
use crate::capability::sql::SqlError;
use crate::capability::sql::image::quoted;
use crate::door::Refusal;
use crate::settings::NamedDatabase;

/// How long to wait for a connection, and for one to be made.
const ACQUIRE: Duration = Duration::from_secs(5);

/// What every connection is set to. `search_path` names no schema but one, and
/// temporary tables last; what the server writes values as is fixed, because rows
/// that are put back are compared as text.
const SET_UP: &str = "\
SET default_transaction_read_only = on;
SET statement_timeout = '30s';
SET lock_timeout = '5s';
SET idle_in_transaction_session_timeout = '10s';
SET search_path = public, pg_temp;
SET standard_conforming_strings = on;
SET backslash_quote = off;
SET row_security = on;
SET transform_null_equals = off;
SET client_min_messages = warning;
SET bytea_output = 'hex';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'iso_8601';
SET timezone = 'UTC';
SET extra_float_digits = 1";

/// What the connection acts as. A superuser and its like pass every wall of the
/// server; the three roles read and write its files and start programs.
const POWERS: &str = "\
SELECT r.rolsuper OR r.rolbypassrls OR r.rolreplication OR EXISTS (
  SELECT 1 FROM pg_catalog.pg_roles AS p WHERE p.rolname IN
    ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
  AND pg_catalog.pg_has_role(r.oid, p.oid, 'MEMBER'))
FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user";

/// One database of the host's settings.
pub(in crate::capability::sql) struct Server {
    place: NamedDatabase,
    /// A turn for each connection of all tenants together.
    turns: Semaphore,
    /// Connections that wait, and the tenant that each was made for: it serves no
    /// other one, so that nothing which the server keeps for a session crosses.
    idle: Mutex<Vec<(Tenant, PgConnection)>>,
}

/// What a transaction may do.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    ReadOnly,
    ReadWrite,
}

impl Server {
    pub(in crate::capability::sql) fn new(place: NamedDatabase) -> Self {
        Self {
            turns: Semaphore::new(place.connections),
            idle: Mutex::default(),
            place,
        }
    }

    /// Whether the database is one of the tenant's.
    pub(in crate::capability::sql) fn is_for(&self, tenant: &str) -> bool {
        self.place.tenants.contains(tenant)
    }

    /// A tenant's connection in a transaction of its own.
    pub(super) async fn begin(
        &self,
        tenant: &Tenant,
        mode: Mode,
        deadline: Duration,
    ) -> Result<Transaction<'_>, SqlError> {
        let busy =
            || SqlError::Unavailable("all connections to the database are in use".to_owned());
        let turn = tokio::time::timeout(ACQUIRE, self.turns.acquire()).await;
        let turn = turn.map_err(|_| busy())?.map_err(|_| busy())?;
        let mode = match mode {
            Mode::ReadOnly => "READ ONLY",
            Mode::ReadWrite => "READ WRITE",
        };
        // The server stops a statement before the guest is stopped for waiting.
        let stop = deadline.as_millis().clamp(1, i32::MAX as u128);
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED {mode}; SET LOCAL statement_timeout = {stop}"
        );
        loop {
            let waiting = self.waiting(tenant);
            let was_idle = waiting.is_some();
            let mut connection = match waiting {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            match connection.execute(AssertSqlSafe(begin.clone())).await {
                Ok(_) => {
                    return Ok(Transaction {
                        server: self,
                        tenant: tenant.clone(),
                        connection,
                        _turn: turn,
                    });
                }
                // A server that was started anew has ended those that waited.
                Err(_) if was_idle => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// A connection of the tenant's that waits. Where there is none, one of another
    /// tenant's is closed, if otherwise there would be more than the settings say.
    fn waiting(&self, tenant: &Tenant) -> Option<PgConnection> {
        let mut idle = self.lock_idle();
        if let Some(at) = idle.iter().rposition(|(whose, _)| whose == tenant) {
            return Some(idle.remove(at).1);
        }
        // Whoever has a turn has a connection, or is about to make one.
        if idle.len() > self.turns.available_permits() {
            idle.remove(0);
        }
        None
    }

    async fn connect(&self) -> Result<PgConnection, SqlError> {
        let made = tokio::time::timeout(ACQUIRE, connect_to(&self.place.address)).await;
        let mut connection = made
            .map_err(|_| SqlError::Unavailable("the database's server does not answer".to_owned()))?
            .map_err(failed)?;
        if let Some(role) = &self.place.role {
            let text = format!("SET ROLE {}", quoted(role));
            connection
                .execute(AssertSqlSafe(text))
                .await
                .map_err(failed)?;
        }
        connection.execute(SET_UP).await.map_err(failed)?;
        let row = sqlx::query(POWERS)
            .persistent(false)
            .fetch_one(&mut connection)
            .await;
        let is_powerful: bool = row.and_then(|row| row.try_get(0)).map_err(failed)?;
        if is_powerful {
            return Err(SqlError::Refused(Refusal::outside(
                "the host's account in this database is a superuser, passes row security, or \
                 reaches the server's files; the operator gives a plain role in the host's settings",
            )));
        }
        Ok(connection)
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<(Tenant, PgConnection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect_to(address: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    address.connect().await
}

/// A transaction. Dropped without an end, its connection is closed, and the server
/// rolls it back.
pub(super) struct Transaction<'a> {
    server: &'a Server,
    tenant: Tenant,
    pub(super) connection: PgConnection,
    _turn: SemaphorePermit<'a>,
}

/// How a commit ended.
pub(super) enum Committed {
    Done,
    /// The server refused it; nothing of it is there.
    Refused(SqlError),
    /// Nobody answered.
    Unknown,
}

impl Transaction<'_> {
    pub(super) async fn commit(mut self) -> Committed {
        match self.connection.execute("COMMIT").await {
            Ok(_) => {
                self.give_back();
                Committed::Done
            }
            Err(error) if is_answer(&error) => Committed::Refused(failed(error)),
            Err(_) => Committed::Unknown,
        }
    }

    pub(super) async fn roll_back(mut self) {
        if self.connection.execute("ROLLBACK").await.is_ok() {
            self.give_back();
        }
    }

    fn give_back(self) {
        let mut idle = self.server.lock_idle();
        idle.push((self.tenant, self.connection));
    }
}
