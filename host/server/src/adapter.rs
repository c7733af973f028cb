//! The host itself as a [`Gatekeeper`]. Every method is the host's of the same
//! name; only errors change their shape.

mod casework;
mod oversight;
mod sign_in;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tollgate_report::{Period, Report};
use tollgate_runtime::{
    AuthError, Batch, BatchDecision, BatchFilter, BatchReport, CallError, CallbackError,
    CalledBack, Card, DecideError, Delegation, Delivered, Delivery, DeliveryError, Failure, Host,
    LogFilter, LogPage, NewDelegation, Principal, PrincipalKind, QueueItem, QueueSummary,
    Resolution, RunReport, ToolCall, ToolInfo, UndoOptions, UndoReport,
};

use crate::gatekeeper::{Gatekeeper, Refusal};

#[async_trait]
impl Gatekeeper for Host {
    async fn authenticate(&self, token: &str) -> Result<Principal, Refusal> {
        Ok(Host::authenticate(self, token).await?)
    }

    fn tools(&self, who: &Principal) -> Vec<ToolInfo> {
        Host::tools(self, who)
    }

    async fn call(&self, who: &Principal, call: ToolCall) -> Result<RunReport, Refusal> {
        Ok(Host::call(self, who, call).await?)
    }

    async fn deliver(&self, trigger: &str, delivery: Delivery) -> Result<Delivered, Refusal> {
        Ok(Host::deliver(self, trigger, delivery).await?)
    }

    async fn call_back(&self, callback: &str, request: Delivery) -> Result<CalledBack, Refusal> {
        Ok(Host::call_back(self, callback, request).await?)
    }

    async fn run(&self, who: &Principal, run: &str) -> Result<RunReport, Refusal> {
        Ok(Host::run(self, who, run).await?)
    }

    async fn wait(
        &self,
        who: &Principal,
        run: &str,
        timeout: Duration,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::wait(self, who, run, timeout).await?)
    }

    async fn figures(&self, who: &Principal, period: Period) -> Result<Report, Refusal> {
        if who.kind != PrincipalKind::Person {
            return Err(DecideError::NotAPerson.into());
        }
        Ok(Host::figures(self, &who.tenant, period).await?)
    }

    async fn cards(&self, who: &Principal, all: bool) -> Result<Vec<Card>, Refusal> {
        Ok(Host::cards(self, who, all).await?)
    }

    async fn card(&self, who: &Principal, approval: &str) -> Result<Card, Refusal> {
        Ok(Host::card(self, who, approval).await?)
    }

    async fn approve(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::approve_signed(self, who, approval, digest, reason, signature).await?)
    }

    async fn revoke(
        &self,
        who: &Principal,
        approval: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::revoke_signed(self, who, approval, signature).await?)
    }

    async fn edit(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::edit_signed(self, who, approval, digest, input, signature).await?)
    }

    async fn must_sign(&self, who: &Principal) -> Result<bool, Refusal> {
        Ok(Host::must_sign(self, who).await?)
    }

    async fn batch(&self, who: &Principal, filter: &BatchFilter) -> Result<Batch, Refusal> {
        Ok(Host::batch(self, who, filter).await?)
    }

    async fn decide_batch(
        &self,
        who: &Principal,
        decision: &BatchDecision,
    ) -> Result<BatchReport, Refusal> {
        Ok(Host::decide_batch(self, who, decision).await?)
    }

    async fn delegations(&self, who: &Principal, all: bool) -> Result<Vec<Delegation>, Refusal> {
        Ok(Host::delegations(self, who, all).await?)
    }

    async fn delegate(&self, who: &Principal, new: &NewDelegation) -> Result<Delegation, Refusal> {
        Ok(Host::delegate(self, who, new).await?)
    }

    async fn end_delegation(&self, who: &Principal, id: &str) -> Result<(), Refusal> {
        Ok(Host::end_delegation(self, who, id).await?)
    }

    async fn deny(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::deny_signed(self, who, approval, digest, reason, signature).await?)
    }

    async fn undo(
        &self,
        who: &Principal,
        run: &str,
        options: UndoOptions,
    ) -> Result<UndoReport, Refusal> {
        Ok(Host::undo_with(self, who, run, options).await?)
    }

    /// Of the caller's own tenant: a face has no way to name another.
    async fn log(&self, who: &Principal, filter: LogFilter) -> Result<LogPage, Refusal> {
        Ok(Host::log_page(self, &who.tenant, &filter).await?)
    }

    async fn queue(&self, who: &Principal, all: bool) -> Result<Vec<QueueItem>, Refusal> {
        Ok(Host::queue(self, who, all).await?)
    }

    async fn queues(&self, who: &Principal) -> Result<Vec<QueueSummary>, Refusal> {
        Ok(Host::queues(self, who).await?)
    }

    async fn queue_item(&self, who: &Principal, id: &str) -> Result<QueueItem, Refusal> {
        Ok(Host::queue_item(self, who, id).await?)
    }

    async fn resolve(
        &self,
        who: &Principal,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> Result<RunReport, Refusal> {
        Ok(Host::resolve(self, who, id, resolution, note, reply).await?)
    }
}

impl From<CallError> for Refusal {
    fn from(error: CallError) -> Self {
        Failure::from(&error).into()
    }
}

impl From<DeliveryError> for Refusal {
    fn from(error: DeliveryError) -> Self {
        let refusal = Self::new(error.kind(), error.to_string());
        match error {
            DeliveryError::Malformed { pointer, .. } if !pointer.is_empty() => {
                refusal.with_pointer(pointer)
            }
            _ => refusal,
        }
    }
}

impl From<CallbackError> for Refusal {
    fn from(error: CallbackError) -> Self {
        let (kind, message, hint) = (error.kind(), error.to_string(), error.hint());
        let refusal = match error {
            CallbackError::Malformed { pointer, .. } if !pointer.is_empty() => {
                Self::new(kind, message).with_pointer(pointer)
            }
            _ => Self::new(kind, message),
        };
        match hint {
            Some(hint) => refusal.with_hint(hint),
            None => refusal,
        }
    }
}

impl From<DecideError> for Refusal {
    fn from(error: DecideError) -> Self {
        let mut refusal = Self::new(error.kind(), error.to_string());
        if let DecideError::InputUnfit { pointer, .. } = &error
            && !pointer.is_empty()
        {
            refusal = refusal.with_pointer(pointer);
        }
        match error.hint() {
            Some(hint) => refusal.with_hint(hint),
            None => refusal,
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let kind = match error {
            AuthError::Unavailable(_) => "unavailable",
            _ => "unknown_token",
        };
        Self::new(kind, error.to_string())
    }
}
