//! Work that a person has to do: calls in doubt, which no machine can settle, and
//! what a connector hands over. An item stands in the store; what a person needs to decide on it is read from
//! the run's records, where it is sealed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_store::{Change, QueueRow, QueueState, Rejected, RunRow, RunState};

use crate::api::{Principal, PrincipalKind, RunReport};
use crate::capability;
use crate::door::recorded_calls;
use crate::error::{CallError, DecideError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::{OpenRecord, Saying};
use crate::names;
use crate::time::rfc3339;

/// The queue of calls in doubt.
const IN_DOUBT: &str = "in_doubt";

/// The kind of an item that a connector handed over; its queue is the one that the
/// connector named.
pub(crate) const ESCALATION: &str = "escalation";

/// The kind of an item for a case that failed, was stopped, or whose time passed.
pub(crate) const CASE: &str = "case";

/// What became of an item that was taken back by an undo.
pub(crate) const WITHDRAWN: &str = "withdrawn";

/// Longest note of a person, characters.
const NOTE_CHARS_MAX: usize = 2_000;

/// Most bytes of what was found that are kept for a person to see.
const FOUND_BYTES_MAX: usize = 1 << 20;

/// An item of a queue, with what a person needs to decide on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueueItem {
    /// Its identifier.
    pub id: String,
    /// The queue's name.
    pub queue: String,
    /// What kind of work: `in_doubt`, `escalation`.
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
    /// What was, or was not, sent; what was handed over.
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
    /// How: `done`, `not_done`, `withdrawn`.
    pub resolution: Option<String>,
    /// That person's words.
    pub note: Option<String>,
}

/// What a person found out about a call in doubt, or did with what was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened; or, the work was done.
    Done,
    /// It did not; or, it will not be done.
    NotDone,
}

/// A call in doubt on its way to a person.
pub(crate) struct Handover {
    id: String,
    position: u32,
    call: String,
    why: String,
    found: Option<Value>,
}

impl Handover {
    pub(crate) fn new(position: u32, call: &str, why: &str, found: Option<Value>) -> Self {
        Self {
            id: names::queue_item(),
            position,
            call: call.to_owned(),
            why: why.to_owned(),
            found: found.filter(|found| found.to_string().len() <= FOUND_BYTES_MAX),
        }
    }

    /// The record of it.
    pub(crate) fn saying(&self) -> Saying {
        let saying = Saying::new(Stage::Handoff)
            .at(self.position)
            .fact("queue", IN_DOUBT)
            .fact("item", self.id.as_str())
            .fact("call", self.call.as_str())
            .value("why", self.why.clone().into_bytes());
        match &self.found {
            Some(found) => saying.json("found", found),
            None => saying,
        }
    }

    /// The item, for the run of this row.
    pub(crate) fn row(&self, run: &RunRow, now: u64) -> QueueRow {
        QueueRow {
            tenant: run.tenant.clone(),
            id: self.id.clone(),
            queue: IN_DOUBT.to_owned(),
            kind: IN_DOUBT.to_owned(),
            run: run.run.clone(),
            case: run.case.clone(),
            connector: run.connector.clone(),
            tool: run.tool.clone(),
            principal: run.principal.clone(),
            position: self.position,
            state: QueueState::Open,
            created_ms: now,
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
        }
    }
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
    /// Items that wait for a person, or with `all` every item of the tenant.
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
        let mut items = Vec::new();
        for row in inner.journal.store.queue_items(&who.tenant, state).await? {
            match inner.item(&row).await {
                Ok(item) => items.push(item),
                // One damaged record must not hide the others.
                Err(error) => tracing::error!(item = row.id, %error, "no item"),
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
        let item = inner.item(&row).await;
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
        row.ok_or_else(|| DecideError::NotFound(id.to_owned()))
    }

    async fn item(&self, row: &QueueRow) -> Result<QueueItem, CallError> {
        let records = match row.kind.as_str() {
            CASE => self.case_records(&row.tenant, &row.case).await?,
            _ => self.journal.run_records(&row.tenant, &row.run).await?,
        };
        Ok(shown(row, &records))
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
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        if row.kind == ESCALATION || row.kind == CASE {
            return self.resolve_escalation(who, &row, resolution, note).await;
        }
        let item = self.item(&row).await.map_err(unavailable)?;
        let reply = reply.filter(|_| resolution == Resolution::Done);
        if let Some(reply) = &reply {
            capability::fits(&item.call, reply).map_err(DecideError::ReplyUnfit)?;
            // The attack: what a person pastes has a token in it, and goes to the
            // guest and into the record.
            let scanner = self.backends.secrets.scanner();
            if let Some(found) = scanner.find(&row.tenant, reply.to_string().as_bytes()) {
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

    /// The run went on when the item was made; only the item ends.
    async fn resolve_escalation(
        &self,
        who: &Principal,
        row: &QueueRow,
        resolution: Resolution,
        note: String,
    ) -> Result<RunReport, DecideError> {
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        let about = match row.kind.as_str() {
            CASE => self.about_case_item(row).await,
            _ => self.about_recorded(&row.tenant, &row.run).await,
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
            return Ok(no_run(row));
        }
        self.report(&row.tenant, &row.run)
            .await
            .map_err(unavailable)
    }
}

/// The answer where an item is about a case that never had a run.
fn no_run(row: &QueueRow) -> RunReport {
    RunReport {
        run: String::new(),
        case: row.case.clone(),
        connector: String::new(),
        tool: String::new(),
        principal: row.principal.clone(),
        state: crate::api::RunState::Failed,
        output: None,
        failure: None,
        pending: None,
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

/// An item with what its run's records say of it.
fn shown(row: &QueueRow, records: &[OpenRecord]) -> QueueItem {
    let handed = records.iter().rfind(|record| {
        record.leaf.stage == Stage::Handoff && record.fact("item") == Some(&row.id)
    });
    let of = |stage: Stage| {
        records.iter().rfind(|record| {
            record.leaf.stage == stage && record.leaf.position == Some(row.position)
        })
    };
    let resolved = match row.kind.as_str() {
        ESCALATION | CASE => Stage::HandoffResolved,
        _ => Stage::CallSettled,
    };
    let settled = match row.kind.as_str() {
        // A case may have been in a queue more than once.
        CASE => records
            .iter()
            .rfind(|record| record.leaf.stage == resolved && record.fact("item") == Some(&row.id)),
        _ => of(resolved),
    };
    let marked = of(Stage::CallInDoubt);
    let calls = recorded_calls(records);
    let call = calls
        .get(row.position as usize)
        .cloned()
        .unwrap_or_default();
    let arguments: Value = serde_json::from_slice(&call.arguments).unwrap_or_default();
    let why = match row.kind.as_str() {
        ESCALATION => arguments["reason"].as_str(),
        _ => handed.and_then(|record| record.text("why")),
    };
    let why = why.map(str::to_owned);
    QueueItem {
        id: row.id.clone(),
        queue: row.queue.clone(),
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
        why: why.unwrap_or_default(),
        created: rfc3339(row.created_ms),
        resolved_by: row.resolved_by.clone(),
        resolution: row.resolution.clone(),
        note: settled
            .and_then(|record| record.text("note"))
            .map(str::to_owned),
    }
}
