//! Workflows and the cases in them.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

use crate::StoreError;

/// An installed workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRow {
    /// Whose workflow.
    pub tenant: Tenant,
    /// Its name.
    pub name: String,
    /// The file as the operator wrote it.
    pub text: String,
    /// When it was installed or replaced, Unix milliseconds.
    pub installed_ms: u64,
}

states! {
    /// Where a case stands.
    CaseState {
        /// Its work is going on.
        Open = "open",
        /// It was said to be done.
        Completed = "completed",
        /// It was given up: what it tried did not work.
        Failed = "failed",
        /// A stop condition, or somebody in it, handed it to the failure queue.
        Escalated = "escalated",
        /// A rule or a person said no to all of it.
        Denied = "denied",
        /// Its time passed.
        Expired = "expired",
        /// What it did was taken back.
        Undone = "undone",
    }
}

/// One hand-off of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Whose case.
    pub tenant: Tenant,
    /// Its name.
    pub case: String,
    /// Its workflow.
    pub workflow: String,
    /// Where it stands.
    pub state: CaseState,
    /// Who opened it.
    pub opened_by: String,
    /// What opened it: `person`, `agent`, `trigger:<name>`.
    pub started_by: String,
    /// Whether it was opened for one call alone, and ends with it.
    pub single: bool,
    /// When it was opened, Unix milliseconds.
    pub opened_ms: u64,
    /// When it ends as expired, Unix milliseconds.
    pub due_ms: u64,
    /// When it ended, Unix milliseconds.
    pub closed_ms: Option<u64>,
    /// How many runs it had.
    pub runs: u64,
    /// How many of them were done.
    pub done: u64,
    /// How many of them failed.
    pub failures: u64,
    /// How many of them were denied.
    pub denials: u64,
    /// Most runs that it may have.
    pub runs_max: u64,
    /// At so many failed runs it is stopped.
    pub failures_max: u64,
    /// At so many denied runs it is stopped.
    pub denials_max: u64,
}

impl CaseRow {
    /// Whether a stop condition of it is met.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        self.failures >= self.failures_max || self.denials >= self.denials_max
    }
}

/// Which cases to list. Everything given must hold.
#[derive(Debug, Clone, Default)]
pub struct CaseFilter {
    /// In this state.
    pub state: Option<CaseState>,
    /// Of this workflow.
    pub workflow: Option<String>,
}

/// What one run adds to its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaseRun {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// A rule or a person said no to it.
    Denied,
}
