//! The capabilities: one file each, with the same three parts. It says what a
//! call is (`describe`), does it (`perform`), and can put back what a write
//! replaced (`Restore`, an operation like any other, which only the host calls).
//!
//! | file | interface | what a call's destination is |
//! |---|---|---|
//! | `config` | `tollgate:connector/config` | the manifest's `[config]` |
//! | `clock`, `random`, `log` | the same | the host |
//! | `kv` | `tollgate:connector/kv` | a named store |
//! | `files` | `tollgate:connector/files` | a named directory |
//! | `handoff` | `tollgate:connector/handoff` | a named queue of people |
//! | `sql` | `tollgate:connector/sql` | a named database |
//! | `http` | `tollgate:connector/http` | a named web server |
//! | `mail` | `tollgate:connector/mail` | a named mail server |

pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod files;
pub(crate) mod handoff;
pub(crate) mod http;
pub(crate) mod kv;
pub(crate) mod log;
pub(crate) mod mail;
pub(crate) mod random;
pub(crate) mod restore;
pub(crate) mod sql;

use std::any::Any;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;
use tollgate_egress::Egress;
use tollgate_secrets::Secrets;
use tollgate_secrets::oauth::Tokens;
use tollgate_store::{Clock, Store};

use crate::door::{Imports, Operation};
use crate::extend::Extensions;
use crate::sandbox::SandboxError;
use crate::settings::{NamedDatabase, QueueSettings};

/// What capabilities work with. Opened once a host, shared by all runs; each
/// entry is reached only by a destination that a manifest names.
pub struct Backends {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store: Arc<dyn Store>,
    /// Where failures go.
    pub(crate) queues: Arc<QueueSettings>,
    pub(crate) directories: files::Directories,
    pub(crate) databases: sql::Databases,
    pub(crate) extensions: Extensions,
    /// What is put into requests, and looked for in what comes back.
    pub(crate) secrets: Arc<Secrets>,
    /// The way out of the host.
    pub(crate) egress: Arc<Egress>,
    /// Access tokens that were got with secrets.
    pub(crate) tokens: Tokens,
    /// Certificates that manifests name.
    pub(crate) roots: http::Roots,
    /// How much mail left.
    pub(crate) mail_rates: mail::Rates,
}

impl Backends {
    pub(crate) fn new(
        home: PathBuf,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
        queues: QueueSettings,
        databases: BTreeMap<String, NamedDatabase>,
        extensions: Extensions,
        secrets: Arc<Secrets>,
    ) -> Self {
        Self {
            clock,
            store,
            queues: Arc::new(queues),
            directories: files::Directories::new(home.clone()),
            databases: sql::Databases::new(home.clone(), databases),
            extensions,
            secrets,
            egress: Arc::new(Egress::new()),
            tokens: Tokens::default(),
            roots: http::Roots::new(home),
            mail_rates: mail::Rates::default(),
        }
    }

    /// What an extension was made with
    /// ([`Extension::with_backend`](crate::extend::Extension::with_backend)), by
    /// its type. Nothing where no extension of this host has one. The host's own
    /// back-ends are not reached this way.
    #[must_use]
    pub fn extension<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.extensions.backend()
    }
}

/// Whether a reply that a person gives for a call in doubt is one of that call.
pub(crate) fn fits(call: &str, reply: &Value) -> Result<(), String> {
    fn of<O: Operation>(reply: &Value) -> Result<(), String> {
        O::Reply::deserialize(reply)
            .map(drop)
            .map_err(|error| error.to_string())
    }
    match call {
        kv::Set::CALL => of::<kv::Set>(reply),
        kv::Delete::CALL => of::<kv::Delete>(reply),
        files::Write::CALL => of::<files::Write>(reply),
        files::Remove::CALL => of::<files::Remove>(reply),
        sql::Execute::CALL => of::<sql::Execute>(reply),
        handoff::Escalate::CALL => of::<handoff::Escalate>(reply),
        http::Send::CALL => of::<http::Send>(reply),
        mail::Send::CALL => of::<mail::Send>(reply),
        kv::Restore::CALL
        | files::Restore::CALL
        | sql::Restore::CALL
        | handoff::Restore::CALL
        | http::Restore::CALL => of::<kv::Restore>(reply),
        // Checked when the run goes on; one that does not fit ends it.
        _ => Ok(()),
    }
}

/// Offer every function of every capability.
pub(crate) fn offer_all(imports: &mut Imports) -> Result<(), SandboxError> {
    imports.offer::<config::Get>()?;
    imports.offer::<clock::Now>()?;
    imports.offer::<random::Bytes>()?;
    imports.offer::<log::Emit>()?;
    imports.offer::<log::Panic>()?;
    imports.offer::<kv::Get>()?;
    imports.offer::<kv::Set>()?;
    imports.offer::<kv::Delete>()?;
    imports.offer::<kv::Keys>()?;
    imports.offer::<files::Read>()?;
    imports.offer::<files::Write>()?;
    imports.offer::<files::Remove>()?;
    imports.offer::<files::List>()?;
    imports.offer::<sql::Query>()?;
    imports.offer::<sql::Execute>()?;
    imports.offer::<sql::Preview>()?;
    imports.offer::<handoff::Escalate>()?;
    imports.offer::<http::Send>()?;
    imports.offer::<mail::Send>()
}
