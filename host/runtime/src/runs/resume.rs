//! Rebuilding a run from its journal, to go on with it: after a decision, after
//! a crash, after a restart on any machine that has the store and the keys.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tollgate_journal::Stage;
use tollgate_policy::Digest;
use tollgate_store::{
    ApprovalRow, ApprovalState, Change, Rejected, RunRow, RunState as StoredState,
};

use super::execute::{End, Start, ended};
use super::open::unpanicked;
use super::{Lease, Run, Undoes, awake_ms};
use crate::api::{Failure, RunReport, RunState};
use crate::connectors::Installed;
use crate::door::{RecordedCall, in_doubt, recorded_calls};
use crate::error::{CallError, Ending, InstallError};
use crate::host::Inner;
use crate::journal::{About, OpenRecord, Saying};
use crate::queue::Handover;
use crate::watch::Place;

/// A run as its journal tells it.
pub(crate) struct Rebuilt {
    pub(crate) run: Arc<Run>,
    pub(crate) installed: Arc<Installed>,
    pub(crate) about: About,
    pub(crate) records: Vec<OpenRecord>,
}

impl Rebuilt {
    pub(crate) fn recorded(&self) -> Vec<RecordedCall> {
        recorded_calls(&self.records)
    }

    /// The record of the run's opening.
    pub(crate) fn opening(&self) -> Option<&OpenRecord> {
        opening(&self.records)
    }

    /// The record of its end, where it has one.
    pub(crate) fn closing(&self) -> Option<&OpenRecord> {
        closing(&self.records)
    }

    /// Whether recorded fuel was measured by an engine like this host's.
    pub(crate) fn same_engine(&self, fingerprint: &str) -> bool {
        self.opening().and_then(|record| record.fact("engine")) == Some(fingerprint)
    }
}

pub(crate) fn opening(records: &[OpenRecord]) -> Option<&OpenRecord> {
    records
        .iter()
        .find(|record| record.leaf.stage == Stage::RunOpened)
}

pub(crate) fn closing(records: &[OpenRecord]) -> Option<&OpenRecord> {
    records
        .iter()
        .rfind(|record| record.leaf.stage == Stage::RunClosed)
}

impl Inner {
    /// Rebuild a run. It keeps the component and configuration it opened with.
    pub(crate) async fn rebuild(&self, tenant: &str, run: &str) -> Result<Rebuilt, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        if records.iter().any(|record| record.gone) {
            return Err(CallError::Erased(run.to_owned()));
        }
        let fact = |name: &str| opened.fact(name).unwrap_or_default().to_owned();
        let damaged = |what: &str| {
            CallError::Connector(format!("the record of run {run} has no usable {what}"))
        };
        let digest = |name: &str| fact(name).parse::<Digest>().map_err(|_| damaged(name));
        let (manifest_digest, component) = (digest("manifest")?, digest("component")?);
        let installed = self
            .connectors
            .opened_under(
                self.loader(),
                self.journal.store.as_ref(),
                tenant,
                &fact("connector"),
                &manifest_digest,
                &component,
            )
            .await
            .map_err(not_loaded)?;
        let tool = installed
            .tool(&fact("tool"))
            .ok_or_else(|| damaged("tool"))?;
        let input_text = opened
            .text("input")
            .ok_or_else(|| damaged("input"))?
            .to_owned();
        let rebuilt = Run {
            tenant: tenant.to_owned(),
            case: opened.leaf.case.clone(),
            run: run.to_owned(),
            principal: opened.leaf.principal.clone(),
            workflow: opened.leaf.workflow.clone(),
            connector: fact("connector"),
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component,
            manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input: serde_json::from_str(&input_text).map_err(|_| damaged("input"))?,
            input_digest: Digest::of(input_text.as_bytes()),
            input_text,
            request_key: opened.fact("request_key").map(str::to_owned),
            reason: opened.text("reason").map(str::to_owned),
            trigger: opened.text("trigger").map(str::to_owned),
            subject: opened.leaf.subject.clone(),
            undoes: opened.fact("undoes").map(|of| Undoes {
                run: of.to_owned(),
                by_host: opened.leaf.facts.get("by_host") == Some(&Value::Bool(true)),
            }),
            opened_ms: opened.leaf.at,
            looked_at: None,
        };
        let run = Arc::new(rebuilt);
        Ok(Rebuilt {
            about: self.about(&run).await?,
            run,
            installed,
            records,
        })
    }

    /// Go on with a run whose held call was decided on, or that a crash or
    /// another host left open. Waits where somebody does already.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        tenant: &str,
        run: &str,
    ) -> Result<RunReport, CallError> {
        match self.go_on_here(tenant, run).await? {
            Some(report) => Ok(report),
            None => self.settled_elsewhere(tenant, run).await,
        }
    }

    /// The same without waiting for another host. Nothing where one has it.
    async fn go_on_here(
        self: &Arc<Self>,
        tenant: &str,
        run: &str,
    ) -> Result<Option<RunReport>, CallError> {
        // Whoever works on it may have looked before the decision: look again after.
        let lease = loop {
            match self.live.take_up(tenant, run) {
                Some(lease) => break lease,
                None => self.live.settled(run).await,
            }
        };
        let inner = Arc::clone(self);
        let (tenant, run) = (tenant.to_owned(), run.to_owned());
        tokio::spawn(async move { inner.resuming(&tenant, &run, &lease).await })
            .await
            .unwrap_or_else(|panic| Err(CallError::Connector(panic.to_string())))
    }

    async fn resuming(
        self: &Arc<Self>,
        tenant: &str,
        run: &str,
        lease: &Arc<Lease>,
    ) -> Result<Option<RunReport>, CallError> {
        let resumed = unpanicked(self.claimed(tenant, run, lease)).await;
        self.live.lay_down(run);
        // Decided or recorded is decided and recorded: it is taken up again when
        // the journal is back, or the connector can be started.
        match &resumed {
            Err(CallError::Connector(_)) if lease.is_open() => self.strand_for_long(tenant, run),
            Err(CallError::Unavailable(_) | CallError::Unsettled(_)) => self.strand(tenant, run),
            _ if lease.is_open() => self.strand_for(tenant, run, lease.paused_for()),
            _ => {}
        }
        self.changed();
        resumed
    }

    /// Claim a run and go on with it. Nothing where another host has it.
    async fn claimed(
        self: &Arc<Self>,
        tenant: &str,
        run: &str,
        lease: &Arc<Lease>,
    ) -> Result<Option<RunReport>, CallError> {
        let store = &self.journal.store;
        let row = store.run(tenant, run).await?;
        if !self.can_go_on(row.as_ref()).await? {
            return self.report(tenant, run).await.map(Some);
        }
        let asked = awake_ms();
        let claim = store.claim_run(tenant, run, lease.owner(), lease.length_ms());
        let row = match claim.await {
            Ok(row) => row,
            Err(error) if matches!(error.rejected(), Some(Rejected::Leased { .. })) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        lease.taken(row.lease_token, asked);
        fail::fail_point!("resume::claimed");
        match self.rebuild(tenant, run).await {
            Ok(rebuilt) => self.go_on(rebuilt, lease).await.map(Some),
            Err(CallError::Connector(why)) => self.unstartable(tenant, run, lease, why).await,
            // It can never go on; whoever waits for it is told so.
            Err(CallError::Erased(_)) => {
                self.erased(row, lease).await?;
                self.report(tenant, run).await.map(Some)
            }
            Err(error) => Err(error),
        }
    }

    /// A run whose values are gone ends. Where a call of it may have happened,
    /// nothing is left to look with, so a person says first what became of it.
    async fn erased(&self, row: RunRow, lease: &Lease) -> Result<(), CallError> {
        let records = self.journal.run_records(&row.tenant, &row.run).await?;
        let Some(position) = in_doubt(&records) else {
            self.end_erased(&row).await?;
            lease.given_back();
            return Ok(());
        };
        let calls = recorded_calls(&records);
        let call = calls.get(position as usize).cloned().unwrap_or_default();
        let why = "its values were erased, so it cannot be looked for";
        self.hand_over(row, lease, position, &call, why).await
    }

    /// Execute a run again whose last call is in doubt: it is looked at where it
    /// is made again.
    pub(super) fn again<'a>(
        self: &'a Arc<Self>,
        run: &'a Run,
        lease: &'a Arc<Lease>,
    ) -> Pin<Box<dyn Future<Output = Result<RunReport, CallError>> + Send + 'a>> {
        Box::pin(async move {
            let rebuilt = self.rebuild(&run.tenant, &run.run).await;
            match rebuilt {
                Ok(rebuilt) => self.go_on(rebuilt, lease).await,
                // Taken up again when the store is back.
                Err(_) => Ok(RunReport::of(run, RunState::Open)),
            }
        })
    }

    async fn go_on(
        self: &Arc<Self>,
        rebuilt: Rebuilt,
        lease: &Arc<Lease>,
    ) -> Result<RunReport, CallError> {
        let run = Arc::clone(&rebuilt.run);
        let row = self.journal.store.run(&run.tenant, &run.run).await?;
        let Some(row) = row.filter(is_unfinished) else {
            lease.given_back();
            return self.report(&run.tenant, &run.run).await;
        };
        let approval = self.decision_on(&row).await?;
        if row.state == StoredState::Held && !approval.as_ref().is_some_and(is_decided) {
            self.give_back(&run.tenant, &run.run, lease).await?;
            return self.report(&run.tenant, &run.run).await;
        }
        let recorded = rebuilt.recorded();
        let start = Start {
            same_engine: rebuilt.same_engine(self.sandbox.fingerprint()),
            committed: recorded.iter().any(|call| call.intent),
            about: rebuilt.about,
            opening: Vec::new(),
            recorded,
            denial: approval
                .as_ref()
                .and_then(|row| crate::approvals::denial(&rebuilt.records, &row.id)),
            approval,
            known: true,
        };
        self.execute(&run, &rebuilt.installed, start, lease).await
    }

    /// Whether there is something to go on with.
    async fn can_go_on(&self, row: Option<&RunRow>) -> Result<bool, CallError> {
        match row {
            Some(row) if row.state == StoredState::Held => Ok(self
                .decision_on(row)
                .await?
                .as_ref()
                .is_some_and(is_decided)),
            Some(row) => Ok(row.state == StoredState::Open),
            None => Ok(false),
        }
    }

    /// Let others have a run.
    async fn give_back(&self, tenant: &str, run: &str, lease: &Lease) -> Result<(), CallError> {
        if let Some(release) = lease.release(run) {
            self.journal
                .append(tenant, Vec::new(), vec![release])
                .await?;
            lease.given_back();
        }
        Ok(())
    }

    /// A run whose connector cannot be started any more. A call in doubt is a
    /// person's; one without is left until it can be.
    async fn unstartable(
        &self,
        tenant: &str,
        run: &str,
        lease: &Lease,
        why: String,
    ) -> Result<Option<RunReport>, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let calls = recorded_calls(&records);
        let doubtful = calls.iter().position(RecordedCall::is_doubtful);
        let row = self.journal.store.run(tenant, run).await?;
        let (Some(position), Some(row)) = (doubtful, row) else {
            return Err(CallError::Connector(why));
        };
        let call = &calls[position];
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        match &call.settled {
            None => {
                let why = format!("its connector cannot be started to look: {why}");
                self.hand_over(row, lease, position, call, &why).await?;
            }
            // Nobody is left to ask, and nothing to find out.
            Some(settled) => {
                let why = format!("the connector cannot be started: {why}");
                let ending = settled.ending(position, &call.call, &why);
                self.end_unstarted(&row, lease, ending).await?;
            }
        }
        self.report(tenant, run).await.map(Some)
    }

    /// End a run whose connector cannot be started any more.
    async fn end_unstarted(
        &self,
        row: &RunRow,
        lease: &Lease,
        ending: Ending,
    ) -> Result<(), CallError> {
        let about = self.about_recorded(&row.tenant, &row.run).await?;
        let saying = match ended(ending) {
            End::Failed(_, failure) => {
                Saying::new(Stage::RunClosed).json("failure", &json!(failure))
            }
            _ => Saying::new(Stage::RunClosed),
        };
        let record = self.failed_record(&about, row, saying)?;
        let mut changes = Vec::from_iter(lease.condition(&row.run));
        changes.push(self.failed_row(row));
        self.journal
            .append(&row.tenant, vec![record], changes)
            .await?;
        lease.given_back();
        Ok(())
    }

    /// Put a call in doubt into a person's queue without executing its run.
    async fn hand_over(
        &self,
        mut row: RunRow,
        lease: &Lease,
        position: u32,
        call: &RecordedCall,
        why: &str,
    ) -> Result<(), CallError> {
        let (tenant, run) = (row.tenant.clone(), row.run.clone());
        let about = self.about_recorded(&tenant, &run).await?;
        let handover = Handover::new(position, &call.call, why, None);
        let mut sayings = vec![handover.saying()];
        if !call.marked {
            let marked = Saying::new(Stage::CallInDoubt)
                .at(position)
                .fact("call", call.call.as_str())
                .fact("destination", call.destination.as_str())
                .fact("recovery", "none");
            sayings.insert(0, marked);
        }
        let mut records = Vec::new();
        for saying in sayings {
            records.push(self.journal.record(&about, saying)?);
        }
        let now = self.journal.now_ms();
        row.state = StoredState::InDoubt;
        row.updated_ms = now;
        let mut changes = Vec::from_iter(lease.condition(&run));
        changes.push(Change::PutQueueItem(Box::new(handover.row(&row, now))));
        changes.push(Change::PutRun(Box::new(row)));
        self.journal.append(&tenant, records, changes).await?;
        lease.given_back();
        Ok(())
    }

    async fn decision_on(&self, row: &RunRow) -> Result<Option<ApprovalRow>, CallError> {
        match &row.approval {
            Some(id) => Ok(self.journal.store.approval(&row.tenant, id).await?),
            None => Ok(None),
        }
    }

    /// Whom a run's records are about, from its first one: without its component.
    pub(crate) async fn about_recorded(&self, tenant: &str, run: &str) -> Result<About, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        Ok(self
            .journal
            .about(
                tenant,
                &opened.leaf.case,
                Some(run),
                &opened.leaf.principal,
                opened.leaf.workflow.as_deref(),
                &opened.leaf.subject,
            )
            .await?)
    }

    /// Go on with a run on a task of its own, for nobody in particular. It has its
    /// place until then.
    pub(crate) fn resume_later(self: &Arc<Self>, tenant: &str, run: &str, place: Place) {
        let inner = Arc::clone(self);
        let (tenant, run) = (tenant.to_owned(), run.to_owned());
        tokio::spawn(async move {
            // One that found no journal is stranded, and taken up again.
            match inner.go_on_here(&tenant, &run).await {
                // Asked for a row, and there is none: nothing of it was kept.
                Ok(_) | Err(CallError::UnknownRun(_)) => {}
                Err(error) => tracing::error!(run, %error, "a run could not be resumed"),
            }
            inner.watching.leave(place);
        });
    }

    /// What a run came to, from its records.
    pub(crate) async fn report(&self, tenant: &str, run: &str) -> Result<RunReport, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        let row = self.journal.store.run(tenant, run).await?;
        let closed = closing(&records);
        let state = match (&row, closed) {
            (Some(row), _) => public(row.state),
            (None, Some(closed)) => state_named(closed.fact("state")),
            (None, None) => RunState::Open,
        };
        let pending = match row.as_ref().and_then(|row| row.approval.as_ref()) {
            Some(id) if state == RunState::Held => self
                .journal
                .store
                .approval(tenant, id)
                .await?
                .map(|approval| crate::approvals::pending(&approval, &records)),
            _ => None,
        };
        let doubtful = records
            .iter()
            .rfind(|record| record.leaf.stage == Stage::CallInDoubt)
            .filter(|_| state == RunState::InDoubt);
        let text = |name: &str| opened.fact(name).unwrap_or_default().to_owned();
        Ok(RunReport {
            run: run.to_owned(),
            case: opened.leaf.case.clone(),
            connector: text("connector"),
            tool: text("tool"),
            principal: opened.leaf.principal.clone(),
            state,
            output: closed.and_then(|record| record.json("output")),
            failure: match doubtful {
                Some(record) => Some(super::execute::in_doubt_failure(
                    record.leaf.position.unwrap_or_default(),
                    record.fact("call").unwrap_or_default(),
                )),
                None => closed.and_then(|record| erased(run, record)).or_else(|| {
                    closed
                        .and_then(|record| record.json("failure"))
                        .and_then(|failure| serde_json::from_value(failure).ok())
                }),
            },
            pending,
        })
    }
}

/// Why a run that has ended has nothing to show, where its values were erased
/// before or after its end.
fn erased(run: &str, closing: &OpenRecord) -> Option<Failure> {
    let ended_for_it = closing.fact("failure") == Some(crate::destruction::ERASED);
    (closing.gone || ended_for_it).then(|| (&CallError::Erased(run.to_owned())).into())
}

/// Why a run's connector is not there. A store that does not answer says nothing of
/// the connector, and nothing is handed to a person for it.
fn not_loaded(error: InstallError) -> CallError {
    match error {
        InstallError::Journal(fault) => fault.into(),
        error => CallError::Connector(error.to_string()),
    }
}

fn is_unfinished(row: &RunRow) -> bool {
    matches!(row.state, StoredState::Open | StoredState::Held)
}

fn is_decided(approval: &ApprovalRow) -> bool {
    matches!(
        approval.state,
        ApprovalState::Approved | ApprovalState::Denied | ApprovalState::Expired
    )
}

pub(crate) fn public(state: StoredState) -> RunState {
    match state {
        StoredState::Open => RunState::Open,
        StoredState::Held => RunState::Held,
        StoredState::InDoubt => RunState::InDoubt,
        StoredState::Done => RunState::Done,
        StoredState::Denied => RunState::Denied,
        StoredState::Undone => RunState::Undone,
        _ => RunState::Failed,
    }
}

pub(crate) fn state_named(name: Option<&str>) -> RunState {
    match name {
        Some("done") => RunState::Done,
        Some("denied") => RunState::Denied,
        Some("undone") => RunState::Undone,
        _ => RunState::Failed,
    }
}

#[cfg(test)]
mod tests {
    use tollgate_store::StoreError;

    use super::*;

    #[test]
    fn only_what_cannot_pass_says_that_the_connector_cannot_be_started() {
        let away = InstallError::from(StoreError::Closed);
        assert_eq!(
            not_loaded(away).kind(),
            CallError::from(StoreError::Closed).kind()
        );
        let gone = InstallError::NotAConnector("it is gone".to_owned());
        assert!(matches!(not_loaded(gone), CallError::Connector(_)));
    }
}
