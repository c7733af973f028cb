//! The types that cross the edge of this crate: what a face (MCP, REST, page,
//! command line) hands in and gets back. They are plain data, serialisable, and
//! hold no credential, so that a face can show them as they are.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_policy::Effect;

/// Who acts, as the host established from a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Customer, account or business unit; everything this principal sees and
    /// does is inside it.
    pub tenant: String,
    /// Unique within the tenant.
    pub name: String,
    /// What may be done with its credential.
    pub kind: PrincipalKind,
    /// Groups an approval may name as `group:…`.
    pub groups: Vec<String>,
}

/// What a principal is, which decides what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// Calls tools. Never decides.
    Agent,
    /// Calls tools and decides on held calls of others.
    Person,
    /// A program of the operator's that calls tools. Never decides.
    Service,
}

/// An agent's request to call one tool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool within it.
    pub tool: String,
    /// Input, an object that fits the tool's schema.
    #[serde(default)]
    pub input: Value,
    /// The hand-off this belongs to. Without one, a case is opened for this
    /// call alone.
    #[serde(default)]
    pub case: Option<String>,
    /// The workflow the case belongs to.
    #[serde(default)]
    pub workflow: Option<String>,
    /// What started the hand-off, for the record. The caller's words.
    #[serde(default)]
    pub trigger: Option<String>,
    /// Why the caller makes this call, for the record. The caller's words,
    /// marked unverified wherever they are shown.
    #[serde(default)]
    pub reason: Option<String>,
    /// The caller's own key for this request: a second call with the same key
    /// returns the first one's run while that is open, held or in doubt, and for
    /// 24 hours after its end. A run that only read is made again.
    #[serde(default)]
    pub request_key: Option<String>,
    /// Whom the data is about, by the caller's own identifier: everything of this
    /// call is sealed under that subject's key, and erased with it. In the journal
    /// stands a keyed hash. Without one, the key is the case's or the day's.
    #[serde(default)]
    pub subject: Option<String>,
}

/// One tool of an installed connector.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToolInfo {
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool within it.
    pub name: String,
    /// A short name for people.
    pub title: String,
    /// The connector's own description.
    pub description: String,
    /// JSON Schema of the input.
    pub input_schema: Value,
    /// JSON Schema of the output.
    pub output_schema: Value,
    /// The highest class of effect the tool may have.
    pub effect: Effect,
    /// Whether a completed call can be taken back.
    pub undoable: bool,
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Being executed now.
    Open,
    /// Waits for a person's decision. No instance is kept.
    Held,
    /// A call's intent is recorded and its outcome is not known. A person
    /// decides; nothing is sent again.
    InDoubt,
    /// Completed with an output.
    Done,
    /// Ended with an error.
    Failed,
    /// Ended because a rule or a person said no.
    Denied,
    /// Completed, and later taken back.
    Undone,
}

impl RunState {
    /// The name used in records, tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Held => "held",
            Self::InDoubt => "in_doubt",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Undone => "undone",
        }
    }
}

/// What became of a tool call so far. The same for a new call and for a look
/// at an older one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunReport {
    /// This tool call's name in the journal.
    pub run: String,
    /// The hand-off it belongs to.
    pub case: String,
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool.
    pub tool: String,
    /// Who called it.
    pub principal: String,
    /// How far it has come.
    pub state: RunState,
    /// The tool's output, once done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// Why there is none, once failed or denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it waits for, while held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// Why a tool call gave no output, in a form an agent can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Stable, machine-readable: `invalid_input`, `not_found`, `conflict`,
    /// `denied`, `rejected`, `limited`, `unavailable`, `in_doubt`, `diverged`,
    /// `connector_fault`, `erased`, `failed`.
    pub kind: String,
    /// What happened, to what.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// JSON Pointer to the input value at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// What a held run waits for. Carries no credential: knowing it lets nobody
/// decide.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// Name of the approval.
    pub approval: String,
    /// Who may decide, as the manifest says it.
    pub approvers: Vec<String>,
    /// When the time to decide ends, RFC 3339.
    pub decide_by: String,
    /// One line, rendered by the host, of what would happen.
    pub title: String,
}

/// What an approver decides on. Everything but `agent_*` and `input` text is
/// established by the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    /// Name of the approval.
    pub approval: String,
    /// `pending`, `approved`, `denied`, `expired`, `void` or `used`.
    pub state: String,
    /// The run that waits.
    pub run: String,
    /// The hand-off it belongs to.
    pub case: String,
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool.
    pub tool: String,
    /// One line rendered by the host from the manifest's template.
    pub title: String,
    /// The import call that waits, for example `sql.execute`.
    pub call: String,
    /// Where it goes, as the manifest names it.
    pub destination: String,
    /// Its class.
    pub effect: Effect,
    /// The tool's input, as it will be executed.
    pub input: Value,
    /// The import call's arguments, as they will be sent.
    pub arguments: Value,
    /// What is there now, where the host could look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prior: Option<Value>,
    /// Who asked. Never one of those who may decide.
    pub requester: String,
    /// The agent's words. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_reason: Option<String>,
    /// What started the hand-off, in the caller's words. Unverified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_trigger: Option<String>,
    /// The rule that held it.
    pub rule: String,
    /// The rule's reason, from the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_reason: Option<String>,
    /// Who may decide, as the manifest says it.
    pub approvers: Vec<String>,
    /// When the time to decide ends, RFC 3339.
    pub decide_by: String,
    /// How long an approval stays good once given, in seconds.
    pub execute_within_s: u64,
    /// What the decision is bound to.
    pub digest: String,
    /// Who decided, once decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why it was denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial_reason: Option<String>,
}

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

/// The result of re-executing a recorded run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The run.
    pub run: String,
    /// Whether every call, its fuel and the result were repeated.
    pub identical: bool,
    /// How many recorded calls were answered.
    pub calls: u32,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// What became of one run of a replay of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "replayed")]
pub enum Replayed {
    /// Every call, its fuel and the result were repeated.
    Identical {
        /// How many recorded calls were answered.
        calls: u32,
    },
    /// Something differs.
    Different {
        /// The first difference.
        difference: String,
    },
    /// There is nothing that a replay could repeat.
    NotReplayable {
        /// Why.
        why: NotReplayable,
    },
}

/// Why a run cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReplayable {
    /// Its values were erased or pruned.
    Erased,
    /// A rule denied it before its connector was started.
    NeverStarted,
    /// The host put values back by itself; no connector was executed.
    ByHost,
    /// It has not ended.
    NotEnded,
}

impl NotReplayable {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "its values were erased",
            Self::NeverStarted => "it was denied before its connector was started",
            Self::ByHost => "the host put values back; no connector was executed",
            Self::NotEnded => "it has not ended",
        }
    }
}

/// The result of replaying many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaySummary {
    /// The tenant.
    pub tenant: String,
    /// How many runs were looked at.
    pub runs: u64,
    /// How many were repeated exactly.
    pub identical: u64,
    /// How many differ, or could not be rebuilt.
    pub different: u64,
    /// The first differences, by run: at most 1000 are kept.
    pub differences: Vec<(String, String)>,
    /// How many could not be replayed, by reason.
    pub not_replayable: std::collections::BTreeMap<NotReplayable, u64>,
}

/// How far a replay of many runs has come.
#[derive(Clone, Debug)]
pub struct ReplayProgress<'a> {
    /// The run that was just replayed.
    pub run: &'a str,
    /// What became of it.
    pub replayed: &'a Replayed,
    /// How many records of the journal were gone through.
    pub records: u64,
    /// How many there were at the start.
    pub of: u64,
}

/// The result of verifying a tenant's journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifyReport {
    /// The tenant.
    pub tenant: String,
    /// How many records there are.
    pub records: u64,
    /// Root of the tenant's tree, in hex.
    pub root: String,
    /// Signed checkpoints that the records were compared with.
    #[serde(default)]
    pub checkpoints: u64,
    /// Records whose sealed values were erased, as the journal says.
    #[serde(default)]
    pub erased: u64,
    /// Records whose sealed values were pruned, as the journal says.
    #[serde(default)]
    pub pruned: u64,
    /// The first record that does not fit, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl VerifyReport {
    /// A report of nothing yet.
    pub(crate) fn of(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            records: 0,
            root: String::new(),
            checkpoints: 0,
            erased: 0,
            pruned: 0,
            problem: None,
        }
    }
}

impl RunReport {
    /// A report with nothing but the run's identity and state.
    pub(crate) fn of(run: &crate::runs::Run, state: RunState) -> Self {
        Self {
            run: run.run.clone(),
            case: run.case.clone(),
            connector: run.connector.clone(),
            tool: run.tool.name.clone(),
            principal: run.principal.clone(),
            state,
            output: None,
            failure: None,
            pending: None,
        }
    }
}
