//! A call in doubt on its way to a person.

use serde_json::Value;
use tollgate_journal::{Hash, Stage};
use tollgate_policy::queue::{FailureClass, Queues};
use tollgate_store::{Change, QueueRow, QueueState, RunRow};

use super::delivering::is_delivery;
use super::filing;
use crate::journal::Saying;
use crate::names;

/// Most bytes of what was found that are kept for a person to see.
const FOUND_BYTES_MAX: usize = 1 << 20;

/// A call in doubt on its way to a person.
pub(crate) struct Handover<'a> {
    queues: &'a Queues,
    id: String,
    position: u32,
    call: String,
    why: String,
    found: Option<Value>,
}

impl<'a> Handover<'a> {
    pub(crate) fn new(
        queues: &'a Queues,
        position: u32,
        call: &str,
        why: &str,
        found: Option<Value>,
    ) -> Self {
        Self {
            queues,
            id: names::queue_item(),
            position,
            call: call.to_owned(),
            why: why.to_owned(),
            found: found.filter(|found| found.to_string().len() <= FOUND_BYTES_MAX),
        }
    }

    /// Its queue. A call in doubt is always somebody's: settings that say otherwise
    /// are refused.
    fn queue(&self) -> &str {
        let queue = self.queues.of_class(FailureClass::InDoubt);
        queue.map_or(super::IN_DOUBT, |queue| queue.name.as_str())
    }

    /// The record of it.
    pub(crate) fn saying(&self) -> Saying {
        let saying = Saying::new(Stage::Handoff)
            .at(self.position)
            .fact("queue", self.queue())
            .fact("class", FailureClass::InDoubt.as_str())
            .fact("item", self.id.as_str())
            .fact("call", self.call.as_str())
            .value("why", self.why.clone().into_bytes());
        match &self.found {
            Some(found) => saying.json("found", found),
            None => saying,
        }
    }

    /// The item and its deliveries, for the run of this row and that record.
    pub(crate) fn changes(&self, run: &RunRow, record: Hash, now: u64) -> Vec<Change> {
        let row = QueueRow {
            tenant: run.tenant.clone(),
            id: self.id.clone(),
            queue: self.queue().to_owned(),
            kind: super::IN_DOUBT.to_owned(),
            run: run.run.clone(),
            case: run.case.clone(),
            connector: run.connector.clone(),
            tool: run.tool.clone(),
            principal: run.principal.clone(),
            position: self.position,
            state: QueueState::Open,
            created_ms: now,
            record: Some(record),
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
            fold: None,
            times: 1,
            last_ms: now,
        };
        // A delivery in doubt is not delivered: it would be in doubt the same way.
        if is_delivery(&run.principal, run.request_key.as_deref()) {
            return vec![Change::PutQueueItem(Box::new(row))];
        }
        filing::put(self.queues, row)
    }
}
