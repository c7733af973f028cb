//! Reading the journal: single records, whole runs by what they were and came
//! to, one run with those that are linked to it, and new records as they come.

mod figures;
mod follow;
mod runs;
mod story;

use serde_json::{Map, Value};
use tollgate_journal::{Stage, Tenant};
use tollgate_store::RecordFilter;

pub use follow::Follow;
pub use story::Told;

use crate::api::{LogFilter, LogLine, LogLink, LogPage, LogPlace};
use crate::drills::NATURE;
use crate::error::CallError;
use crate::host::{Host, Inner};
use crate::journal::OpenRecord;
use crate::runs::{UNDO_KEY, opening};
use crate::time::rfc3339;

/// Records of a page where the caller names no number.
const LIMIT_DEFAULT: u32 = 200;

/// Most records of a page.
const LIMIT_MAX: u32 = 10_000;

impl Host {
    /// A page of a tenant's records, opened.
    ///
    /// # Errors
    ///
    /// When the filter contradicts itself, the store cannot be read, or a record
    /// cannot be opened.
    pub async fn log_page(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
    ) -> Result<LogPage, CallError> {
        self.inner().log_page(tenant, filter).await
    }

    /// What comes to a tenant's journal from now on.
    ///
    /// # Errors
    ///
    /// When the filter contradicts itself, or the store cannot be read.
    pub async fn follow(&self, tenant: &Tenant, filter: LogFilter) -> Result<Follow, CallError> {
        Follow::start(self.clone(), tenant, filter).await
    }
}

impl Inner {
    pub(crate) async fn log_page(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
    ) -> Result<LogPage, CallError> {
        let stage = checked(filter)?;
        match (&filter.run, filter.selects_runs()) {
            (Some(run), _) => self.log_of_run(tenant, run, filter, stage).await,
            (None, true) => self.log_of_runs(tenant, filter, stage).await,
            (None, false) => self.log_of_records(tenant, filter, stage).await,
        }
    }

    async fn log_of_records(
        &self,
        tenant: &Tenant,
        filter: &LogFilter,
        stage: Option<Stage>,
    ) -> Result<LogPage, CallError> {
        let limit = limit(filter);
        let backwards = filter.newest || filter.before.is_some();
        let wanted = RecordFilter {
            case: filter.case.clone(),
            stage,
            since_ms: filter.since_ms,
            until_ms: filter.until_ms,
            after_seq: if backwards {
                filter.before
            } else {
                filter.after
            },
            newest_first: backwards,
            limit: Some(limit),
            ..RecordFilter::default()
        };
        let records = self.journal.read(tenant, &wanted).await?;
        let full = records.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let next = records.last().filter(|_| full).map(|last| match backwards {
            true => LogPlace::Before(last.seq),
            false => LogPlace::After(last.seq),
        });
        let mut lines: Vec<_> = records.into_iter().map(line).collect();
        if backwards {
            lines.reverse();
        }
        Ok(LogPage { lines, next })
    }

    /// One run, and with `linked` the runs that belong to its story, all in the
    /// order of their places.
    async fn log_of_run(
        &self,
        tenant: &Tenant,
        run: &str,
        filter: &LogFilter,
        stage: Option<Stage>,
    ) -> Result<LogPage, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        if filter.selects_runs() && !self.is_wanted(tenant, run, &records, filter).await? {
            return Ok(LogPage::default());
        }
        let linked = match filter.linked {
            true => self.linked(tenant, run, &records).await?,
            false => Vec::new(),
        };
        let mut story: Vec<_> = records.into_iter().map(|record| (record, None)).collect();
        for (other, link) in linked {
            let records = self.journal.run_records(tenant, &other).await?;
            story.extend(records.into_iter().map(|record| (record, Some(link))));
        }
        story.sort_by_key(|(record, _)| record.seq);
        // Where runs are selected, the time was that of the run's end.
        let by_time = !filter.selects_runs();
        let shown = story.into_iter().filter(|(record, _)| {
            (!by_time || in_time(filter, record.leaf.at))
                && stage.is_none_or(|stage| record.leaf.stage == stage)
                && filter
                    .case
                    .as_ref()
                    .is_none_or(|case| *case == record.leaf.case)
        });
        let lines = shown.map(|(record, linked)| LogLine {
            linked,
            ..line(record)
        });
        let lines = lines.collect();
        Ok(cut(lines, filter))
    }

    /// The runs that belong to the story of one: the one it takes back, and those
    /// that took it back or tried to.
    async fn linked(
        &self,
        tenant: &Tenant,
        run: &str,
        records: &[OpenRecord],
    ) -> Result<Vec<(String, LogLink)>, CallError> {
        let mut linked = Vec::new();
        if let Some(of) = opening(records).and_then(|opened| opened.fact("undoes")) {
            linked.push((of.to_owned(), LogLink::UndoneBy));
        }
        let done = records
            .iter()
            .filter(|record| record.leaf.stage == Stage::UndoDone)
            .filter_map(|record| record.fact("by"));
        linked.extend(done.map(|by| (by.to_owned(), LogLink::Undoes)));
        // One that is held, was denied or met a conflict left nothing in this
        // run's records; its row tells whose undo it is.
        let key = format!("{UNDO_KEY}{run}");
        for row in self.journal.store.runs(tenant, &[]).await? {
            let known = linked.iter().any(|(name, _)| *name == row.run);
            if !known && row.request_key.as_deref() == Some(key.as_str()) {
                linked.push((row.run, LogLink::Undoes));
            }
        }
        Ok(linked)
    }
}

/// Whether the filter can be what was meant; the stage it names.
fn checked(filter: &LogFilter) -> Result<Option<Stage>, CallError> {
    let wrong = |pointer: &str, message: String| CallError::InvalidInput {
        pointer: pointer.to_owned(),
        message,
    };
    if filter.after.is_some() && (filter.before.is_some() || filter.newest) {
        return Err(wrong(
            "/after",
            "`after` goes forwards, `before` and `newest` go backwards; give one of them"
                .to_owned(),
        ));
    }
    if filter.after.is_some() && filter.run.is_none() && filter.selects_runs() {
        return Err(wrong(
            "/after",
            "runs by tool, outcome, workflow or principal come newest first; go on with `before`"
                .to_owned(),
        ));
    }
    filter
        .stage
        .as_deref()
        .map(|name| {
            name.parse().map_err(|_| {
                let all: Vec<_> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
                let name = tollgate_policy::visible(name);
                let message = format!("there is no stage `{name}`; there are {}", all.join(", "));
                wrong("/stage", message)
            })
        })
        .transpose()
}

fn limit(filter: &LogFilter) -> u32 {
    filter.limit.unwrap_or(LIMIT_DEFAULT).clamp(1, LIMIT_MAX)
}

fn in_time(filter: &LogFilter, at_ms: u64) -> bool {
    filter.since_ms.is_none_or(|since| at_ms >= since)
        && filter.until_ms.is_none_or(|until| at_ms < until)
}

fn is_of_stage(line: &LogLine, stage: Option<Stage>) -> bool {
    stage.is_none_or(|stage| line.stage == stage.as_str())
}

/// A page of lines that are in the order of their places.
fn cut(mut lines: Vec<LogLine>, filter: &LogFilter) -> LogPage {
    let limit = usize::try_from(limit(filter)).unwrap_or(usize::MAX);
    if filter.newest || filter.before.is_some() {
        lines.retain(|line| filter.before.is_none_or(|before| line.seq < before));
        let lines = lines.split_off(lines.len().saturating_sub(limit));
        let first = lines.first().filter(|_| lines.len() == limit);
        let next = first.map(|line| LogPlace::Before(line.seq));
        return LogPage { next, lines };
    }
    lines.retain(|line| filter.after.is_none_or(|after| line.seq > after));
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more);
    let next = next.map(|line| LogPlace::After(line.seq));
    LogPage { next, lines }
}

/// A record as a line for a reader. The attack: an approver looks into the log whether
/// a request is a drill, so nobody is shown there what a request is.
fn line(record: OpenRecord) -> LogLine {
    let values: Map<String, Value> = record
        .values
        .iter()
        .filter(|(name, _)| name != NATURE)
        .map(|(name, bytes)| (name.clone(), readable(bytes)))
        .collect();
    let erased = record.erased().filter(|name| *name != NATURE);
    let erased = erased.map(str::to_owned).collect();
    LogLine {
        seq: record.seq,
        at: rfc3339(record.leaf.at),
        stage: record.leaf.stage.as_str().to_owned(),
        case: record.leaf.case,
        run: record.leaf.run,
        principal: record.leaf.principal,
        position: record.leaf.position,
        facts: Value::Object(record.leaf.facts),
        workflow: record.leaf.workflow,
        values: Value::Object(values),
        erased,
        linked: None,
    }
}

impl OpenRecord {
    /// Names of values that the record commits to and that are gone.
    pub(crate) fn erased(&self) -> impl Iterator<Item = &str> {
        let there = |name: &str| self.values.iter().any(|(found, _)| found == name);
        let names = self.leaf.values.keys().map(String::as_str);
        names.filter(move |name| !there(name))
    }
}

/// JSON where it is JSON, else text.
fn readable(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
