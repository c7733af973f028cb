//! The SQLite store: one file in WAL mode with full synchronisation. Writes pass
//! one task with one connection, so that concurrent callers share transactions
//! instead of waiting for each other's lock; readers have a small pool of
//! connections that cannot write.

mod changes;
mod connect;
mod erasing;
mod events;
mod fault;
mod leases;
mod readers;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::SqlitePool;
use tokio::sync::{broadcast, mpsc, oneshot};
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};

use self::connect::Place;
use self::leases::Lease;
use self::writer::{Done, Job, Work, Writer};
use crate::places::{SEQ_BITS, SEQ_MASK};
use crate::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, CheckpointRow, Clock, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, Head, KvEntry, Looked,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Renewed, RunRow, RunState, Store,
    StoreError, StoredRecord, Submission, SystemClock, TileRow, Unavailable, Waiting, WorkflowRow,
    admission,
};

/// Most submissions that wait for the writer; more callers wait for room. Far
/// more than one transaction takes, far less than would exhaust memory.
const QUEUE_SUBMISSIONS_MAX: usize = 4_096;

/// Events that a slow listener may be behind; beyond it, it is told that it
/// missed some.
const EVENTS_KEPT: usize = 1_024;

/// Bits of a place that number the record within its span.
const SPAN_BITS: u32 = 8;

/// How a store is opened.
#[derive(Clone)]
pub struct SqliteOptions {
    /// Make the file when there is none.
    pub create: bool,
    /// Never write: for looking into a copy.
    pub read_only: bool,
    /// Largest size of the file in pages of 4 KiB; `None` is SQLite's own.
    pub max_pages: Option<u32>,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// Connections that read.
    pub readers: u32,
    /// By which expiry is judged.
    pub clock: Arc<dyn Clock>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            create: true,
            read_only: false,
            max_pages: None,
            busy_timeout: Duration::from_secs(5),
            readers: 4,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteOptions")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("max_pages", &self.max_pages)
            .field("busy_timeout", &self.busy_timeout)
            .field("readers", &self.readers)
            .finish_non_exhaustive()
    }
}

/// A store in one SQLite file. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct SqliteStore {
    place: Arc<Place>,
    writer: mpsc::Sender<Job>,
    readers: SqlitePool,
    read_only: bool,
    max_pages: Arc<AtomicU32>,
    clock: Arc<dyn Clock>,
    events: broadcast::Sender<Event>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.place.path())
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Open a store, making the file and bringing its schema up to date where
    /// the options allow. Needs a tokio runtime, on which the writer task lives
    /// until the last clone is dropped or the store is closed.
    ///
    /// # Errors
    /// When the file cannot be used, or was written by a newer program.
    pub async fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, StoreError> {
        let path: PathBuf = path.as_ref().to_owned();
        if !options.read_only {
            connect::create_and_migrate(&path, &options).await?;
        }
        let place = Arc::new(Place::of(path)?);
        connect::check_schema(&place, &options).await?;
        let readers = connect::reader_pool(&place, &options);
        let max_pages = Arc::new(AtomicU32::new(options.max_pages.unwrap_or(u32::MAX)));
        let (writer, queue) = mpsc::channel(QUEUE_SUBMISSIONS_MAX);
        let read_only = options.read_only;
        let clock = options.clock.clone();
        let events = broadcast::channel(EVENTS_KEPT).0;
        let limit = max_pages.clone();
        let task = Writer::new(place.clone(), options, limit, queue, events.clone());
        tokio::spawn(task.run());
        Ok(Self {
            place,
            writer,
            readers,
            read_only,
            max_pages,
            clock,
            events,
        })
    }

    /// Set the largest size of the file in pages of 4 KiB. It holds from the
    /// next transaction on; a file that is larger already stays as it is.
    pub fn set_max_pages(&self, pages: Option<u32>) {
        self.max_pages
            .store(pages.unwrap_or(u32::MAX), Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError> {
        admission::check(&submission)?;
        let scans = self
            .read(erasing::scans(&self.readers, &submission))
            .await?;
        let bytes = submission.bytes();
        match self.work(Work::Write(submission, scans), bytes).await? {
            Done::Appended(appended) => Ok(appended),
            _ => Err(StoreError::Closed),
        }
    }

    async fn records(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.read(readers::records(&self.readers, tenant, filter))
            .await
    }

    async fn run(&self, tenant: &Tenant, run: &str) -> Result<Option<RunRow>, StoreError> {
        self.read(readers::run(&self.readers, tenant, run)).await
    }

    async fn runs(&self, tenant: &Tenant, states: &[RunState]) -> Result<Vec<RunRow>, StoreError> {
        self.read(readers::runs(&self.readers, tenant, states))
            .await
    }

    async fn run_of_request(
        &self,
        tenant: &Tenant,
        same: &str,
        ended_since_ms: Option<u64>,
    ) -> Result<Looked, StoreError> {
        let found = readers::run_of_request(&self.readers, tenant, same, ended_since_ms);
        self.read(found).await
    }

    async fn closed_runs(
        &self,
        tenant: &Tenant,
        filter: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError> {
        self.read(readers::closed_runs(&self.readers, tenant, filter))
            .await
    }

    async fn claim_run(
        &self,
        tenant: &Tenant,
        run: &str,
        owner: &str,
        lease_ms: u64,
    ) -> Result<RunRow, StoreError> {
        let claim = Lease::Claim {
            tenant: tenant.to_string(),
            run: run.to_owned(),
            owner: owner.to_owned(),
            lease_ms,
        };
        let claimed = self.claimed(claim).await?.pop();
        claimed.ok_or_else(|| StoreError::corrupt("a run was claimed and is not there"))
    }

    async fn claim_lapsed(
        &self,
        owner: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        let owner = owner.to_owned();
        self.claimed(Lease::ClaimLapsed {
            owner,
            lease_ms,
            limit,
        })
        .await
    }

    async fn renew_leases(&self, owner: &str, lease_ms: u64) -> Result<Vec<Renewed>, StoreError> {
        let owner = owner.to_owned();
        let renew = Work::Lease(Lease::Renew { owner, lease_ms });
        match self.work(renew, 0).await? {
            Done::Renewed(renewed) => Ok(renewed),
            _ => Err(StoreError::Closed),
        }
    }

    async fn due_approvals(&self, limit: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        let now_ms = self.clock.now_ms();
        self.read(readers::due_approvals(&self.readers, now_ms, limit))
            .await
    }

    async fn queue_items(
        &self,
        tenant: &Tenant,
        state: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError> {
        self.read(readers::queue_items(&self.readers, tenant, state))
            .await
    }

    async fn queue_place(
        &self,
        tenant: &Tenant,
        fold: Option<&str>,
        most: u64,
    ) -> Result<QueuePlace, StoreError> {
        self.read(readers::queue_place(&self.readers, tenant, fold, most))
            .await
    }

    async fn queue_item(&self, tenant: &Tenant, id: &str) -> Result<Option<QueueRow>, StoreError> {
        self.read(readers::queue_item(&self.readers, tenant, id))
            .await
    }

    async fn budget_taken(&self, tenant: &Tenant, budget: &str) -> Result<u64, StoreError> {
        self.read(readers::budget_taken(&self.readers, tenant, budget))
            .await
    }

    async fn waiting(&self, tenant: &Tenant) -> Result<Waiting, StoreError> {
        self.read(readers::waiting(&self.readers, tenant)).await
    }

    async fn deliveries(
        &self,
        tenant: &Tenant,
        items: &[String],
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(readers::deliveries(&self.readers, tenant, items))
            .await
    }

    async fn due_deliveries(&self, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let now_ms = self.clock.now_ms();
        self.read(readers::due_deliveries(&self.readers, now_ms, limit))
            .await
    }

    async fn leaf_hashes(
        &self,
        tenant: &Tenant,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        self.read(readers::leaf_hashes(&self.readers, tenant, from, limit))
            .await
    }

    async fn tile(
        &self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.read(readers::tile(&self.readers, tenant, level, index))
            .await
    }

    async fn tile_count(&self, tenant: &Tenant, level: u8) -> Result<u64, StoreError> {
        self.read(readers::tile_count(&self.readers, tenant, level))
            .await
    }

    async fn checkpoints(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        self.read(readers::checkpoints(&self.readers, tenant, before, limit))
            .await
    }

    async fn sealed_count(&self, tenant: &Tenant, what: &Erasure) -> Result<u64, StoreError> {
        self.read(erasing::sealed_count(&self.readers, tenant, what))
            .await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    async fn approval(&self, tenant: &Tenant, id: &str) -> Result<Option<ApprovalRow>, StoreError> {
        self.read(readers::approval(&self.readers, tenant, id))
            .await
    }

    async fn approvals(
        &self,
        tenant: &Tenant,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.read(readers::approvals(&self.readers, tenant, state))
            .await
    }

    async fn standing_denial(
        &self,
        tenant: &Tenant,
        asked: &str,
        run: &str,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let now_ms = self.clock.now_ms();
        let found = readers::standing_denial(&self.readers, tenant, asked, run, now_ms);
        self.read(found).await
    }

    async fn delegations(
        &self,
        tenant: &Tenant,
        at_ms: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError> {
        self.read(readers::delegations(&self.readers, tenant, at_ms))
            .await
    }

    async fn connector(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<ConnectorRow>, StoreError> {
        self.read(readers::connector(&self.readers, tenant, name))
            .await
    }

    async fn connectors(&self, tenant: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError> {
        self.read(readers::connectors(
            &self.readers,
            tenant.map(Tenant::as_str),
        ))
        .await
    }

    async fn workflows(&self, tenant: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError> {
        self.read(readers::workflows(
            &self.readers,
            tenant.map(Tenant::as_str),
        ))
        .await
    }

    async fn case(&self, tenant: &Tenant, case: &str) -> Result<Option<CaseRow>, StoreError> {
        self.read(readers::case(&self.readers, tenant, case)).await
    }

    async fn cases(
        &self,
        tenant: &Tenant,
        filter: &CaseFilter,
    ) -> Result<Vec<CaseRow>, StoreError> {
        self.read(readers::cases(&self.readers, tenant, filter))
            .await
    }

    async fn due_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        let now_ms = self.clock.now_ms();
        self.read(readers::due_cases(&self.readers, now_ms, limit))
            .await
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(readers::component(&self.readers, digest)).await
    }

    async fn kv_get(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.read(readers::kv_get(
            &self.readers,
            tenant,
            connector,
            store,
            key,
        ))
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
        let keys = readers::kv_keys(&self.readers, tenant, connector, store, prefix, limit);
        self.read(keys).await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.read(readers::heads(&self.readers)).await
    }

    async fn verify(&self, tenant: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError> {
        self.read(readers::verify(&self.readers, tenant)).await
    }

    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(readers::subject_key(&self.readers, tenant, subject))
            .await
    }

    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError> {
        self.read(readers::principal_by_token_hash(&self.readers, token_hash))
            .await
    }

    async fn principals(&self, tenant: &Tenant) -> Result<Vec<PrincipalRow>, StoreError> {
        self.read(readers::principals(&self.readers, tenant)).await
    }

    async fn close(&self) {
        let (answer, done) = oneshot::channel();
        if self.writer.send(Job::Close { answer }).await.is_ok() {
            // An error means that the writer has ended already.
            done.await.ok();
        }
        self.readers.close().await;
    }
}

impl SqliteStore {
    /// Have the writer do something.
    async fn work(&self, work: Work, bytes: usize) -> Result<Done, StoreError> {
        if self.read_only {
            return Err(self.place.unavailable(Unavailable::ReadOnly));
        }
        let (answer, answered) = oneshot::channel();
        let job = Job::Do {
            work,
            bytes,
            answer,
        };
        self.writer
            .send(job)
            .await
            .map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    async fn claimed(&self, lease: Lease) -> Result<Vec<RunRow>, StoreError> {
        match self.work(Work::Lease(lease), 0).await? {
            Done::Claimed(rows) => Ok(rows),
            _ => Err(StoreError::Closed),
        }
    }

    async fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, fault::Fault>>,
    ) -> Result<T, StoreError> {
        reading.await.map_err(|fault| fault.at(&self.place))
    }
}
