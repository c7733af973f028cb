//! The door: the one way out of the sandbox.
//!
//! Every import call of every guest, and every call the host makes to take one
//! back, goes through [`Door::pass`], in this order:
//!
//! ```text
//! describe   typed request -> call: capability, destination, arguments, effect class
//! replay     position in the journal already? compare, answer from it; nothing below runs
//! grant      inside the manifest's grant? else a typed denial to the guest
//! meter      calls, bytes, deadline
//! gate       rule outcome: allow, require -> hold, deny
//! intent     append; durable before any effect; consumes the approval in the same transaction
//! send-by    the lease and the intent's send-by still hold? else nothing is sent
//! perform    the capability does the work
//! outcome    append; prior value beside it
//! ```
//!
//! A call that carries a live secret is refused before grant, and a reply that
//! brings one is withheld at the outcome (`leaks.rs`).
//!
//! A plain read has one record, with its reply. It is buffered, because nothing
//! of the run has left the host yet; it is durable before anything does: before
//! the next intent, before a hold, and before the tool's answer.
//!
//! What is refused here, and why: a guest that repeats a recorded call
//! differently is stopped before anything is sent (a component or a journal was
//! exchanged); a write whose prior value cannot be captured counts as
//! irreversible; a call above its tool's declared class is denied, whatever the
//! rules say (a read-only tool that writes lies about itself).

mod gate;
mod history;
mod leaks;
mod linker;
mod operation;
mod perform;
mod recover;
mod refusal;
pub(crate) mod wasi;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;
use tollgate_journal::{Prepared, Stage};
use tollgate_policy::{Digest, Effect, Manifest, Outcome, UndoDecl};
use tollgate_store::{
    ApprovalRow, Change, Rejected, RunRow, RunState, SUBMISSION_BYTES_MAX, SUBMISSION_RECORDS_MAX,
};

use gate::{Admission, Gate};
pub(crate) use history::{RecordedCall, Settled, in_doubt, recorded_calls};
pub(crate) use leaks::{OUTPUT, WRITTEN};
pub use linker::Imports;
pub(crate) use linker::Offered;
pub(crate) use operation::Immediate;
pub use operation::{
    Described, Imported, Looked, Next, Operation, OwnLook, Performed, Prior, Recovery, Scope,
    WayBack,
};
pub(crate) use perform::SEND_WITHIN;
pub use refusal::{Denial, Limit, Refusal, Rejection};

use crate::capability::Backends;
use crate::error::{Ending, JournalFault};
use crate::extend::Extensions;
use crate::journal::{About, Journal, Saying};
use crate::runs::{Lease, Run, awake_ms};
use crate::workflows::{Boundary, Judged};

/// Calls beyond the limit that are answered with a refusal, so that a guest can
/// end in order. One that goes on calling is stopped: each answer is a record.
const CALLS_REFUSED_MAX: u64 = 100;

/// Most records and bytes that go to the store at once; below what it takes.
const PART_RECORDS: usize = SUBMISSION_RECORDS_MAX - 100;
const PART_BYTES: usize = SUBMISSION_BYTES_MAX / 2;

/// Longest name of a destination in a record, bytes.
const DESTINATION_BYTES_MAX: usize = 256;

/// The door of one execution of one run.
pub(crate) struct Door {
    run: Arc<Run>,
    about: About,
    manifest: Arc<Manifest>,
    journal: Arc<Journal>,
    backends: Arc<Backends>,
    recorded: Vec<RecordedCall>,
    /// Whether recorded fuel was measured by an engine like this one.
    same_engine: bool,
    /// Answer from the journal only: nothing is performed or recorded.
    replay_only: bool,
    /// Whether the run goes on after a hold or a crash.
    resumed: bool,
    /// Why a person denied the call that the run was held at.
    denial: Option<String>,
    deadline: Instant,
    /// This host's hold on the run. Nothing is performed without one.
    lease: Option<Arc<Lease>>,
    /// What the run's workflow makes of its calls.
    boundary: Boundary,
    /// Whether a call is on its way through: what must not be given up then.
    passing: AtomicBool,
    state: Mutex<State>,
}

/// A call on its way through, until it is dropped.
struct OnTheWay<'a>(&'a AtomicBool);

impl<'a> OnTheWay<'a> {
    fn new(passing: &'a AtomicBool) -> Self {
        passing.store(true, Ordering::SeqCst);
        Self(passing)
    }
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct State {
    position: u32,
    buffer: Vec<Prepared>,
    calls: u64,
    bytes: u64,
    log_lines: u64,
    /// Whether an intent of this run is durable, so that a crash matters.
    committed: bool,
    /// The decision on the call that this run was held at.
    approval: Option<ApprovalRow>,
    /// Recorded calls answered.
    replayed: u32,
    /// The guest's last words, where it panicked.
    panic: Option<String>,
    /// A person's no, or nobody's yes, that this run was answered with.
    rejected: bool,
    /// Writes that were judged in shadow, and not done.
    judged: Vec<Judged>,
    /// Set once the run cannot go on, so that an immediate call, which cannot
    /// say so itself, stops the guest at its next step.
    ending: Option<Ending>,
}

/// What an execution starts from.
pub(crate) struct DoorSettings {
    pub(crate) run: Arc<Run>,
    pub(crate) about: About,
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) backends: Arc<Backends>,
    pub(crate) recorded: Vec<RecordedCall>,
    pub(crate) same_engine: bool,
    pub(crate) replay_only: bool,
    pub(crate) resumed: bool,
    pub(crate) deadline: Instant,
    /// Records that are to stand before the first one made here.
    pub(crate) opening: Vec<Prepared>,
    pub(crate) approval: Option<ApprovalRow>,
    pub(crate) denial: Option<String>,
    pub(crate) committed: bool,
    pub(crate) lease: Option<Arc<Lease>>,
    pub(crate) boundary: Boundary,
}

/// A call on its way through the door.
struct Passing {
    call: &'static str,
    position: u32,
    fuel: Option<u64>,
    destination: String,
    identity: String,
    effect: Effect,
    arguments: Value,
    /// Canonical form of `arguments`; what is recorded and compared.
    text: String,
}

/// What comes next for a call of this operation.
type NextOf<O> = Next<<O as Operation>::Plan, <O as Operation>::Reply>;

/// How a call is not the recorded one.
enum Differs {
    /// The run cannot go on.
    Known(Ending),
    /// It cannot either, and what the recorded call did is not known.
    Doubtful(String),
}

/// What the replay step found.
enum Found {
    Reply(Vec<u8>),
    /// An intent without an outcome.
    Doubt,
    New,
}

impl Door {
    pub(crate) fn new(settings: DoorSettings) -> Arc<Self> {
        let state = State {
            buffer: settings.opening,
            approval: settings.approval,
            committed: settings.committed,
            ..State::default()
        };
        Arc::new(Self {
            run: settings.run,
            about: settings.about,
            manifest: settings.manifest,
            journal: settings.journal,
            backends: settings.backends,
            recorded: settings.recorded,
            same_engine: settings.same_engine,
            replay_only: settings.replay_only,
            resumed: settings.resumed,
            denial: settings.denial,
            deadline: settings.deadline,
            lease: settings.lease,
            boundary: settings.boundary,
            passing: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    /// One call through the door. An `Err` ends the run; a refusal is a reply.
    pub(crate) async fn pass<O: Operation>(
        &self,
        arguments: O::Arguments,
        fuel: Option<u64>,
    ) -> Result<O::Reply, Ending> {
        let _on_the_way = OnTheWay::new(&self.passing);
        let position = self.next_position()?;
        let scope = self.scope(position);
        let described = O::describe(arguments, &scope);
        let (mut passing, next) = Passing::new::<O>(position, fuel, described)?;
        match self.replay(&passing).await? {
            Found::Reply(bytes) => return decode::<O>(position, &bytes),
            Found::Doubt => return self.doubtful::<O>(&mut passing, next, &scope).await,
            Found::New => {}
        }
        if let Some(reply) = self.withhold_arguments::<O>(&passing)? {
            return Ok(reply);
        }
        let plan = match self.grant_and_meter::<O>(&mut passing, next)? {
            Ok(plan) => plan,
            Err(reply) => return Ok(reply),
        };
        // Denied whatever is there: looking would tell the guest what it expected
        // rightly and what not (CWE-203). A person's decision is the gate's.
        if passing.effect > Effect::Read && self.state().approval.is_none() {
            let decision = self.decide(&passing);
            if decision.outcome == Outcome::Deny {
                let rule = self.rule_name(decision.rule);
                let reply = O::refuse(self.denied_by(&passing, decision.rule));
                self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
                return Ok(reply);
            }
        }
        // A person said no: nothing is looked at for it any more.
        if let Some(refusal) = self.refused_by_person(position) {
            let rule = self.rule_name(self.decide(&passing).rule);
            let reply = O::refuse(refusal);
            self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
            return Ok(reply);
        }
        let prior = if passing.effect > Effect::Read && self.may_look::<O>(&plan) {
            match O::prior(&plan, &scope, &self.backends).await {
                Ok(prior) => prior,
                Err(reply) => {
                    let performed = Performed::answered(reply);
                    return self.read_outcome::<O>(&passing, performed, &Admission::none());
                }
            }
        } else {
            None
        };
        if let Some(reply) = self.withhold_prior::<O>(&passing, prior.as_ref())? {
            return Ok(reply);
        }
        // A write that cannot be taken back is irreversible, whatever it is called.
        if passing.effect == Effect::Write && !self.can_be_taken_back::<O>(&plan, prior.as_ref()) {
            passing.effect = Effect::Irreversible;
        }
        let admission = match self.gate(&passing, prior.as_ref()).await? {
            Gate::Admitted(admission) => admission,
            Gate::Refused(refusal, rule) => {
                let reply = O::refuse(refusal);
                self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
                return Ok(reply);
            }
        };
        if passing.effect == Effect::Read {
            return self.read::<O>(&passing, plan, &admission).await;
        }
        let recovery = O::recovery(&plan);
        let intent = self.intent(&passing, prior.as_ref(), recovery, &admission);
        match intent.await? {
            Ok(send_by) => {
                self.write::<O>(&passing, plan, prior, &admission, send_by)
                    .await
            }
            Err(refusal) => {
                let reply = O::refuse(refusal);
                self.record_reply::<O>(&passing, Stage::CallDenied, &reply, None)?;
                Ok(reply)
            }
        }
    }

    /// Whether there is a way back for a write. The attack: a connector that has no
    /// inverse calls what the operator accepted one for, and its write passes for
    /// one that can be taken back.
    fn can_be_taken_back<O: Operation>(&self, plan: &O::Plan, prior: Option<&Prior>) -> bool {
        match O::way_back(plan) {
            WayBack::Captured => prior.is_some() && self.extensions().can_restore(O::CALL),
            WayBack::Inverse => matches!(self.run.tool.undo, UndoDecl::Inverse(_)),
        }
    }

    /// One call whose answer needs no waiting, in the same order. Reads only:
    /// there is no intent to wait for.
    pub(crate) fn pass_now<O: Immediate>(
        &self,
        arguments: O::Arguments,
    ) -> Result<O::Reply, Ending> {
        let position = self.next_position()?;
        let scope = self.scope(position);
        let described = O::describe(arguments, &scope);
        let (mut passing, next) = Passing::new::<O>(position, None, described)?;
        debug_assert_eq!(
            passing.effect,
            Effect::Read,
            "only reads pass without waiting"
        );
        match self.compare(&passing) {
            Ok(Found::Reply(bytes)) => return decode::<O>(position, &bytes),
            Ok(Found::New) => {}
            // A read has no intent: the journal is of another component.
            Ok(Found::Doubt) | Err(Differs::Doubtful(_)) => {
                return Err(self.end(Ending::HostFault(
                    "a read has an intent in the journal".to_owned(),
                )));
            }
            Err(Differs::Known(ending)) => return Err(self.end(ending)),
        }
        if let Some(reply) = self.withhold_arguments::<O>(&passing)? {
            return Ok(reply);
        }
        let plan = match self.grant_and_meter::<O>(&mut passing, next)? {
            Ok(plan) => plan,
            Err(reply) => return Ok(reply),
        };
        let decision = self.decide(&passing);
        if decision.outcome != Outcome::Allow {
            let rule = self.rule_name(decision.rule);
            let reply = O::refuse(self.denied_by(&passing, decision.rule));
            self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
            return Ok(reply);
        }
        let performed = Performed::answered(O::perform_now(plan, &scope, &self.backends));
        self.read_outcome::<O>(&passing, performed, &Admission::none())
    }

    // ── describe, replay ───────────────────────────────────────────────────

    fn next_position(&self) -> Result<u32, Ending> {
        let mut state = self.state();
        if let Some(ending) = &state.ending {
            return Err(ending.clone());
        }
        let position = state.position;
        state.position += 1;
        drop(state);
        let allowed = self.manifest.limits.calls;
        if u64::from(position) >= allowed.saturating_add(CALLS_REFUSED_MAX) {
            return Err(self.end(Ending::OverBudget {
                name: "calls",
                allowed,
            }));
        }
        Ok(position)
    }

    fn scope(&self, position: u32) -> Scope<'_> {
        Scope {
            tenant: &self.run.tenant,
            run: &self.run.run,
            case: &self.run.case,
            principal: &self.run.principal,
            connector: &self.run.connector,
            tool: &self.run.tool.name,
            position,
            manifest: &self.manifest,
            opened_under: &self.run.opened_under,
            deadline: self.deadline,
            in_doubt: false,
            sending: None,
        }
    }

    /// Compare a call with the recorded one at its position. A call in doubt that
    /// the connector does not make again is a person's.
    async fn replay(&self, passing: &Passing) -> Result<Found, Ending> {
        match self.compare(passing) {
            Ok(found) => Ok(found),
            Err(Differs::Known(ending)) => Err(self.end(ending)),
            Err(Differs::Doubtful(difference)) => {
                let why = format!("the connector does something else now: {difference}");
                Err(self.not_made_again(passing.position, &why).await)
            }
        }
    }

    fn compare(&self, passing: &Passing) -> Result<Found, Differs> {
        let Some(recorded) = self.recorded.get(passing.position as usize) else {
            return if self.replay_only {
                Err(Differs::Known(Ending::ReplayedToEnd))
            } else {
                Ok(Found::New)
            };
        };
        if let Some(difference) = self.difference(passing, recorded) {
            return Err(if recorded.is_doubtful() && !self.replay_only {
                Differs::Doubtful(difference)
            } else {
                Differs::Known(Ending::Diverged {
                    position: passing.position,
                    difference,
                })
            });
        }
        match &recorded.reply {
            Some(reply) => {
                self.state().replayed += 1;
                Ok(Found::Reply(reply.clone()))
            }
            None if self.replay_only => Err(Differs::Known(Ending::InDoubt {
                position: passing.position,
                call: recorded.call.clone(),
            })),
            None => Ok(Found::Doubt),
        }
    }

    fn difference(&self, passing: &Passing, recorded: &RecordedCall) -> Option<String> {
        if recorded.call != passing.call {
            return Some(format!(
                "the record has `{}`, the connector now calls `{}`",
                recorded.call, passing.call
            ));
        }
        // It was refused, for what is not in its record.
        if recorded.withheld.as_deref() == Some(leaks::ARGUMENTS) {
            return None;
        }
        if recorded.destination != passing.destination {
            return Some(format!("the destination of `{}` differs", passing.call));
        }
        if recorded.arguments != passing.text.as_bytes() {
            return Some(format!("the arguments of `{}` differ", passing.call));
        }
        match (self.same_engine, recorded.fuel, passing.fuel) {
            (true, Some(then), Some(now)) if then != now => Some(format!(
                "`{}` was reached with {then} fuel used, now with {now}",
                passing.call
            )),
            _ => None,
        }
    }

    // ── grant, meter ───────────────────────────────────────────────────────

    /// The plan of a call inside its grant and the run's budgets, or the reply
    /// to one that is not.
    fn grant_and_meter<O: Operation>(
        &self,
        passing: &mut Passing,
        next: Next<O::Plan, O::Reply>,
    ) -> Result<Result<O::Plan, O::Reply>, Ending> {
        let plan = match next {
            Next::Perform(plan) => plan,
            Next::Refuse(refusal) => {
                let reply = O::refuse(refusal);
                self.record_reply::<O>(passing, Stage::CallDenied, &reply, None)?;
                return Ok(Err(reply));
            }
            Next::Answer(reply) => {
                self.record_reply::<O>(passing, Stage::CallOutcome, &reply, None)?;
                return Ok(Err(reply));
            }
        };
        // What an operator's row raises above what the tool declared is gated, and
        // is no lie of the tool: only reading against writing is compared here.
        if passing.effect.min(Effect::Write) > self.run.tool.effect {
            let reply = O::refuse(Refusal::not_granted(
                format!(
                    "the tool `{}` declares itself `{}`, and `{}` is `{}`",
                    self.run.tool.name,
                    self.run.tool.effect.as_str(),
                    passing.call,
                    passing.effect.as_str()
                ),
                "the connector's author must declare the tool's effect",
            ));
            self.record_reply::<O>(passing, Stage::CallDenied, &reply, None)?;
            return Ok(Err(reply));
        }
        // A tool may claim more than a call is: that raises the call's class.
        if passing.effect > Effect::Read {
            passing.effect = passing.effect.max(self.run.tool.effect);
        }
        if let Some(refusal) = self.over_budget(passing) {
            let reply = O::refuse(refusal);
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(Err(reply));
        }
        Ok(Ok(plan))
    }

    fn over_budget(&self, passing: &Passing) -> Option<Refusal> {
        let limits = &self.manifest.limits;
        let mut state = self.state();
        state.calls += 1;
        if state.calls > limits.calls {
            return Some(Refusal::limited("calls", limits.calls));
        }
        if state.bytes + passing.text.len() as u64 > limits.journal_bytes {
            return Some(Refusal::limited("journal_bytes", limits.journal_bytes));
        }
        if passing.call == "log.emit" {
            state.log_lines += 1;
            if state.log_lines > limits.log_lines {
                return Some(Refusal::limited("log_lines", limits.log_lines));
            }
        }
        (Instant::now() >= self.deadline)
            .then(|| Refusal::limited("deadline", limits.deadline.as_secs()))
    }

    // ── records ────────────────────────────────────────────────────────────

    /// Append everything buffered and `last`, with `changes`, if this host still
    /// has the run where it has a row.
    pub(crate) async fn flush(
        &self,
        last: Vec<Prepared>,
        changes: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let mut records = std::mem::take(&mut self.state().buffer);
        // An approval can have run out: then the run goes on, with what it had.
        let may_go_on = changes
            .iter()
            .any(|change| matches!(change, Change::ConsumeApproval { .. }));
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

    /// The first recorded call in doubt that this execution did not come to.
    pub(crate) fn doubt_left(&self) -> Option<u32> {
        let reached = self.state().position as usize;
        let left = self.recorded.iter().skip(reached);
        left.clone()
            .position(RecordedCall::is_doubtful)
            .and_then(|index| u32::try_from(reached + index).ok())
    }

    /// Remember why the run cannot go on.
    fn end(&self, ending: Ending) -> Ending {
        let mut state = self.state();
        state.ending.get_or_insert(ending).clone()
    }

    /// The same for what counts more than an earlier reason: what became of a call
    /// that may have happened.
    fn end_instead(&self, ending: Ending) -> Ending {
        self.state().ending = Some(ending.clone());
        ending
    }

    /// Why the run cannot go on, if it cannot.
    pub(crate) fn ending(&self) -> Option<Ending> {
        self.state().ending.clone()
    }

    /// Whether a call is on its way through, so that giving the guest up would
    /// leave a write half observed.
    pub(crate) fn is_passing(&self) -> bool {
        self.passing.load(Ordering::SeqCst)
    }

    /// Whether an intent of this run is durable.
    pub(crate) fn committed(&self) -> bool {
        self.state().committed
    }

    /// The guest's last words, where it panicked.
    pub(crate) fn panic(&self) -> Option<String> {
        self.state().panic.clone()
    }

    /// Whether a person said no to a call of this run, or nobody said yes.
    pub(crate) fn rejected(&self) -> bool {
        self.state().rejected
    }

    /// Stop the guest at its next step: a call that has no way to say so was
    /// refused, and its made-up answer must not be acted on.
    pub(crate) fn stop(&self, why: &str) {
        self.end(Ending::NotAdmitted(why.to_owned()));
    }

    /// How many calls were made, and how many of them the journal answered.
    pub(crate) fn calls(&self) -> (u32, u32) {
        let state = self.state();
        (state.position, state.replayed)
    }

    /// The limits in force.
    pub(crate) fn limits(&self) -> &tollgate_policy::Limits {
        &self.manifest.limits
    }

    /// The embedder's capabilities.
    pub(crate) fn extensions(&self) -> &Extensions {
        &self.backends.extensions
    }

    pub(crate) fn about(&self) -> &About {
        &self.about
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passing {
    fn new<O: Operation>(
        position: u32,
        fuel: Option<u64>,
        described: Described<O::Plan, O::Reply>,
    ) -> Result<(Self, NextOf<O>), Ending> {
        // Capabilities write integers beyond 2^53 and bytes as text, so this
        // fails only for a fault in one of them.
        let text = tollgate_policy::canonical(&described.arguments).map_err(|error| {
            Ending::HostFault(format!("{} has no canonical form: {error}", O::CALL))
        })?;
        // No grant has a name this long; it stands in public facts, which are
        // bounded, and is refused in any case.
        let mut destination = described.destination;
        if destination.len() > DESTINATION_BYTES_MAX {
            destination.truncate(destination.floor_char_boundary(DESTINATION_BYTES_MAX));
        }
        let passing = Self {
            call: O::CALL,
            position,
            fuel,
            destination,
            identity: described.identity,
            effect: described.effect,
            arguments: described.arguments,
            text,
        };
        Ok((passing, described.next))
    }

    /// What its destination resolves to, for a record: no server's name is public.
    fn identity_digest(&self) -> String {
        Digest::of(self.identity.as_bytes()).to_string()
    }

    fn saying(&self, stage: Stage) -> Saying {
        Saying::new(stage)
            .at(self.position)
            .fact("call", self.call)
            .fact("destination", self.destination.as_str())
            .fact("effect", self.effect.as_str())
            .maybe("fuel", self.fuel)
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
fn repeats(fault: &JournalFault) -> Option<Ending> {
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

/// A panic's message and place in one line.
fn last_words(arguments: &Value) -> String {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    format!("{} at {}", text("message"), text("place"))
}

fn encode<T: serde::Serialize>(reply: &T) -> Vec<u8> {
    // Replies are plain data of this crate: no map with keys that are no text.
    serde_json::to_vec(reply).unwrap_or_default()
}

fn decode<O: Operation>(position: u32, bytes: &[u8]) -> Result<O::Reply, Ending> {
    serde_json::from_slice(bytes).map_err(|error| Ending::Diverged {
        position,
        difference: format!(
            "the recorded reply of `{}` cannot be read: {error}",
            O::CALL
        ),
    })
}
