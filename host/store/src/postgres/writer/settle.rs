//! Whether a commit happened whose answer never came.
//!
//! Each transaction sets its writer's row to its own number. After the connection
//! broke, that row is locked by another connection: this waits for the old
//! transaction if the server still works on it, and what the row says then is
//! final. (`pg_xact_status` would not do: after a crash the server may give the
//! number of a lost transaction to another one.)

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::{Instant, sleep, timeout_at};

use crate::StoreError;
use crate::postgres::connect::{Purpose, Server};
use crate::postgres::fault::Fault;

/// Between two attempts to reach the server.
const PAUSE: Duration = Duration::from_millis(50);

/// By what a writer's commits are recognised.
pub(super) struct Mark {
    writer: [u8; 16],
    commits: i64,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    NotKept,
    /// The server could not be asked in time.
    Unknown,
}

impl Mark {
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut writer = [0; 16];
        getrandom::fill(&mut writer)
            .map_err(|error| StoreError::Location(format!("no randomness: {error}")))?;
        Ok(Self { writer, commits: 0 })
    }

    pub(super) fn writer(&self) -> &[u8] {
        &self.writer
    }

    /// The number of the next transaction. One that fails leaves a gap.
    pub(super) fn next(&mut self) -> i64 {
        self.commits += 1;
        self.commits
    }

    /// Make the writer's row before any transaction needs it: a row that is only
    /// being inserted could not be waited for.
    pub(super) async fn introduce(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        let insert = "INSERT INTO writers (writer, commits, at_ms) VALUES ($1, 0, 0) \
                      ON CONFLICT DO NOTHING";
        let insert = sqlx::query(insert).bind(self.writer.as_slice());
        insert.execute(connection).await?;
        Ok(())
    }

    async fn is_kept(&self, server: &Server) -> Result<bool, Fault> {
        let mut connection = server.connect(Purpose::Writing).await?;
        let last = "SELECT commits FROM writers WHERE writer = $1 FOR UPDATE";
        let last = sqlx::query_scalar(last).bind(self.writer.as_slice());
        let last: Option<i64> = last.fetch_optional(&mut connection).await?;
        let last = last.ok_or_else(|| Fault::corrupt("a writer's row vanished"))?;
        Ok(last >= self.commits)
    }
}

/// Ask until the server answers, or `settle_within` has passed.
pub(super) async fn settle(server: &Server, mark: &Mark) -> Fate {
    let until = Instant::now() + server.options().settle_within;
    loop {
        match timeout_at(until, mark.is_kept(server)).await {
            Ok(Ok(true)) => return Fate::Kept,
            Ok(Ok(false)) => return Fate::NotKept,
            Ok(Err(error)) if Instant::now() + PAUSE < until => {
                tracing::debug!(?error, "whether a commit was kept could not be asked yet");
                sleep(PAUSE).await;
            }
            _ => return Fate::Unknown,
        }
    }
}
