//! Work that a connector hands to people. An item stands in a queue of the
//! tenant; what a person needs to know of it is in the records of its run, where
//! it is sealed.
//!
//! The attack: a connector that floods a queue so that nobody sees what matters,
//! or that writes an item which reads as if the host had said it. The manifest
//! bounds the open items and the size of one; summary, reason and details are
//! shown as the connector's words, and made visible where they are shown.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::{Effect, HandoffGrant};
use tollgate_store::{Change, QueueRow, QueueState, Rejected, StoreError, Submission};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use super::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use crate::names;
use crate::queue::{self, ESCALATION, WITHDRAWN};

const INTERFACE: &str = "tollgate:connector/handoff@0.1.0";

/// Longest summary and reason, characters each.
const SENTENCE_CHARS_MAX: usize = 500;

#[expect(dead_code, reason = "guests make these values; they arrive by lifting")]
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Urgency {
    #[component(name = "low")]
    Low,
    #[component(name = "normal")]
    Normal,
    #[component(name = "high")]
    High,
}

impl Urgency {
    fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Item {
    summary: String,
    reason: String,
    details: String,
    urgency: Urgency,
}

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HandoffError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "full")]
    Full(u64),
}

/// An item that fits, and the queue's bounds.
pub(crate) struct Plan {
    queue: String,
    max_open: u64,
}

/// Put an item into a queue.
pub(crate) struct Escalate;

impl Operation for Escalate {
    const CALL: &'static str = "handoff.escalate";
    type Arguments = (String, Item);
    type Reply = Result<String, HandoffError>;
    type Plan = Plan;

    fn describe((queue, item): Self::Arguments, scope: &Scope<'_>) -> Described<Plan, Self::Reply> {
        let grant = grant(scope, &queue);
        let details = tollgate_policy::parse_exact(&item.details).ok();
        let arguments = json!({
            "summary": item.summary,
            "reason": item.reason,
            "details": details.clone().unwrap_or(Value::Null),
            "urgency": item.urgency.as_str(),
        });
        Described {
            identity: format!("handoff:{queue}"),
            next: match grant {
                Err(refusal) => Next::Refuse(refusal),
                Ok(grant) => match problem(&item, details.as_ref(), grant) {
                    Some(problem) => Next::Answer(Err(HandoffError::Invalid(problem))),
                    None => Next::Perform(Plan {
                        queue: queue.clone(),
                        max_open: grant.max_open,
                    }),
                },
            },
            destination: queue,
            effect: Effect::Write,
            arguments,
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(HandoffError::Refused(refusal))
    }

    async fn prior(
        plan: &Plan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        let open = backends
            .store
            .queue_items(scope.tenant, Some(QueueState::Open))
            .await
            .map_err(|error| Err(outside(&error)))?;
        let held = open.iter().filter(|row| row.queue == plan.queue).count() as u64;
        if held >= plan.max_open {
            return Err(Err(HandoffError::Full(plan.max_open)));
        }
        Ok(Some(Prior {
            version: String::new(),
            value: json!({ "item": null }),
        }))
    }

    async fn perform(
        plan: Plan,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let id = names::queue_item_of(scope.run, scope.position);
        let row = QueueRow {
            tenant: scope.tenant.to_owned(),
            id: id.clone(),
            queue: plan.queue,
            kind: ESCALATION.to_owned(),
            run: scope.run.to_owned(),
            case: scope.case.to_owned(),
            connector: scope.connector.to_owned(),
            tool: scope.tool.to_owned(),
            principal: scope.principal.to_owned(),
            position: scope.position,
            state: QueueState::Open,
            created_ms: backends.clock.now_ms(),
            record: None,
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
            fold: None,
            times: 1,
            last_ms: backends.clock.now_ms(),
        };
        // The attack: a connector that escalates from many runs at once, each of which
        // has counted before any has put.
        let room = Change::QueueHasRoom {
            queue: row.queue.clone(),
            id: id.clone(),
            most: plan.max_open,
        };
        let mut changes = vec![room];
        changes.extend(queue::put(backends.queues.of(scope.tenant), row));
        match apply(backends, scope, changes).await {
            Ok(()) => Performed::Known {
                written: Some(json!({ "item": id })),
                reply: Ok(id),
            },
            Err(error) => match error.rejected() {
                Some(Rejected::QueueFull { most, .. }) => {
                    Performed::answered(Err(HandoffError::Full(*most)))
                }
                Some(_) => Performed::answered(Err(outside(&error))),
                None => Performed::Unknown(error.to_string()),
            },
        }
    }

    /// An item is named by its call, and one that is there stays as it is.
    const RECOVERY: Recovery = Recovery::IdempotencyKey;
}

impl Imported for Escalate {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "escalate";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

/// Withdraw an item that nobody has worked on.
pub(crate) struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "handoff.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = String;

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<String, Restored> {
        let item = restoring.written["item"].as_str().map(str::to_owned);
        Described {
            identity: format!("handoff:{}", restoring.destination),
            effect: Effect::Write,
            arguments: restoring.arguments(),
            next: match (grant(scope, &restoring.destination), item) {
                (Err(refusal), _) => Next::Refuse(refusal),
                (Ok(_), Some(item)) => Next::Perform(item),
                (Ok(_), None) => Next::Answer(Err(RestoreFailure::Failed(
                    "the record names no item".to_owned(),
                ))),
            },
            destination: restoring.destination,
        }
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        item: &String,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let failed = |error: String| Err(RestoreFailure::Failed(error));
        let found = backends.store.queue_item(scope.tenant, item).await;
        let row = match found {
            Ok(Some(row)) => row,
            Ok(None) => return Err(failed("there is no such item".to_owned())),
            Err(error) => return Err(failed(error.to_string())),
        };
        if row.state != QueueState::Open {
            return Err(Err(RestoreFailure::Conflict(now(&row))));
        }
        Ok(Some(Prior {
            version: row.state.to_string(),
            value: now(&row),
        }))
    }

    async fn perform(
        item: String,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        let withdraw = Change::ResolveQueueItem {
            id: item.clone(),
            resolution: WITHDRAWN.to_owned(),
            // The attack: who asked for the work undoes it, and nobody sees it any
            // more. The store refuses that to the requester, here as to anybody.
            by: scope.principal.to_owned(),
            at_ms: backends.clock.now_ms(),
        };
        match apply(backends, scope, vec![withdraw]).await {
            Ok(()) => Performed::Known {
                reply: Ok(()),
                written: Some(json!({ "item": item, "state": WITHDRAWN })),
            },
            Err(error) => match error.rejected() {
                Some(Rejected::AlreadyResolved { by, resolution }) => {
                    let now = json!({ "item": item, "resolved_by": by, "resolution": resolution });
                    Performed::answered(Err(RestoreFailure::Conflict(now)))
                }
                Some(Rejected::OwnRequest) => Performed::answered(Err(RestoreFailure::Failed(
                    "who asked for the work cannot withdraw it; another person can".to_owned(),
                ))),
                Some(_) => Performed::answered(Err(RestoreFailure::Failed(error.to_string()))),
                None => Performed::Unknown(error.to_string()),
            },
        }
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        item: &String,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        match backends.store.queue_item(scope.tenant, item).await {
            Ok(Some(row))
                if row.resolved_by.as_deref() == Some(scope.principal)
                    && row.resolution.as_deref() == Some(WITHDRAWN) =>
            {
                Looked::Happened {
                    reply: Ok(()),
                    written: Some(json!({ "item": item, "state": WITHDRAWN })),
                }
            }
            Ok(Some(row)) if row.state == QueueState::Open => Looked::NotHappened,
            Ok(Some(row)) => Looked::changed(now(&row)),
            Ok(None) => Looked::unclear("there is no such item"),
            Err(error) => Looked::unclear(error.to_string()),
        }
    }

    fn assumed(_: &String, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}

fn grant<'a>(scope: &Scope<'a>, queue: &str) -> Result<&'a HandoffGrant, Refusal> {
    scope.manifest.grant.handoff.get(queue).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no queue `{queue}`"),
            format!("[grant.handoff.{queue}]\nmax_open = 100"),
        )
    })
}

/// What is wrong with an item.
fn problem(item: &Item, details: Option<&Value>, grant: &HandoffGrant) -> Option<String> {
    for (name, text) in [("summary", &item.summary), ("reason", &item.reason)] {
        if text.trim().is_empty() {
            return Some(format!("the {name} is empty"));
        }
        if text.chars().count() > SENTENCE_CHARS_MAX {
            return Some(format!(
                "the {name} has more than {SENTENCE_CHARS_MAX} characters; write more in the details"
            ));
        }
    }
    if item.details.len() as u64 > grant.max_bytes {
        return Some(format!(
            "the details have more than the {} bytes that the manifest allows",
            grant.max_bytes
        ));
    }
    match details {
        Some(Value::Object(_)) => None,
        Some(_) => Some("the details are no JSON object".to_owned()),
        None => Some("the details are no JSON".to_owned()),
    }
}

fn now(row: &QueueRow) -> Value {
    json!({
        "item": row.id,
        "state": row.state.to_string(),
        "resolved_by": row.resolved_by,
        "resolution": row.resolution,
    })
}

fn outside(error: &StoreError) -> HandoffError {
    HandoffError::Refused(Refusal::outside(error.to_string()))
}

/// Under the run's lease, where it has one. The attack, or the accident: a host that
/// was stopped for long and comes back withdraws, or puts, what another host has
/// decided about since.
async fn apply(
    backends: &Backends,
    scope: &Scope<'_>,
    mut changes: Vec<Change>,
) -> Result<(), StoreError> {
    if let Some(condition) = scope.lease_condition() {
        changes.insert(0, condition);
    }
    let submission = Submission {
        tenant: scope.tenant.to_owned(),
        records: Vec::new(),
        changes,
    };
    backends.store.append(submission).await.map(drop)
}
