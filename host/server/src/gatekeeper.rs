//! What a face needs of a host, and nothing more. Faces are written and tested
//! against this trait, so that the pages, REST and MCP cannot reach a store, a
//! key or a sandbox by accident: what is not here does not exist for them.

mod casework;
mod oversight;
mod sign_in;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use tollgate_report::{Period, Report};
use tollgate_runtime::{
    Batch, BatchDecision, BatchFilter, BatchReport, CalledBack, Card, Delegation, Delivered,
    Delivery, Failure, LogFilter, LogPage, NewDelegation, Principal, QueueItem, QueueSummary,
    Resolution, RunReport, ToolCall, ToolInfo, UndoOptions, UndoReport,
};

pub use casework::Casework;
pub(crate) use casework::{OPERATORS, must_be_operator};
pub use oversight::Oversight;
pub(crate) use oversight::may_read_metrics;
pub use sign_in::SignIn;

/// The host as its faces see it.
#[async_trait]
pub trait Gatekeeper: Casework + Oversight + SignIn {
    /// Who holds this token.
    async fn authenticate(&self, token: &str) -> Result<Principal, Refusal>;
    /// The tools that `who` may call.
    fn tools(&self, who: &Principal) -> Vec<ToolInfo>;
    /// Call a tool. A held call is a report, not a refusal.
    async fn call(&self, who: &Principal, call: ToolCall) -> Result<RunReport, Refusal>;
    /// Take a webhook for a trigger. Whoever sent it has no token: what it says is
    /// verified by its signature.
    async fn deliver(&self, trigger: &str, delivery: Delivery) -> Result<Delivered, Refusal>;
    /// Take a decision that came back from an announcement. Whoever sent it has no
    /// token either.
    async fn call_back(&self, callback: &str, request: Delivery) -> Result<CalledBack, Refusal>;
    /// How far a run has come.
    async fn run(&self, who: &Principal, run: &str) -> Result<RunReport, Refusal>;
    /// The same, as soon as the run is neither open nor held, or at the time-out.
    async fn wait(
        &self,
        who: &Principal,
        run: &str,
        timeout: Duration,
    ) -> Result<RunReport, Refusal>;
    /// What became of hand-offs, by workflow and week.
    async fn figures(&self, who: &Principal, period: Period) -> Result<Report, Refusal>;
    /// Held calls that `who` may decide on; with `all`, decided ones too.
    async fn cards(&self, who: &Principal, all: bool) -> Result<Vec<Card>, Refusal>;
    /// One held call.
    async fn card(&self, who: &Principal, approval: &str) -> Result<Card, Refusal>;
    /// Say yes. `digest` is what the person saw; an exception needs a reason.
    async fn approve(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal>;
    /// Take the own yes back.
    async fn revoke(
        &self,
        who: &Principal,
        approval: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal>;
    /// Change the input of a held call. The answer is the run that goes on with it.
    async fn edit(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal>;
    /// Whether their decisions count only with the signature of a registered key.
    async fn must_sign(&self, who: &Principal) -> Result<bool, Refusal>;
    /// Held calls to decide on at once.
    async fn batch(&self, who: &Principal, filter: &BatchFilter) -> Result<Batch, Refusal>;
    /// One decision over them.
    async fn decide_batch(
        &self,
        who: &Principal,
        decision: &BatchDecision,
    ) -> Result<BatchReport, Refusal>;
    /// Who decides for whom; with `all`, what is over too.
    async fn delegations(&self, who: &Principal, all: bool) -> Result<Vec<Delegation>, Refusal>;
    /// Name a deputy.
    async fn delegate(&self, who: &Principal, new: &NewDelegation) -> Result<Delegation, Refusal>;
    /// End a delegation before its time.
    async fn end_delegation(&self, who: &Principal, id: &str) -> Result<(), Refusal>;
    /// End the call.
    async fn deny(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal>;
    /// Take a run back, or say what that would do.
    async fn undo(
        &self,
        who: &Principal,
        run: &str,
        options: UndoOptions,
    ) -> Result<UndoReport, Refusal>;
    /// Records of the journal of `who`'s tenant.
    async fn log(&self, who: &Principal, filter: LogFilter) -> Result<LogPage, Refusal>;
    /// What waits for a person to settle it; with `all`, what was settled too.
    async fn queue(&self, who: &Principal, all: bool) -> Result<Vec<QueueItem>, Refusal>;
    /// The queues of `who`, with how much waits in each.
    async fn queues(&self, who: &Principal) -> Result<Vec<QueueSummary>, Refusal>;
    /// One item, with the evidence.
    async fn queue_item(&self, who: &Principal, id: &str) -> Result<QueueItem, Refusal>;
    /// Say what became of a call in doubt. `reply` is the call's answer, where
    /// the person knows it.
    async fn resolve(
        &self,
        who: &Principal,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> Result<RunReport, Refusal>;
}

/// A host's "no", in the shape every face can show: what kind, what happened,
/// what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct Refusal {
    /// Stable and machine-readable.
    pub kind: Cow<'static, str>,
    /// What happened, to what.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// JSON Pointer to the input value at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            hint: None,
            pointer: None,
        }
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the place in the input that is at fault.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Whether there is no such tool, connector, run, approval or item.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(
            self.kind.as_ref(),
            "not_found"
                | "unknown_connector"
                | "unknown_tool"
                | "unknown_run"
                | "unknown_approval"
                | "unknown_workflow"
                | "unknown_case"
        )
    }

    /// Whether the host cannot answer now, and may later.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind.as_ref(), "unavailable" | "unsettled" | "store")
    }

    /// Message and advice in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        joined(&self.message, self.hint.as_deref())
    }
}

/// What happened and what to do, as sentences.
pub(crate) fn joined(message: &str, hint: Option<&str>) -> String {
    let mut text = message.trim_end_matches('.').to_owned();
    text.push('.');
    let mut hint = hint.unwrap_or_default().chars();
    if let Some(first) = hint.next() {
        text.push(' ');
        text.extend(first.to_uppercase());
        text.push_str(hint.as_str());
        if !text.ends_with(['.', '?', '!']) {
            text.push('.');
        }
    }
    text
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.into(),
            message: failure.message,
            hint: failure.hint,
            pointer: failure.pointer,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            kind: refusal.kind.into_owned(),
            message: refusal.message,
            hint: refusal.hint,
            pointer: refusal.pointer,
        }
    }
}

/// Do `work` to its end even when the client hangs up.
///
/// A web framework drops a handler's future when its connection closes. For a
/// call that is in the middle of an effect this would leave an intent without
/// an outcome, at a moment that any client can choose. So work that changes
/// something runs in a task of its own, and only the answer is lost.
pub(crate) async fn to_the_end<T, F>(
    gatekeeper: &Arc<dyn Gatekeeper>,
    work: impl FnOnce(Arc<dyn Gatekeeper>) -> F,
) -> Result<T, Refusal>
where
    F: Future<Output = Result<T, Refusal>> + Send + 'static,
    T: Send + 'static,
{
    tokio::spawn(work(Arc::clone(gatekeeper)))
        .await
        .unwrap_or_else(|stopped| {
            tracing::error!(%stopped, "a request stopped inside the host");
            Err(
                Refusal::new("failed", "the host stopped while working on this request")
                    .with_hint("Look at the run before you repeat it: it may have had an effect."),
            )
        })
}
