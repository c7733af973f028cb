//! An item as a person sees it: its row, what its run's records say of it, and where
//! it was sent.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::queue::{FailureClass, Queues};
use tollgate_store::{DeliveryRow, QueueRow};

use super::filing::OVERFLOW;
use super::{ESCALATION, IN_DOUBT};
use crate::door::recorded_calls;
use crate::journal::OpenRecord;
use crate::time::rfc3339;

/// An item of a queue, with what a person needs to decide on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueItem {
    /// Its identifier.
    pub id: String,
    /// The queue's name.
    pub queue: String,
    /// Who owns it: `group:…` or `person:…`.
    #[serde(default)]
    pub owner: String,
    /// What kind of work: the failure's class, e.g. `in_doubt`, `escalation`.
    pub kind: String,
    /// `open` or `resolved`.
    pub state: String,
    /// The run; empty where there is none.
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
    /// What was, or was not, sent; what was handed over.
    pub arguments: Value,
    /// What was there before, where it was captured.
    pub prior: Option<Value>,
    /// What the host found when it looked, where it could.
    pub found: Option<Value>,
    /// What the operation declares for such a case: `idempotency_key`,
    /// `readable`, `conditional`, `none`.
    pub recovery: String,
    /// Why the host does not decide by itself; why the run failed.
    pub why: String,
    /// When it was put there, RFC 3339.
    pub created: String,
    /// How often it happened: the same failure again is counted here.
    #[serde(default)]
    pub times: u64,
    /// When last, RFC 3339.
    #[serde(default)]
    pub last: String,
    /// It stands for every failure of its class since the tenant had as many open items
    /// as it may have.
    #[serde(default)]
    pub overflow: bool,
    /// Leaf hash of the record that tells why it is there.
    #[serde(default)]
    pub record: Option<String>,
    /// That record's place in the tenant's journal.
    #[serde(default)]
    pub place: Option<u64>,
    /// Where it is sent beside this list.
    #[serde(default)]
    pub deliveries: Vec<ItemDelivery>,
    /// Who resolved it.
    pub resolved_by: Option<String>,
    /// How: `done`, `not_done`, `withdrawn`.
    pub resolution: Option<String>,
    /// That person's words.
    pub note: Option<String>,
}

/// One sending of an item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ItemDelivery {
    /// Its name: `queue/delivery`.
    pub name: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next, RFC 3339, where it is.
    pub due: Option<String>,
    /// The run of the last try.
    pub run: Option<String>,
}

impl QueueItem {
    /// Whether it did not reach where its owner looks, or is about one that did not.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.kind == FailureClass::DeliveryFailed.as_str()
            || self
                .deliveries
                .iter()
                .any(|delivery| delivery.state == "dead")
    }
}

impl From<&DeliveryRow> for ItemDelivery {
    fn from(row: &DeliveryRow) -> Self {
        let pending = row.state == tollgate_store::DeliveryState::Pending;
        Self {
            name: row.name.clone(),
            state: row.state.to_string(),
            attempts: row.attempts,
            due: pending.then(|| rfc3339(row.due_ms)),
            run: row.run.clone(),
        }
    }
}

/// The record that tells why an item is there. The call that handed work over made
/// its item itself, so its intent is that record.
pub(super) fn record_of<'a>(row: &QueueRow, records: &'a [OpenRecord]) -> Option<&'a OpenRecord> {
    match row.record {
        Some(hash) => records.iter().find(|record| record.hash == hash),
        None => records.iter().find(|record| {
            record.leaf.stage == Stage::CallIntent && record.leaf.position == Some(row.position)
        }),
    }
}

/// An item with what its run's records say of it.
pub(super) fn shown(
    row: &QueueRow,
    queues: &Queues,
    records: &[OpenRecord],
    deliveries: &[DeliveryRow],
) -> QueueItem {
    let handed = records.iter().rfind(|record| {
        record.leaf.stage == Stage::Handoff && record.fact("item") == Some(&row.id)
    });
    let of = |stage: Stage| {
        records.iter().rfind(|record| {
            record.leaf.stage == stage && record.leaf.position == Some(row.position)
        })
    };
    let settled = match row.kind.as_str() {
        IN_DOUBT => of(Stage::CallSettled),
        _ => records.iter().rfind(|record| {
            record.leaf.stage == Stage::HandoffResolved && record.fact("item") == Some(&row.id)
        }),
    };
    let marked = of(Stage::CallInDoubt);
    // A run that failed is at no call.
    let has_call = matches!(row.kind.as_str(), IN_DOUBT | ESCALATION);
    let calls = recorded_calls(records);
    let call = calls.get(row.position as usize).filter(|_| has_call);
    let call = call.cloned().unwrap_or_default();
    let arguments: Value = serde_json::from_slice(&call.arguments).unwrap_or_default();
    let telling = record_of(row, records);
    let why = match row.kind.as_str() {
        ESCALATION => arguments["reason"].as_str().map(str::to_owned),
        IN_DOUBT => handed
            .and_then(|record| record.text("why"))
            .map(str::to_owned),
        _ => telling.and_then(reason),
    };
    let owner = queues.responsible(&row.queue, row.kind.parse().ok());
    QueueItem {
        id: row.id.clone(),
        queue: row.queue.clone(),
        owner: owner
            .map(|queue| queue.owner.to_string())
            .unwrap_or_default(),
        kind: row.kind.clone(),
        state: row.state.to_string(),
        run: row.run.clone(),
        case: row.case.clone(),
        connector: row.connector.clone(),
        tool: row.tool.clone(),
        principal: row.principal.clone(),
        position: row.position,
        arguments,
        call: call.call,
        destination: call.destination,
        prior: call.prior,
        found: handed.and_then(|record| record.json("found")),
        recovery: marked
            .and_then(|record| record.fact("recovery"))
            .unwrap_or("none")
            .to_owned(),
        why: counted(row, why.unwrap_or_default()),
        created: rfc3339(row.created_ms),
        times: row.times,
        last: rfc3339(row.last_ms),
        overflow: is_overflow(row),
        record: telling.map(|record| hex::encode(record.hash)),
        place: telling.map(|record| record.seq),
        deliveries: deliveries.iter().map(ItemDelivery::from).collect(),
        resolved_by: row.resolved_by.clone(),
        resolution: row.resolution.clone(),
        note: settled
            .and_then(|record| record.text("note"))
            .map(str::to_owned),
    }
}

fn is_overflow(row: &QueueRow) -> bool {
    row.fold
        .as_deref()
        .is_some_and(|fold| fold.starts_with(OVERFLOW))
}

/// Why, and how often, wherever a person reads it.
fn counted(row: &QueueRow, why: String) -> String {
    if row.times < 2 && !is_overflow(row) {
        return why;
    }
    let (times, last) = (row.times, rfc3339(row.last_ms));
    let stands = match is_overflow(row) {
        true => "; there is no room for more items of this class, so all are counted here",
        false => "",
    };
    format!("{why} ({times} times, last at {last}{stands})")
}

/// Why something failed, as the record of it says.
fn reason(record: &OpenRecord) -> Option<String> {
    let failure = record.json("failure");
    let message = failure
        .as_ref()
        .and_then(|failure| failure["message"].as_str());
    let why = message
        .or_else(|| record.text("why"))
        .or_else(|| record.fact("why"));
    why.map(str::to_owned)
}
