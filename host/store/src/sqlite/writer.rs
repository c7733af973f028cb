//! The writer task. It takes everything that waits and commits it in one
//! transaction, so that under load the cost of a durable commit is divided among
//! all who wait for it. Statements are joined into few texts because each round
//! trip to SQLite's thread costs as much as inserting dozens of rows:
//!
//! 1. `BEGIN IMMEDIATE` and the heads of the tenants involved;
//! 2. each submission's changes, if it has any;
//! 3. one insert of all records, the new heads, `COMMIT`.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Connection, Executor, Row};
use tokio::sync::{Notify, mpsc, oneshot};
use tollgate_journal::{Frontier, Hash, Prepared};

use super::SqliteOptions;
use super::changes::{self, Applying, Refused};
use super::connect::{Place, writer_connection};
use super::fault::{Fault, is_unique_violation};
use crate::{Appended, StoreError, Submission};

/// Most records of one transaction, and most bytes: whoever comes next waits for
/// at most this much, some tens of milliseconds.
const TRANSACTION_RECORDS_MAX: usize = 4_096;
const TRANSACTION_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Turns that other tasks get before a transaction that fewer wait for than for
/// the last one. With nothing else to do these are microseconds.
const TURNS_MAX: u32 = 32;

/// Records of one INSERT: 8 columns times this stay below SQLite's 32 766
/// parameters, and texts stay few enough to keep prepared.
const INSERT_RECORDS_MAX: usize = 256;
const RECORD_COLUMNS: usize = 8;

/// Bits of a place that number the record; the others number the tenant.
pub(super) const SEQ_BITS: u32 = 40;

/// Heads kept in memory; beyond, all are forgotten and read again when needed.
const HEADS_KEPT: usize = 16_384;

/// Written bytes after which the WAL is copied into the file.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// WAL frames (4 KiB) after which the writer itself copies the rest, because
/// under constant load a checkpoint beside it never quite catches up.
const WAL_FRAMES_MAX: u64 = 8_192;

/// What waits for the writer.
pub(super) enum Job {
    Write {
        submission: Submission,
        bytes: usize,
        answer: oneshot::Sender<Result<Appended, StoreError>>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// A submission in a transaction.
struct Waiting {
    submission: Submission,
    answer: oneshot::Sender<Result<Appended, StoreError>>,
}

type Answers = Vec<Result<Appended, StoreError>>;

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
    closing: Vec<oneshot::Sender<()>>,
    /// Submissions of the last transaction.
    last_batch: usize,
}

#[derive(Clone)]
struct CachedHead {
    tenant_id: i64,
    frontier: Frontier,
    root: Hash,
}

impl Writer {
    pub(super) fn new(
        place: Arc<Place>,
        options: SqliteOptions,
        max_pages: Arc<AtomicU32>,
        queue: mpsc::Receiver<Job>,
    ) -> Self {
        Self {
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
            self.let_others_come().await;
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

    /// Those whom the last commit answered are about to come again. The first of
    /// them alone would take a transaction, and a wait for the disk, for itself;
    /// so they get their turn first. Whoever is alone does not wait.
    async fn let_others_come(&self) {
        let expected = self.last_batch * 3 / 4;
        for _ in 0..TURNS_MAX {
            if self.queue.len() + 1 >= expected {
                break;
            }
            tokio::task::yield_now().await;
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
                Job::Write { answer, .. } if answer.is_closed() => {}
                Job::Write {
                    submission,
                    bytes: size,
                    answer,
                } => {
                    records += submission.records.len();
                    bytes += size;
                    batch.push(Waiting { submission, answer });
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
            Ok(Attempt::Committed(answers)) => {
                for (waiting, answer) in batch.into_iter().zip(answers) {
                    waiting.answer.send(answer).ok();
                }
            }
            Ok(Attempt::Again) => self.fail(batch, StoreError::Closed).await,
            Err(fault) => {
                let error = fault.at(&self.place);
                self.fail(batch, error).await;
            }
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
        let mut heads = begin(connection, batch, &self.heads).await?;
        let now_ms = self.options.clock.now_ms();
        let mut answers = Answers::with_capacity(batch.len());
        let mut insert = Insert::default();
        for waiting in batch.iter_mut() {
            let submission = &mut waiting.submission;
            let head = match heads.get_mut(&submission.tenant) {
                Some(Ok(head)) => head,
                Some(Err(error)) => {
                    answers.push(Err(error.clone()));
                    continue;
                }
                None => return Err(Fault::corrupt("a tenant has no head")),
            };
            let tenant_id = head.cached.tenant_id;
            let applying = Applying {
                connection: &mut *connection,
                tenant_id,
                now_ms,
            };
            match changes::apply(applying, submission, savepoints).await? {
                Ok(()) => answers.push(Ok(insert.take(head, &mut submission.records)?)),
                Err(Refused { partly: true, .. }) => {
                    connection.execute("ROLLBACK").await?;
                    if !insert.records.is_empty() {
                        give_back(batch, insert, &answers);
                    }
                    return Ok(Attempt::Again);
                }
                Err(Refused { why, .. }) => answers.push(Err(why.into())),
            }
        }
        let written = insert.bytes;
        for head in heads.values_mut().flatten().filter(|head| head.has_grown()) {
            head.cached.root = head.cached.frontier.root();
        }
        finish(connection, insert, &heads).await?;
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

/// A tenant's head inside a transaction.
struct OpenHead {
    cached: CachedHead,
    before: u64,
}

impl OpenHead {
    fn has_grown(&self) -> bool {
        self.cached.frontier.count() > self.before
    }
}

type OpenHeads = HashMap<String, Result<OpenHead, StoreError>>;

/// Begin, and open the head of every tenant of the batch. A cached tree counts
/// only when the stored head is the same: several processes may share the file.
async fn begin(
    connection: &mut SqliteConnection,
    batch: &[Waiting],
    cached: &HashMap<String, CachedHead>,
) -> Result<OpenHeads, Fault> {
    let mut tenants: Vec<&str> = batch.iter().map(|w| w.submission.tenant.as_str()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let marks = vec!["?"; tenants.len()].join(",");
    let text = format!(
        "BEGIN IMMEDIATE; SELECT tenant_id, tenant, count, root FROM tenants WHERE tenant IN ({marks})"
    );
    let mut arguments = SqliteArguments::default();
    for tenant in &tenants {
        arguments.add(*tenant)?;
    }
    let rows = sqlx::query_with(AssertSqlSafe(text), arguments)
        .fetch_all(&mut *connection)
        .await?;
    let mut heads = OpenHeads::with_capacity(tenants.len());
    for row in rows {
        let tenant: String = row.try_get(1)?;
        let head = open_head(connection, &row, cached.get(&tenant)).await?;
        heads.insert(tenant, head);
    }
    for tenant in tenants {
        if let Entry::Vacant(vacant) = heads.entry(tenant.to_owned()) {
            vacant.insert(Ok(new_head(connection, tenant).await?));
        }
    }
    Ok(heads)
}

async fn open_head(
    connection: &mut SqliteConnection,
    row: &sqlx::sqlite::SqliteRow,
    cached: Option<&CachedHead>,
) -> Result<Result<OpenHead, StoreError>, Fault> {
    let (tenant_id, count): (i64, i64) = (row.try_get(0)?, row.try_get(2)?);
    let root: &[u8] = row.try_get(3)?;
    if let Some(cached) = cached {
        let same = cached.tenant_id == tenant_id && cached.root.as_slice() == root;
        if same && i64::try_from(cached.frontier.count()) == Ok(count) {
            let before = cached.frontier.count();
            return Ok(Ok(OpenHead {
                cached: cached.clone(),
                before,
            }));
        }
    }
    let select = "SELECT frontier FROM tenants WHERE tenant_id = ?";
    let stored: Vec<u8> = sqlx::query_scalar(select)
        .bind(tenant_id)
        .fetch_one(&mut *connection)
        .await?;
    // A head that was changed must not be built upon: the change would be
    // covered by honest records. Only this tenant's submissions fail.
    let head = Frontier::from_bytes(&stored)
        .ok()
        .filter(|tree| i64::try_from(tree.count()) == Ok(count))
        .filter(|tree| tree.root().as_slice() == root)
        .map(|frontier| {
            let (before, root) = (frontier.count(), frontier.root());
            OpenHead {
                cached: CachedHead {
                    tenant_id,
                    frontier,
                    root,
                },
                before,
            }
        });
    Ok(head.ok_or_else(|| StoreError::corrupt("a tenant's head does not fit its own tree")))
}

async fn new_head(connection: &mut SqliteConnection, tenant: &str) -> Result<OpenHead, Fault> {
    let frontier = Frontier::new();
    let root = frontier.root();
    let insert = "INSERT INTO tenants (tenant, count, root, frontier) VALUES (?, 0, ?, ?) RETURNING tenant_id";
    let tenant_id: i64 = sqlx::query_scalar(insert)
        .bind(tenant)
        .bind(root.as_slice())
        .bind(frontier.to_bytes())
        .fetch_one(connection)
        .await?;
    if tenant_id >= 1 << (63 - SEQ_BITS) {
        return Err(Fault::corrupt(
            "there are more tenants than one store can number",
        ));
    }
    Ok(OpenHead {
        cached: CachedHead {
            tenant_id,
            frontier,
            root,
        },
        before: 0,
    })
}

/// The records of a transaction with their places.
#[derive(Default)]
struct Insert {
    records: Vec<(i64, Prepared)>,
    bytes: u64,
}

impl Insert {
    /// Number a submission's records and put them into the tenant's tree.
    fn take(
        &mut self,
        head: &mut OpenHead,
        records: &mut Vec<Prepared>,
    ) -> Result<Appended, Fault> {
        let tree = &mut head.cached.frontier;
        let appended = Appended {
            first_seq: tree.count(),
            count: records.len() as u64,
        };
        if tree.count() + appended.count >= 1 << SEQ_BITS {
            return Err(Fault::corrupt(
                "a tenant has more records than one store can number",
            ));
        }
        for record in records.drain(..) {
            // Both parts are below their bounds, checked above and in `new_head`.
            let place = (head.cached.tenant_id << SEQ_BITS) | tree.count() as i64;
            tree.push(record.hash);
            let sealed = record.sealed.as_ref().map_or(0, Vec::len);
            self.bytes += (record.leaf.len() + sealed + 200) as u64;
            self.records.push((place, record));
        }
        Ok(appended)
    }
}

/// Undo [`Insert::take`] for another attempt.
fn give_back(batch: &mut [Waiting], insert: Insert, answers: &Answers) {
    let mut records = insert.records.into_iter().map(|(_, record)| record);
    for (waiting, answer) in batch.iter_mut().zip(answers) {
        if let Ok(appended) = answer {
            let count = usize::try_from(appended.count).unwrap_or(usize::MAX);
            waiting
                .submission
                .records
                .extend(records.by_ref().take(count));
        }
    }
}

/// Insert all records, write the heads that grew, and commit: one round trip.
async fn finish(
    connection: &mut SqliteConnection,
    insert: Insert,
    heads: &OpenHeads,
) -> Result<(), Fault> {
    if insert.records.is_empty() {
        connection.execute("COMMIT").await?;
        return Ok(());
    }
    let grown: Vec<_> = heads
        .iter()
        .filter_map(|(tenant, head)| head.as_ref().ok().map(|head| (tenant, head)))
        .filter(|(_, head)| head.has_grown())
        .collect();
    let text = finish_text(insert.records.len(), grown.len());
    let mut arguments = SqliteArguments::default();
    arguments.reserve(insert.records.len() * RECORD_COLUMNS + grown.len() * 5, 0);
    for (place, record) in insert.records {
        bind_record(&mut arguments, place, record)?;
    }
    for (tenant, head) in grown {
        arguments.add(head.cached.tenant_id)?;
        arguments.add(tenant.as_str())?;
        arguments.add(head.cached.frontier.count() as i64)?;
        arguments.add(head.cached.root.to_vec())?;
        arguments.add(head.cached.frontier.to_bytes())?;
    }
    match sqlx::query_with(AssertSqlSafe(text), arguments)
        .execute(connection)
        .await
    {
        // Only places can collide: somebody else put records beyond the head.
        Err(error) if is_unique_violation(&error) => {
            Err(Fault::corrupt("there are records beyond a tenant's head"))
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

fn bind_record(arguments: &mut SqliteArguments, place: i64, record: Prepared) -> Result<(), Fault> {
    arguments.add(place)?;
    arguments.add(record.run)?;
    arguments.add(record.case)?;
    arguments.add(i32::from(record.stage.code()))?;
    arguments.add(changes::stored_ms(record.at_ms))?;
    arguments.add(record.leaf)?;
    arguments.add(record.hash.to_vec())?;
    arguments.add(record.sealed)?;
    Ok(())
}

fn finish_text(records: usize, heads: usize) -> String {
    const INTO: &str =
        "INSERT INTO records (place, run, case_id, stage, at_ms, leaf, hash, sealed) VALUES ";
    let mut text = String::with_capacity(512 + records * 18 + heads * 12);
    let mut rest = records;
    while rest > 0 {
        let rows = rest.min(INSERT_RECORDS_MAX);
        text.push_str(INTO);
        push_rows(&mut text, "(?,?,?,?,?,?,?,?)", rows);
        text.push(';');
        rest -= rows;
    }
    text.push_str("INSERT INTO tenants (tenant_id, tenant, count, root, frontier) VALUES ");
    push_rows(&mut text, "(?,?,?,?,?)", heads);
    text.push_str(
        " ON CONFLICT (tenant_id) DO UPDATE SET count = excluded.count, \
         root = excluded.root, frontier = excluded.frontier; COMMIT",
    );
    text
}

fn push_rows(text: &mut String, row: &str, rows: usize) {
    for index in 0..rows {
        if index > 0 {
            text.push(',');
        }
        text.push_str(row);
    }
}

/// Copies the WAL into the file beside the commit path: a commit that had to do
/// it would make everybody in it wait for tens of milliseconds.
#[derive(Default)]
struct Checkpointer {
    written: AtomicU64,
    frames_left: AtomicU64,
    due: Notify,
}

impl Checkpointer {
    fn wrote(&self, bytes: u64) {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes > CHECKPOINT_BYTES {
            self.written.store(0, Ordering::Relaxed);
            self.due.notify_one();
        }
    }

    fn is_behind(&self) -> bool {
        self.frames_left.swap(0, Ordering::Relaxed) > WAL_FRAMES_MAX
    }

    async fn run(self: Arc<Self>, place: Arc<Place>, options: SqliteOptions) {
        let mut connection = None;
        loop {
            self.due.notified().await;
            if connection.is_none() {
                connection = writer_connection(&place, &options).await.ok();
            }
            if let Some(open) = connection.as_mut()
                && let Err(error) = self.checkpoint(open).await
            {
                tracing::warn!(%error, "a checkpoint failed; it is tried again later");
                connection = None;
            }
        }
    }

    async fn checkpoint(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let row = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
            .fetch_one(connection)
            .await?;
        let frames: i64 = row.try_get(1)?;
        self.frames_left
            .store(frames.max(0) as u64, Ordering::Relaxed);
        Ok(())
    }
}
