//! PostgreSQL. The second wall is the server's own: a role without power
//! (`server`), transactions that cannot write (`read`), and a look in the
//! catalogue at what the statement's names stand for (`catalogue`), because a name
//! may be a view's, and a table may have triggers.
//!
//! * `server`: connections, what they are set to, who they act as
//! * `fault`: what the server's answers mean
//! * `catalogue`: tables, columns, keys
//! * `values`: values as text of a type that the server names
//! * `read`, `write`, `restore`: rows
//! * `kept`: rows as text by their primary key, exactly, to be put back

mod catalogue;
mod fault;
mod kept;
mod read;
mod restore;
mod server;
mod values;
mod write;

use std::sync::Arc;
use std::time::Duration;
use tollgate_journal::Tenant;

use tollgate_policy::SqlGrant;

use super::SqlError;
pub(super) use server::Server;
use server::{Mode, Transaction};

/// One database under one grant.
pub(super) struct Database {
    grant: SqlGrant,
    tenant: Tenant,
    server: Arc<Server>,
}

impl Database {
    pub(super) fn new(grant: SqlGrant, tenant: Tenant, server: Arc<Server>) -> Self {
        Self {
            grant,
            tenant,
            server,
        }
    }

    async fn begin(&self, mode: Mode, deadline: Duration) -> Result<Transaction<'_>, SqlError> {
        self.server.begin(&self.tenant, mode, deadline).await
    }
}
