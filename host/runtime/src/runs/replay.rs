//! Re-executing a past run with its recorded answers, to prove that the recorded
//! calls are what this component does with them. Nothing is performed, nothing
//! is recorded.

use std::sync::Arc;
use std::thread::available_parallelism;

use serde_json::Value;
use tokio::task::JoinSet;
use tollgate_journal::{Stage, Tenant};
use tollgate_store::RecordFilter;

use super::execute::{End, Start, timed_out};
use super::{Rebuilt, closing};
use crate::api::{NotReplayable, ReplayProgress, ReplayReport, ReplaySummary, Replayed, RunState};
use crate::error::{CallError, Ending, Stop};
use crate::host::{Host, Inner};
use crate::journal::OpenRecord;
use crate::workflows::Boundary;

/// Openings read at once.
const BATCH: u32 = 256;

/// Differences kept for the summary. All are counted, and told as they are found.
const DIFFERENCES_MAX: usize = 1_000;

/// A run that is replayed apart: its opening's place, its name, what came of it.
type Apart = (u64, String, Result<Replayed, CallError>);

impl Host {
    /// Re-execute all of a tenant's past runs that opened at or after `since_ms`,
    /// as many at once as there are processors. Memory does not grow with the
    /// journal. `on_progress` is called after each run, in no particular order.
    ///
    /// # Errors
    ///
    /// When the store cannot be read. A run that cannot be rebuilt is a difference.
    pub async fn replay_all(
        &self,
        tenant: &Tenant,
        since_ms: Option<u64>,
        on_progress: impl FnMut(ReplayProgress<'_>) + Send,
    ) -> Result<ReplaySummary, CallError> {
        let inner = self.inner();
        let heads = inner.journal.store.heads().await?;
        let head = heads.iter().find(|head| head.tenant == tenant);
        let mut all = All {
            summary: ReplaySummary {
                tenant: tenant.to_owned(),
                ..ReplaySummary::default()
            },
            running: JoinSet::new(),
            on_progress,
            records: 0,
            // What opens meanwhile is left for the next time.
            of: head.map_or(0, |head| head.count),
        };
        inner.replay_since(tenant, since_ms, &mut all).await?;
        Ok(all.summary)
    }
}

/// A replay of many runs.
struct All<F> {
    summary: ReplaySummary,
    running: JoinSet<Apart>,
    on_progress: F,
    records: u64,
    of: u64,
}

impl<F: FnMut(ReplayProgress<'_>) + Send> All<F> {
    /// Wait for one run.
    async fn settle(&mut self) -> Result<(), CallError> {
        let Some(joined) = self.running.join_next().await else {
            return Ok(());
        };
        let (place, run, replayed) =
            joined.map_err(|panic| CallError::Connector(panic.to_string()))?;
        let replayed = match replayed {
            Ok(replayed) => replayed,
            Err(error @ (CallError::Unavailable(_) | CallError::Unsettled(_))) => {
                return Err(error);
            }
            Err(error) => Replayed::Different {
                difference: error.to_string(),
            },
        };
        let summary = &mut self.summary;
        summary.runs += 1;
        match &replayed {
            Replayed::Identical { .. } => summary.identical += 1,
            Replayed::Different { difference } => {
                summary.different += 1;
                if summary.differences.len() < DIFFERENCES_MAX {
                    summary.differences.push((run.clone(), difference.clone()));
                }
            }
            Replayed::NotReplayable { why } => {
                *summary.not_replayable.entry(*why).or_default() += 1;
            }
        }
        self.records = self.records.max(place + 1);
        (self.on_progress)(ReplayProgress {
            run: &run,
            replayed: &replayed,
            records: self.records,
            of: self.of,
        });
        Ok(())
    }
}

impl Inner {
    async fn replay_since<F: FnMut(ReplayProgress<'_>) + Send>(
        self: &Arc<Self>,
        tenant: &Tenant,
        since_ms: Option<u64>,
        all: &mut All<F>,
    ) -> Result<(), CallError> {
        let at_once = available_parallelism().map_or(1, usize::from);
        let mut after_seq = None;
        loop {
            let wanted = RecordFilter {
                stage: Some(Stage::RunOpened),
                since_ms,
                after_seq,
                leaves_only: true,
                limit: Some(BATCH),
                ..RecordFilter::default()
            };
            let found = self.journal.read(tenant, &wanted).await?;
            let more = found.len() == BATCH as usize;
            after_seq = found.last().map(|record| record.seq);
            let of = all.of;
            for record in found.into_iter().take_while(|record| record.seq < of) {
                let Some(run) = record.leaf.run else { continue };
                if all.running.len() >= at_once {
                    all.settle().await?;
                }
                let (inner, tenant) = (Arc::clone(self), tenant.to_owned());
                all.running.spawn(async move {
                    let replayed = inner.replay_ended(&tenant, &run).await;
                    (record.seq, run, replayed)
                });
            }
            if !more || after_seq >= Some(all.of) {
                break;
            }
        }
        while !all.running.is_empty() {
            all.settle().await?;
        }
        Ok(())
    }

    /// Replay a run among many: one that has not ended, or cannot be repeated,
    /// says so.
    async fn replay_ended(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
    ) -> Result<Replayed, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        if closing(&records).is_none() {
            return Ok(Replayed::NotReplayable {
                why: NotReplayable::NotEnded,
            });
        }
        // Before it is rebuilt: without its input it cannot be.
        if is_erased(&records) {
            return Ok(Replayed::NotReplayable {
                why: NotReplayable::Erased,
            });
        }
        let rebuilt = self.rebuild(tenant, run).await?;
        if let Some(why) = not_replayable(&rebuilt) {
            return Ok(Replayed::NotReplayable { why });
        }
        Ok(match self.replay_rebuilt(&rebuilt).await {
            Err(why) => Replayed::NotReplayable { why },
            Ok(report) => match report.difference {
                None => Replayed::Identical {
                    calls: report.calls,
                },
                Some(difference) => Replayed::Different { difference },
            },
        })
    }

    /// Replay a run and say the first difference, if there is one.
    pub(crate) async fn replay(
        self: &Arc<Self>,
        tenant: &Tenant,
        run: &str,
    ) -> Result<ReplayReport, CallError> {
        let impossible = |why: NotReplayable| {
            CallError::NotAllowed(format!("there is nothing to replay: {}", why.as_str()))
        };
        let rebuilt = self.rebuild(tenant, run).await?;
        match not_replayable(&rebuilt) {
            Some(why) => Err(impossible(why)),
            None => self.replay_rebuilt(&rebuilt).await.map_err(impossible),
        }
    }

    async fn replay_rebuilt(
        self: &Arc<Self>,
        rebuilt: &Rebuilt,
    ) -> Result<ReplayReport, NotReplayable> {
        let recorded = rebuilt.recorded();
        let calls = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
        let same_engine = rebuilt.same_engine(self.sandbox.fingerprint());
        let start = Start {
            accepted: None,
            about: rebuilt.about.clone(),
            opening: Vec::new(),
            recorded,
            same_engine,
            approval: None,
            denial: None,
            committed: false,
            known: false,
            case: None,
            boundary: Boundary::default(),
        };
        let door = self.door(&rebuilt.run, start, true);
        let returned = self
            .run_guest(&rebuilt.run, &rebuilt.installed, &door)
            .await;
        // Time is not recorded: that it was over says nothing about the connector.
        if let Err(Stop::Limit("deadline", _)) = &returned.result {
            return Err(NotReplayable::TooSlow);
        }
        let unfinished = matches!(&returned.result, Err(Stop::Ending(Ending::ReplayedToEnd)));
        let doubtful = matches!(&returned.result, Err(Stop::Ending(Ending::InDoubt { .. })));
        let fuel = returned.fuel;
        let end = self.end(&rebuilt.run, &rebuilt.installed, &door, returned);
        let (_, replayed) = door.calls();
        let difference = match rebuilt.closing() {
            // A run that is held, open or in doubt has no end to compare with.
            None => (!unfinished && !doubtful)
                .then(|| "the run ended, and its record has no end".to_owned()),
            Some(closing) => {
                if replayed < calls {
                    Some(format!(
                        "the journal has {calls} calls, the run made {replayed}"
                    ))
                } else if unfinished {
                    Some("the run makes more calls than the journal has".to_owned())
                } else {
                    let then = closing.leaf.facts.get("fuel").and_then(Value::as_u64);
                    let (output, failure) = (closing.json("output"), closing.json("failure"));
                    let other = closing.fact("withheld").or_else(|| closing.fact("shadow"));
                    let differs = match other {
                        // Nothing is there to compare with.
                        Some(_) => None,
                        None => differs(&end, output, failure),
                    };
                    differs.or_else(|| {
                        (same_engine && then != Some(fuel)).then(|| {
                            format!("fuel used was {}, now {fuel}", then.unwrap_or_default())
                        })
                    })
                }
            }
        };
        Ok(ReplayReport {
            run: rebuilt.run.run.clone(),
            identical: difference.is_none(),
            calls: replayed,
            difference,
        })
    }
}

/// Whether a value that a replay needs was erased or pruned.
fn is_erased(records: &[OpenRecord]) -> bool {
    records
        .iter()
        .any(|record| record.erased().next().is_some())
}

/// Why a run executed no connector, where it did not.
fn not_replayable(rebuilt: &Rebuilt) -> Option<NotReplayable> {
    let undoes = rebuilt.run.undoes.as_ref();
    if undoes.is_some_and(|undoes| undoes.by_host) {
        return Some(NotReplayable::ByHost);
    }
    let closing = rebuilt.closing()?;
    if let End::Failed(_, _, failure) = timed_out(&rebuilt.installed.manifest.limits)
        && closing.json("failure") == serde_json::to_value(failure).ok()
    {
        return Some(NotReplayable::Deadline);
    }
    (!closing.leaf.facts.contains_key("fuel")).then_some(NotReplayable::NeverStarted)
}

fn differs(end: &End, output: Option<Value>, failure: Option<Value>) -> Option<String> {
    let now = match end {
        End::Done { output, .. } => (Some(output.clone()), None),
        End::Failed(RunState::Failed | RunState::Denied, _, failure) => {
            (None, serde_json::to_value(failure).ok())
        }
        _ => (None, None),
    };
    if now.0 != output {
        return Some("the output differs".to_owned());
    }
    // A person's decision is not repeated by a replay; only whether it failed is.
    (now.1.is_some() != failure.is_some()).then(|| "the failure differs".to_owned())
}
