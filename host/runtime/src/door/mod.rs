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

mod budget;
mod flush;
mod foresee;
mod gate;
mod history;
mod leaks;
mod linker;
mod meter;
mod operation;
mod outcome;
mod pass;
mod passing;
mod perform;
mod recover;
mod refusal;
mod replay;
mod state;
mod undo_facts;
pub(crate) mod wasi;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;

use tollgate_journal::Prepared;
use tollgate_policy::{CaseFacts, Manifest};
use tollgate_store::ApprovalRow;

pub(crate) use foresee::{Foreseen, Judged, Seen};
pub(crate) use history::{RecordedCall, Settled, in_doubt, recorded_calls};
pub(crate) use leaks::{OUTPUT, WRITTEN};
pub use linker::Imports;
pub(crate) use linker::Offered;
pub(crate) use operation::Immediate;
pub use operation::{
    Described, Imported, Looked, Next, Operation, OwnLook, Performed, Prior, Recovery, Scope,
    WayBack,
};
use passing::{NextOf, Passing};
pub(crate) use perform::SEND_WITHIN;
pub use refusal::{Denial, Limit, Refusal, Rejection};
use state::State;
use undo_facts::UndoFacts;

use crate::capability::Backends;
use crate::extend::Extensions;
use crate::journal::{About, Journal};
use crate::queue::StandingFor;
use crate::runs::{Lease, Run};
use crate::workflows::Boundary;

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
    /// What the operator approved for this run once for all.
    standing: Option<StandingFor>,
    /// What the run's workflow makes of its calls.
    boundary: Boundary,
    /// Whether a call is on its way through: what must not be given up then.
    passing: AtomicBool,
    /// What is known of the case, where a rule asks for it.
    case: Option<RwLock<CaseFacts>>,
    state: Mutex<State>,
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
    pub(crate) case: Option<CaseFacts>,
    pub(crate) boundary: Boundary,
}

impl Door {
    pub(crate) fn new(settings: DoorSettings) -> Arc<Self> {
        let state = State {
            buffer: settings.opening,
            approval: settings.approval,
            committed: settings.committed,
            ..State::default()
        };
        let queues = &settings.backends.queues;
        Arc::new(Self {
            standing: StandingFor::of(&settings.run, queues),
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
            case: settings.case.map(RwLock::new),
            state: Mutex::new(state),
        })
    }

    /// The manifest in force.
    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
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
}
