//! The journal as people read it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunState;

/// One record of the journal, opened for a reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// Place in the tenant's journal, from 0.
    pub seq: u64,
    /// When, RFC 3339.
    pub at: String,
    /// What kind of record, for example `call.intent`.
    pub stage: String,
    /// The hand-off.
    pub case: String,
    /// The run, where the record belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Who acted.
    pub principal: String,
    /// Position of the import call in its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// The public facts of the record.
    pub facts: Value,
    /// The workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// The sealed values, opened with the host's keys.
    pub values: Value,
    /// Names of values that were erased, or pruned by the retention rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased: Vec<String>,
    /// How the record's run is linked to the one that was asked for, where it is
    /// another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LogLink>,
}

/// How a run is linked to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLink {
    /// It takes the other one back, or tried to.
    Undoes,
    /// The other one takes it back, or tried to.
    UndoneBy,
}

/// Which records to read. Empty fields do not filter, all others must hold.
///
/// `tool`, `outcome`, `workflow` and `principal` select runs, whose records are
/// then given whole; a time then means when the run ended, or for one that has
/// not, when it last changed. Without any of these, records are found by
/// themselves.
///
/// What is found at once: a run, a case that a caller named, ended runs by
/// `connector.tool`, workflow, or an outcome other than done, runs that wait. What
/// is looked for: records by stage or time, runs by principal or by a connector
/// alone. A look goes through so many, and the page's `next` goes on from there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LogFilter {
    /// Only this run.
    pub run: Option<String>,
    /// With `run`: also the run that it takes back, and those that take it back.
    pub linked: bool,
    /// Only this hand-off.
    pub case: Option<String>,
    /// Only runs of this tool: `connector.tool`, or `connector` for all of its.
    pub tool: Option<String>,
    /// Only runs that stand so.
    pub outcome: Option<RunState>,
    /// Only runs of this workflow.
    pub workflow: Option<String>,
    /// Only runs that this principal asked for.
    pub principal: Option<String>,
    /// Only records of this stage, e.g. `call.intent`.
    pub stage: Option<String>,
    /// At or after this, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Before this, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only records after this place, oldest first. Not together with what
    /// selects runs: those come newest first.
    pub after: Option<u64>,
    /// Go backwards from this place: a record's, or that of a run's end.
    pub before: Option<u64>,
    /// Go backwards from the newest.
    pub newest: bool,
    /// About so many records: runs are never cut, and those that have not ended
    /// are all on the first page.
    pub limit: Option<u32>,
}

impl LogFilter {
    /// Whether runs are selected, and not single records.
    #[must_use]
    pub fn selects_runs(&self) -> bool {
        self.tool.is_some()
            || self.outcome.is_some()
            || self.workflow.is_some()
            || self.principal.is_some()
    }
}

/// Some records, in the order of their places, or run by run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogPage {
    /// The records.
    pub lines: Vec<LogLine>,
    /// Where to go on, where there may be more.
    pub next: Option<LogPlace>,
}

/// Where a page goes on: the field of the filter to set, beside all others as
/// they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogPlace {
    /// Newer ones.
    After(u64),
    /// Older ones.
    Before(u64),
}
