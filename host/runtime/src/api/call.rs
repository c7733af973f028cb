//! Who calls, what is called, and what came of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_journal::Tenant;
use tollgate_policy::Effect;

/// Who acts, as the host established from a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Customer, account or business unit; everything this principal sees and
    /// does is inside it.
    pub tenant: Tenant,
    /// Unique within the tenant.
    pub name: String,
    /// What may be done with its credential.
    pub kind: PrincipalKind,
    /// Groups an approval may name as `group:…`.
    pub groups: Vec<String>,
    /// How the host knows that it is this one.
    #[serde(default, skip_serializing_if = "Identified::is_by_token")]
    pub identified: Identified,
}

/// How somebody is known to be who they are. A decision's record says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identified {
    /// They have the token.
    #[default]
    Token,
    /// They know the password.
    Password,
    /// A provider of OpenID Connect says so: its issuer.
    Oidc(String),
    /// Who vouches for them signed a callback: its name.
    Callback(String),
}

impl Identified {
    fn is_by_token(&self) -> bool {
        *self == Self::Token
    }
}

impl fmt::Display for Identified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("token"),
            Self::Password => f.write_str("password"),
            Self::Oidc(issuer) => write!(f, "oidc:{issuer}"),
            Self::Callback(name) => write!(f, "callback:{name}"),
        }
    }
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
    /// Where what the hand-off is about can be read: the address or the name of a ticket, a
    /// document, a conversation. The caller's words; the host opens nothing there.
    #[serde(default)]
    pub context: Option<String>,
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
    /// Held, and a person changed its input: another run goes on with that.
    Edited,
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
            Self::Edited => "edited",
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
    /// The run that goes on with the input as a person changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continued_as: Option<String>,
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
    /// How many people must say yes.
    #[serde(default)]
    pub quorum: u32,
    /// How many have said so.
    #[serde(default)]
    pub votes: u32,
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
            continued_as: None,
        }
    }
}
