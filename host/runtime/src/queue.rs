//! Work that a person has to do: calls in doubt, which no machine can settle, what
//! a connector hands over, and whatever else failed. An item stands in the store, in
//! the queue of its owner; what a person needs to decide on it is read from the run's
//! records, where it is sealed.
//!
//! ```text
//! a failure ─▶ filing.rs      an item in its owner's queue, with the record
//!              handover.rs    the same for a call in doubt
//!              delivering.rs  and from there to where the owner looks
//!              matter.rs      what is told: an item, or a pending approval
//!              stuck.rs       a run that cannot be gone on with, after some tries
//!              host_task.rs   what the host does by itself, and could not
//!              item.rs        what a person sees of it
//!              waiting.rs     and waiting until it is there
//! ```
//!
//! The attack: whoever has a token of the tenant reads what failed for others, and
//! settles it. An item is its owner's, and the operators'; for everybody else it does
//! not exist.

mod delivering;
mod filing;
mod handover;
mod host_task;
mod item;
mod matter;
mod stuck;
mod summary;
mod waiting;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::Approver;
use tollgate_policy::queue::{FailureClass, OPERATORS, Queue};
use tollgate_store::{Change, DeliveryRow, QueueRow, QueueState, Rejected, RunState};

use crate::api::{Principal, PrincipalKind, RunReport};
use crate::capability;
use crate::error::{CallError, DecideError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::workflows::Known;

pub(crate) use delivering::{DELIVERY, StandingFor, is_delivery};
pub(crate) use filing::{Filing, put};
pub(crate) use handover::Handover;
pub(crate) use host_task::{Task, Told};
use item::shown;
pub use item::{ItemDelivery, QueueItem};
pub(crate) use matter::announce;
pub(crate) use stuck::Tries;
pub use summary::QueueSummary;

/// The kind of a call in doubt.
pub(crate) const IN_DOUBT: &str = "in_doubt";

/// The kind of an item that a connector handed over; its queue is the one that the
/// connector named.
pub(crate) const ESCALATION: &str = "escalation";

/// What became of an item that was taken back by an undo.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// Longest note of a person, characters.
const NOTE_CHARS_MAX: usize = 2_000;

/// What a person found out about a call in doubt, or did with what was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened; or, the work was done.
    Done,
    /// It did not; or, it will not be done.
    NotDone,
}

impl Resolution {
    /// The name used in records and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NotDone => "not_done",
        }
    }
}

impl Host {
    /// Items that wait for this person, or with `all` every item that was theirs.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the principal is not a person.
    pub async fn queue(&self, who: &Principal, all: bool) -> Result<Vec<QueueItem>, CallError> {
        if who.kind != PrincipalKind::Person {
            return Err(CallError::NotAllowed(DecideError::NotAPerson.to_string()));
        }
        let inner = self.inner();
        let state = (!all).then_some(QueueState::Open);
        let store = &inner.journal.store;
        let mut rows = store.queue_items(&who.tenant, state).await?;
        let known = inner.workflows_of(&who.tenant).await?;
        rows.retain(|row| inner.may_see_item(who, row, &known));
        let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
        let deliveries = store.deliveries(&who.tenant, &ids).await?;
        let mut items = Vec::new();
        for row in rows {
            let own = deliveries.iter().filter(|delivery| delivery.item == row.id);
            let own: Vec<_> = own.cloned().collect();
            match inner.item(&row, &own).await {
                Ok(item) => items.push(item),
                // What cannot be told of it must not hide that it is there.
                Err(error) => {
                    tracing::error!(item = row.id, %error, "an item's records cannot be read");
                    let queues = inner.backends.queues.of(&row.tenant);
                    let why = format!("its records cannot be read: {error}");
                    let item = shown(&row, queues, &[], &own);
                    items.push(QueueItem { why, ..item });
                }
            }
        }
        Ok(items)
    }

    /// One item.
    ///
    /// # Errors
    ///
    /// When there is none, or the principal is not a person.
    pub async fn queue_item(&self, who: &Principal, id: &str) -> Result<QueueItem, DecideError> {
        let inner = self.inner();
        let row = inner.item_row(who, id).await?;
        let ids = [row.id.clone()];
        let deliveries = inner.journal.store.deliveries(&who.tenant, &ids).await?;
        let item = inner.item(&row, &deliveries).await;
        item.map_err(|error| DecideError::Unavailable(error.to_string()))
    }

    /// Say what became of a call in doubt, or of work that was handed over: that
    /// ends the item and touches no run. `reply` is the call's answer as the
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
        who: &Principal,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> Result<RunReport, DecideError> {
        self.inner().resolve(who, id, resolution, note, reply).await
    }
}

impl Inner {
    async fn item_row(&self, who: &Principal, id: &str) -> Result<QueueRow, DecideError> {
        if who.kind != PrincipalKind::Person {
            return Err(DecideError::NotAPerson);
        }
        let row = self.journal.store.queue_item(&who.tenant, id).await?;
        let known = self.workflows_of(&who.tenant).await?;
        let theirs = row.filter(|row| self.may_see_item(who, row, &known));
        theirs.ok_or_else(|| DecideError::NotFound(id.to_owned()))
    }

    /// A case's item is the workflow's owner's too: the queue may be one that only the
    /// workflow names.
    fn may_see_item(&self, who: &Principal, row: &QueueRow, known: &Known) -> bool {
        let of_workflow = || {
            let mut workflows = known.all();
            workflows.any(|workflow| workflow.queue == row.queue && owns(who, &workflow.owner))
        };
        may_see(who, self.responsible(row)) || (is_of_case(&row.kind) && of_workflow())
    }

    fn responsible(&self, row: &QueueRow) -> Option<&Queue> {
        let queues = self.backends.queues.of(&row.tenant);
        queues.responsible(&row.queue, row.kind.parse().ok())
    }

    async fn item(
        &self,
        row: &QueueRow,
        deliveries: &[DeliveryRow],
    ) -> Result<QueueItem, CallError> {
        let records = match row.run.as_str() {
            _ if is_of_case(&row.kind) => self.case_records(&row.tenant, &row.case).await?,
            "" => self.journal.task_records(&row.tenant, &row.case).await?,
            run => self.journal.run_records(&row.tenant, run).await?,
        };
        let queues = self.backends.queues.of(&row.tenant);
        Ok(shown(row, queues, &records, deliveries))
    }

    async fn resolve(
        self: &Arc<Self>,
        who: &Principal,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> Result<RunReport, DecideError> {
        let row = self.item_row(who, id).await?;
        if who.name == row.principal {
            return Err(DecideError::Requester);
        }
        let note: String = note.trim().chars().take(NOTE_CHARS_MAX).collect();
        // The attack: what a person pastes has a token in it, and goes to the guest and
        // into the record.
        let scanner = self.backends.secrets.scanner();
        let secret_in = |text: &str| scanner.find(&row.tenant, text.as_bytes());
        if let Some(found) = secret_in(&note) {
            return Err(DecideError::NoteUnfit(format!(
                "it has {found} in it, and nothing of it was recorded"
            )));
        }
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        if row.kind != IN_DOUBT {
            return self.resolve_work(who, &row, resolution, note).await;
        }
        let item = self.item(&row, &[]).await.map_err(unavailable)?;
        let reply = reply.filter(|_| resolution == Resolution::Done);
        if let Some(reply) = &reply {
            capability::fits(&item.call, reply).map_err(DecideError::ReplyUnfit)?;
            if let Some(found) = secret_in(&reply.to_string()) {
                return Err(DecideError::ReplyUnfit(format!(
                    "it has {found} in it, and nothing of it was recorded"
                )));
            }
        }
        let run = self.journal.store.run(&row.tenant, &row.run).await?;
        let Some(mut run) = run.filter(|run| run.state == RunState::InDoubt) else {
            return Err(already(&row));
        };
        let about = self.about_recorded(&row.tenant, &row.run).await;
        let mut about = about.map_err(unavailable)?;
        about.principal.clone_from(&who.name);
        let mut saying = Saying::new(Stage::CallSettled)
            .at(row.position)
            .fact("call", item.call.as_str())
            .fact("item", id)
            .fact("resolution", resolution.as_str())
            .value("note", note.into_bytes());
        if let Some(reply) = &reply {
            saying = saying.json("answer", reply);
        }
        let record = self.journal.record(&about, saying)?;
        let now = self.journal.now_ms();
        // Open, and nobody's: whoever comes first goes on with it.
        run.state = RunState::Open;
        run.updated_ms = now;
        let changes = vec![
            Change::ResolveQueueItem {
                id: id.to_owned(),
                resolution: resolution.as_str().to_owned(),
                by: who.name.clone(),
                at_ms: now,
            },
            Change::PutRun(Box::new(run)),
        ];
        fail::fail_point!("queue::before_resolve");
        let appended = self
            .journal
            .append(&row.tenant, vec![record], changes)
            .await;
        fail::fail_point!("queue::after_resolve");
        appended.map_err(refused)?;
        let report = self.resume(&row.tenant, &row.run).await;
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }

    /// The run went on, or ended, when the item was made; only the item ends.
    async fn resolve_work(
        &self,
        who: &Principal,
        row: &QueueRow,
        resolution: Resolution,
        note: String,
    ) -> Result<RunReport, DecideError> {
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        // Words about somebody go with that one's key. Of what is erased, or of no
        // run, there is none, and none is made.
        let about = match row.run.is_empty() || row.kind == FailureClass::Erased.as_str() {
            _ if is_of_case(&row.kind) => self.about_case_item(row).await,
            true => self.about_item(row).await.map_err(CallError::from),
            false => self.about_recorded(&row.tenant, &row.run).await,
        };
        let mut about = about.map_err(unavailable)?;
        about.principal.clone_from(&who.name);
        let saying = Saying::new(Stage::HandoffResolved)
            .at(row.position)
            .fact("queue", row.queue.as_str())
            .fact("item", row.id.as_str())
            .fact("resolution", resolution.as_str())
            .value("note", note.into_bytes());
        let record = self.journal.record(&about, saying)?;
        let resolve = Change::ResolveQueueItem {
            id: row.id.clone(),
            resolution: resolution.as_str().to_owned(),
            by: who.name.clone(),
            at_ms: self.journal.now_ms(),
        };
        let appended = self
            .journal
            .append(&row.tenant, vec![record], vec![resolve]);
        appended.await.map_err(refused)?;
        if row.run.is_empty() {
            return Ok(of_no_run(row));
        }
        self.report(&row.tenant, &row.run)
            .await
            .map_err(unavailable)
    }
}

/// Whether an item is about a case, and not about one run of it.
fn is_of_case(kind: &str) -> bool {
    [FailureClass::CaseFailed, FailureClass::CaseExpired]
        .iter()
        .any(|class| class.as_str() == kind)
}

/// Whether an item of this queue is this person's.
fn may_see(who: &Principal, queue: Option<&Queue>) -> bool {
    let is_operator = who.groups.iter().any(|group| group == OPERATORS);
    let theirs = is_operator || queue.is_some_and(|queue| owns(who, &queue.owner));
    who.kind == PrincipalKind::Person && theirs
}

fn owns(who: &Principal, owner: &Approver) -> bool {
    who.kind == PrincipalKind::Person
        && match owner {
            Approver::Person(name) => *name == who.name,
            Approver::Group(group) => who.groups.iter().any(|own| own == group),
        }
}

/// What is told of an item that is about no run.
fn of_no_run(row: &QueueRow) -> RunReport {
    RunReport {
        run: String::new(),
        case: row.case.clone(),
        connector: row.connector.clone(),
        tool: row.tool.clone(),
        principal: row.principal.clone(),
        state: crate::api::RunState::Failed,
        output: None,
        failure: None,
        pending: None,
        continued_as: None,
    }
}

fn refused(fault: JournalFault) -> DecideError {
    match fault.rejected() {
        Some(Rejected::AlreadyResolved { by, resolution }) => DecideError::AlreadyDecided {
            state: resolution.clone(),
            by: Some(by.clone()),
        },
        Some(Rejected::OwnRequest) => DecideError::Requester,
        _ => fault.into(),
    }
}

fn already(row: &QueueRow) -> DecideError {
    DecideError::AlreadyDecided {
        state: row.resolution.clone().unwrap_or_default(),
        by: row.resolved_by.clone(),
    }
}
