//! What is remembered of a hand-off while a journal is read.

use tollgate_journal::Leaf;

use crate::report::Baseline;

/// How a case ended, as its last `case.closed` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Failed,
    Escalated,
    Denied,
    Expired,
    Undone,
}

impl Ended {
    pub(crate) fn named(state: &str) -> Option<Self> {
        Some(match state {
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "escalated" => Self::Escalated,
            "denied" => Self::Denied,
            "expired" => Self::Expired,
            "undone" => Self::Undone,
            _ => return None,
        })
    }
}

/// Whether a completed case did what its workflow calls done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correct {
    /// `done_when` held, and nobody took anything back or closed it again.
    Yes,
    /// `done_when` did not hold, or the work was taken back or corrected since.
    No,
    /// Nothing said what done means.
    Unchecked,
}

/// A hand-off.
pub(crate) struct Case {
    pub(crate) workflow: Option<String>,
    opened_ms: u64,
    /// The workflow's figures by hand, as they stood when it was opened.
    pub(crate) baseline: Option<Baseline>,
    answered_ms: Option<u64>,
    closed: Option<(Ended, u64)>,
    held: Option<bool>,
    closings: u32,
    taken_back: bool,
    pub(crate) handed_over: bool,
    pub(crate) touches: u64,
}

impl Case {
    pub(crate) fn opened(leaf: &Leaf, baseline: Option<Baseline>) -> Self {
        Self {
            workflow: leaf.workflow.clone(),
            opened_ms: leaf.at,
            baseline,
            answered_ms: None,
            closed: None,
            held: None,
            closings: 0,
            taken_back: false,
            handed_over: false,
            touches: 0,
        }
    }

    /// A tool call of it was done. The first one is what it is answered by.
    pub(crate) fn answered(&mut self, at: u64) {
        self.answered_ms.get_or_insert(at);
    }

    pub(crate) fn closes(&mut self, leaf: &Leaf) {
        let state = leaf.facts.get("state").and_then(|state| state.as_str());
        let Some(ended) = state.and_then(Ended::named) else {
            return;
        };
        self.closed = Some((ended, leaf.at));
        self.held = leaf.facts.get("correct").and_then(|held| held.as_bool());
        self.closings += 1;
    }

    /// A tool call of it was taken back. That is the way a case may be undone, and
    /// after its end a correction.
    pub(crate) fn was_taken_back(&mut self) {
        self.taken_back = true;
    }

    pub(crate) fn ended(&self) -> Option<(Ended, u64)> {
        self.closed
    }

    pub(crate) fn correct(&self) -> Correct {
        match (self.held, self.taken_back || self.closings > 1) {
            (_, true) | (Some(false), _) => Correct::No,
            (Some(true), _) => Correct::Yes,
            (None, _) => Correct::Unchecked,
        }
    }

    /// How long it took to the first tool call that was done.
    pub(crate) fn first_response_ms(&self) -> Option<u64> {
        self.answered_ms.map(|at| at.saturating_sub(self.opened_ms))
    }
}
