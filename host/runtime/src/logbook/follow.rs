//! Records as they come. A tenant's places have no gaps and are given in the
//! order of their commits, so that nothing is missed by reading on from the last
//! one seen.

use std::collections::{HashMap, HashSet};

use tollgate_journal::{Stage, Tenant};
use tollgate_store::RecordFilter;

use super::{checked, in_time, is_of_stage, line, runs};
use crate::api::{LogFilter, LogLine};
use crate::error::CallError;
use crate::host::Host;
use crate::journal::OpenRecord;

/// Records read at once.
const BATCH: u32 = 500;

/// Runs whose fit is remembered. Beyond it they are looked up again.
const RUNS_MAX: usize = 10_000;

/// A reader of what comes.
pub struct Follow {
    host: Host,
    tenant: Tenant,
    filter: LogFilter,
    stage: Option<Stage>,
    /// The last place that was looked at.
    after: Option<u64>,
    /// Whether runs fit the filter, by their openings.
    runs: HashMap<String, bool>,
}

impl Follow {
    pub(super) async fn start(
        host: Host,
        tenant: &Tenant,
        filter: LogFilter,
    ) -> Result<Self, CallError> {
        let stage = checked(&filter)?;
        let newest = RecordFilter {
            newest_first: true,
            leaves_only: true,
            limit: Some(1),
            ..RecordFilter::default()
        };
        let newest = host.inner().journal.read(tenant, &newest).await?;
        Ok(Self {
            after: newest.first().map(|record| record.seq),
            tenant: tenant.to_owned(),
            host,
            filter,
            stage,
            runs: HashMap::new(),
        })
    }

    /// Whether a record was there when following began: a page that was read
    /// meanwhile may have newer ones, which come again.
    #[must_use]
    pub fn began_after(&self, seq: u64) -> bool {
        self.after.is_some_and(|after| seq <= after)
    }

    /// What came since the last time; nothing where nothing did. With an outcome,
    /// the whole story of each run that came to it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or a record cannot be opened. Nothing is
    /// lost by asking again.
    pub async fn next(&mut self) -> Result<Vec<LogLine>, CallError> {
        let wanted = RecordFilter {
            after_seq: self.after,
            limit: Some(BATCH),
            ..RecordFilter::default()
        };
        let journal = &self.host.inner().journal;
        let records = journal.read(&self.tenant, &wanted).await?;
        let last = records.last().map(|record| record.seq);
        let (mut lines, mut told) = (Vec::new(), HashSet::new());
        for record in records {
            if !self.fits(&record).await? {
                continue;
            }
            match (self.filter.outcome, &record.leaf.run) {
                (None, _) => lines.push(line(record)),
                (Some(outcome), Some(run))
                    if reached(&record) == Some(outcome.as_str()) && told.insert(run.clone()) =>
                {
                    let journal = &self.host.inner().journal;
                    let all = journal.run_records(&self.tenant, run).await?;
                    lines.extend(all.into_iter().map(line));
                }
                _ => {}
            }
        }
        lines.retain(|line| is_of_stage(line, self.stage));
        self.after = last.or(self.after);
        Ok(lines)
    }

    async fn fits(&mut self, record: &OpenRecord) -> Result<bool, CallError> {
        let filter = &self.filter;
        if filter.run.is_some() && filter.run != record.leaf.run
            || filter
                .case
                .as_ref()
                .is_some_and(|case| *case != record.leaf.case)
            || !in_time(filter, record.leaf.at)
        {
            return Ok(false);
        }
        if !filter.selects_runs() {
            return Ok(true);
        }
        let Some(run) = &record.leaf.run else {
            return Ok(false);
        };
        if let Some(fits) = self.runs.get(run) {
            return Ok(*fits);
        }
        let first = RecordFilter {
            run: Some(run.clone()),
            stage: Some(Stage::RunOpened),
            leaves_only: true,
            limit: Some(1),
            ..RecordFilter::default()
        };
        let first = self.host.inner().journal.read(&self.tenant, &first).await?;
        let fits = first
            .first()
            .is_some_and(|opened| runs::describes(opened, filter));
        if self.runs.len() >= RUNS_MAX {
            self.runs.clear();
        }
        self.runs.insert(run.clone(), fits);
        Ok(fits)
    }
}

/// What a run came to with a record, by the names of [`crate::RunState`].
fn reached(record: &OpenRecord) -> Option<&str> {
    match record.leaf.stage {
        Stage::RunOpened => Some("open"),
        Stage::ApprovalRequested => Some("held"),
        Stage::CallInDoubt => Some("in_doubt"),
        Stage::RunClosed => record.fact("state"),
        // A part of it leaves the run what it is.
        Stage::UndoDone => (record.fact("outcome").is_none()).then_some("undone"),
        _ => None,
    }
}
