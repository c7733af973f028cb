//! Every point at which a process is stopped. A test compares this list with the
//! sources, and fails when one is never reached.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Signal, getpid, kill_process};
use serde::{Deserialize, Serialize};

/// In the order of a call's walk; `effect` are those of this crate's capability,
/// around the effect itself.
pub const ALL: [&str; 29] = [
    "store::before_begin",
    "store::before_commit",
    "store::after_commit",
    "door::before_intent",
    "door::after_intent",
    "door::before_send",
    "effect::before",
    "effect::after",
    "door::after_send",
    "door::after_outcome",
    "door::before_hold",
    "door::after_hold",
    "run::before_close",
    "run::after_close",
    "decide::before",
    "decide::after",
    "resume::claimed",
    "recover::before_mark",
    "recover::after_mark",
    "recover::after_look",
    "recover::before_resend",
    "queue::before_resolve",
    "queue::after_resolve",
    "queue::claimed",
    "queue::sent",
    "queue::before_settle",
    "queue::after_settle",
    "undo::before_step",
    "undo::after_step",
];

/// Those that are reached where something is delivered.
pub const DELIVERING: [&str; 4] = [
    "queue::claimed",
    "queue::sent",
    "queue::before_settle",
    "queue::after_settle",
];

/// What happens to a process at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blow {
    /// SIGKILL: it is gone.
    Kill,
    /// SIGSTOP: it stands still until somebody wakes it.
    Stop,
}

/// When a process is struck.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// At which point.
    pub point: String,
    /// The how-manieth time it is reached, from 1.
    pub hit: u32,
    /// How.
    pub blow: Blow,
}

/// How often each point was reached in this process.
#[derive(Clone, Debug, Default)]
pub struct Hits(Arc<Mutex<BTreeMap<String, u32>>>);

impl Hits {
    /// Count every point, and strike at one of them.
    ///
    /// # Errors
    /// When the points cannot be set.
    pub fn watch(strike: Option<Strike>) -> Result<Self, String> {
        let hits = Self::default();
        for point in ALL {
            let strike = strike.clone().filter(|strike| strike.point == point);
            let all = hits.clone();
            let mine = AtomicU32::new(0);
            fail::cfg_callback(point, move || {
                let now = mine.fetch_add(1, Ordering::SeqCst) + 1;
                all.count(point);
                if let Some(strike) = strike.as_ref().filter(|strike| strike.hit == now) {
                    blow(strike.blow);
                }
            })?;
        }
        Ok(hits)
    }

    fn count(&self, point: &str) {
        let mut hits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *hits.entry(point.to_owned()).or_default() += 1;
    }

    /// So far.
    #[must_use]
    pub fn so_far(&self) -> BTreeMap<String, u32> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Strike this very process.
fn blow(blow: Blow) {
    let signal = match blow {
        Blow::Kill => Signal::KILL,
        Blow::Stop => Signal::STOP,
    };
    if kill_process(getpid(), signal).is_err() || blow == Blow::Kill {
        // A kill does not come back; this is no kill, and a test says so.
        std::process::abort();
    }
    // The signal may reach another thread first. This one must not go a step
    // further before whoever wakes the process has said so.
    let _ = std::io::stdin().read(&mut [0]);
}
