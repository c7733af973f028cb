//! How a case ends: somebody says so, its time passes, a stop condition is met, or
//! the one call it was opened for has ended. Each leaves a record, and what failed
//! leaves an item in the workflow's failure queue. None just fades away.

use std::pin::Pin;
use std::sync::Arc;

use tollgate_journal::{Prepared, Stage, Tenant};
use tollgate_policy::queue::FailureClass;
use tollgate_store::{
    ApprovalState, CaseRow, CaseState, Change, QueueRow, QueueState, RecordFilter, Rejected,
    RunRow, RunState as StoredState,
};

use super::HOST;
use crate::api::RunState;
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::{About, OpenRecord, Saying};
use crate::queue::{self, Task};
use crate::runs::{Run, UNDO_KEY};
use crate::{names, time};

/// Cases that are ended at once.
const DUE: u32 = 100;

/// How often a case's end is tried again because somebody decided at the same time.
const RACES: u32 = 8;

/// The queue of a case whose workflow is not there any more.
const ORPHANS: &str = "workflows";

/// How a case ends.
pub(super) struct Ended<'a> {
    pub(super) state: CaseState,
    /// Why, in a word for programs.
    pub(super) why: &'a str,
    pub(super) by: &'a str,
    /// Why, in the words of who says so.
    pub(super) note: Option<String>,
    /// Whether the completion is correct, where that could be told.
    pub(super) correct: Option<bool>,
}

impl<'a> Ended<'a> {
    fn by_host(state: CaseState, why: &'a str) -> Self {
        Self {
            state,
            why,
            by: HOST,
            note: None,
            correct: None,
        }
    }
}

impl Inner {
    /// End a case. Whether this did: somebody else may have been faster.
    pub(super) async fn end_case(
        &self,
        row: &CaseRow,
        ended: Ended<'_>,
    ) -> Result<bool, JournalFault> {
        let about = self.about_case(row, ended.by).await?;
        let mut saying = Saying::new(Stage::CaseClosed)
            .fact("workflow", row.workflow.as_str())
            .fact("state", ended.state.as_str())
            .fact("why", ended.why)
            .fact("runs", row.runs)
            .maybe("correct", ended.correct);
        if let Some(note) = &ended.note {
            saying = saying.value("note", note.as_bytes().to_vec());
        }
        let mut records = vec![self.journal.record(&about, saying)?];
        let now = self.journal.now_ms();
        let mut changes = vec![Change::CloseCase {
            case: row.case.clone(),
            state: ended.state,
            at_ms: now,
        }];
        if is_a_failure(ended.state) {
            let class = match ended.state {
                CaseState::Expired => FailureClass::CaseExpired,
                _ => FailureClass::CaseFailed,
            };
            let mut item = self.failure_item(row, class, now).await?;
            let saying = Saying::new(Stage::Handoff)
                .fact("queue", item.queue.as_str())
                .fact("item", item.id.as_str())
                .fact("case", row.case.as_str())
                .fact("class", class.as_str())
                .value("why", self.told(row, &ended).into_bytes());
            let record = self.journal.record(&about, saying)?;
            item.record = Some(record.hash);
            records.push(record);
            changes.extend(queue::put(self.backends.queues.of(&row.tenant), item));
        }
        let mut left = RACES;
        loop {
            let (mut records, mut changes) = (records.clone(), changes.clone());
            for (record, change) in self.withdrawals(row, &ended).await? {
                records.push(record);
                changes.push(change);
            }
            return match self.journal.append(&row.tenant, records, changes).await {
                Ok(()) => {
                    // Runs whose approvals were withdrawn go on to their end.
                    self.look_now();
                    self.changed();
                    Ok(true)
                }
                Err(fault) => match fault.rejected() {
                    Some(Rejected::CaseNotOpen { .. }) => Ok(false),
                    // A person decided on one of them a moment ago: look again.
                    Some(Rejected::AlreadyDecided { .. }) if left > 0 => {
                        left -= 1;
                        continue;
                    }
                    _ => Err(fault),
                },
            };
        }
    }

    /// What waits for a decision in a case that ends: nobody needs to decide on it any
    /// more. Each is withdrawn with a record in the transaction that ends the case, and
    /// its run goes on with that answer and ends.
    async fn withdrawals(
        &self,
        row: &CaseRow,
        ended: &Ended<'_>,
    ) -> Result<Vec<(Prepared, Change)>, JournalFault> {
        let store = self.journal.store.as_ref();
        let held = store.runs(&row.tenant, &[StoredState::Held]).await?;
        let mut withdrawals = Vec::new();
        for run in held.iter().filter(|run| run.case == row.case) {
            let Some(id) = run.approval.as_deref() else {
                continue;
            };
            let approval = store.approval(&row.tenant, id).await?;
            let Some(approval) = approval.filter(|one| one.state == ApprovalState::Pending) else {
                continue;
            };
            let (case, state) = (&row.case, ended.state.as_str());
            let reason = format!("its case `{case}` is {state}; nobody is asked any more");
            let about = self.about_of_host(&row.tenant, &run.run, case).await?;
            let saying = Saying::new(Stage::ApprovalDecided)
                .at(approval.position)
                .fact("approval", id)
                .fact("decision", "withdrawn")
                .fact("why", format!("case_{state}"))
                .value("reason", reason.into_bytes());
            let record = self.journal.record(&about, saying)?;
            withdrawals.push((record, Change::WithdrawApproval { id: id.to_owned() }));
        }
        Ok(withdrawals)
    }

    /// Whom the records of a case itself are about.
    pub(super) async fn about_case(&self, row: &CaseRow, by: &str) -> Result<About, JournalFault> {
        let subject = match row.case.starts_with(names::OWN_CASE) {
            true => format!("day:{}", time::day(row.opened_ms)),
            false => format!("case:{}", row.case),
        };
        let workflow = Some(row.workflow.as_str());
        self.journal
            .about(&row.tenant, &row.case, None, by, workflow, &subject)
            .await
    }

    /// The records of what a case's end put into a queue, and of what became of it.
    pub(crate) async fn case_records(
        &self,
        tenant: &Tenant,
        case: &str,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let mut records = Vec::new();
        for stage in [Stage::Handoff, Stage::HandoffResolved] {
            let filter = RecordFilter {
                case: Some(case.to_owned()),
                stage: Some(stage),
                ..RecordFilter::default()
            };
            records.extend(self.journal.read(tenant, &filter).await?);
        }
        Ok(records)
    }

    /// Whom the records about a case's item are about.
    pub(crate) async fn about_case_item(&self, item: &QueueRow) -> Result<About, CallError> {
        let row = self.journal.store.case(&item.tenant, &item.case).await?;
        let row = row.ok_or_else(|| CallError::UnknownCase(item.case.clone()))?;
        Ok(self.about_case(&row, HOST).await?)
    }

    fn told(&self, row: &CaseRow, ended: &Ended<'_>) -> String {
        let why = match ended.why {
            "duration" => "its time passed".to_owned(),
            "runs" => format!("it had {} runs", row.runs),
            "failures" => format!("{} of its runs failed", row.failures),
            "denials" => format!("{} of its runs were denied", row.denials),
            _ => match &ended.note {
                Some(note) => format!("{} says: {note}", ended.by),
                None => format!("{} ended it", ended.by),
            },
        };
        let (case, workflow, state) = (&row.case, &row.workflow, ended.state.as_str());
        format!("the case `{case}` of `{workflow}` is {state}: {why}")
    }

    /// The item of a case that failed: in its workflow's queue, where that has one.
    async fn failure_item(
        &self,
        row: &CaseRow,
        class: FailureClass,
        now: u64,
    ) -> Result<QueueRow, JournalFault> {
        let known = self.workflows_of(&row.tenant).await?;
        let queue = known.get(&row.workflow).map(|one| one.queue.clone());
        let queues = self.backends.queues.of(&row.tenant);
        let by_class = || queues.of_class(class).map(|queue| queue.name.clone());
        let last = self.last_run(row).await?;
        let (connector, tool, principal, run) = last.unwrap_or_default();
        Ok(QueueRow {
            tenant: row.tenant.clone(),
            // One for each case, whoever ends it.
            id: names::queue_item(),
            queue: queue
                .or_else(by_class)
                .unwrap_or_else(|| ORPHANS.to_owned()),
            kind: class.as_str().to_owned(),
            run,
            case: row.case.clone(),
            connector,
            tool,
            principal: match principal.is_empty() {
                true => row.opened_by.clone(),
                false => principal,
            },
            position: 0,
            state: QueueState::Open,
            created_ms: now,
            record: None,
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
            fold: None,
            times: 1,
            last_ms: now,
        })
    }

    /// Connector, tool, principal and name of a case's last run.
    async fn last_run(
        &self,
        row: &CaseRow,
    ) -> Result<Option<(String, String, String, String)>, JournalFault> {
        let filter = RecordFilter {
            case: Some(row.case.clone()),
            stage: Some(Stage::RunOpened),
            newest_first: true,
            limit: Some(1),
            leaves_only: true,
            ..RecordFilter::default()
        };
        let found = self.journal.read(&row.tenant, &filter).await?;
        Ok(found.into_iter().next().map(|opened| {
            let fact = |name: &str| opened.fact(name).unwrap_or_default().to_owned();
            let run = opened.leaf.run.clone().unwrap_or_default();
            (
                fact("connector"),
                fact("tool"),
                opened.leaf.principal.clone(),
                run,
            )
        }))
    }

    /// End a case whose time has passed, or that a stop condition ends.
    async fn stop(&self, row: &CaseRow) -> Result<(), JournalFault> {
        let ended = match row {
            _ if row.due_ms <= self.journal.now_ms() => {
                Ended::by_host(CaseState::Expired, "duration")
            }
            _ if row.failures >= row.failures_max => {
                Ended::by_host(CaseState::Escalated, "failures")
            }
            _ if row.denials >= row.denials_max => Ended::by_host(CaseState::Escalated, "denials"),
            _ if row.runs >= row.runs_max => Ended::by_host(CaseState::Escalated, "runs"),
            _ => return Ok(()),
        };
        self.end_case(row, ended).await.map(drop)
    }

    /// The same for a case that somebody could not enter.
    pub(super) async fn stop_if_due(&self, tenant: &Tenant, case: &str) {
        let stopped = match self.journal.store.case(tenant, case).await {
            Ok(Some(row)) if row.state == CaseState::Open => self.stop(&row).await,
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        };
        // The watch comes by.
        if let Err(error) = stopped {
            tracing::warn!(%tenant, case, %error, "a case could not be stopped yet");
        }
    }

    /// End cases whose time has passed or that were stopped. Whether there may be
    /// more.
    pub(crate) async fn expire_cases(&self) -> Result<bool, CallError> {
        let due = self.journal.store.due_cases(DUE).await?;
        let all = due.len() as u64 >= u64::from(DUE);
        let mut failed = false;
        for row in due {
            if let Err(error) = self.stop(&row).await {
                failed = true;
                let why = format!("{}: {error}", row.case);
                self.task_failed(&row.tenant, Task::EndCase, &why).await;
            }
        }
        Ok(all && !failed)
    }

    /// What the end of a run means for its case.
    pub(crate) fn settle_case<'a>(
        self: &'a Arc<Self>,
        run: &'a Run,
        state: RunState,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if run.workflow.is_none() || run.is_of_host() {
                return;
            }
            let settled = match run.undoes {
                Some(_) => self.settle_undone(run, state).await,
                None => self.settle(run, state).await,
            };
            if let Err(error) = settled {
                tracing::warn!(case = run.case, %error, "a case could not be ended yet");
            }
        })
    }

    /// A completed case of which everything was taken back is undone. Runs that wrote
    /// have rows; those that only read left nothing.
    async fn settle_undone(&self, run: &Run, state: RunState) -> Result<(), CallError> {
        let row = self.journal.store.case(&run.tenant, &run.case).await?;
        let Some(row) = row.filter(|row| row.state == CaseState::Completed) else {
            return Ok(());
        };
        let done = self
            .journal
            .store
            .runs(&run.tenant, &[StoredState::Done])
            .await?;
        let is_left = |one: &RunRow| {
            let key = one.request_key.as_deref().unwrap_or_default();
            one.case == row.case && !key.starts_with(UNDO_KEY)
        };
        if state != RunState::Done || done.iter().any(is_left) {
            return Ok(());
        }
        let ended = Ended {
            by: &run.principal,
            ..Ended::by_host(CaseState::Undone, "undone")
        };
        self.end_case(&row, ended).await?;
        Ok(())
    }

    async fn settle(self: &Arc<Self>, run: &Run, state: RunState) -> Result<(), CallError> {
        let row = self.journal.store.case(&run.tenant, &run.case).await?;
        let Some(row) = row.filter(|row| row.state == CaseState::Open) else {
            return Ok(());
        };
        if row.is_stopped() && !row.single {
            return Ok(self.stop(&row).await?);
        }
        if !row.single {
            return Ok(());
        }
        let (state, correct) = match state {
            RunState::Done => (CaseState::Completed, self.is_correct(&row).await),
            RunState::Denied => (CaseState::Denied, None),
            _ => (CaseState::Failed, None),
        };
        let ended = Ended {
            correct,
            ..Ended::by_host(state, "single")
        };
        self.end_case(&row, ended).await?;
        Ok(())
    }
}

/// Whether somebody has to look at it.
fn is_a_failure(state: CaseState) -> bool {
    matches!(
        state,
        CaseState::Failed | CaseState::Escalated | CaseState::Expired
    )
}
