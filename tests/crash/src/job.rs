//! What one process is told to do, and what it answers. Both are files, so that
//! a process that is killed leaves no half an answer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use tollgate_runtime::{Card, LogLine, QueueItem, RunReport, Tenant, VerifyReport};

use crate::counter::{LOST, Line, UNSENT};
use crate::points::Strike;

/// The tenant of every test.
#[must_use]
pub fn tenant() -> Tenant {
    Tenant::default()
}

/// One life of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The host's folder.
    pub home: PathBuf,
    /// The database that hosts share, where it is not the file in the folder.
    pub database: Option<String>,
    /// The ledger.
    pub ledger: PathBuf,
    /// Where the answer goes.
    pub answer: PathBuf,
    /// How long a lease lasts, milliseconds.
    pub lease_ms: u64,
    /// How it ends, where it does not end by itself.
    pub strike: Option<Strike>,
    /// What is done beside each other.
    pub schedules: Vec<Schedule>,
    /// Names of those that this process goes through; the others it knows, and
    /// settles.
    pub performs: Vec<String>,
    /// Whether an operation declares a recovery that its system does not have, so
    /// that a test sees the judge find it.
    pub lies: bool,
}

/// What callers and people do, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its hand-off.
    pub name: String,
    /// Step by step.
    pub actions: Vec<Action>,
    /// Whether the callers ask again after a crash, with the same request keys.
    pub asks_again: bool,
    /// What people say to what is held, in the end.
    pub cards: Cards,
    /// What people do with calls in doubt, in the end.
    pub doubts: Doubts,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An agent calls a tool with these steps.
    Call(Tool, Vec<Step>),
    /// A person approves what is held of the call at this place of the schedule.
    Approve(usize),
    /// A person denies it.
    Deny(usize),
    /// The agent takes that call back.
    Undo(usize),
}

/// A tool of the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tool {
    /// Goes on without a person.
    Make,
    /// Each write waits for a person.
    Ask,
    /// Reads only.
    Look,
    /// Like `make`, and fails in the end: an item is filed, and delivered.
    Fail,
}

/// One call of the guest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// `read`, `idempotent`, `readable`, `conditional`, `blind` or `note`.
    pub kind: String,
    /// The entry.
    pub key: String,
    /// What it becomes.
    pub value: String,
}

/// What people say to what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cards {
    /// Yes.
    Approve,
    /// No.
    Deny,
    /// Nothing.
    Leave,
}

/// What people do with calls in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubts {
    /// They look at the ledger, and say what is true.
    Settle,
    /// Nothing.
    Leave,
}

/// What a process found when everything had come to rest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// How often each point was reached.
    pub hits: BTreeMap<String, u32>,
    /// Every run of the tenant.
    pub runs: Vec<RunReport>,
    /// The tenant's journal.
    pub log: Vec<LogLine>,
    /// Cards that wait.
    pub cards: Vec<Card>,
    /// Items that wait, and those that were resolved.
    pub queue: Vec<QueueItem>,
    /// Whether the journal held when this life began.
    pub found: VerifyReport,
    /// Whether the journal holds.
    pub verify: VerifyReport,
    /// What really happened.
    pub lines: Vec<Line>,
    /// What did not come to rest in time.
    pub stuck: Vec<String>,
    /// What callers and people were told that was no answer.
    pub told: Vec<String>,
}

impl Tool {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Ask => "ask",
            Self::Look => "look",
            Self::Fail => "fail",
        }
    }
}

impl Step {
    /// A step of this kind on an entry.
    #[must_use]
    pub fn new(kind: &str, key: &str, value: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    /// The same, with the ledger's answer lost.
    #[must_use]
    pub fn lost(kind: &str, key: &str) -> Self {
        Self::new(kind, key, LOST)
    }

    /// The same, with the request lost on its way.
    #[must_use]
    pub fn unsent(kind: &str, key: &str) -> Self {
        Self::new(kind, key, UNSENT)
    }
}

/// The input of a tool.
#[must_use]
pub fn input(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}
