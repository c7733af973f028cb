//! A request that nobody should approve, planted by an operator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_policy::Effect;

/// A drill that an operator wants planted: from a template, or like a call that was
/// held before. One of both.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDrill {
    /// The approval that it must come to, as the manifest names it. A guard against
    /// asking other people than meant.
    #[serde(default)]
    pub approval: Option<String>,
    /// Everything that the card shows.
    #[serde(default)]
    pub template: Option<DrillTemplate>,
    /// The approval of a call that was held before: its card is the template.
    #[serde(default)]
    pub like: Option<String>,
    /// What is different, by JSON Pointer into the template, for example
    /// `/input/params/cents`. What is like a former call needs at least one.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
}

/// What a drill's card shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillTemplate {
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool.
    pub tool: String,
    /// The tool's input, which must fit its schema.
    pub input: Value,
    /// The import call that seems to wait, for example `sql.execute`.
    pub call: String,
    /// Where it seems to go, as the manifest names it.
    pub destination: String,
    /// The import call's arguments.
    pub arguments: Value,
    /// Its class.
    pub effect: Effect,
    /// What is there now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Value>,
    /// Who seems to ask: an agent or a service of the tenant.
    pub requester: String,
    /// The agent's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What seems to have started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Where what it is about can seemingly be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The workflow it seems to happen in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// Which import call of its run it seems to be, counted from 0.
    #[serde(default)]
    pub position: u32,
}

/// A drill that waits for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PlantedDrill {
    /// Name of the approval.
    pub approval: String,
    /// What it asks for, as the manifest names it.
    pub kind: String,
    /// The run that seems to wait.
    pub run: String,
    /// The heading of its card.
    pub title: String,
    /// Who may decide.
    pub approvers: Vec<String>,
    /// When the time to decide ends, RFC 3339.
    pub decide_by: String,
}

/// What a drill came to, on its card once it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillResult {
    /// Who planted it.
    pub planted_by: String,
    /// `approved`, `denied`, `edited` or `expired`.
    pub decision: String,
}
