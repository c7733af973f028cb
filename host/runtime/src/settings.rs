//! The settings of a home: the file `tollgate.toml` in it. There is none by
//! default, and then everything is in the home.
//!
//! ```toml
//! [store]                       # one of: url, url_file
//! url_file = "/run/secrets/tollgate-store"
//!
//! [[place]]                     # tenants with a store of their own
//! tenant = "acme"
//! store = "postgres://gate@db-2/acme"
//!
//! [database.orders]             # what manifests name `postgres:orders`
//! url_file = "/run/secrets/orders"
//! role = "tollgate_orders"      # what connections act as
//! tenants = ["acme"]            # whose runs may reach it; `default` by default
//!
//! [retention]
//! values = "90d"                # sealed values older than this are destroyed
//!
//! [[secret]]                    # what is put into requests (`settings/secrets.rs`)
//! name = "desk-token"
//! origin = "https://desk.example"
//! header = "authorization"
//! env = "DESK_TOKEN"
//!
//! [[queue]]                     # whose work a failure is (`settings/queues.rs`)
//! name = "support"
//!
//! [[notify]]                    # who hears of an approval (`settings/notify.rs`)
//! approval = "finance"
//!
//! [oidc]                        # where people sign in (`settings/oidc.rs`)
//! issuer = "https://login.example"
//!
//! [[trigger]]                   # webhooks that open runs (`settings/triggers.rs`)
//! name = "orders"
//!
//! [[callback]]                  # decisions from a chat (`settings/callbacks.rs`)
//! name = "slack"
//! ```
//!
//! The attack: a setting that is misspelt and silently means nothing. What is not
//! known is refused, with its line and column. An address may carry a password:
//! neither it nor a line of the file is ever part of a message.

mod callbacks;
mod databases;
mod notify;
mod oidc;
mod queues;
mod secrets;
mod triggers;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use thiserror::Error;
use tollgate_store::{Location, StoreError};
use toml::Spanned;
use zeroize::Zeroizing;

pub use databases::NamedDatabase;
pub use oidc::OidcSettings;
pub use queues::QueueSettings;
pub use secrets::{SecretEntry, SecretSource};

use crate::callbacks::Callback;
use crate::time::length_ms;
use crate::triggers::Trigger;

/// The file's name in a home.
pub const SETTINGS_FILE: &str = "tollgate.toml";

/// The longest file that is read, bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the settings say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the store is.
    pub store: StoreChoice,
    /// How long sealed values are kept; for ever where nothing is said.
    pub retention: Option<Duration>,
    /// The secrets that connectors' credentials may name.
    pub secrets: Vec<SecretEntry>,
    /// Databases on servers, by the name that manifests use.
    pub databases: BTreeMap<String, NamedDatabase>,
    /// Webhooks that open runs.
    pub triggers: Vec<Trigger>,
    /// Ways in which decisions come back from announcements.
    pub callbacks: Vec<Callback>,
    /// Where failures go, and who hears of pending approvals.
    pub queues: QueueSettings,
    /// Where people sign in; with tokens only where nothing is said.
    pub oidc: Option<OidcSettings>,
}

/// Where a host keeps its journal and everything beside it.
#[derive(Clone, Debug, Default)]
pub struct StoreChoice {
    /// The store; the file `tollgate.db` in the home where nothing is said.
    pub default: Option<Location>,
    /// Tenants whose store is another one.
    pub places: BTreeMap<String, Location>,
}

impl StoreChoice {
    /// Whether everything is in the home.
    #[must_use]
    pub fn is_home(&self) -> bool {
        self.default.is_none() && self.places.is_empty()
    }
}

/// Why settings cannot be used. Nothing is done then.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could read a file with a password.
    #[error("{path} can be read by other accounts; it may hold a password: chmod o= it")]
    Open {
        /// Which.
        path: PathBuf,
    },
    /// Something in the file is not understood.
    #[error("{path}:{line}:{column}: {problem}")]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What, and what to write instead. Without any value of the file.
        problem: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    store: Option<Spanned<StoreTable>>,
    place: Vec<Spanned<PlaceTable>>,
    retention: RetentionTable,
    secret: Vec<Spanned<secrets::SecretTable>>,
    database: BTreeMap<Spanned<String>, Spanned<databases::DatabaseTable>>,
    trigger: Vec<Spanned<triggers::TriggerTable>>,
    callback: Vec<Spanned<callbacks::CallbackTable>>,
    queue: Vec<Spanned<queues::QueueTable>>,
    public_url: Option<Spanned<String>>,
    notify: Vec<Spanned<notify::NotifyTable>>,
    oidc: Option<Spanned<oidc::OidcTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreTable {
    url: Option<Spanned<String>>,
    url_file: Option<Spanned<PathBuf>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceTable {
    tenant: Spanned<String>,
    store: Option<Spanned<String>>,
    store_file: Option<Spanned<PathBuf>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RetentionTable {
    values: Option<Spanned<String>>,
}

impl Settings {
    /// The settings of a home; the defaults where it has no such file.
    ///
    /// # Errors
    ///
    /// When the file, or one it names, cannot be read or understood.
    pub fn of(home: &Path) -> Result<Self, SettingsError> {
        let path = home.join(SETTINGS_FILE);
        let text = match text_of(&path) {
            Ok(text) => text,
            Err(SettingsError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(error),
        };
        Reader {
            home,
            path: &path,
            text: &text,
        }
        .settings()
    }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, SettingsError> {
    let failed = |source| SettingsError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(failed(io::Error::other("it has more than 1 MiB")));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

/// Refuse a file with a password that every account of the machine can read.
fn check_closed(path: &Path) -> Result<(), SettingsError> {
    let about = fs::metadata(path).map_err(|source| SettingsError::Read {
        path: path.to_owned(),
        source,
    })?;
    if about.permissions().mode() & 0o004 == 0 || is_inside_private(path) {
        return Ok(());
    }
    Err(SettingsError::Open {
        path: path.to_owned(),
    })
}

/// Whether the folder around a file keeps other accounts out, as a home does.
fn is_inside_private(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let about = fs::metadata(folder.unwrap_or(Path::new(".")));
    about.is_ok_and(|about| about.permissions().mode() & 0o005 == 0)
}

struct Reader<'a> {
    home: &'a Path,
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn settings(&self) -> Result<Settings, SettingsError> {
        let file: File = toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, without_values(error.message()))
        })?;
        let mut store = StoreChoice::default();
        if let Some(table) = file.store {
            let at = table.span();
            let StoreTable { url, url_file } = table.into_inner();
            store.default = Some(self.store(&at, ["url", "url_file"], url, url_file)?);
        }
        for table in file.place {
            let at = table.span();
            let place = table.into_inner();
            let named = ["store", "store_file"];
            let url = self.store(&at, named, place.store, place.store_file)?;
            let tenant_at = place.tenant.span().start;
            let tenant = place.tenant.into_inner();
            if store.places.insert(tenant, url).is_some() {
                let problem = "this tenant has a place already; a tenant is in one store";
                return Err(self.wrong(tenant_at, problem.to_owned()));
            }
        }
        let retention = file.retention.values.map(|values| {
            let length = length_ms(values.get_ref()).filter(|ms| *ms > 0);
            length.map(Duration::from_millis).ok_or_else(|| {
                let problem = "this is no length of time; write `90d` (s, m, h, d or w)";
                self.wrong(values.span().start, problem.to_owned())
            })
        });
        let secrets = self.secrets(file.secret)?;
        let mut queues = self.queues(file.queue)?;
        queues.announcing = self.announcing(file.public_url.as_ref(), file.notify)?;
        let public_url = queues.announcing.public_url();
        let oidc = file
            .oidc
            .map(|table| self.oidc(table, public_url, &secrets));
        let oidc = oidc.transpose()?;
        Ok(Settings {
            store,
            retention: retention.transpose()?,
            triggers: self.triggers(file.trigger, &secrets)?,
            callbacks: self.callbacks(file.callback, &secrets)?,
            secrets,
            databases: self.databases(file.database)?,
            queues,
            oidc,
        })
    }

    /// The store at an address that is given in one of two ways.
    fn store(
        &self,
        table: &Range<usize>,
        names: [&str; 2],
        url: Option<Spanned<String>>,
        file: Option<Spanned<PathBuf>>,
    ) -> Result<Location, SettingsError> {
        let (at, text) = self.address(table, names, url, file)?;
        match text.trim().parse() {
            Ok(Location::Sqlite(path)) => Ok(Location::Sqlite(self.home.join(path))),
            Ok(location) => Ok(location),
            Err(error) => Err(self.wrong(at, StoreError::to_string(&error))),
        }
    }

    /// An address that is given in one of two ways, and where.
    fn address(
        &self,
        table: &Range<usize>,
        [name, file_name]: [&str; 2],
        url: Option<Spanned<String>>,
        file: Option<Spanned<PathBuf>>,
    ) -> Result<(usize, Zeroizing<String>), SettingsError> {
        match (url, file) {
            (Some(url), None) => {
                // A password stands before an `@`, or among the parameters.
                if url.get_ref().contains(['@', '?']) {
                    check_closed(self.path)?;
                }
                Ok((url.span().start, Zeroizing::new(url.into_inner())))
            }
            (None, Some(file)) => {
                let at = file.span().start;
                let path = self.home.join(file.into_inner());
                check_closed(&path)?;
                Ok((at, text_of(&path)?))
            }
            _ => {
                let problem = format!("give either `{name}` or `{file_name}`");
                Err(self.wrong(table.start, problem))
            }
        }
    }

    fn wrong(&self, at: usize, problem: String) -> SettingsError {
        let (line, column) = self.line_and_column(at);
        SettingsError::Wrong {
            path: self.path.to_owned(),
            line,
            column,
            problem,
        }
    }

    /// File, line and column, for what is found out later.
    fn whereabouts(&self, at: usize) -> String {
        let (line, column) = self.line_and_column(at);
        format!("{}:{line}:{column}", self.path.display())
    }

    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default();
        (line, column.chars().count() + 1)
    }
}

/// The parser's words without what it quotes of the file: an address in the wrong
/// place would be said with its password.
fn without_values(message: &str) -> String {
    let mut said = String::new();
    for (number, part) in message.split('"').enumerate() {
        said.push_str(if number % 2 == 0 { part } else { "…" });
    }
    said.trim().replace('\n', " ")
}

#[cfg(test)]
mod tests;
