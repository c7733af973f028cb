//! What an execution has come to so far: counts, what waits to be recorded, and
//! why the run cannot go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError};

use serde_json::Value;
use tollgate_journal::Prepared;
use tollgate_store::ApprovalRow;

use super::{Door, RecordedCall};
use crate::error::Ending;
use crate::failure::FailureKind;
use crate::workflows::Judged;

#[derive(Default)]
pub(super) struct State {
    pub(super) position: u32,
    pub(super) buffer: Vec<Prepared>,
    pub(super) calls: u64,
    pub(super) bytes: u64,
    pub(super) log_lines: u64,
    /// Whether an intent of this run is durable, so that a crash matters.
    pub(super) committed: bool,
    /// The decision on the call that this run was held at.
    pub(super) approval: Option<ApprovalRow>,
    /// Recorded calls answered.
    pub(super) replayed: u32,
    /// The guest's last words, where it panicked.
    pub(super) panic: Option<String>,
    /// A person's no, or nobody's yes, that this run was answered with.
    pub(super) rejected: Option<FailureKind>,
    /// Whether a live secret was stopped in it.
    pub(super) blocked: bool,
    /// Writes that were judged in shadow, and not done.
    pub(super) judged: Vec<Judged>,
    /// What this run took from budgets since this door opened.
    pub(super) spent: Vec<Value>,
    /// Set once the run cannot go on, so that an immediate call, which cannot
    /// say so itself, stops the guest at its next step.
    pub(super) ending: Option<Ending>,
}

/// A call on its way through, until it is dropped.
pub(super) struct OnTheWay<'a>(&'a AtomicBool);

impl<'a> OnTheWay<'a> {
    pub(super) fn new(passing: &'a AtomicBool) -> Self {
        passing.store(true, Ordering::SeqCst);
        Self(passing)
    }
}

impl Drop for OnTheWay<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Door {
    /// The first recorded call in doubt that this execution did not come to.
    pub(crate) fn doubt_left(&self) -> Option<u32> {
        let reached = self.state().position as usize;
        let left = self.recorded.iter().skip(reached);
        left.clone()
            .position(RecordedCall::is_doubtful)
            .and_then(|index| u32::try_from(reached + index).ok())
    }

    /// Remember why the run cannot go on.
    pub(super) fn end(&self, ending: Ending) -> Ending {
        let mut state = self.state();
        state.ending.get_or_insert(ending).clone()
    }

    /// The same for what counts more than an earlier reason: what became of a call
    /// that may have happened.
    pub(super) fn end_instead(&self, ending: Ending) -> Ending {
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
    pub(crate) fn rejected(&self) -> Option<FailureKind> {
        self.state().rejected
    }

    /// Whether a live secret was stopped in this run, in this execution or before.
    pub(crate) fn blocked(&self) -> bool {
        let before = self.recorded.iter().any(|call| call.withheld.is_some());
        before || self.state().blocked
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
