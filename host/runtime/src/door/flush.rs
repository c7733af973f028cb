//! Buffered records go to the store: in parts that it takes, under the run's
//! lease, and with the changes that are true only together with them.

use tollgate_journal::Prepared;
use tollgate_store::{
    Change, Rejected, RunRow, RunState, SUBMISSION_BYTES_MAX, SUBMISSION_RECORDS_MAX,
};

use super::Door;
use crate::error::{Ending, JournalFault};
use crate::runs::{Lease, awake_ms};

/// Most records and bytes that go to the store at once; below what it takes.
const PART_RECORDS: usize = SUBMISSION_RECORDS_MAX - 100;
const PART_BYTES: usize = SUBMISSION_BYTES_MAX / 2;

impl Door {
    /// Append everything buffered and `last`, with `changes`, if this host still
    /// has the run where it has a row.
    pub(crate) async fn flush(
        &self,
        last: Vec<Prepared>,
        changes: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let mut records = std::mem::take(&mut self.state().buffer);
        // An approval can have run out, another host can have taken from a budget:
        // then the run goes on, with what it had.
        let may_fail = |change: &Change| {
            matches!(
                change,
                Change::ConsumeApproval { .. } | Change::TakeFromBudget { .. }
            )
        };
        let may_go_on = changes.iter().any(may_fail);
        let kept = if may_go_on {
            records.clone()
        } else {
            Vec::new()
        };
        records.extend(last);
        if records.is_empty() && changes.is_empty() {
            return Ok(());
        }
        // What is true only together with the changes goes with the last part.
        let mut parts = in_parts(records);
        let end = parts.pop().unwrap_or_default();
        for part in parts {
            self.append(part, Vec::new()).await?;
        }
        let appended = self.append(end, changes).await;
        if appended.is_err() {
            self.state().buffer.splice(0..0, kept);
        }
        appended
    }

    /// Make what is recorded so far durable, with a row for the run, before it has
    /// done anything: whoever asked for it may go, and another host may go on.
    pub(crate) async fn keep(&self) -> Result<(), Ending> {
        let row = self.row(RunState::Open, None, self.journal.now_ms());
        let kept = self
            .flush(Vec::new(), vec![Change::PutRun(Box::new(row))])
            .await;
        match kept {
            Ok(()) => {
                self.state().committed = true;
                Ok(())
            }
            Err(fault) => Err(self.end(repeats(&fault).unwrap_or_else(|| fault.into()))),
        }
    }

    /// Append under the run's lease, and know of the lease what the store knows.
    async fn append(
        &self,
        records: Vec<Prepared>,
        mut changes: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let asked = awake_ms();
        let state = changes.iter().find_map(|change| match change {
            Change::PutRun(row) if row.run == self.run.run => Some(row.state),
            _ => None,
        });
        if let Some(lease) = &self.lease {
            match lease.condition(&self.run.run) {
                Some(condition) => changes.insert(0, condition),
                None if state == Some(RunState::Open) => lease.asks(),
                None => {}
            }
        }
        let appended = self
            .journal
            .append(&self.run.tenant, records, changes)
            .await;
        if let (Some(lease), Some(state)) = (&self.lease, state) {
            match &appended {
                Ok(()) if state != RunState::Open => lease.given_back(),
                Ok(()) if lease.condition(&self.run.run).is_none() => {
                    lease.taken(Lease::first_token(), asked);
                }
                Err(fault)
                    if fault.rejected().is_some() && lease.condition(&self.run.run).is_none() =>
                {
                    lease.refused();
                }
                _ => {}
            }
        }
        appended
    }

    /// The run's row as it is now.
    pub(crate) fn row(&self, state: RunState, approval: Option<String>, now: u64) -> RunRow {
        let mut row = self.run.row(state, approval, now);
        // Counts where the row is new.
        if let Some(lease) = self.lease.as_ref().filter(|_| state == RunState::Open) {
            row.lease_owner = Some(lease.owner().to_owned());
            row.lease_until_ms = now.saturating_add(lease.length_ms());
            row.lease_token = Lease::first_token();
        }
        row
    }
}

/// Records in parts that the store takes at once.
fn in_parts(records: Vec<Prepared>) -> Vec<Vec<Prepared>> {
    let mut parts: Vec<Vec<Prepared>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let size = record.leaf.len() + record.sealed.as_ref().map_or(0, Vec::len);
        match parts.last_mut() {
            Some(part) if part.len() < PART_RECORDS && bytes + size <= PART_BYTES => {
                bytes += size;
                part.push(record);
            }
            _ => {
                bytes = size;
                parts.push(vec![record]);
            }
        }
    }
    parts
}

/// The run that this one repeats, where that is why nothing was recorded.
pub(super) fn repeats(fault: &JournalFault) -> Option<Ending> {
    match fault.rejected() {
        Some(Rejected::RunExists {
            run, input_digest, ..
        }) => Some(Ending::Repeats {
            run: run.clone(),
            input_digest: input_digest.clone(),
        }),
        _ => None,
    }
}
