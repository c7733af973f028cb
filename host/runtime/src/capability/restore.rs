//! Putting back what a write replaced. Every capability that writes has a
//! `Restore` operation; it passes the door like a guest's call, with its own
//! intent, prior value and outcome, and does nothing unless what is there is
//! still what the write left.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::door::Refusal;

/// One write to take back.
#[derive(Clone, Debug)]
pub struct Restoring {
    /// The destination, as in the manifest.
    pub destination: String,
    /// What was there before the write.
    pub before: Value,
    /// What the write left.
    pub written: Value,
}

impl Restoring {
    /// For record, rules and card.
    #[must_use]
    pub fn arguments(&self) -> Value {
        json!({ "before": self.before, "written": self.written })
    }
}

/// Why nothing was put back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestoreFailure {
    /// The host refused it.
    Refused(Refusal),
    /// Somebody changed it since: this is what is there now.
    Conflict(Value),
    /// The system's answer.
    Failed(String),
}

/// What became of one restore.
pub type Restored = Result<(), RestoreFailure>;
