//! Which database a grant means, opened when first used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use serde_json::Value;
use tollgate_policy::SqlGrant;

use super::{Changed, Granted, Rows, SqlError, postgres, sqlite};
use crate::capability::restore::{Restored, Restoring};
use crate::door::{Performed, Prior, Refusal};
use crate::settings::NamedDatabase;

/// Databases that manifests name.
pub(crate) struct Databases {
    home: PathBuf,
    files: Mutex<Vec<(Tenant, Arc<sqlite::Database>)>>,
    servers: BTreeMap<String, Arc<postgres::Server>>,
}

impl Databases {
    pub(crate) fn new(home: PathBuf, named: BTreeMap<String, NamedDatabase>) -> Self {
        let server = |(name, database)| (name, Arc::new(postgres::Server::new(database)));
        Self {
            home,
            files: Mutex::default(),
            servers: named.into_iter().map(server).collect(),
        }
    }

    /// The database of a grant, if it is one of the tenant's. Two grants of one
    /// file have connections apart: their walls differ. So have two tenants with the
    /// same grant: none waits for another one, or works with what it left behind.
    pub(super) fn of(&self, grant: &SqlGrant, tenant: &Tenant) -> Result<Database, SqlError> {
        if let Some(name) = grant.postgres_name() {
            let server = self.servers.get(name);
            // One that is another tenant's is not told from one that is not there.
            let server = server.filter(|server| server.is_for(tenant));
            let server = server.ok_or_else(|| {
                SqlError::Refused(Refusal::outside(format!(
                    "the host's settings have no [database.{name}] for the tenant `{tenant}`"
                )))
            })?;
            return Ok(Database::Postgres(postgres::Database::new(
                grant.clone(),
                tenant.clone(),
                Arc::clone(server),
            )));
        }
        let path = grant.sqlite_path().ok_or_else(|| {
            SqlError::Failed(format!(
                "`{}` is not a source this host can open; write `sqlite:<path>` or `postgres:<name>`",
                grant.source
            ))
        })?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |(whose, database): &&(Tenant, Arc<sqlite::Database>)| {
            whose == tenant && database.grant == *grant
        };
        if let Some((_, found)) = files.iter().find(known) {
            return Ok(Database::Sqlite(Arc::clone(found)));
        }
        let database = sqlite::Database::new(grant.clone(), self.home.join(path));
        let database = Arc::new(database);
        files.push((tenant.clone(), Arc::clone(&database)));
        Ok(Database::Sqlite(database))
    }
}

/// One database under one grant.
pub(super) enum Database {
    Sqlite(Arc<sqlite::Database>),
    Postgres(postgres::Database),
}

impl Database {
    /// Run a granted `SELECT`.
    pub(super) async fn query(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Rows, SqlError> {
        match self {
            Self::Sqlite(database) => database.query(granted, deadline).await,
            Self::Postgres(database) => database.query(granted, deadline).await,
        }
    }

    /// The rows that a statement would replace. `None` where they could not be
    /// put back.
    pub(super) async fn look(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Option<Prior>, SqlError> {
        match self {
            Self::Sqlite(database) => database.look(granted, deadline).await,
            Self::Postgres(database) => database.look(granted, deadline).await,
        }
    }

    /// Run a granted write, if what it replaces is still what was seen.
    pub(super) async fn execute(
        &self,
        granted: &Granted,
        prior: Option<&Prior>,
        deadline: Duration,
    ) -> Performed<Result<Changed, SqlError>> {
        match self {
            Self::Sqlite(database) => database.execute(granted, prior, deadline).await,
            Self::Postgres(database) => database.execute(granted, prior, deadline).await,
        }
    }

    /// Run a granted write and take it back: what it would change.
    pub(super) async fn preview(
        &self,
        granted: &Granted,
        deadline: Duration,
    ) -> Result<Changed, SqlError> {
        match self {
            Self::Sqlite(database) => database.preview(granted, deadline).await,
            Self::Postgres(database) => database.preview(granted, deadline).await,
        }
    }

    /// The rows that a write touched, as they are now.
    pub(super) async fn rows_now(&self, restoring: &Restoring) -> Result<Value, SqlError> {
        match self {
            Self::Sqlite(database) => database.rows_now(restoring).await,
            Self::Postgres(database) => database.rows_now(restoring).await,
        }
    }

    /// Put rows back, if they are still what the write left.
    pub(super) async fn restore(&self, restoring: &Restoring) -> Performed<Restored> {
        match self {
            Self::Sqlite(database) => database.restore(restoring).await,
            Self::Postgres(database) => database.restore(restoring).await,
        }
    }
}
