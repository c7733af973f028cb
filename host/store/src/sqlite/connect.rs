//! Opening: the file, its schema, and connections to it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, SqlitePool};

use super::SqliteOptions;
use super::fault::Fault;
use crate::{StoreError, Unavailable};

static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Prepared statements a connection keeps. The writer's insert has one text for
/// each number of records, so it profits from more than the default of 100.
const STATEMENTS_KEPT: usize = 256;

/// Kibibytes (hence the sign) of pages that the writer keeps, so that inserting
/// into an index reads nothing from the file: 32 MiB, where SQLite has 2.
const PAGE_CACHE_KIB: &str = "-32768";

/// Bytes to which the WAL file is cut back after a long peak: 64 MiB.
const WAL_BYTES_KEPT: &str = "67108864";

/// Attempts to migrate: two processes that start together on a new file both
/// find nothing, one of them loses, and finds all done the next time.
const MIGRATION_ATTEMPTS: u32 = 3;

/// The file, and which file it was when it was opened.
pub(super) struct Place {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl Place {
    pub(super) fn of(path: PathBuf) -> Result<Self, StoreError> {
        match std::fs::metadata(&path) {
            Ok(meta) => Ok(Self {
                device: meta.dev(),
                inode: meta.ino(),
                path,
            }),
            Err(error) => Err(io_fault(&path, error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn unavailable(&self, why: Unavailable) -> StoreError {
        StoreError::Unavailable {
            why,
            path: self.path.clone(),
            source: None,
        }
    }

    /// The path still names the file that was opened. SQLite would go on writing
    /// to a removed file without complaint: everything acknowledged would be
    /// lost with the process.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match std::fs::metadata(&self.path) {
            Ok(meta) if meta.dev() == self.device && meta.ino() == self.inode => Ok(()),
            _ => Err(self.unavailable(Unavailable::Gone)),
        }
    }
}

fn io_fault(path: &Path, error: std::io::Error) -> StoreError {
    let why = match error.kind() {
        ErrorKind::NotFound => Unavailable::Gone,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Unavailable::ReadOnly,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Unavailable::Full,
        _ => Unavailable::Io,
    };
    let source = Some(std::sync::Arc::new(sqlx::Error::Io(error)));
    StoreError::Unavailable {
        why,
        path: path.to_owned(),
        source,
    }
}

/// Make the file readable by its owner only (SQLite gives the WAL the same
/// mode), and bring its schema up to date.
pub(super) async fn create_and_migrate(
    path: &Path,
    options: &SqliteOptions,
) -> Result<(), StoreError> {
    if options.create {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        match made {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io_fault(path, error)),
        }
    }
    let place = Place::of(path.to_owned())?;
    let mut attempt = 1;
    loop {
        match migrate(&place, options).await {
            Err(StoreError::Database(_)) if attempt < MIGRATION_ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

async fn migrate(place: &Place, options: &SqliteOptions) -> Result<(), StoreError> {
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_lazy_with(writing(place, options));
    let migrated = MIGRATOR.run(&pool).await;
    pool.close().await;
    migrated.map_err(|error| match error {
        MigrateError::VersionMissing(found) => too_new(place, found),
        MigrateError::Execute(error) => Fault::from(error).at(place),
        MigrateError::ExecuteMigration(error, _) => Fault::from(error).at(place),
        other => StoreError::corrupt(other.to_string()),
    })
}

fn newest_known() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

fn too_new(place: &Place, found: i64) -> StoreError {
    let known = newest_known();
    StoreError::SchemaTooNew {
        path: place.path().to_owned(),
        found,
        known,
    }
}

/// The schema is exactly the one that this program knows.
pub(super) async fn check_schema(place: &Place, options: &SqliteOptions) -> Result<(), StoreError> {
    let newest = "SELECT max(version) FROM _sqlx_migrations WHERE success";
    let fault = |error: sqlx::Error| Fault::from(error).at(place);
    let mut connection = base(place, options)
        .read_only(true)
        .connect()
        .await
        .map_err(fault)?;
    let found = sqlx::query_scalar(newest).fetch_one(&mut connection).await;
    connection.close().await.ok();
    match found.map_err(fault)? {
        Some(found) if found > newest_known() => Err(too_new(place, found)),
        Some(found) if found == newest_known() => Ok(()),
        _ => Err(StoreError::corrupt(
            "its schema is older; open it for writing once",
        )),
    }
}

fn base(place: &Place, options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(place.path())
        .create_if_missing(false)
        .busy_timeout(options.busy_timeout)
        .foreign_keys(false)
        .statement_cache_capacity(STATEMENTS_KEPT)
        // An index made for one question would read the whole journal to save
        // reading a part of it.
        .pragma("automatic_index", "OFF")
        .disable_statement_logging()
}

fn writing(place: &Place, options: &SqliteOptions) -> SqliteConnectOptions {
    base(place, options)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Checkpoints run beside the commit path, see `Checkpointer`.
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", WAL_BYTES_KEPT)
        .pragma("cache_size", PAGE_CACHE_KIB)
        // What is deleted or replaced is overwritten, not only forgotten.
        .pragma("secure_delete", "ON")
        // What is being erased is listed in memory, never in a file beside.
        .pragma("temp_store", "MEMORY")
}

pub(super) async fn writer_connection(
    place: &Place,
    options: &SqliteOptions,
) -> Result<SqliteConnection, StoreError> {
    place.check()?;
    writing(place, options)
        .connect()
        .await
        .map_err(|error| Fault::from(error).at(place))
}

/// Connections that cannot write, whatever they are asked.
pub(super) fn reader_pool(place: &Place, options: &SqliteOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(options.readers.max(1))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(30))
        .connect_lazy_with(base(place, options).read_only(true))
}
