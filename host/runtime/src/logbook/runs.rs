//! Whole runs, by what they were and what they came to: newest first, a page at
//! a time.

use tollgate_journal::{Stage, Tenant};
use tollgate_store::{ClosedFilter, RecordFilter, RunRow, RunState as StoredState};

use super::{in_time, is_of_stage, limit, line};
use crate::api::{LogFilter, LogLine, LogPage, LogPlace, RunState};
use crate::error::CallError;
use crate::host::Inner;
use crate::journal::OpenRecord;
use crate::runs::{closing, opening, public, state_named};

/// Runs looked at for one page. What no index finds is looked for among so many,
/// and the page says where to go on.
const LOOKED_AT_MAX: usize = 5_000;

/// Runs asked for at once.
const BATCH: u32 = 100;

/// Runs of a page, newest first.
struct Page {
    runs: Vec<Vec<LogLine>>,
    records: usize,
    limit: usize,
    stage: Option<Stage>,
}

impl Page {
    fn add(&mut self, records: Vec<OpenRecord>) {
        self.records += records.len();
        let lines = records.into_iter().map(line);
        self.runs
            .push(lines.filter(|line| is_of_stage(line, self.stage)).collect());
    }

    fn is_full(&self) -> bool {
        self.records >= self.limit
    }

    /// Newest last, as a reader wants it.
    fn finish(mut self, next: Option<u64>) -> LogPage {
        self.runs.reverse();
        LogPage {
            lines: self.runs.into_iter().flatten().collect(),
            next: next.map(LogPlace::Before),
        }
    }
}

impl Inner {
    pub(super) async fn log_of_runs(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
        stage: Option<Stage>,
    ) -> Result<LogPage, CallError> {
        let mut page = Page {
            runs: Vec::new(),
            records: 0,
            limit: usize::try_from(limit(filter)).unwrap_or(usize::MAX),
            stage,
        };
        let next = match &filter.case {
            Some(case) => self.of_case(tenant, case, filter, &mut page).await?,
            None => {
                if filter.before.is_none() {
                    self.by_row(tenant, filter, &mut page).await?;
                }
                self.by_end(tenant, filter, &mut page).await?
            }
        };
        Ok(page.finish(next))
    }

    /// Runs of a case, by their openings.
    async fn of_case(
        &self,
        tenant: &Tenant,
        case: &str,
        filter: &LogFilter,
        page: &mut Page,
    ) -> Result<Option<u64>, CallError> {
        let (mut before, mut looked_at) = (filter.before, 0);
        loop {
            let wanted = RecordFilter {
                case: Some(case.to_owned()),
                stage: Some(Stage::RunOpened),
                after_seq: before,
                newest_first: true,
                leaves_only: true,
                limit: Some(BATCH),
                ..RecordFilter::default()
            };
            let found = self.journal.read(tenant, &wanted).await?;
            let more = found.len() == BATCH as usize;
            for record in found {
                before = Some(record.seq);
                looked_at += 1;
                let run = record.leaf.run.unwrap_or_default();
                self.look_at(tenant, &run, filter, page).await?;
                if page.is_full() || looked_at >= LOOKED_AT_MAX {
                    return Ok(before);
                }
            }
            if !more {
                return Ok(None);
            }
        }
    }

    /// Runs that have not ended, and those that were taken back: found by their
    /// rows.
    async fn by_row(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
        page: &mut Page,
    ) -> Result<(), CallError> {
        let states: &[StoredState] = match filter.outcome {
            None => &[StoredState::Open, StoredState::Held, StoredState::InDoubt],
            Some(RunState::Open) => &[StoredState::Open],
            Some(RunState::Held) => &[StoredState::Held],
            Some(RunState::InDoubt) => &[StoredState::InDoubt],
            Some(RunState::Undone) => &[StoredState::Undone],
            Some(RunState::Done | RunState::Failed | RunState::Denied | RunState::Edited) => {
                return Ok(());
            }
        };
        for row in self.journal.store.runs(tenant, states).await? {
            if may_be_wanted(&row, filter) {
                self.look_at(tenant, &row.run, filter, page).await?;
            }
        }
        Ok(())
    }

    /// Runs that have ended, by their ends.
    async fn by_end(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
        page: &mut Page,
    ) -> Result<Option<u64>, CallError> {
        let outcome = match filter.outcome {
            None => None,
            Some(
                ended @ (RunState::Done | RunState::Failed | RunState::Denied | RunState::Edited),
            ) => Some(ended.as_str().to_owned()),
            Some(_) => return Ok(None),
        };
        let mut wanted = ClosedFilter {
            // An index finds a tool; a connector alone is looked for.
            tool: filter.tool.clone().filter(|tool| tool.contains('.')),
            outcome,
            workflow: filter.workflow.clone(),
            since_ms: filter.since_ms,
            until_ms: filter.until_ms,
            before: filter.before,
            limit: Some(BATCH),
        };
        let mut looked_at = 0;
        loop {
            let found = self.journal.store.closed_runs(tenant, &wanted).await?;
            let more = found.len() == BATCH as usize;
            for closed in found {
                wanted.before = Some(closed.place);
                looked_at += 1;
                if filter
                    .tool
                    .as_deref()
                    .is_none_or(|tool| is_of_tool(&closed.tool, tool))
                {
                    self.look_at(tenant, &closed.run, filter, page).await?;
                }
                if page.is_full() || looked_at >= LOOKED_AT_MAX {
                    return Ok(wanted.before);
                }
            }
            if !more {
                return Ok(None);
            }
        }
    }

    /// Read a run, and take it into the page if it is wanted.
    async fn look_at(
        &self,
        tenant: &Tenant,
        run: &str,
        filter: &LogFilter,
        page: &mut Page,
    ) -> Result<(), CallError> {
        if let Some(principal) = &filter.principal {
            let first = RecordFilter {
                run: Some(run.to_owned()),
                leaves_only: true,
                limit: Some(1),
                ..RecordFilter::default()
            };
            let first = self.journal.read(tenant, &first).await?;
            if first
                .first()
                .is_none_or(|first| first.leaf.principal != *principal)
            {
                return Ok(());
            }
        }
        let records = self.journal.run_records(tenant, run).await?;
        if self.is_wanted(tenant, run, &records, filter).await? {
            page.add(records);
        }
        Ok(())
    }

    /// Whether a run is one that the filter selects, by its records.
    pub(super) async fn is_wanted(
        &self,
        tenant: &Tenant,
        run: &str,
        records: &[OpenRecord],
        filter: &LogFilter,
    ) -> Result<bool, CallError> {
        let Some(opened) = opening(records) else {
            return Ok(false);
        };
        let closed = closing(records);
        let ended = closed.or(records.last()).map_or(0, |record| record.leaf.at);
        if !describes(opened, filter) || !in_time(filter, ended) {
            return Ok(false);
        }
        let Some(outcome) = filter.outcome else {
            return Ok(true);
        };
        let state = match self.journal.store.run(tenant, run).await? {
            Some(row) => public(row.state),
            None => closed.map_or(RunState::Open, |closed| state_named(closed.fact("state"))),
        };
        Ok(state == outcome)
    }
}

/// Whether a run's first record is what the filter asks for.
pub(super) fn describes(opened: &OpenRecord, filter: &LogFilter) -> bool {
    let fact = |name: &str| opened.fact(name).unwrap_or_default();
    let tool = format!("{}.{}", fact("connector"), fact("tool"));
    filter
        .tool
        .as_deref()
        .is_none_or(|wanted| is_of_tool(&tool, wanted))
        && (filter.workflow.is_none() || filter.workflow == opened.leaf.workflow)
        && filter
            .principal
            .as_ref()
            .is_none_or(|name| *name == opened.leaf.principal)
}

/// The same of a run's row, so that not every run that waits is read.
fn may_be_wanted(row: &RunRow, filter: &LogFilter) -> bool {
    let tool = format!("{}.{}", row.connector, row.tool);
    filter
        .tool
        .as_deref()
        .is_none_or(|wanted| is_of_tool(&tool, wanted))
        && (filter.workflow.is_none() || filter.workflow == row.workflow)
        && filter
            .principal
            .as_ref()
            .is_none_or(|name| *name == row.principal)
}

/// Whether `connector.tool` is this tool, or one of this connector.
fn is_of_tool(tool: &str, wanted: &str) -> bool {
    match wanted.contains('.') {
        true => tool == wanted,
        false => tool.split('.').next() == Some(wanted),
    }
}
