//! The PostgreSQL store: for more than one host, and for what outgrows a file.
//! Writes pass a few tasks with one connection each, so that concurrent callers
//! share transactions; several hosts append to one tenant by the lock of its
//! head. Readers have a pool of connections that cannot write, leases a small one
//! of their own, because they must be prolonged while the writers are busy.

mod changes;
mod connect;
mod erasing;
mod events;
mod fault;
mod leases;
mod readers;
mod writer;

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::task::AbortHandle;
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};

use self::connect::{Purpose, Server, lost};
use self::events::Events;
use self::fault::Fault;
use self::leases::Asking;
use self::writer::{Job, Writer};
use crate::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, CheckpointRow, Clock, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, Head, KvEntry, Looked,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Renewed, RunRow, RunState, Store,
    StoreError, StoredRecord, Submission, TileRow, Waiting, WorkflowRow, admission,
};

/// Most submissions that wait for a writer; more callers wait for room. Far
/// more than one transaction takes, far less than would exhaust memory.
const QUEUE_SUBMISSIONS_MAX: usize = 4_096;

/// How long the server may take for a lease, or for a row that is found by its
/// key. Statements have limits of their own on the server; this one is for a server
/// that is not heard of any more, without which whoever keeps leases and deadlines
/// would wait until the network gives up, for minutes.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Connections that take and prolong leases.
const LEASE_CONNECTIONS: u32 = 2;

/// How a store is opened.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Connections that read.
    pub readers: u32,
    /// Tasks that write, with a connection each. A tenant's records all pass one
    /// of them.
    pub writers: u32,
    /// How long to wait for another host that holds a lock.
    pub lock_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// How long to ask for the fate of a commit whose answer never came, before
    /// it is given up as not known.
    pub settle_within: Duration,
    /// By which leases and expiry are judged; `None` is the database's clock, the
    /// only one that several hosts share.
    pub clock: Option<Arc<dyn Clock>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            readers: 8,
            writers: 2,
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            settle_within: Duration::from_secs(10),
            clock: None,
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .field("lock_timeout", &self.lock_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("settle_within", &self.settle_within)
            .finish_non_exhaustive()
    }
}

/// A store in one PostgreSQL database. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct PostgresStore {
    server: Arc<Server>,
    writers: Arc<[mpsc::Sender<Job>]>,
    /// Which writer a tenant's submissions pass.
    partition: RandomState,
    readers: PgPool,
    leases: PgPool,
    listening: Arc<Listening>,
    events: Events,
}

/// The connection that hears of other hosts. Its task ends with the last clone.
struct Listening {
    pool: PgPool,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.server).finish()
    }
}

impl PostgresStore {
    /// Open a store in an existing database and bring its schema up to date:
    /// `postgres://user:password@host:port/database?sslmode=verify-full`. Needs a
    /// tokio runtime, on which its tasks live until the last clone is dropped or
    /// the store is closed.
    ///
    /// # Errors
    /// When the server cannot be reached, is older than PostgreSQL 15, or holds
    /// the schema of a newer program.
    pub async fn open(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        let server = Arc::new(Server::of(url, options)?);
        server.migrate().await?;
        let events = Events::new()?;
        let pool = server.pool(Purpose::Reading, 1);
        let listener = events::listen(pool.clone()).await;
        let listener = listener.map_err(|error| Fault::from(error).at(&server))?;
        let hearing = events::hear(events.clone(), server.clone(), pool.clone(), listener);
        let task = tokio::spawn(hearing).abort_handle();
        let mut writers = Vec::new();
        for _ in 0..server.options().writers.max(1) {
            let (sender, queue) = mpsc::channel(QUEUE_SUBMISSIONS_MAX);
            let writer = Writer::new(server.clone(), events.clone(), queue)?;
            tokio::spawn(writer.run());
            writers.push(sender);
        }
        Ok(Self {
            readers: server.pool(Purpose::Reading, server.options().readers),
            leases: server.pool(Purpose::Writing, LEASE_CONNECTIONS),
            listening: Arc::new(Listening { pool, task }),
            writers: writers.into(),
            partition: RandomState::new(),
            events,
            server,
        })
    }

    fn writer(&self, tenant: &Tenant) -> &mpsc::Sender<Job> {
        let count = self.writers.len() as u64;
        let index = self.partition.hash_one(tenant) % count;
        &self.writers[usize::try_from(index).unwrap_or(0)]
    }

    /// Look for something that is found by its key.
    async fn read<'a, T, F>(&'a self, look: impl Fn(&'a PgPool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>> + 'a,
    {
        self.answered(ANSWER_WITHIN, self.look(look)).await
    }

    /// Look through what may be much, as long as a statement may take.
    async fn scan<'a, T, F>(&'a self, look: impl Fn(&'a PgPool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>> + 'a,
    {
        let within = self.server.options().statement_timeout + ANSWER_WITHIN;
        self.answered(within, self.look(look)).await
    }

    /// Look through everything of a tenant, which takes as many statements and as
    /// long as it takes.
    async fn sweep<'a, T, F>(&'a self, look: impl Fn(&'a PgPool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Fault>> + 'a,
    {
        let looked = self.look(look).await;
        looked.map_err(|fault| fault.at(&self.server))
    }

    /// Look, and once more when the connection turns out to be broken: after that
    /// every other one is tried before it is used.
    async fn look<'a, T, F>(&'a self, look: impl Fn(&'a PgPool) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>> + 'a,
    {
        match look(&self.readers).await {
            Err(fault) if fault.is_lost() => {
                self.server.broke();
                look(&self.readers).await
            }
            looked => looked,
        }
    }

    /// What the server says, if it says it in time.
    async fn answered<T>(
        &self,
        within: Duration,
        asking: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        let mut asking = pin!(asking);
        let answer = match tokio::time::timeout(within, asking.as_mut()).await {
            Ok(answer) => answer,
            Err(_) => Err(lost("the server does not answer any more")),
        };
        answer.map_err(|fault| {
            // Said before the connection goes back to its pool, which so looks at
            // it and drops it.
            if fault.is_lost() {
                self.server.broke();
            }
            fault.at(&self.server)
        })
    }

    fn asking<'a>(&'a self, owner: &'a str, lease_ms: u64) -> Asking<'a> {
        Asking {
            server: &self.server,
            pool: &self.leases,
            owner,
            lease_ms,
        }
    }

    /// A lease that may have been taken is not asked for again: the token that
    /// counts would be unknown. It lapses.
    async fn leased<T>(
        &self,
        asking: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, StoreError> {
        self.answered(ANSWER_WITHIN, asking).await
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError> {
        admission::check(&submission)?;
        let scans = erasing::scans(&self.readers, &submission).await;
        let scans = scans.map_err(|fault| fault.at(&self.server))?;
        let (answer, answered) = oneshot::channel();
        let writer = self.writer(&submission.tenant);
        let job = Job::Write {
            bytes: submission.bytes(),
            submission,
            scans,
            answer,
        };
        writer.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn records(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.scan(|pool| readers::records(pool, tenant, filter))
            .await
    }

    async fn run(&self, tenant: &Tenant, run: &str) -> Result<Option<RunRow>, StoreError> {
        self.read(|pool| readers::runs::run(pool, tenant, run))
            .await
    }

    async fn runs(&self, tenant: &Tenant, states: &[RunState]) -> Result<Vec<RunRow>, StoreError> {
        self.read(|pool| readers::runs::runs(pool, tenant, states))
            .await
    }

    async fn run_of_request(
        &self,
        tenant: &Tenant,
        same: &str,
        ended_since_ms: Option<u64>,
    ) -> Result<Looked, StoreError> {
        self.read(|pool| readers::runs::run_of_request(pool, tenant, same, ended_since_ms))
            .await
    }

    async fn closed_runs(
        &self,
        tenant: &Tenant,
        filter: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError> {
        self.scan(|pool| readers::closed_runs(pool, tenant, filter))
            .await
    }

    async fn claim_run(
        &self,
        tenant: &Tenant,
        run: &str,
        owner: &str,
        lease_ms: u64,
    ) -> Result<RunRow, StoreError> {
        let asking = self.asking(owner, lease_ms);
        Ok(self.leased(asking.claim(tenant, run)).await??)
    }

    async fn claim_lapsed(
        &self,
        owner: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let asking = self.asking(owner, lease_ms);
        self.leased(asking.claim_lapsed(limit)).await
    }

    async fn renew_leases(&self, owner: &str, lease_ms: u64) -> Result<Vec<Renewed>, StoreError> {
        self.leased(self.asking(owner, lease_ms).renew()).await
    }

    async fn approval(&self, tenant: &Tenant, id: &str) -> Result<Option<ApprovalRow>, StoreError> {
        self.read(|pool| readers::approval(pool, tenant, id)).await
    }

    async fn approvals(
        &self,
        tenant: &Tenant,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.read(|pool| readers::approvals(pool, tenant, state))
            .await
    }

    async fn standing_denial(
        &self,
        tenant: &Tenant,
        asked: &str,
        run: &str,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let given = self.server.given_ms();
        self.read(|pool| readers::standing_denial(pool, given, tenant, asked, run))
            .await
    }

    async fn delegations(
        &self,
        tenant: &Tenant,
        at_ms: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError> {
        self.read(|pool| readers::delegations(pool, tenant, at_ms))
            .await
    }

    async fn due_approvals(&self, limit: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        let given = self.server.given_ms();
        self.read(|pool| readers::due_approvals(pool, given, limit))
            .await
    }

    async fn queue_items(
        &self,
        tenant: &Tenant,
        state: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError> {
        self.read(|pool| readers::queue_items(pool, tenant, state))
            .await
    }

    async fn queue_place(
        &self,
        tenant: &Tenant,
        fold: Option<&str>,
        most: u64,
    ) -> Result<QueuePlace, StoreError> {
        self.read(|pool| readers::queue_place(pool, tenant, fold, most))
            .await
    }

    async fn queue_item(&self, tenant: &Tenant, id: &str) -> Result<Option<QueueRow>, StoreError> {
        self.read(|pool| readers::queue_item(pool, tenant, id))
            .await
    }

    async fn budget_taken(&self, tenant: &Tenant, budget: &str) -> Result<u64, StoreError> {
        self.read(|pool| readers::budget_taken(pool, tenant, budget))
            .await
    }

    async fn waiting(&self, tenant: &Tenant) -> Result<Waiting, StoreError> {
        self.read(|pool| readers::waiting(pool, tenant)).await
    }

    async fn deliveries(
        &self,
        tenant: &Tenant,
        items: &[String],
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(|pool| readers::deliveries(pool, tenant, items))
            .await
    }

    async fn due_deliveries(&self, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let given = self.server.given_ms();
        self.read(|pool| readers::due_deliveries(pool, given, limit))
            .await
    }

    async fn leaf_hashes(
        &self,
        tenant: &Tenant,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        self.scan(|pool| readers::leaf_hashes(pool, tenant, from, limit))
            .await
    }

    async fn tile(
        &self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.read(|pool| readers::tile(pool, tenant, level, index))
            .await
    }

    async fn tile_count(&self, tenant: &Tenant, level: u8) -> Result<u64, StoreError> {
        self.scan(|pool| readers::tile_count(pool, tenant, level))
            .await
    }

    async fn checkpoints(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        self.scan(|pool| readers::checkpoints(pool, tenant, before, limit))
            .await
    }

    async fn sealed_count(&self, tenant: &Tenant, what: &Erasure) -> Result<u64, StoreError> {
        self.sweep(|pool| erasing::sealed_count(pool, tenant, what))
            .await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    async fn connector(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<ConnectorRow>, StoreError> {
        self.read(|pool| readers::connector(pool, tenant, name))
            .await
    }

    async fn connectors(&self, tenant: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError> {
        self.read(|pool| readers::connectors(pool, tenant.map(Tenant::as_str)))
            .await
    }

    async fn workflows(&self, tenant: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError> {
        self.read(|pool| readers::workflows(pool, tenant.map(Tenant::as_str)))
            .await
    }

    async fn case(&self, tenant: &Tenant, case: &str) -> Result<Option<CaseRow>, StoreError> {
        self.read(|pool| readers::case(pool, tenant, case)).await
    }

    async fn cases(
        &self,
        tenant: &Tenant,
        filter: &CaseFilter,
    ) -> Result<Vec<CaseRow>, StoreError> {
        self.read(|pool| readers::cases(pool, tenant, filter)).await
    }

    async fn due_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        let given = self.server.given_ms();
        self.read(|pool| readers::due_cases(pool, given, limit))
            .await
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|pool| readers::component(pool, digest)).await
    }

    async fn kv_get(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.read(|pool| readers::kv_get(pool, tenant, connector, store, key))
            .await
    }

    async fn kv_keys(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.scan(|pool| readers::kv_keys(pool, tenant, connector, store, prefix, limit))
            .await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.read(readers::heads).await
    }

    async fn verify(&self, tenant: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError> {
        self.sweep(|pool| readers::verify(pool, tenant)).await
    }

    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|pool| readers::subject_key(pool, tenant, subject))
            .await
    }

    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError> {
        self.read(|pool| readers::principal_by_token_hash(pool, token_hash))
            .await
    }

    async fn principals(&self, tenant: &Tenant) -> Result<Vec<PrincipalRow>, StoreError> {
        self.read(|pool| readers::principals(pool, tenant)).await
    }

    async fn close(&self) {
        for writer in &*self.writers {
            let (answer, done) = oneshot::channel();
            if writer.send(Job::Close { answer }).await.is_ok() {
                // An error means that the writer has ended already.
                done.await.ok();
            }
        }
        self.listening.pool.close().await;
        self.leases.close().await;
        self.readers.close().await;
    }
}
