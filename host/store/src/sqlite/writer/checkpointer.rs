//! The write-ahead log is copied into the file beside the commit path.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::Notify;

use crate::sqlite::SqliteOptions;
use crate::sqlite::connect::{Place, writer_connection};

/// Written bytes after which the WAL is copied into the file.
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// WAL frames (4 KiB) after which the writer itself copies the rest, because
/// under constant load a checkpoint beside it never quite catches up.
const WAL_FRAMES_MAX: u64 = 8_192;

/// Copies the WAL into the file beside the commit path: a commit that had to do
/// it would make everybody in it wait for tens of milliseconds.
#[derive(Default)]
pub(super) struct Checkpointer {
    written: AtomicU64,
    frames_left: AtomicU64,
    due: Notify,
    /// Erased bytes may still be in the WAL.
    erased: AtomicBool,
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

    /// Copy everything into the file and cut the WAL to nothing, so that bytes
    /// which were erased are in neither. Readers that are in the middle of an
    /// older state may keep it from happening for as long as the busy time-out;
    /// then it is tried again with every later checkpoint.
    pub(super) async fn empty_the_wal(&self, connection: &mut SqliteConnection) {
        self.erased.store(true, Ordering::SeqCst);
        if let Err(error) = self.checkpoint(connection).await {
            tracing::warn!(%error, "erased bytes stay in the write-ahead log until a later checkpoint");
        }
        if self.erased.load(Ordering::SeqCst) {
            self.due.notify_one();
        }
    }

    async fn checkpoint(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
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
