//! The server: its address, its schema, and connections to it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::pool::PoolConnectionMetadata;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgPool, Row};

use super::PostgresOptions;
use super::fault::Fault;
use crate::StoreError;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// How long making a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A transaction that a stopped or paused host left open ends after this, and
/// with it its locks: before others give up waiting for them.
const IDLE_TRANSACTION: Duration = Duration::from_secs(2);

/// A connection that did nothing for longer is asked whether it still stands.
const PRESUMED_ALIVE: Duration = Duration::from_secs(1);

/// How long a connection that is looked at may take to show that it stands.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

/// The oldest server that is supported, as `server_version_num` says it.
const OLDEST_SERVER: i32 = 150_000;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It cannot write, whatever it is asked.
    Reading,
    Writing,
    /// Without time-outs: an index over a large table takes its time.
    Migrating,
}

/// A database on a server.
pub(super) struct Server {
    address: PgConnectOptions,
    name: String,
    options: PostgresOptions,
    /// When a connection was last seen to break: others are doubtful since then.
    broke: Mutex<Option<Instant>>,
}

impl fmt::Debug for Server {
    /// Without the password, which is in the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.name).finish()
    }
}

impl Server {
    pub(super) fn of(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        // What the parser says of a wrong URL may quote it, password included.
        let address = PgConnectOptions::from_str(url).map_err(|_| {
            StoreError::Location("the PostgreSQL URL cannot be understood".to_owned())
        })?;
        let host = match address.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", address.get_host(), address.get_port()),
        };
        let (user, database) = (address.get_username(), address.get_database());
        let name = format!("postgres://{user}@{host}/{}", database.unwrap_or(user));
        let mut address = address.disable_statement_logging();
        if address.get_application_name().is_none() {
            address = address.application_name("tollgate");
        }
        Ok(Self {
            address,
            name,
            options,
            broke: Mutex::new(None),
        })
    }

    /// The database's name in errors, without the password.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    pub(super) fn options(&self) -> &PostgresOptions {
        &self.options
    }

    /// The time that options give, where they do; else the database's counts.
    pub(super) fn given_ms(&self) -> Option<i64> {
        let clock = self.options.clock.as_ref()?;
        Some(crate::places::stored_ms(clock.now_ms()))
    }

    /// Say that a connection broke, so that the others are looked at before use.
    pub(super) fn broke(&self) {
        *self.broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn is_doubtful(&self, idle: Duration) -> bool {
        let broke = *self.broke.lock().unwrap_or_else(PoisonError::into_inner);
        idle > PRESUMED_ALIVE || broke.is_some_and(|since| since.elapsed() <= idle)
    }

    /// Whether a connection broke just now, so that one which comes back may have
    /// been given up in the middle of a statement that nobody will answer.
    fn has_just_broken(&self) -> bool {
        let broke = *self.broke.lock().unwrap_or_else(PoisonError::into_inner);
        broke.is_some_and(|since| since.elapsed() <= CONNECT_WITHIN)
    }

    pub(super) async fn connect(&self, purpose: Purpose) -> Result<PgConnection, Fault> {
        let connecting = async {
            let mut connection = self.address.connect().await?;
            self.set_up(&mut connection, purpose).await?;
            Ok::<_, sqlx::Error>(connection)
        };
        match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
            Ok(connected) => Ok(connected?),
            Err(_) => Err(lost("no connection was made in time")),
        }
    }

    async fn set_up(
        &self,
        connection: &mut PgConnection,
        purpose: Purpose,
    ) -> Result<(), sqlx::Error> {
        let (lock, statement) = match purpose {
            Purpose::Migrating => (Duration::ZERO, Duration::ZERO),
            _ => (self.options.lock_timeout, self.options.statement_timeout),
        };
        // Acknowledged means durable: a server, database or role whose default is
        // `off` does not count here. Stricter or looser ways to wait for standbys
        // are the operator's choice.
        let text = format!(
            "SET lock_timeout = {}; SET statement_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; \
             SET default_transaction_isolation = 'read committed'; \
             SET default_transaction_read_only = {}; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') = 'off'",
            lock.as_millis(),
            statement.as_millis(),
            IDLE_TRANSACTION.as_millis(),
            if purpose == Purpose::Reading {
                "on"
            } else {
                "off"
            },
        );
        connection.execute(AssertSqlSafe(text)).await?;
        Ok(())
    }

    /// A pool whose connections are made when they are needed.
    pub(super) fn pool(self: &Arc<Self>, purpose: Purpose, size: u32) -> PgPool {
        let (setting, looking, releasing) = (self.clone(), self.clone(), self.clone());
        PgPoolOptions::new()
            .max_connections(size.max(1))
            .acquire_timeout(CONNECT_WITHIN)
            .test_before_acquire(false)
            .after_connect(move |connection, _| {
                let server = setting.clone();
                Box::pin(async move { server.set_up(connection, purpose).await })
            })
            .before_acquire(move |connection, meta: PoolConnectionMetadata| {
                let doubtful = looking.is_doubtful(meta.idle_for);
                Box::pin(async move {
                    if doubtful {
                        stands(connection).await?;
                    }
                    Ok(true)
                })
            })
            // The pool asks it too, but for as long as the network takes to give
            // up: its place would be gone for minutes.
            .after_release(move |connection, _| {
                let doubtful = releasing.has_just_broken();
                Box::pin(async move {
                    if doubtful {
                        stands(connection).await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.address.clone())
    }

    /// Check the server and bring the schema up to date.
    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        let fault = |fault: Fault| fault.at(self);
        let mut connection = self.connect(Purpose::Migrating).await.map_err(fault)?;
        let migrated = self.migrate_on(&mut connection).await;
        connection.close().await.ok();
        migrated
    }

    async fn migrate_on(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        let fault = |error: sqlx::Error| Fault::from(error).at(self);
        self.check_server(connection).await.map_err(fault)?;
        // A host whose role may not make tables runs on a schema that is there.
        let found = schema(connection).await.map_err(fault)?;
        match found {
            Some(found) if found > newest_known() => return Err(self.too_new(found)),
            Some(found) if found == newest_known() => return Ok(()),
            _ => {}
        }
        // Under an advisory lock: of hosts that start together one migrates.
        let run = MIGRATOR.run_direct(None, connection, false);
        run.await.map_err(|error| match error {
            MigrateError::VersionMissing(found) => self.too_new(found),
            MigrateError::Execute(error) => Fault::from(error).at(self),
            MigrateError::ExecuteMigration(error, _) => Fault::from(error).at(self),
            other => StoreError::corrupt(other.to_string()),
        })
    }

    async fn check_server(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let settings = "SELECT current_setting('server_version_num')::int, \
                        current_setting('fsync') = 'on', current_setting('server_encoding')";
        let row = sqlx::query(settings).fetch_one(connection).await?;
        let (version, syncs): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
        let encoding: String = row.try_get(2)?;
        if version < OLDEST_SERVER || encoding != "UTF8" {
            let what = format!(
                "PostgreSQL 15 or newer with UTF8 is needed; this is {version} with {encoding}"
            );
            return Err(sqlx::Error::Configuration(what.into()));
        }
        if !syncs {
            tracing::warn!(
                server = self.name,
                "fsync is off: when this machine fails, acknowledged records are lost"
            );
        }
        Ok(())
    }

    fn too_new(&self, found: i64) -> StoreError {
        StoreError::SchemaTooNew {
            path: self.path(),
            found,
            known: newest_known(),
        }
    }
}

/// The newest complete migration, where there is any.
async fn schema(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    let there = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar(there)
        .fetch_one(&mut *connection)
        .await?
    {
        return Ok(None);
    }
    let newest = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    sqlx::query_scalar(newest).fetch_one(connection).await
}

fn newest_known() -> i64 {
    let versions = MIGRATOR.iter().map(|migration| migration.version);
    versions.max().unwrap_or(0)
}

/// Ask a connection whether it stands. After an error it is dropped without a word
/// to the server.
async fn stands(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let asked = tokio::time::timeout(ALIVE_WITHIN, connection.ping()).await;
    asked.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}

/// Nothing was heard for too long: the connection counts as lost.
pub(super) fn lost(what: &'static str) -> Fault {
    let error = std::io::Error::new(std::io::ErrorKind::TimedOut, what);
    Fault::Sql(sqlx::Error::Io(error))
}
