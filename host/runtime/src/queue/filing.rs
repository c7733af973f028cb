//! A failure on its way to its owner: an item and its deliveries, made in the
//! transaction with the record that tells of the failure. They are named by what
//! they are about, so a host that repeats its last step makes them once.
//!
//! The attack: an agent is denied a thousand times, and what matters drowns in its items.
//! What an agent can bring about by asking is one open item with a count, and a tenant
//! has no more open items than its people can be shown: what is beyond is counted in one
//! item for each class.

use sha2::{Digest as _, Sha256};
use tollgate_journal::{Hash, Tenant};
use tollgate_policy::queue::{FailureClass, Queues};
use tollgate_store::{Change, QueuePlace, QueueRow, QueueState, RunRow, Store, StoreError};

use super::delivering::is_delivery;
use super::matter::pending;
use crate::host::Inner;
use crate::journal::Saying;
use crate::names;
use crate::runs::Run;

/// How the fold of an item begins that stands for what found no room.
pub(super) const OVERFLOW: &str = "overflow/";

/// What an item is about.
pub(crate) struct Subject<'a> {
    pub(crate) tenant: &'a Tenant,
    pub(crate) run: &'a str,
    pub(crate) case: &'a str,
    pub(crate) connector: &'a str,
    pub(crate) tool: &'a str,
    pub(crate) principal: &'a str,
}

impl<'a> From<&'a RunRow> for Subject<'a> {
    fn from(row: &'a RunRow) -> Self {
        Self {
            tenant: &row.tenant,
            run: &row.run,
            case: &row.case,
            connector: &row.connector,
            tool: &row.tool,
            principal: &row.principal,
        }
    }
}

impl<'a> From<&'a Run> for Subject<'a> {
    fn from(run: &'a Run) -> Self {
        Self {
            tenant: &run.tenant,
            run: &run.run,
            case: &run.case,
            connector: &run.connector,
            tool: &run.tool.name,
            principal: &run.principal,
        }
    }
}

/// Where a failure goes.
pub(crate) struct Filing<'a> {
    queues: &'a Queues,
    class: FailureClass,
    queue: &'a str,
    item: String,
    /// What makes another failure the same.
    fold: Option<String>,
    /// The item is there, and this is one more.
    repeats: bool,
}

impl<'a> Filing<'a> {
    /// Nothing where the operator said that nobody needs to know.
    pub(crate) fn new(queues: &'a Queues, class: FailureClass, item: String) -> Option<Self> {
        let queue = queues.of_class(class)?.name.as_str();
        Some(Self {
            queues,
            class,
            queue,
            item,
            fold: None,
            repeats: false,
        })
    }

    /// Of the end of a run. That of a delivery is told by the delivery itself: an
    /// item of its own would be delivered the same way, and fail the same way.
    pub(crate) fn of_run(queues: &'a Queues, class: FailureClass, run: &Run) -> Option<Self> {
        let key = run.request_key.as_deref();
        Self::of_end(queues, class, &run.run, &run.principal, key)
    }

    /// The same by the run's row.
    pub(crate) fn of_row(queues: &'a Queues, class: FailureClass, row: &RunRow) -> Option<Self> {
        let key = row.request_key.as_deref();
        Self::of_end(queues, class, &row.run, &row.principal, key)
    }

    fn of_end(
        queues: &'a Queues,
        class: FailureClass,
        run: &str,
        principal: &str,
        key: Option<&str>,
    ) -> Option<Self> {
        let told = !is_delivery(principal, key);
        told.then(|| Self::new(queues, class, names::item_of_end(run)))
            .flatten()
    }

    /// Counted in the open item of this fold, where there is one; else in a new one. A
    /// tenant that has as many as it may is told of the class.
    pub(super) async fn placed(
        self,
        store: &dyn Store,
        tenant: &Tenant,
        fold: Option<String>,
        most: u64,
    ) -> Result<Self, StoreError> {
        let place = store.queue_place(tenant, fold.as_deref(), most).await?;
        if place.same.is_some() || !place.is_full {
            return Ok(self.at(place, fold));
        }
        let overflow = format!("{OVERFLOW}{}", self.class);
        let place = store.queue_place(tenant, Some(&overflow), most).await?;
        Ok(self.at(place, Some(overflow)))
    }

    /// Whether its item is there.
    pub(super) const fn repeats(&self) -> bool {
        self.repeats
    }

    fn at(mut self, place: QueuePlace, fold: Option<String>) -> Self {
        self.fold = fold;
        self.repeats = place.same.is_some();
        self.item = place.same.unwrap_or(self.item);
        self
    }

    /// What the record of the failure says of it.
    pub(crate) fn facts(&self, saying: Saying) -> Saying {
        saying
            .fact("class", self.class.as_str())
            .fact("queue", self.queue)
            .fact("item", self.item.as_str())
    }

    /// The item and its deliveries, with the record that has the facts.
    pub(crate) fn changes<'b>(
        self,
        about: impl Into<Subject<'b>>,
        record: Hash,
        now: u64,
    ) -> Vec<Change> {
        if self.repeats {
            return vec![Change::RepeatQueueItem {
                id: self.item,
                at_ms: now,
            }];
        }
        let about = about.into();
        let row = QueueRow {
            tenant: about.tenant.to_owned(),
            id: self.item,
            queue: self.queue.to_owned(),
            kind: self.class.as_str().to_owned(),
            run: about.run.to_owned(),
            case: about.case.to_owned(),
            connector: about.connector.to_owned(),
            tool: about.tool.to_owned(),
            principal: about.principal.to_owned(),
            position: 0,
            state: QueueState::Open,
            created_ms: now,
            record: Some(record),
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
            fold: self.fold,
            times: 1,
            last_ms: now,
        };
        put(self.queues, row)
    }
}

impl Inner {
    /// Where the end of a run goes.
    pub(crate) async fn filing_of(
        &self,
        class: FailureClass,
        run: &Run,
    ) -> Result<Option<Filing<'_>>, StoreError> {
        let settings = &self.backends.queues;
        let Some(filing) = Filing::of_run(settings.of(&run.tenant), class, run) else {
            return Ok(None);
        };
        let fold = class.is_counted().then(|| fold_of(class, run));
        let store = self.journal.store.as_ref();
        let placed = filing.placed(store, &run.tenant, fold, settings.open_max());
        placed.await.map(Some)
    }
}

/// What makes the failure of another run the same. Outside of a workflow a case is a name
/// that its caller gives: one that gives another each time would have an item each time,
/// so there it is the caller that counts.
fn fold_of(class: FailureClass, run: &Run) -> String {
    let own = run.workflow.is_none() || run.case.starts_with(names::OWN_CASE);
    let whose = match own {
        true => ["principal", &run.principal],
        false => ["case", &run.case],
    };
    let what = serde_json::json!([whose, run.connector, run.tool.name]);
    let digest = Sha256::digest(what.to_string().as_bytes());
    format!("{class}/{}", hex::encode(&digest[..16]))
}

/// An item with the deliveries of the queue that is responsible for it.
pub(crate) fn put(queues: &Queues, row: QueueRow) -> Vec<Change> {
    put_but(queues, row, "")
}

/// The same without one delivery, by its full name.
pub(super) fn put_but(queues: &Queues, row: QueueRow, but: &str) -> Vec<Change> {
    let responsible = queues.responsible(&row.queue, row.kind.parse().ok());
    let mut changes = Vec::new();
    if let Some(queue) = responsible {
        let names = queue.deliveries.iter();
        let names = names.map(|delivery| format!("{}/{}", queue.name, delivery.name));
        changes.extend(
            names
                .filter(|name| name != but)
                .map(|name| Change::PutDelivery(Box::new(pending(&row.tenant, &row.id, name)))),
        );
    }
    changes.insert(0, Change::PutQueueItem(Box::new(row)));
    changes
}
