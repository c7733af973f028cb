//! How to open a host.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tollgate_store::{Clock, SystemClock};

use crate::callbacks::Callback;
use crate::extend::Extension;
use crate::runs::LEASE;
use crate::sandbox::Compiler;
use crate::settings::{NamedDatabase, OidcSettings, QueueSettings, SecretEntry, StoreChoice};
use crate::triggers::Trigger;

/// How to open a host.
#[derive(Clone)]
pub struct HostOptions {
    /// The host's folder: store, keys, compiled code. Made if it is not there.
    pub home: PathBuf,
    /// How components are compiled.
    pub compiler: Compiler,
    /// What this process does with the home.
    pub role: Role,
    /// The clock for deadlines and records.
    pub clock: Arc<dyn Clock>,
    /// Capabilities beside those of the contract. None by default.
    pub extensions: Vec<Extension>,
    /// How long sealed values are kept; a serving host prunes older ones daily.
    /// For ever where there is none.
    pub retention: Option<Duration>,
    /// Where the store is.
    pub store: StoreChoice,
    /// Databases on servers, by the name that manifests use.
    pub databases: BTreeMap<String, NamedDatabase>,
    /// The secrets that connectors' credentials may name. None by default.
    pub secrets: Vec<SecretEntry>,
    /// Webhooks that open runs. None by default.
    pub triggers: Vec<Trigger>,
    /// Ways in which decisions come back from announcements. None by default.
    pub callbacks: Vec<Callback>,
    /// Where failures go: to one queue of `group:operators` by default.
    pub queues: QueueSettings,
    /// Where people sign in. With tokens only by default.
    pub oidc: Option<OidcSettings>,
    /// How long this host has a run that it works on, unless it renews that. It
    /// renews it three times as often; a host that stops loses its runs after
    /// this time.
    pub lease: Duration,
}

/// What a process does with a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Carry out runs: recover what a crash left, watch deadlines. One process
    /// at a time.
    Serve,
    /// Look, verify, replay, install.
    Operate,
}

impl HostOptions {
    /// A host in `home` with the system's clock.
    #[must_use]
    pub fn new(home: impl Into<PathBuf>, compiler: Compiler, role: Role) -> Self {
        Self {
            home: home.into(),
            compiler,
            role,
            clock: Arc::new(SystemClock),
            extensions: Vec::new(),
            retention: None,
            store: StoreChoice::default(),
            databases: BTreeMap::new(),
            secrets: Vec::new(),
            triggers: Vec::new(),
            callbacks: Vec::new(),
            queues: QueueSettings::default(),
            oidc: None,
            lease: LEASE,
        }
    }
}
