//! Kills Tollgate at every step, starts it again, and counts what really
//! happened.
//!
//! | room | what is there |
//! |---|---|
//! | `counter` | a ledger outside of the host: each real effect is one line of a file |
//! | `effects` | the capability that writes to it, added to the host by its extension point |
//! | `points` | every point at which a process is stopped, in one list |
//! | `job` | what one process is told to do |
//! | `life` | that process: it recovers, goes through its script, settles, reports |
//! | `stage` | homes, ledgers and processes of a test |
//! | `judge` | the promises, held against the ledger |
//! | `arrivals` | the same for what is delivered |
//! | `later` | a clock that can be put forward |
//! | `scenes` | what is killed at every point |
//! | `random` | schedules drawn from a seed |
//!
//! The process is the program `crash-host`. It kills itself with SIGKILL at a
//! named point, so that nothing in it can tidy up first.

pub mod arrivals;
pub mod counter;
pub mod effects;
pub mod job;
pub mod judge;
pub mod later;
pub mod life;
pub mod points;
pub mod random;
pub mod scenes;
pub mod stage;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Work on all of them, on two threads: processes wait for the disk more than
/// they compute. The answers are in no particular order.
///
/// # Panics
/// When one of them does.
pub fn work<T: Send, R: Send>(of: Vec<T>, one: impl Fn(T) -> R + Sync) -> Vec<R> {
    let count = of.len();
    let queue: Vec<Mutex<Option<T>>> = of.into_iter().map(|item| Mutex::new(Some(item))).collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(count)));
    let take = || {
        let item = queue.get(next.fetch_add(1, Ordering::SeqCst))?;
        item.lock().ok()?.take()
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(item) = take() {
                    let answer = one(item);
                    if let Ok(mut done) = done.lock() {
                        done.push(answer);
                    }
                }
            });
        }
    });
    done.into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Processes at a time.
const THREADS: usize = 2;

/// Shown when a test fails, and with `--nocapture`.
#[expect(clippy::print_stderr, reason = "what a test met is worth reading")]
pub fn say(text: &str) {
    eprintln!("{text}");
}
