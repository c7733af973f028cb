//! Runs that cannot be executed any more: their connector cannot be started, or
//! their values were erased. They end, or a person says what became of a call.

use serde_json::json;
use tollgate_journal::{Stage, Tenant};
use tollgate_policy::queue::FailureClass;
use tollgate_store::{Change, RunRow, RunState as StoredState};

use crate::api::RunReport;
use crate::door::{RecordedCall, in_doubt, recorded_calls};
use crate::error::{CallError, Ending};
use crate::host::Inner;
use crate::journal::Saying;
use crate::queue::Handover;
use crate::runs::Lease;
use crate::runs::execute::{End, ended};

impl Inner {
    /// A run whose values are gone ends. Where a call of it may have happened,
    /// nothing is left to look with, so a person says first what became of it.
    pub(super) async fn erased(&self, row: RunRow, lease: &Lease) -> Result<(), CallError> {
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

    /// A run whose connector cannot be started any more. A call in doubt is a
    /// person's; one without is left until it can be.
    pub(super) async fn unstartable(
        &self,
        tenant: &Tenant,
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
        let saying = Saying::new(Stage::RunClosed);
        let (saying, class) = match ended(ending) {
            End::Failed(_, kind, failure) => {
                (saying.json("failure", &json!(failure)), kind.class())
            }
            _ => (saying, None),
        };
        let class = class.unwrap_or(FailureClass::ConnectorFault);
        let (record, filed) = self.failed_record(&about, row, saying, class)?;
        let mut changes = Vec::from_iter(lease.condition(&row.run));
        changes.push(self.failed_row(row));
        changes.extend(filed);
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
        let queues = self.backends.queues.of(&tenant);
        let handover = Handover::new(queues, position, &call.call, why, None);
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
        let told = records.last().map(|record| record.hash).unwrap_or_default();
        row.state = StoredState::InDoubt;
        row.updated_ms = now;
        let mut changes = Vec::from_iter(lease.condition(&run));
        changes.extend(handover.changes(&row, told, now));
        changes.push(Change::PutRun(Box::new(row)));
        self.journal.append(&tenant, records, changes).await?;
        lease.given_back();
        Ok(())
    }
}
