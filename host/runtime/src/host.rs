//! The host: everything together, and the face that the server and the command
//! line see.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tollgate_journal::Stage;
use tollgate_policy::{Digest, Effect, UndoDecl};
use tollgate_store::{
    ApprovalState, Change, Clock, ConnectorRow, PrincipalRow, Store, SystemClock, Verdict,
};

use crate::api::{
    Card, LogFilter, LogLine, Principal, PrincipalKind, ReplayReport, RunReport, RunState,
    ToolCall, ToolInfo, UndoReport, VerifyReport,
};
use crate::capability::Backends;
use crate::connectors::{self, Connectors, Loader};
use crate::decisions::may_decide;
use crate::door::Offered;
use crate::error::{AuthError, CallError, DecideError, HostError, InstallError};
use crate::extend::{Extension, Extensions};
use crate::home::{Identity, lock, new_token, open_store, private_folder};
use crate::housekeeping::Housekeeping;
use crate::journal::{Journal, Saying};
use crate::names;
use crate::runs::{LEASE, Live, POLL, Request};
use crate::sandbox::Compiler;
use crate::sandbox::instance::Sandbox;
use crate::settings::{NamedDatabase, StoreChoice};
use crate::watch::Watching;

/// How long an established principal is believed without asking the store: a
/// token that another process revokes stops to count within this time.
const PRINCIPAL_FOR: Duration = Duration::from_secs(1);

/// Principals kept in memory. Beyond it all are asked for again.
const PRINCIPALS_MAX: usize = 10_000;

/// Case names kept in memory. Beyond it they are read from the journal again.
const CASES_MAX: usize = 100_000;

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
            lease: LEASE,
        }
    }
}

/// A running host. Cheap to clone.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) journal: Arc<Journal>,
    pub(crate) backends: Arc<Backends>,
    pub(crate) sandbox: Sandbox,
    pub(crate) connectors: Connectors,
    pub(crate) live: Live,
    pub(crate) cases: Cases,
    pub(crate) housekeeping: Housekeeping,
    /// The host's folder.
    pub(crate) home: PathBuf,
    pub(crate) watching: Watching,
    /// Who has this process's leases.
    pub(crate) owner: Arc<str>,
    pub(crate) lease: Duration,
    principals: Mutex<HashMap<[u8; 32], (Instant, Principal)>>,
    _lock: Option<fs::File>,
}

/// Which cases were seen in this process.
#[derive(Default)]
pub(crate) struct Cases(Mutex<HashSet<(String, String)>>);

impl Cases {
    pub(crate) fn first_seen(&self, tenant: &str, case: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= CASES_MAX {
            seen.clear();
        }
        seen.insert((tenant.to_owned(), case.to_owned()))
    }
}

/// A connector that was just installed.
#[derive(Clone, Debug)]
pub struct InstalledConnector {
    /// Its installed name.
    pub name: String,
    /// The tenant.
    pub tenant: String,
    /// The pinned component.
    pub component: Digest,
    /// Its tools.
    pub tools: Vec<ToolInfo>,
}

impl Host {
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// Open a host in its folder.
    ///
    /// # Errors
    ///
    /// When the folder, the store, the keys or the sandbox cannot be used.
    pub async fn open(options: HostOptions) -> Result<Self, HostError> {
        Self::start(options, None).await
    }

    /// Open a host whose records go to this store instead of the file in its
    /// folder. Several hosts can share a store: each has a folder of its own, all
    /// with the same key ring, which the operator copies (the folder `keys`).
    ///
    /// # Errors
    ///
    /// When the folder, the store, the keys or the sandbox cannot be used.
    pub async fn open_on(options: HostOptions, store: Arc<dyn Store>) -> Result<Self, HostError> {
        Self::start(options, Some(store)).await
    }

    async fn start(options: HostOptions, store: Option<Arc<dyn Store>>) -> Result<Self, HostError> {
        let home = private_folder(&options.home)?;
        let lock = match options.role {
            Role::Serve => Some(lock(&home)?),
            Role::Operate => None,
        };
        let ring = tollgate_store::key_ring::load_or_create(&private_folder(&home.join("keys"))?)?;
        let store = match store {
            Some(store) => store,
            None => open_store(&home, &options).await?,
        };
        let identity = match options.role {
            Role::Serve => Some(Identity::new(&home)?),
            Role::Operate => None,
        };
        let owner: Arc<str> = match &identity {
            Some(identity) => Arc::from(identity.owner.as_str()),
            None => Arc::from(names::host()),
        };
        let keys = home.join("keys");
        let cache_key = ring.cache_key();
        let cache = private_folder(&home.join("cache"))?;
        let extensions = Extensions::new(options.extensions)?;
        let sandbox = Sandbox::start(cache, cache_key, options.compiler, &extensions)?;
        let inner = Arc::new(Inner {
            backends: Arc::new(Backends::new(
                home.clone(),
                Arc::clone(&options.clock),
                Arc::clone(&store),
                options.databases,
                extensions,
            )),
            journal: Arc::new(Journal::new(store, options.clock, ring)),
            sandbox,
            connectors: Connectors::default(),
            live: Live::new(Arc::clone(&owner), options.lease),
            cases: Cases::default(),
            housekeeping: Housekeeping::new(options.role == Role::Serve, options.retention),
            home,
            watching: Watching::default(),
            owner,
            lease: options.lease,
            principals: Mutex::default(),
            _lock: lock,
        });
        if !inner
            .journal
            .is_our_ring(options.role == Role::Serve)
            .await?
        {
            return Err(HostError::OtherKeyRing { path: keys });
        }
        inner.load_installed().await?;
        if let Some(identity) = identity {
            // Listened and renewed before anything is taken over.
            inner.watch();
            inner.recover(&identity.before).await?;
            identity.alone()?;
            inner.keep_house_regularly();
        }
        Ok(Self(inner))
    }

    /// Install a connector, or replace it. Held runs keep what they opened with.
    ///
    /// # Errors
    ///
    /// When manifest and component do not fit together; nothing changes then.
    pub async fn install(
        &self,
        file_name: &str,
        manifest_text: &str,
        component: &[u8],
        by: &str,
    ) -> Result<InstalledConnector, InstallError> {
        let inner = &self.0;
        let installed =
            connectors::load(inner.loader(), file_name, manifest_text, component).await?;
        let manifest = Arc::clone(&installed.manifest);
        let about = inner
            .journal
            .about(
                &manifest.tenant,
                "installation",
                None,
                by,
                None,
                "installation",
            )
            .await?;
        let saying = Saying::new(Stage::ManifestChanged)
            .fact("connector", manifest.connector.as_str())
            .fact("manifest", manifest.digest().to_string())
            .fact("component", manifest.component.to_string())
            .value("manifest", manifest_text.as_bytes().to_vec());
        let record = inner.journal.record(&about, saying)?;
        let changes = vec![
            Change::PutComponent {
                digest: manifest.component.to_string(),
                bytes: component.to_vec(),
            },
            Change::PutComponent {
                digest: manifest.digest().to_string(),
                bytes: manifest_text.as_bytes().to_vec(),
            },
            Change::PutConnector(Box::new(ConnectorRow {
                tenant: manifest.tenant.clone(),
                name: manifest.connector.clone(),
                manifest_text: manifest_text.to_owned(),
                component_digest: manifest.component.to_string(),
                installed_ms: inner.journal.now_ms(),
            })),
        ];
        inner
            .journal
            .append(&manifest.tenant, vec![record], changes)
            .await?;
        let installed = Arc::new(installed);
        let tools = infos(&installed);
        inner.connectors.put(installed);
        Ok(InstalledConnector {
            name: manifest.connector.clone(),
            tenant: manifest.tenant.clone(),
            component: manifest.component,
            tools,
        })
    }

    /// Add a principal. The answer is its token, which is kept nowhere: the
    /// store has only its hash.
    ///
    /// # Errors
    ///
    /// When the store refuses or is not there.
    pub async fn add_principal(&self, principal: &Principal) -> Result<String, HostError> {
        let token = new_token().map_err(|source| HostError::Home {
            path: PathBuf::from("the operating system's randomness"),
            source,
        })?;
        let row = PrincipalRow {
            id: format!("{}/{}", principal.tenant, principal.name),
            tenant: principal.tenant.clone(),
            name: principal.name.clone(),
            kind: match principal.kind {
                PrincipalKind::Agent => tollgate_store::PrincipalKind::Agent,
                PrincipalKind::Person => tollgate_store::PrincipalKind::Person,
                PrincipalKind::Service => tollgate_store::PrincipalKind::Service,
            },
            groups: principal.groups.clone(),
            token_hash: self.0.journal.ring().token_hash(&token),
            created_ms: self.0.journal.now_ms(),
            revoked_ms: None,
        };
        self.0.journal.store.put_principal(row).await?;
        Ok(token)
    }

    /// Whose token this is.
    ///
    /// # Errors
    ///
    /// When nobody has it, it was revoked, or the store cannot be read.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AuthError> {
        // The look-up is by the hash of a token of 256 random bits, keyed: its time
        // tells nothing that helps to guess one.
        let hash = self.0.journal.ring().token_hash(token);
        if let Some(known) = self.0.believed(&hash) {
            return Ok(known);
        }
        let row = self
            .0
            .journal
            .store
            .principal_by_token_hash(&hash)
            .await
            .map_err(|error| AuthError::Unavailable(error.to_string()))?
            .ok_or(AuthError::Unknown)?;
        let principal = Principal {
            tenant: row.tenant,
            name: row.name,
            kind: match row.kind {
                tollgate_store::PrincipalKind::Person => PrincipalKind::Person,
                tollgate_store::PrincipalKind::Agent => PrincipalKind::Agent,
                _ => PrincipalKind::Service,
            },
            groups: row.groups,
        };
        self.0.believe(hash, &principal);
        Ok(principal)
    }

    /// The tools that a principal may call.
    #[must_use]
    pub fn tools(&self, who: &Principal) -> Vec<ToolInfo> {
        let installed = self.0.connectors.of(&who.tenant);
        installed.iter().flat_map(|one| infos(one)).collect()
    }

    /// Call a tool. Returns when the run is done, held or refused.
    ///
    /// # Errors
    ///
    /// When the call does not become a run; see [`CallError`].
    pub async fn call(&self, who: &Principal, call: ToolCall) -> Result<RunReport, CallError> {
        if call
            .request_key
            .as_deref()
            .is_some_and(|key| key.starts_with("undo/"))
        {
            return Err(CallError::InvalidInput {
                pointer: String::new(),
                message: "a request key cannot begin with `undo/`".to_owned(),
            });
        }
        let request = Request { call, undoes: None };
        self.0.call(who, request).await
    }

    /// What became of a run. An agent sees its own, a person all of the tenant.
    ///
    /// # Errors
    ///
    /// When there is no such run for this principal.
    pub async fn run(&self, who: &Principal, run: &str) -> Result<RunReport, CallError> {
        let report = self.0.report(&who.tenant, run).await?;
        if who.kind != PrincipalKind::Person && report.principal != who.name {
            return Err(CallError::UnknownRun(run.to_owned()));
        }
        Ok(report)
    }

    /// Like [`Host::run`], after waiting up to `timeout` while it is open or
    /// held.
    ///
    /// # Errors
    ///
    /// When there is no such run for this principal.
    pub async fn wait(
        &self,
        who: &Principal,
        run: &str,
        timeout: Duration,
    ) -> Result<RunReport, CallError> {
        let end = tokio::time::Instant::now() + timeout;
        loop {
            let changed = self.0.watching.changed.notified();
            let report = self.run(who, run).await?;
            let now = tokio::time::Instant::now();
            if !matches!(report.state, RunState::Open | RunState::Held) || now >= end {
                return Ok(report);
            }
            // Another host's events may not come here.
            let _ = tokio::time::timeout_at(end.min(now + POLL), changed).await;
        }
    }

    /// Cards that a person may decide on, or with `all` every card of the
    /// tenant.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn cards(&self, who: &Principal, all: bool) -> Result<Vec<Card>, CallError> {
        if who.kind != PrincipalKind::Person {
            return Err(CallError::NotAllowed(DecideError::NotAPerson.to_string()));
        }
        let state = (!all).then_some(ApprovalState::Pending);
        let mut cards = Vec::new();
        for row in self.0.journal.store.approvals(&who.tenant, state).await? {
            if !all && may_decide(who, &row).is_err() {
                continue;
            }
            match self.0.card(&row).await {
                Ok(card) => cards.push(card),
                // One damaged record must not hide the others.
                Err(error) => tracing::error!(approval = row.id, %error, "no card"),
            }
        }
        Ok(cards)
    }

    /// One card.
    ///
    /// # Errors
    ///
    /// When there is none, or the principal is not a person.
    pub async fn card(&self, who: &Principal, approval: &str) -> Result<Card, DecideError> {
        let row = self.0.approval(who, approval).await?;
        self.0
            .card(&row)
            .await
            .map_err(|error| DecideError::Unavailable(error.to_string()))
    }

    /// Approve a held call. `digest` is the card's, as the person saw it. The
    /// run goes on; the answer is its state afterwards.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn approve(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
    ) -> Result<RunReport, DecideError> {
        self.0
            .decide(who, approval, digest, Verdict::Approved, None)
            .await
    }

    /// Deny a held call, and say why.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn deny(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
    ) -> Result<RunReport, DecideError> {
        if reason.trim().is_empty() {
            return Err(DecideError::ReasonMissing);
        }
        let reason: String = reason.trim().chars().take(2_000).collect();
        self.0
            .decide(who, approval, digest, Verdict::Denied, Some(&reason))
            .await
    }

    /// Take a run back, or with `plan_only` say what that would do.
    ///
    /// # Errors
    ///
    /// When the run is not there or not one that can be taken back.
    pub async fn undo(
        &self,
        who: &Principal,
        run: &str,
        plan_only: bool,
    ) -> Result<UndoReport, CallError> {
        self.0.undo(who, run, plan_only).await
    }

    /// Records of a tenant, opened: the lines of [`Host::log_page`].
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a record cannot be opened.
    pub async fn log(&self, tenant: &str, filter: LogFilter) -> Result<Vec<LogLine>, CallError> {
        Ok(self.log_page(tenant, &filter).await?.lines)
    }

    /// Check a tenant's whole journal: records against the tree, the tree against
    /// every checkpoint that was signed, sealed values against the records.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn verify(&self, tenant: &str) -> Result<VerifyReport, CallError> {
        self.0.verify(tenant).await
    }

    /// Tenants that have a journal.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn tenants(&self) -> Result<Vec<String>, CallError> {
        let heads = self.0.journal.store.heads().await?;
        let recorded = heads.into_iter().filter(|head| head.count > 0);
        Ok(recorded.map(|head| head.tenant).collect())
    }

    /// Re-execute a past run with its recorded answers.
    ///
    /// # Errors
    ///
    /// When the run or its component cannot be read.
    pub async fn replay(&self, tenant: &str, run: &str) -> Result<ReplayReport, CallError> {
        self.0.replay(tenant, run).await
    }

    /// Key for the pages' sessions.
    #[must_use]
    pub fn page_key(&self) -> [u8; 32] {
        *self.0.journal.ring().page_key().as_bytes()
    }

    /// Deny what nobody decided on in time, and go on with runs that the store
    /// refused to record. A running host does this by itself; a test with a clock
    /// of its own calls it.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub async fn expire_due(&self) -> Result<(), CallError> {
        self.0.settle_stranded();
        self.0.expire_due().await
    }

    /// Take over runs that nobody works on: of hosts that stopped, and those whose
    /// call was decided on and not made. A running host does this by itself; a
    /// test with a clock of its own calls it.
    ///
    /// # Errors
    ///
    /// When the store cannot be written.
    pub async fn take_over(&self) -> Result<(), CallError> {
        self.0.take_over_all().await
    }

    /// Functions that guests may import, those of extensions too, by interface and
    /// name: for the sealed profile, then for wasi.
    #[must_use]
    pub fn offered_imports(&self) -> [Vec<(&'static str, &'static str)>; 2] {
        self.0.sandbox.offered().map(|offered| {
            let name = |one: &Offered| (one.interface, one.function);
            offered.iter().map(name).collect()
        })
    }

    /// Finish what is being written, sign a last checkpoint, and close the store.
    pub async fn shutdown(&self) {
        self.0.last_checkpoint().await;
        self.0.journal.store.close().await;
    }
}

impl Inner {
    /// What connectors are loaded with.
    pub(crate) fn loader(&self) -> Loader<'_> {
        Loader {
            sandbox: &self.sandbox,
            extensions: &self.backends.extensions,
        }
    }

    async fn load_installed(&self) -> Result<(), HostError> {
        for row in self.journal.store.connectors(None).await? {
            self.load_connector(&row).await;
        }
        Ok(())
    }

    /// Load what another process installed since.
    pub(crate) async fn load_changed(&self) {
        let rows = match self.journal.store.connectors(None).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what is installed could not be read");
                return;
            }
        };
        for row in rows {
            let digest = Digest::of(row.manifest_text.as_bytes());
            if self.connectors.is_new(&row.tenant, &row.name, &digest) {
                self.load_connector(&row).await;
            }
        }
    }

    /// One broken connector must not keep the others from work.
    async fn load_connector(&self, row: &ConnectorRow) {
        let store = self.journal.store.as_ref();
        match connectors::load_row(self.loader(), store, row).await {
            Ok(installed) => self.connectors.put(Arc::new(installed)),
            Err(error) => {
                let digest = Digest::of(row.manifest_text.as_bytes());
                if !matches!(error, InstallError::Journal(_)) {
                    self.connectors.give_up(&row.tenant, &row.name, digest);
                }
                tracing::error!(connector = row.name, tenant = row.tenant, %error, "not loaded");
            }
        }
    }

    fn believed(&self, hash: &[u8; 32]) -> Option<Principal> {
        let principals = self
            .principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        principals
            .get(hash)
            .filter(|(since, _)| since.elapsed() < PRINCIPAL_FOR)
            .map(|(_, principal)| principal.clone())
    }

    fn believe(&self, hash: [u8; 32], principal: &Principal) {
        let mut principals = self
            .principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if principals.len() >= PRINCIPALS_MAX {
            principals.clear();
        }
        principals.insert(hash, (Instant::now(), principal.clone()));
    }

    /// How long a lease is, milliseconds.
    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }
}

fn infos(installed: &connectors::Installed) -> Vec<ToolInfo> {
    let info = |tool: &connectors::Tool| ToolInfo {
        connector: installed.manifest.connector.clone(),
        name: tool.decl.name.clone(),
        title: tool.decl.title.clone(),
        description: tool.decl.description.clone(),
        input_schema: tool.decl.input_schema.clone(),
        output_schema: tool.decl.output_schema.clone(),
        effect: tool.decl.effect,
        undoable: tool.decl.effect == Effect::Write && tool.decl.undo != UndoDecl::None,
    };
    installed.tools.iter().map(info).collect()
}
