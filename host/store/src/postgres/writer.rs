//! The writer tasks. Each takes everything that waits for it and commits it in
//! one transaction, so that under load the cost of a durable commit is divided
//! among all who wait for it. A transaction is
//!
//! 1. `BEGIN`; the heads of the tenants involved, locked in the order of their
//!    numbers, with the time;
//! 2. each submission's changes, if it has any;
//! 3. one statement with all records, the new heads, what others are told, and
//!    the mark by which this commit can be recognised;
//! 4. `COMMIT`.
//!
//! Whoever holds a tenant's head is the only one who changes anything of that
//! tenant, in all hosts; a lease alone may change beside it.

mod heads;
mod insert;
mod settle;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::sync::{mpsc, oneshot};

use self::heads::{CachedHead, OpenHeads};
use self::insert::Insert;
use self::settle::{Fate, Mark};
use super::changes::{self, Applying, Leases, Refused};
use super::connect::{Purpose, Server, lost};
use super::erasing::Scans;
use super::events::Events;
use super::fault::Fault;
use crate::batching::{
    HEADS_KEPT, TRANSACTION_BYTES_MAX, TRANSACTION_RECORDS_MAX, let_others_come,
};
use crate::places::stored_ms;
use crate::{Appended, StoreError, Submission};

/// Most changes of one transaction: each is a round trip.
const TRANSACTION_CHANGES_MAX: usize = 512;

/// Beyond this nothing is heard from the server any more: the network is gone,
/// since each statement has its own, shorter, limit.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(90);
const COMMIT_WITHIN: Duration = Duration::from_secs(30);

/// What waits for the writer.
pub(super) enum Job {
    Write {
        submission: Submission,
        scans: Scans,
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
    scans: Scans,
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

/// What is true once the commit is.
struct Prepared {
    answers: Answers,
    heads: OpenHeads,
}

pub(super) struct Writer {
    server: Arc<Server>,
    events: Events,
    queue: mpsc::Receiver<Job>,
    connection: Option<PgConnection>,
    heads: HashMap<String, CachedHead>,
    mark: Mark,
    closing: Vec<oneshot::Sender<()>>,
    /// Submissions of the last transaction.
    last_batch: usize,
}

impl Writer {
    pub(super) fn new(
        server: Arc<Server>,
        events: Events,
        queue: mpsc::Receiver<Job>,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            server,
            events,
            queue,
            connection: None,
            heads: HashMap::new(),
            mark: Mark::new()?,
            closing: Vec::new(),
            last_batch: 0,
        })
    }

    pub(super) async fn run(mut self) {
        while let Some(job) = self.queue.recv().await {
            let_others_come(&self.queue, self.last_batch).await;
            let batch = self.collect(job);
            self.last_batch = batch.len();
            if !batch.is_empty() {
                self.commit(batch).await;
            }
        }
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
        let (mut records, mut bytes, mut changes) = (0, 0, 0);
        let mut next = Some(first);
        while let Some(job) = next.take() {
            match job {
                // Nobody waits for the answer any more, so nobody would act on
                // it: an intent written now would only be in doubt later.
                Job::Write { answer, .. } if answer.is_closed() => {}
                Job::Write {
                    submission,
                    scans,
                    bytes: more,
                    answer,
                } => {
                    records += submission.records.len();
                    changes += submission.changes.len();
                    bytes += more;
                    batch.push(Waiting {
                        submission,
                        scans,
                        answer,
                    });
                }
                Job::Close { answer } => {
                    self.closing.push(answer);
                    self.queue.close();
                }
            }
            if records >= TRANSACTION_RECORDS_MAX
                || bytes >= TRANSACTION_BYTES_MAX
                || changes >= TRANSACTION_CHANGES_MAX
            {
                break;
            }
            next = self.queue.try_recv().ok();
        }
        batch
    }

    async fn commit(&mut self, batch: Vec<Waiting>) {
        match self.persist(&batch).await {
            Ok(answers) => self.answer(batch, answers),
            // One text that the database cannot hold must not take the records of
            // everybody in its transaction with it: each stands for itself.
            Err(fault) if batch.len() > 1 && fault.is_about_content() => {
                for waiting in batch {
                    let alone = [waiting];
                    let answered = self.persist(&alone).await;
                    let answers = answered.unwrap_or_else(|fault| self.failed(1, fault));
                    self.answer(alone, answers);
                }
            }
            Err(fault) => {
                let answers = self.failed(batch.len(), fault);
                self.answer(batch, answers);
            }
        }
    }

    fn failed(&self, submissions: usize, fault: Fault) -> Answers {
        let error = fault.at(&self.server);
        tracing::error!(%error, submissions, "a transaction failed");
        vec![Err(error); submissions]
    }

    fn answer(&self, batch: impl IntoIterator<Item = Waiting>, answers: Answers) {
        for (waiting, answer) in batch.into_iter().zip(answers) {
            if answer.is_ok() {
                self.events.tell_here(&waiting.submission);
            }
            waiting.answer.send(answer).ok();
        }
    }

    /// Commit, trying once more where the same again may succeed: after a
    /// deadlock, and on a fresh connection when the one at hand turns out broken
    /// before its commit began.
    async fn persist(&mut self, batch: &[Waiting]) -> Result<Answers, Fault> {
        let (mut savepoints, mut tried_again) = (false, false);
        loop {
            let reused = self.connection.is_some();
            match self.attempt(batch, savepoints).await {
                Ok(Attempt::Committed(answers)) => return Ok(answers),
                Ok(Attempt::Again) if !savepoints => savepoints = true,
                Ok(Attempt::Again) => return Err(StoreError::Closed.into()),
                Err(fault) => {
                    self.heads.clear();
                    let again = fault.is_conflict() || (fault.is_lost() && reused);
                    if fault.is_lost() {
                        self.server.broke();
                        self.connection = None;
                    } else if let Some(connection) = self.connection.as_mut()
                        && connection.execute("ROLLBACK").await.is_err()
                    {
                        self.connection = None;
                    }
                    if !again || tried_again {
                        return Err(fault);
                    }
                    tried_again = true;
                }
            }
        }
    }

    async fn attempt(&mut self, batch: &[Waiting], savepoints: bool) -> Result<Attempt, Fault> {
        if self.heads.len() > HEADS_KEPT {
            self.heads.clear();
        }
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let mut fresh = self.server.connect(Purpose::Writing).await?;
                self.mark.introduce(&mut fresh).await?;
                fresh
            }
        };
        fail::fail_point!("store::before_begin");
        let preparing = self.prepare(&mut connection, batch, savepoints);
        let prepared = match tokio::time::timeout(ATTEMPT_WITHIN, preparing).await {
            // Its transaction was not committed and never will be: the server
            // ends it with the connection.
            Err(_) => return Err(lost("the server does not answer any more")),
            Ok(prepared) => prepared,
        };
        let prepared = match prepared {
            Ok(Some(prepared)) => prepared,
            Ok(None) => {
                connection.execute("ROLLBACK").await?;
                self.connection = Some(connection);
                return Ok(Attempt::Again);
            }
            Err(fault) => {
                self.connection = Some(connection);
                return Err(fault);
            }
        };
        fail::fail_point!("store::before_commit");
        self.finish(connection, prepared).await
    }

    /// Everything of a transaction but its end. `None`: a submission was refused
    /// after some of its changes were made.
    async fn prepare(
        &mut self,
        connection: &mut PgConnection,
        batch: &[Waiting],
        savepoints: bool,
    ) -> Result<Option<Prepared>, Fault> {
        let (mut heads, now) = heads::begin(connection, batch, &self.heads).await?;
        let now = self.server.given_ms().unwrap_or(now);
        let mut leases =
            Leases::of(connection, batch.iter().map(|w| &w.submission), &heads).await?;
        let mut answers = Answers::with_capacity(batch.len());
        let mut insert = Insert::default();
        let mut told = Vec::new();
        for Waiting {
            submission, scans, ..
        } in batch
        {
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
                now,
                count: stored_ms(head.count_with(submission.records.len())),
                leases: &mut leases,
                scans,
            };
            match changes::apply(applying, submission, savepoints).await? {
                Ok(()) => {
                    answers.push(Ok(insert.take(head, &submission.records)?));
                    self.events.to_tell(submission, &mut told);
                }
                Err(Refused { partly: true, .. }) => return Ok(None),
                Err(Refused { why, .. }) => answers.push(Err(why.into())),
            }
        }
        insert
            .write(connection, &mut heads, &told, &mut self.mark, now)
            .await?;
        Ok(Some(Prepared { answers, heads }))
    }

    /// Commit. A connection that breaks here leaves open whether it happened;
    /// a wrong "no" would have a caller record, and do, something twice.
    async fn finish(
        &mut self,
        mut connection: PgConnection,
        prepared: Prepared,
    ) -> Result<Attempt, Fault> {
        // The wait for the disk, or for a standby, has no limit of its own: to
        // give up in the middle of it would leave open what is true.
        let committing = connection.execute("SET LOCAL statement_timeout = 0; COMMIT");
        let fault = match tokio::time::timeout(COMMIT_WITHIN, committing).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(Fault::from(error)),
            Err(_) => Some(lost("the server does not answer a commit")),
        };
        match fault {
            None => self.connection = Some(connection),
            Some(fault) if fault.is_lost() => {
                drop(connection);
                self.server.broke();
                tracing::warn!(error = ?fault, "the connection broke during a commit");
                match settle::settle(&self.server, &self.mark).await {
                    Fate::Kept => {}
                    Fate::NotKept => return Err(fault),
                    Fate::Unknown => {
                        let path = self.server.path();
                        return Err(StoreError::Unsettled { path }.into());
                    }
                }
            }
            // The server says itself that it did not commit.
            Some(fault) => {
                self.connection = Some(connection);
                return Err(fault);
            }
        }
        fail::fail_point!("store::after_commit");
        for (tenant, head) in prepared.heads {
            if let Ok(head) = head {
                self.heads.insert(tenant, head.into_cached());
            }
        }
        Ok(Attempt::Committed(prepared.answers))
    }
}
