//! How writers share transactions: the bounds of one, and letting others come.

use tokio::sync::mpsc;

/// Most records of one transaction, and most bytes: whoever comes next waits for
/// at most this much, some tens of milliseconds.
pub(crate) const TRANSACTION_RECORDS_MAX: usize = 4_096;
pub(crate) const TRANSACTION_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Heads kept in memory; beyond, all are forgotten and read again when needed.
pub(crate) const HEADS_KEPT: usize = 16_384;

/// Turns that other tasks get before a transaction that fewer wait for than for
/// the last one. With nothing else to do these are microseconds.
const TURNS_MAX: u32 = 32;

/// Those whom the last commit answered are about to come again. The first of
/// them alone would take a transaction, and a wait for the disk, for itself;
/// so they get their turn first. Whoever is alone does not wait.
pub(crate) async fn let_others_come<J>(queue: &mpsc::Receiver<J>, last_batch: usize) {
    let expected = last_batch * 3 / 4;
    for _ in 0..TURNS_MAX {
        if queue.len() + 1 >= expected {
            break;
        }
        tokio::task::yield_now().await;
    }
}
