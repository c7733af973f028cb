//! Ending runs whose values go, before the destruction and after it.

use std::sync::Arc;

use tollgate_journal::{Closing, Prepared, Stage, Tenant};
use tollgate_policy::queue::FailureClass;
use tollgate_store::{ApprovalState, Change, RunRow, RunState};

use super::taking::ASK_EVERY;
use super::{Erase, EraseError, ErasureReport, RUNS_AT_ONCE};
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::{About, KEY_BELIEVED_FOR, Saying};
use crate::queue::Filing;

impl Inner {
    /// End runs whose leases this process has: they fail, and their approvals
    /// are void.
    pub(super) async fn end_runs(&self, about: &About, rows: &[RunRow]) -> Result<(), EraseError> {
        for some in rows.chunks(RUNS_AT_ONCE) {
            let (mut records, mut changes) = (Vec::new(), Vec::new());
            for row in some {
                let (record, mut with) = self.ending(about, row).await?;
                records.push(record);
                changes.append(&mut with);
            }
            self.journal.append(&about.tenant, records, changes).await?;
        }
        Ok(())
    }

    async fn ending(
        &self,
        about: &About,
        row: &RunRow,
    ) -> Result<(Prepared, Vec<Change>), JournalFault> {
        let about = About {
            case: row.case.clone(),
            run: Some(row.run.clone()),
            workflow: row.workflow.clone(),
            ..about.clone()
        };
        let saying = Saying::new(Stage::RunClosed).fact("failure", crate::destruction::ERASED);
        let (record, filed) = self.failed_record(&about, row, saying, FailureClass::Erased)?;
        let mut changes = vec![Change::HoldsRun {
            run: row.run.clone(),
            owner: row.lease_owner.clone().unwrap_or_default(),
            token: row.lease_token,
        }];
        if let Some(id) = &row.approval
            && let Some(approval) = self.journal.store.approval(&row.tenant, id).await?
            && matches!(
                approval.state,
                ApprovalState::Pending | ApprovalState::Approved
            )
        {
            changes.push(Change::VoidApproval { id: id.clone() });
        }
        changes.push(self.failed_row(row));
        changes.extend(filed);
        Ok((record, changes))
    }

    /// The last record of a run that fails without being executed, and what puts it
    /// before whose work it is.
    pub(crate) fn failed_record(
        &self,
        about: &About,
        row: &RunRow,
        saying: Saying,
        class: FailureClass,
    ) -> Result<(Prepared, Vec<Change>), JournalFault> {
        let tool = format!("{}.{}", row.connector, row.tool);
        let saying = saying
            .fact("state", RunState::Failed.as_str())
            .fact("tool", tool.as_str());
        let queues = self.backends.queues.of(&row.tenant);
        let filing = Filing::of_row(queues, class, row);
        let saying = match &filing {
            Some(filing) => filing.facts(saying),
            None => saying,
        };
        let mut record = self.journal.record(about, saying)?;
        record.closing = Some(Closing {
            tool,
            outcome: RunState::Failed.as_str().to_owned(),
            workflow: row.workflow.clone(),
        });
        let (hash, now) = (record.hash, self.journal.now_ms());
        let filed = filing.map(|filing| filing.changes(row, hash, now));
        Ok((record, filed.unwrap_or_default()))
    }

    /// Its row then.
    pub(crate) fn failed_row(&self, row: &RunRow) -> Change {
        Change::PutRun(Box::new(RunRow {
            state: RunState::Failed,
            updated_ms: self.journal.now_ms(),
            sealed: None,
            ..row.clone()
        }))
    }

    /// Another process may have begun a run under the destroyed key while it
    /// believed in it. What such a run sealed nobody can open; it is ended, since
    /// it could never go on.
    pub(super) async fn end_late_runs(
        self: &Arc<Self>,
        owner: &str,
        what: &Erase,
        about: &About,
        report: &mut ErasureReport,
    ) -> Result<(), EraseError> {
        tokio::time::sleep(KEY_BELIEVED_FOR).await;
        let tenant = &about.tenant;
        for run in self.scope(tenant, what).await?.runs {
            let Some(row) = self.journal.store.run(tenant, &run).await? else {
                continue;
            };
            if !row.state.is_active() || !self.is_erased(tenant, &run).await? {
                continue;
            }
            let patience = tokio::time::Instant::now() + ASK_EVERY;
            match self.take(owner, tenant, &run, patience).await {
                Ok(Some(row)) => {
                    self.end_runs(about, &[row]).await?;
                    report.ended.push(run);
                }
                Ok(None) => {}
                Err(EraseError::Busy { .. } | EraseError::InDoubt { .. }) => report.left.push(run),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether a run has records whose values are kept no longer.
    async fn is_erased(&self, tenant: &Tenant, run: &str) -> Result<bool, JournalFault> {
        let records = self.journal.run_records(tenant, run).await?;
        Ok(records.iter().any(|record| record.gone))
    }

    /// End a run whose lease this host has, and which cannot go on because its
    /// values were erased while it waited. None of its calls is in doubt.
    pub(crate) async fn end_erased(&self, row: &RunRow) -> Result<(), CallError> {
        let about = self.destroying(&row.tenant, "tollgate").await?;
        let (record, changes) = self.ending(&about, row).await?;
        self.journal
            .append(&row.tenant, vec![record], changes)
            .await?;
        Ok(())
    }
}
