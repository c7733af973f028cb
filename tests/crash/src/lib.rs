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
//! | `random` | schedules drawn from a seed |
//!
//! The process is the program `crash-host`. It kills itself with SIGKILL at a
//! named point, so that nothing in it can tidy up first.

pub mod counter;
pub mod effects;
pub mod job;
pub mod judge;
pub mod life;
pub mod points;
pub mod random;
pub mod stage;
