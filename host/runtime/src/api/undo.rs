//! What taking a run back came to, or would come to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::RunReport;

/// How a run is to be taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UndoOptions {
    /// Only say what would be done. Nothing is changed, held or recorded.
    pub plan: bool,
    /// Member by member where records have members (rows, JSON resources, JSON
    /// objects of a store): those that are still what the run left are put back,
    /// those that somebody changed since are left and reported. Otherwise a call is
    /// taken back as a whole or not at all.
    pub fields: bool,
}

/// One step of taking a run back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UndoStep {
    /// Position of the call in the run that is taken back, or nothing where
    /// the connector's inverse takes back the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What would be done, or was done.
    pub action: String,
    /// In a plan `planned`; else `undone`, or `partly` where members were left to
    /// whoever changed them. In both: `conflict`, `irreversible`, `window_closed`,
    /// `denied`, `failed`, `held`, `in_doubt`; `not_needed` where the call changed
    /// nothing; `not_reached` after one that could not be taken back.
    pub outcome: String,
    /// `restore`, `inverse` or `compensate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<String>,
    /// Until when it is offered, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The condition, in the connector's words. The inverse tool checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precondition: Option<String>,
    /// The undo's run that took this call back earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<String>,
    /// The rule that allows, holds or denies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The approval that it would wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<String>,
    /// Who may give that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Why, in a sentence, where the outcome alone does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The calls that an inverse takes back together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<u32>,
    /// The three values: before the run, as the run left it, now. In a plan
    /// wherever they can be shown, else of a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Members by themselves, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<UndoField>,
}

/// What becomes of one member of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UndoField {
    /// Where it is: a JSON Pointer into the image of the record.
    pub pointer: String,
    /// `restored`, or `left` to whoever changed it.
    pub outcome: String,
    /// What it was before the run; nothing where it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What the run left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Value>,
    /// What is there now, where it is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Value>,
}

/// Three values of one place. What the manifest does not grant to read or write is
/// not shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// `planned`, `undone`, `compensated`, `partly`, `conflict`, `irreversible`,
    /// `window_closed`, `denied`, `held`, `in_doubt`, `failed` or `nothing`.
    pub outcome: String,
    /// Step by step, in the order they are done.
    pub steps: Vec<UndoStep>,
}
