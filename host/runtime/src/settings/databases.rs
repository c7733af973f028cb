//! `[database.<name>]`: databases on a server, which manifests name as
//! `postgres:<name>`. The address and its password are the operator's alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;

use serde::Deserialize;
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use toml::Spanned;

use super::{Reader, SettingsError};

/// Connections to one database where nothing is said.
const CONNECTIONS: usize = 8;

/// The most that may be asked for: a server has a hundred by default.
const CONNECTIONS_MAX: usize = 100;

/// The tenant of a database that names none.
const DEFAULT_TENANT: &str = "default";

/// A database on a server, for some tenants.
#[derive(Clone)]
pub struct NamedDatabase {
    pub(crate) address: PgConnectOptions,
    /// What connections act as; the address's own account where nothing is said.
    pub(crate) role: Option<String>,
    /// Whose runs may reach it.
    pub(crate) tenants: BTreeSet<String>,
    /// The most connections of this host.
    pub(crate) connections: usize,
}

impl fmt::Debug for NamedDatabase {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamedDatabase")
            .field("role", &self.role)
            .field("tenants", &self.tenants)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseTable {
    url: Option<Spanned<String>>,
    url_file: Option<Spanned<PathBuf>>,
    role: Option<Spanned<String>>,
    tenants: Option<Spanned<Vec<String>>>,
    connections: Option<Spanned<usize>>,
}

impl Reader<'_> {
    pub(super) fn databases(
        &self,
        tables: BTreeMap<Spanned<String>, Spanned<DatabaseTable>>,
    ) -> Result<BTreeMap<String, NamedDatabase>, SettingsError> {
        let mut databases = BTreeMap::new();
        for (name, table) in tables {
            let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
            let at = name.span().start;
            let name = name.into_inner();
            if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
                let problem =
                    "this cannot be the name of a database; write 1 to 64 of a-z, 0-9, `-` and `_`";
                return Err(self.wrong(at, problem.to_owned()));
            }
            databases.insert(name, self.database(table)?);
        }
        Ok(databases)
    }

    fn database(&self, table: Spanned<DatabaseTable>) -> Result<NamedDatabase, SettingsError> {
        let at = table.span();
        let table = table.into_inner();
        let named = ["url", "url_file"];
        let (url_at, url) = self.address(&at, named, table.url, table.url_file)?;
        let is_postgres = ["postgres://", "postgresql://"];
        // What the parser says of a wrong address may quote it.
        let address = Some(url.trim())
            .filter(|url| is_postgres.iter().any(|scheme| url.starts_with(scheme)))
            .and_then(|url| PgConnectOptions::from_str(url).ok());
        let Some(address) = address else {
            let problem = "this is no address of a PostgreSQL database; write `postgres://user@host/database`";
            return Err(self.wrong(url_at, problem.to_owned()));
        };
        let mut address = address
            .disable_statement_logging()
            .statement_cache_capacity(20);
        if address.get_application_name().is_none() {
            address = address.application_name("tollgate");
        }
        let role = table.role.map(|role| {
            let odd = role.get_ref().is_empty() || role.get_ref().contains(char::is_control);
            if odd {
                let problem = "this cannot be the name of a role";
                return Err(self.wrong(role.span().start, problem.to_owned()));
            }
            Ok(role.into_inner())
        });
        let tenants = table.tenants.map(|tenants| {
            if tenants.get_ref().is_empty() {
                let problem =
                    "a database of no tenant is of no use; name one, or leave `tenants` out";
                return Err(self.wrong(tenants.span().start, problem.to_owned()));
            }
            Ok(tenants.into_inner().into_iter().collect())
        });
        let connections = table.connections.map(|connections| {
            if (1..=CONNECTIONS_MAX).contains(connections.get_ref()) {
                return Ok(*connections.get_ref());
            }
            let problem = format!("write 1 to {CONNECTIONS_MAX} connections");
            Err(self.wrong(connections.span().start, problem))
        });
        let default = || BTreeSet::from([DEFAULT_TENANT.to_owned()]);
        Ok(NamedDatabase {
            address,
            role: role.transpose()?,
            tenants: tenants.transpose()?.unwrap_or_else(default),
            connections: connections.transpose()?.unwrap_or(CONNECTIONS),
        })
    }
}
