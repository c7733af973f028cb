//! The host: everything together, and the face that the server and the command
//! line see.

mod installing;
mod metrics;
mod options;
mod principals;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tollgate_journal::Tenant;

use tollgate_store::Store;

use crate::api::{
    Card, LogFilter, LogLine, Principal, PrincipalKind, ReplayReport, RunReport, RunState,
    ToolCall, UndoOptions, UndoReport, VerifyReport,
};
use crate::callbacks::Callbacks;
use crate::capability::Backends;
use crate::connectors::Connectors;
use crate::door::Offered;
use crate::error::{CallError, DecideError, HostError};
use crate::extend::Extensions;
use crate::home::{Identity, lock, open_store, private_folder};
use crate::housekeeping::Housekeeping;
use crate::identity::SignIns;
use crate::journal::Journal;
use crate::names;
use crate::queue::DELIVERY;
use crate::queue::{Told, Tries};
use crate::runs::{CASE_KEY, EDIT_KEY, Live, POLL, Request, UNDO_KEY};
use crate::sandbox::instance::Sandbox;
use crate::secrets;
use crate::triggers::{HOOK, Triggers};
use crate::watch::Watching;
use crate::workflows::Workflows;

/// Case names kept in memory. Beyond it they are read from the journal again.
const CASES_MAX: usize = 100_000;

pub use installing::InstalledConnector;
pub use options::{HostOptions, Role};
pub use principals::Registration;

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
    pub(crate) workflows: Workflows,
    pub(crate) housekeeping: Housekeeping,
    /// The host's folder.
    pub(crate) home: PathBuf,
    pub(crate) watching: Watching,
    /// Runs that could not be gone on with.
    pub(crate) tries: Tries,
    /// Tasks of the host that failed a moment ago.
    pub(crate) told: Told,
    pub(crate) triggers: Triggers,
    pub(crate) callbacks: Callbacks,
    pub(crate) sign_ins: SignIns,
    /// Who has this process's leases.
    pub(crate) owner: Arc<str>,
    pub(crate) lease: Duration,
    principals: Mutex<HashMap<[u8; 32], (Instant, Principal)>>,
    _lock: Option<fs::File>,
}

/// Which cases were seen in this process.
#[derive(Default)]
pub(crate) struct Cases(Mutex<HashSet<(Tenant, String)>>);

impl Cases {
    pub(crate) fn first_seen(&self, tenant: &Tenant, case: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= CASES_MAX {
            seen.clear();
        }
        seen.insert((tenant.to_owned(), case.to_owned()))
    }
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
        let secrets = Arc::new(secrets::open(options.secrets, &home, &ring)?);
        let sandbox = Sandbox::start(cache, cache_key, options.compiler, &extensions)?;
        let backends = Backends::new(
            home.clone(),
            Arc::clone(&options.clock),
            Arc::clone(&store),
            options.queues,
            options.databases,
            extensions,
            Arc::clone(&secrets),
        );
        let inner = Arc::new(Inner {
            sign_ins: SignIns::new(options.oidc, &secrets, &backends.egress),
            backends: Arc::new(backends),
            journal: Arc::new(Journal::new(store, options.clock, ring)),
            sandbox,
            connectors: Connectors::default(),
            live: Live::new(Arc::clone(&owner), options.lease),
            cases: Cases::default(),
            workflows: Workflows::default(),
            housekeeping: Housekeeping::new(options.role == Role::Serve, options.retention),
            home,
            watching: Watching::default(),
            tries: Tries::default(),
            told: Told::default(),
            triggers: Triggers::new(options.triggers),
            callbacks: Callbacks::new(options.callbacks),
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
        inner.load_workflows().await?;
        inner.load_installed().await?;
        if let Some(identity) = identity {
            inner.triggers_fit().await?;
            inner.say_who_is_missing().await;
            // Before anything is carried on whose answers they could be in.
            inner.learn_secrets().await;
            inner.check_callbacks().await?;
            // Listened and renewed before anything is taken over.
            inner.watch();
            inner.recover(&identity.before).await?;
            identity.alone()?;
            inner.deliver_regularly();
            inner.keep_house_regularly();
            inner.learn_secrets_regularly();
        }
        Ok(Self(inner))
    }

    /// Call a tool. Returns when the run is done, held or refused.
    ///
    /// # Errors
    ///
    /// When the call does not become a run; see [`CallError`].
    pub async fn call(&self, who: &Principal, call: ToolCall) -> Result<RunReport, CallError> {
        // The attack: a caller makes its call look like one that a verified delivery
        // made, or takes a delivery's place before it comes.
        let key = call.request_key.as_deref().unwrap_or_default();
        let trigger = call.trigger.as_deref().unwrap_or_default();
        for (what, given, own) in [
            ("request key", key, UNDO_KEY),
            ("request key", key, EDIT_KEY),
            ("request key", key, HOOK),
            ("request key", key, CASE_KEY),
            ("trigger", trigger, HOOK),
            ("request key", key, DELIVERY),
            ("trigger", trigger, DELIVERY),
        ] {
            if given.starts_with(own) {
                return Err(CallError::InvalidInput {
                    pointer: String::new(),
                    message: format!("a {what} cannot begin with `{own}`"),
                });
            }
        }
        let request = Request {
            call,
            undoes: None,
            accepted: None,
        };
        let called = self.0.call(who, request).await;
        if let Err(refusal) = &called {
            self.0.refused(who, refusal);
        }
        called
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
        self.0.cards(who, all).await
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
        let options = UndoOptions {
            plan: plan_only,
            fields: false,
        };
        self.0.undo(who, run, options).await
    }

    /// The same with more to say about how.
    ///
    /// # Errors
    ///
    /// As [`Host::undo`].
    pub async fn undo_with(
        &self,
        who: &Principal,
        run: &str,
        options: UndoOptions,
    ) -> Result<UndoReport, CallError> {
        self.0.undo(who, run, options).await
    }

    /// Records of a tenant, opened: the lines of [`Host::log_page`].
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a record cannot be opened.
    pub async fn log(&self, tenant: &Tenant, filter: LogFilter) -> Result<Vec<LogLine>, CallError> {
        Ok(self.log_page(tenant, &filter).await?.lines)
    }

    /// Check a tenant's whole journal: records against the tree, the tree against
    /// every checkpoint that was signed, sealed values against the records.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn verify(&self, tenant: &Tenant) -> Result<VerifyReport, CallError> {
        self.0.verify(tenant).await
    }

    /// Tenants that have a journal.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, CallError> {
        let heads = self.0.journal.store.heads().await?;
        let recorded = heads.into_iter().filter(|head| head.count > 0);
        Ok(recorded.map(|head| head.tenant).collect())
    }

    /// Re-execute a past run with its recorded answers.
    ///
    /// # Errors
    ///
    /// When the run or its component cannot be read.
    pub async fn replay(&self, tenant: &Tenant, run: &str) -> Result<ReplayReport, CallError> {
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
        while self.0.expire_cases().await? {}
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
    /// How long a lease is, milliseconds.
    pub(crate) fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }
}
