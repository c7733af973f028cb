//! What a person reads before a decision.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_policy::Effect;

use super::drill::DrillResult;

/// What an approver decides on. Everything but `agent_*` and `input` text is
/// established by the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    /// Name of the approval.
    pub approval: String,
    /// What it asks for, as the manifest names it, for example `finance`.
    #[serde(default)]
    pub kind: String,
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
    /// Where what the hand-off is about can be read, in the caller's words. Unverified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_context: Option<String>,
    /// The rule that held it.
    pub rule: String,
    /// The rule's reason, from the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_reason: Option<String>,
    /// Who may decide, as the manifest says it.
    pub approvers: Vec<String>,
    /// How many different people must say yes.
    #[serde(default)]
    pub quorum: u32,
    /// Who said yes so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// Who may decide in whose place now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deputies: Vec<Deputy>,
    /// Whether it lets a call through that is outside of the usual ones: a yes
    /// needs a reason, and is counted and listed.
    #[serde(default)]
    pub exception: bool,
    /// Those who wrote the input, where a person changed it. They cannot say yes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edited_by: Vec<String>,
    /// The run whose input they changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edits: Option<String>,
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
    /// What it came to, where it was a drill. Nothing before it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillResult>,
}

/// One person's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who said it.
    pub by: String,
    /// In whose place, where that person is a deputy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf: Option<String>,
    /// When, RFC 3339.
    pub at: String,
}

/// Who may decide in whose place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deputy {
    /// Who decides.
    pub deputy: String,
    /// In whose place.
    pub delegator: String,
    /// As what: `group:…` or `person:…`.
    pub approver: String,
    /// Until when, RFC 3339.
    pub until: String,
}

impl std::fmt::Display for Vote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.on_behalf {
            Some(delegator) => write!(f, "{} for {delegator}", self.by),
            None => f.write_str(&self.by),
        }
    }
}
