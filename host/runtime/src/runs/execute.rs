//! Carrying a run through the sandbox, and recording what came of it.

mod closing;
mod ending;

use std::sync::Arc;
use std::time::Instant;

use tollgate_journal::Prepared;
use tollgate_policy::{CaseFacts, Manifest};
use tollgate_store::ApprovalRow;

use super::{Lease, Run};
use crate::api::RunReport;
use crate::connectors::Installed;
use crate::door::{Door, DoorSettings, RecordedCall};
use crate::error::{CallError, Ending};
use crate::host::Inner;
use crate::journal::About;
use crate::sandbox::guest::{CallParameters, GuestContext};
use crate::sandbox::instance::{Invocation, Returned};
use crate::triggers::Accepted;
use crate::workflows::{Boundary, in_shadow};

use closing::{Spent, left_open};
pub(crate) use ending::{End, ended, in_doubt_failure, timed_out};

/// What an execution starts from.
pub(crate) struct Start {
    pub(crate) about: About,
    pub(crate) opening: Vec<Prepared>,
    pub(crate) recorded: Vec<RecordedCall>,
    pub(crate) same_engine: bool,
    pub(crate) approval: Option<ApprovalRow>,
    /// Why a person denied it.
    pub(crate) denial: Option<String>,
    /// Whether an intent of the run is durable.
    pub(crate) committed: bool,
    /// Whether the store has a row for the run.
    pub(crate) known: bool,
    /// Told when the run is durable: it is kept before anything of it is done.
    pub(crate) accepted: Option<Accepted>,
    /// What is known of its case, where a rule asks for it.
    pub(crate) case: Option<CaseFacts>,
    /// What its workflow makes of it.
    pub(crate) boundary: Boundary,
}

impl Inner {
    /// Execute a run from where its journal stands, and record the end.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        run: &Arc<Run>,
        installed: &Arc<Installed>,
        mut start: Start,
        lease: &Arc<Lease>,
    ) -> Result<RunReport, CallError> {
        let begun = Instant::now();
        let accepted = start.accepted.take();
        let known = start.known || accepted.is_some();
        let door = self.opened_door(run, start, false, Some(Arc::clone(lease)));
        let kept = match accepted {
            Some(accepted) => keep(run, &door, accepted).await,
            None => Ok(()),
        };
        let by_host = run.undoes.as_ref().filter(|undoes| undoes.by_host);
        let mut taken = Vec::new();
        let (mut end, fuel) = match (kept, by_host) {
            (Err(ending), _) => (ended(ending), 0),
            (Ok(()), Some(undoes)) => {
                let end;
                (end, taken) = self.put_back(run, undoes, &door).await;
                (end, 0)
            }
            (Ok(()), None) => {
                let returned = self.run_guest(run, installed, &door).await;
                let fuel = returned.fuel;
                (self.end(run, installed, &door, returned), fuel)
            }
        };
        end = in_shadow(run, end, &door.not_done());
        // An end that leaves a doubt behind would hide it.
        if matches!(end, End::Done { .. } | End::Failed(..))
            && let Some(position) = door.doubt_left()
        {
            let mut why = "the connector did not come to this call again".to_owned();
            if let End::Failed(_, _, failure) = &end {
                why = format!("{why}: {}", failure.message);
            }
            end = ended(door.not_made_again(position, &why).await);
        }
        if matches!(end, End::Doubt) && lease.paused_for().is_zero() {
            return match self.again(run, lease).await {
                // Its intent is recorded: it goes on when the store is back.
                Err(CallError::Unavailable(why) | CallError::Unsettled(why)) => {
                    Ok(left_open(run, &why))
                }
                gone_on => gone_on,
            };
        }
        let spent = Spent { fuel, known, taken };
        let ended = self.finish(run, &door, end, spent).await;
        self.counted(run, &ended, begun.elapsed(), fuel);
        ended
    }

    /// The door of a replay.
    pub(crate) fn door(&self, run: &Arc<Run>, start: Start, replay_only: bool) -> Arc<Door> {
        self.opened_door(run, start, replay_only, None)
    }

    /// The door of one execution. Grants and rules are those in force now; a
    /// connector that is gone since grants nothing more than when it opened.
    fn opened_door(
        &self,
        run: &Arc<Run>,
        start: Start,
        replay_only: bool,
        lease: Option<Arc<Lease>>,
    ) -> Arc<Door> {
        let resumed = start.known;
        let now = self.in_force(run);
        // What is replayed is compared under the limits it ran under.
        let now = if replay_only {
            Arc::clone(&run.opened_under)
        } else {
            now
        };
        Door::new(DoorSettings {
            run: Arc::clone(run),
            about: start.about,
            deadline: Instant::now() + now.limits.deadline,
            manifest: now,
            journal: Arc::clone(&self.journal),
            backends: Arc::clone(&self.backends),
            recorded: start.recorded,
            same_engine: start.same_engine,
            replay_only,
            resumed,
            opening: start.opening,
            approval: start.approval,
            denial: start.denial,
            committed: start.committed,
            lease,
            case: start.case,
            boundary: start.boundary,
        })
    }

    /// The manifest that a run is judged by now.
    pub(super) fn in_force(&self, run: &Run) -> Arc<Manifest> {
        self.connectors
            .get(&run.tenant, &run.connector)
            .map_or_else(
                || Arc::clone(&run.opened_under),
                |installed| Arc::clone(&installed.manifest),
            )
    }

    pub(crate) async fn run_guest(
        &self,
        run: &Run,
        installed: &Installed,
        door: &Arc<Door>,
    ) -> Returned {
        let limits = door.limits().clone();
        self.sandbox
            .call(
                &installed.ready,
                Invocation {
                    deadline: Instant::now() + limits.deadline,
                    door: Arc::clone(door),
                    limits,
                    parameters: parameters(run),
                },
            )
            .await
    }
}

/// Make the opening durable, and tell who waits for that. A repeated request that
/// another host was faster with is told of the first one's run.
async fn keep(run: &Run, door: &Door, accepted: Accepted) -> Result<(), Ending> {
    let kept = door.keep().await;
    match &kept {
        Ok(()) => accepted.tell(&run.run, false),
        Err(Ending::Repeats {
            run: first,
            input_digest,
        }) if *input_digest == run.input_digest.to_string() => accepted.tell(first, true),
        Err(_) => {}
    }
    kept
}

fn parameters(run: &Run) -> CallParameters {
    (
        GuestContext {
            tenant: run.tenant.to_string(),
            case_id: run.case.clone(),
            run: run.run.clone(),
            principal: run.principal.clone(),
            undoes: run.undoes.as_ref().map(|undoes| undoes.run.clone()),
        },
        run.tool.name.clone(),
        run.input_text.clone(),
    )
}
