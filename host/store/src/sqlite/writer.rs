//! The writer task. It takes everything that waits and commits it in one
//! transaction, so that under load the cost of a durable commit is divided among
//! all who wait for it. Statements are joined into few texts because each round
//! trip to SQLite's thread costs as much as inserting dozens of rows:
//!
//! 1. `BEGIN IMMEDIATE` and the heads of the tenants involved;
//! 2. each submission's changes, if it has any;
//! 3. one insert of all records, the new heads, `COMMIT`.

mod checkpointer;
mod heads;
mod insert;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fail::fail_point;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::{broadcast, mpsc, oneshot};

use self::checkpointer::Checkpointer;
use self::heads::{CachedHead, OpenHeads};
use self::insert::Insert;
use super::changes::{self, Applying, Refused};
use super::connect::{Place, writer_connection};
use super::erasing::Scans;
use super::fault::Fault;
use super::leases::{self, Known, Lease};
use super::{SqliteOptions, events};
use crate::batching::{
    HEADS_KEPT, TRANSACTION_BYTES_MAX, TRANSACTION_RECORDS_MAX, let_others_come,
};
use crate::{Appended, Change, Event, Renewed, RunRow, StoreError, Submission};

/// What waits for the writer.
pub(super) enum Job {
    Do {
        work: Work,
        bytes: usize,
        answer: oneshot::Sender<Answer>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// What the writer does for a caller.
pub(super) enum Work {
    /// With what was found beforehand for the erasures in it.
    Write(Submission, Scans),
    Lease(Lease),
}

impl Work {
    fn records(&self) -> usize {
        match self {
            Work::Write(submission, _) => submission.records.len(),
            Work::Lease(_) => 0,
        }
    }

    fn tenant(&self) -> Option<&str> {
        match self {
            Work::Write(submission, _) => Some(&submission.tenant),
            Work::Lease(_) => None,
        }
    }

    fn changes(&self) -> &[Change] {
        match self {
            Work::Write(submission, _) => &submission.changes,
            Work::Lease(_) => &[],
        }
    }

    fn erases(&self) -> bool {
        let erases = |change: &Change| matches!(change, Change::Erase(_));
        self.changes().iter().any(erases)
    }
}

/// What became of it.
pub(super) enum Done {
    Appended(Appended),
    Claimed(Vec<RunRow>),
    Renewed(Vec<Renewed>),
}

type Answer = Result<Done, StoreError>;

/// Work in a transaction.
struct Waiting {
    work: Work,
    answer: oneshot::Sender<Answer>,
}

type Answers = Vec<Answer>;

/// The result of one attempt at a transaction.
enum Attempt {
    Committed(Answers),
    /// A submission was refused after some of its changes were made: try again,
    /// with a savepoint around each.
    Again,
}

pub(super) struct Writer {
    place: Arc<Place>,
    options: SqliteOptions,
    max_pages: Arc<AtomicU32>,
    applied_max_pages: u32,
    queue: mpsc::Receiver<Job>,
    connection: Option<SqliteConnection>,
    heads: HashMap<String, CachedHead>,
    checkpoints: Arc<Checkpointer>,
    events: broadcast::Sender<Event>,
    closing: Vec<oneshot::Sender<()>>,
    /// Submissions of the last transaction.
    last_batch: usize,
}

impl Writer {
    pub(super) fn new(
        place: Arc<Place>,
        options: SqliteOptions,
        max_pages: Arc<AtomicU32>,
        queue: mpsc::Receiver<Job>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        Self {
            events,
            checkpoints: Arc::new(Checkpointer::default()),
            place,
            options,
            max_pages,
            applied_max_pages: u32::MAX,
            queue,
            connection: None,
            heads: HashMap::new(),
            closing: Vec::new(),
            last_batch: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let checkpoints = self.checkpoints.clone();
        let beside = tokio::spawn(checkpoints.run(self.place.clone(), self.options.clone()));
        while let Some(job) = self.queue.recv().await {
            let_others_come(&self.queue, self.last_batch).await;
            let batch = self.collect(job);
            self.last_batch = batch.len();
            if !batch.is_empty() {
                self.commit(batch).await;
            }
        }
        beside.abort();
        if let Some(connection) = self.connection.take() {
            connection.close().await.ok();
        }
        for answer in self.closing.drain(..) {
            answer.send(()).ok();
        }
    }

    /// Everything that waits, within the bounds of one transaction.
    fn collect(&mut self, first: Job) -> Vec<Waiting> {
        let mut batch = Vec::new();
        let (mut records, mut bytes) = (0, 0);
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                // Nobody waits for the answer any more, so nobody would act on
                // it: an intent written now would only be in doubt later.
                Job::Do { answer, .. } if answer.is_closed() => {}
                Job::Do {
                    work,
                    bytes: size,
                    answer,
                } => {
                    records += work.records();
                    bytes += size;
                    batch.push(Waiting { work, answer });
                }
                Job::Close { answer } => {
                    self.queue.close();
                    self.closing.push(answer);
                }
            }
            if records >= TRANSACTION_RECORDS_MAX || bytes >= TRANSACTION_BYTES_MAX {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        batch
    }

    async fn commit(&mut self, mut batch: Vec<Waiting>) {
        let answers = match self.attempt(&mut batch, false).await {
            Ok(Attempt::Again) => self.attempt(&mut batch, true).await,
            other => other,
        };
        match answers {
            Ok(Attempt::Committed(answers)) => self.answer(batch, answers).await,
            Ok(Attempt::Again) => self.fail(batch, StoreError::Closed).await,
            Err(fault) => {
                let error = fault.at(&self.place);
                self.fail(batch, error).await;
            }
        }
    }

    /// Tell everybody. Who erased something hears of it when the old bytes are
    /// out of the WAL as well; nobody else waits for that.
    async fn answer(&mut self, batch: Vec<Waiting>, answers: Answers) {
        let mut erased = Vec::new();
        for (waiting, answer) in batch.into_iter().zip(answers) {
            if answer.is_ok() {
                if let Some(tenant) = waiting.work.tenant() {
                    events::tell(&self.events, tenant, waiting.work.changes());
                }
                if waiting.work.erases() {
                    erased.push((waiting.answer, answer));
                    continue;
                }
            }
            waiting.answer.send(answer).ok();
        }
        if erased.is_empty() {
            return;
        }
        if let Some(connection) = self.connection.as_mut() {
            let busy_timeout = self.options.busy_timeout;
            self.checkpoints
                .empty_the_wal(connection, busy_timeout)
                .await;
        }
        for (waiting, answer) in erased {
            waiting.send(answer).ok();
        }
    }

    /// Nothing was kept. Connection and cached heads are dropped with whatever
    /// state they are in; the next transaction starts afresh.
    async fn fail(&mut self, batch: Vec<Waiting>, error: StoreError) {
        tracing::error!(%error, submissions = batch.len(), "a transaction failed");
        self.heads.clear();
        if let Some(mut connection) = self.connection.take() {
            connection.execute("ROLLBACK").await.ok();
            connection.close().await.ok();
        }
        for waiting in batch {
            waiting.answer.send(Err(error.clone())).ok();
        }
    }

    async fn attempt(&mut self, batch: &mut [Waiting], savepoints: bool) -> Result<Attempt, Fault> {
        self.ready().await?;
        let Some(connection) = self.connection.as_mut() else {
            return Err(StoreError::Closed.into());
        };
        if self.heads.len() > HEADS_KEPT {
            self.heads.clear();
        }
        fail_point!("store::before_begin");
        let mut heads = heads::begin(connection, batch, &self.heads).await?;
        let mut leases = known_leases(connection, batch, &heads).await?;
        let now_ms = self.options.clock.now_ms();
        let mut answers = Answers::with_capacity(batch.len());
        let mut insert = Insert::default();
        for waiting in batch.iter_mut() {
            let (submission, scans) = match &mut waiting.work {
                Work::Write(submission, scans) => (submission, scans),
                Work::Lease(lease) => {
                    leases.forget_all();
                    answers.push(leases::take(connection, lease, now_ms).await?);
                    continue;
                }
            };
            let head = match heads.get_mut(submission.tenant.as_str()) {
                Some(Ok(head)) => head,
                Some(Err(error)) => {
                    answers.push(Err(error.clone()));
                    continue;
                }
                None => return Err(Fault::corrupt("a tenant has no head")),
            };
            let applying = Applying {
                connection: &mut *connection,
                tenant_id: head.tenant_id(),
                now_ms,
                count: head.count_with(submission.records.len()),
                scans,
                leases: &mut leases,
            };
            match changes::apply(applying, submission, savepoints).await? {
                Ok(()) => {
                    let appended = insert.take(head, &mut submission.records)?;
                    answers.push(Ok(Done::Appended(appended)));
                }
                Err(Refused { partly: true, .. }) => {
                    connection.execute("ROLLBACK").await?;
                    insert::give_back(batch, insert, &answers);
                    return Ok(Attempt::Again);
                }
                Err(Refused { why, .. }) => answers.push(Err(why.into())),
            }
        }
        let written = insert.bytes();
        for head in heads.values_mut().flatten().filter(|head| head.has_grown()) {
            head.cached.root = head.cached.frontier.root();
        }
        fail_point!("store::before_commit");
        insert::finish(connection, insert, &heads).await?;
        // Committed, and nobody was told yet.
        fail_point!("store::after_commit");
        for (tenant, head) in heads {
            if let Ok(head) = head {
                self.heads.insert(tenant, head.cached);
            }
        }
        self.checkpoints.wrote(written);
        Ok(Attempt::Committed(answers))
    }

    /// A connection to the right file, with the right limit, and a WAL that is
    /// not too long.
    async fn ready(&mut self) -> Result<(), Fault> {
        self.place.check()?;
        let max_pages = self.max_pages.load(Ordering::SeqCst);
        let fresh = self.connection.is_none();
        if fresh {
            self.connection = Some(writer_connection(&self.place, &self.options).await?);
        }
        let Some(connection) = self.connection.as_mut() else {
            return Err(StoreError::Closed.into());
        };
        if fresh {
            let busy_timeout = self.options.busy_timeout;
            self.checkpoints.begin(connection, busy_timeout).await;
        }
        if fresh || max_pages != self.applied_max_pages {
            // SQLite's own maximum is below u32::MAX, to which it clips.
            let pages = max_pages.min(u32::MAX - 1);
            let pragma = format!("PRAGMA max_page_count = {pages}");
            connection.execute(AssertSqlSafe(pragma)).await?;
            self.applied_max_pages = max_pages;
        }
        if self.checkpoints.is_behind() {
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
        }
        Ok(())
    }
}

/// The leases that the batch asks about.
async fn known_leases(
    connection: &mut SqliteConnection,
    batch: &[Waiting],
    heads: &OpenHeads,
) -> Result<Known, Fault> {
    let mut wanted = Vec::new();
    for waiting in batch {
        let tenant = waiting.work.tenant().and_then(|tenant| heads.get(tenant));
        if let Some(Ok(head)) = tenant {
            let runs = leases::asked(waiting.work.changes());
            wanted.extend(runs.map(|run| (head.cached.tenant_id, run)));
        }
    }
    Known::look(connection, &wanted).await
}
