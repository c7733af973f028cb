//! The machine's clock, put forward: a claim of a dead process lapses after two
//! minutes, and no test waits for that. How far it is ahead stands in a file, so that
//! time goes on where the life before was killed.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_runtime::Clock;
use tollgate_store::SystemClock;

/// The clock.
#[derive(Debug)]
pub struct Later {
    file: PathBuf,
    ahead_ms: AtomicU64,
}

impl Later {
    /// As far ahead as this file says; not at all where there is none.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn new(file: PathBuf) -> io::Result<Self> {
        let ahead_ms = match std::fs::read_to_string(&file) {
            Ok(text) => text.parse().map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self {
            file,
            ahead_ms: AtomicU64::new(ahead_ms),
        })
    }

    /// Put it forward.
    ///
    /// # Errors
    /// When that cannot be kept for the next life.
    pub fn forward(&self, ms: u64) -> io::Result<()> {
        let ahead = self.ahead_ms.load(Ordering::SeqCst) + ms;
        let part = self.file.with_extension("part");
        std::fs::write(&part, ahead.to_string())?;
        // A life that is killed in between leaves the one or the other.
        std::fs::rename(part, &self.file)?;
        self.ahead_ms.store(ahead, Ordering::SeqCst);
        Ok(())
    }
}

impl Clock for Later {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.ahead_ms.load(Ordering::SeqCst)
    }
}
