//! What taking a run back came to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunReport;

/// One step of taking a run back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndoStep {
    /// Position of the call in the run that is taken back, or nothing where
    /// the connector's inverse takes back the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What would be done, or was done.
    pub action: String,
    /// `planned`, `undone`, `conflict`, `irreversible` or `not_needed`.
    pub outcome: String,
    /// The three values of a conflict: before the run, as the run left it, now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
}

/// Why a value was not put back: somebody changed it since.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Conflict {
    /// What it was before the run.
    pub before: Value,
    /// What the run left.
    pub written: Value,
    /// What is there now.
    pub now: Value,
}

/// What became of an undo.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UndoReport {
    /// The run to take back.
    pub run: String,
    /// The run that takes it back, where one was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_run: Option<RunReport>,
    /// `planned`, `undone`, `conflict`, `irreversible`, `held` or `nothing`.
    pub outcome: String,
    /// Step by step, in the order they are done.
    pub steps: Vec<UndoStep>,
}
