//! The write-ahead log is copied into the file beside the commit path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, Row};
use tokio::sync::{Mutex, Notify};

use crate::sqlite::SqliteOptions;
use crate::sqlite::connect::{Place, writer_connection};

/// Written bytes after which the WAL is copied into the file.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// WAL frames (4 KiB) after which the writer itself copies the rest, because
/// under constant load a checkpoint beside it never quite catches up.
const WAL_FRAMES_MAX: u64 = 8_192;

/// How long an erasure waits for readers of an older state, and all who append
/// with it; and how long until it is tried again.
const EMPTYING_WAIT: Duration = Duration::from_millis(250);
const EMPTYING_PAUSE: Duration = Duration::from_secs(1);

/// Copies the WAL into the file beside the commit path: a commit that had to do
/// it would make everybody in it wait for tens of milliseconds.
#[derive(Default)]
pub(super) struct Checkpointer {
    written: AtomicU64,
    frames_left: AtomicU64,
    due: Notify,
    /// Erased bytes may still be in the WAL.
    erased: AtomicBool,
    /// One at a time: SQLite refuses a second one at once, however long it may
    /// wait for readers.
    running: Mutex<()>,
}

impl Checkpointer {
    pub(super) fn wrote(&self, bytes: u64) {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes > CHECKPOINT_BYTES {
            self.written.store(0, Ordering::Relaxed);
            self.due.notify_one();
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.frames_left.swap(0, Ordering::Relaxed) > WAL_FRAMES_MAX
    }

    pub(super) async fn run(self: Arc<Self>, place: Arc<Place>, options: SqliteOptions) {
        let mut connection = None;
        loop {
            self.due.notified().await;
            if connection.is_none() {
                let impatient = SqliteOptions {
                    busy_timeout: EMPTYING_WAIT,
                    ..options.clone()
                };
                connection = writer_connection(&place, &impatient).await.ok();
            }
            if let Some(open) = connection.as_mut()
                && let Err(error) = self.checkpoint(open).await
            {
                tracing::warn!(%error, "a checkpoint failed; it is tried again later");
                connection = None;
            }
            if self.erased.load(Ordering::SeqCst) {
                tokio::time::sleep(EMPTYING_PAUSE).await;
                self.due.notify_one();
            }
        }
    }

    /// Copy everything into the file and cut the WAL to nothing, so that bytes
    /// which were erased are in neither. Readers that are in the middle of an
    /// older state keep it from happening; it is tried again until it does.
    pub(super) async fn empty_the_wal(
        &self,
        connection: &mut SqliteConnection,
        busy_timeout: Duration,
    ) {
        self.erased.store(true, Ordering::SeqCst);
        self.try_to_empty(connection, busy_timeout).await;
        if self.erased.load(Ordering::SeqCst) {
            tracing::warn!(
                "erased bytes stay in the write-ahead log until nobody reads what is older"
            );
            self.due.notify_one();
        }
    }

    /// Do the same with what an earlier process left: it may have ended between
    /// erasing something and emptying the WAL. Where others use the file, it is
    /// their business.
    pub(super) async fn begin(&self, connection: &mut SqliteConnection, busy_timeout: Duration) {
        let again = self.erased.swap(true, Ordering::SeqCst);
        self.try_to_empty(connection, busy_timeout).await;
        self.erased.fetch_and(again, Ordering::SeqCst);
    }

    async fn try_to_empty(&self, connection: &mut SqliteConnection, busy_timeout: Duration) {
        let emptied = async {
            wait_at_most(connection, EMPTYING_WAIT.min(busy_timeout)).await?;
            self.checkpoint(connection).await?;
            wait_at_most(connection, busy_timeout).await
        };
        if let Err(error) = emptied.await {
            tracing::warn!(%error, "the write-ahead log could not be emptied");
        }
    }

    async fn checkpoint(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let _alone = self.running.lock().await;
        let empty = self.erased.load(Ordering::SeqCst);
        let pragma = if empty {
            "PRAGMA wal_checkpoint(TRUNCATE)"
        } else {
            "PRAGMA wal_checkpoint(PASSIVE)"
        };
        let row = sqlx::query(pragma).fetch_one(connection).await?;
        let (busy, frames): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        if empty && busy == 0 {
            self.erased.store(false, Ordering::SeqCst);
        }
        self.frames_left
            .store(frames.max(0) as u64, Ordering::Relaxed);
        Ok(())
    }
}

async fn wait_at_most(
    connection: &mut SqliteConnection,
    time: Duration,
) -> Result<(), sqlx::Error> {
    let pragma = format!("PRAGMA busy_timeout = {}", time.as_millis());
    connection.execute(AssertSqlSafe(pragma)).await.map(drop)
}
