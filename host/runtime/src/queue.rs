//! Work that a person has to do: now calls in doubt, which no machine can settle.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{Principal, RunReport};
use crate::error::{CallError, DecideError};
use crate::host::Host;

/// An item of a queue, with what a person needs to decide on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueItem {
    /// Its identifier.
    pub id: String,
    /// The queue's name.
    pub queue: String,
    /// What kind of work: `in_doubt`.
    pub kind: String,
    /// `open` or `resolved`.
    pub state: String,
    /// The run.
    pub run: String,
    /// Its hand-off.
    pub case: String,
    /// The connector's installed name.
    pub connector: String,
    /// The tool.
    pub tool: String,
    /// Who asked for the run.
    pub principal: String,
    /// Which import call of the run, counted from 0.
    pub position: u32,
    /// The call, e.g. `sql.execute`.
    pub call: String,
    /// The granted thing it was sent to.
    pub destination: String,
    /// What was, or was not, sent.
    pub arguments: Value,
    /// What was there before, where it was captured.
    pub prior: Option<Value>,
    /// What the host found when it looked, where it could.
    pub found: Option<Value>,
    /// What the operation declares for such a case: `idempotency_key`,
    /// `readable`, `conditional`, `none`.
    pub recovery: String,
    /// Why the host does not decide by itself.
    pub why: String,
    /// When it was put there, RFC 3339.
    pub created: String,
    /// Who resolved it.
    pub resolved_by: Option<String>,
    /// How: `done`, `not_done`.
    pub resolution: Option<String>,
    /// That person's words.
    pub note: Option<String>,
}

/// What a person found out about a call in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened.
    Done,
    /// It did not.
    NotDone,
}

impl Host {
    /// Items that wait for a person, or with `all` every item of the tenant.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the principal is not a person.
    pub async fn queue(&self, _who: &Principal, _all: bool) -> Result<Vec<QueueItem>, CallError> {
        Err(CallError::NotAllowed("not made yet".to_owned()))
    }

    /// One item.
    ///
    /// # Errors
    ///
    /// When there is none, or the principal is not a person.
    pub async fn queue_item(&self, _who: &Principal, id: &str) -> Result<QueueItem, DecideError> {
        Err(DecideError::NotFound(id.to_owned()))
    }

    /// Say what became of a call in doubt. `reply` is the call's answer as the
    /// connector would have got it, where the person knows it and the operation
    /// cannot make one. The run goes on, or ends where it cannot; the answer is
    /// its state afterwards.
    ///
    /// # Errors
    ///
    /// When the item is not there, is resolved already, the principal may not
    /// resolve it, or `reply` does not fit the operation.
    pub async fn resolve(
        &self,
        _who: &Principal,
        id: &str,
        _resolution: Resolution,
        _note: &str,
        _reply: Option<Value>,
    ) -> Result<RunReport, DecideError> {
        Err(DecideError::NotFound(id.to_owned()))
    }
}
