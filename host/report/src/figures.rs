//! The figures of one workflow in one week, and what they are made of.

use serde::Serialize;

use crate::case::{Case, Correct, Ended};
use crate::load::fast;
use crate::{Rate, Spread};

/// A decision in less than this is one nobody can have read the card for.
pub(crate) const FAST_MS: u64 = 3_000;

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Hand-offs that ended.
    pub cases: Cases,
    /// Tool calls that ended.
    pub runs: Runs,
    /// Decisions of people.
    pub approvals: Approvals,
    /// Work that people had to settle.
    pub queue: Queue,
    /// Errors caught before anything left: calls that a rule denied, that a person
    /// denied, or whose input a person changed.
    pub caught: u64,
    /// Completed cases only: how often a person took one in hand.
    pub touches_per_completed_case: Option<f64>,
    /// Against the same work by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_saved: Option<TimeSaved>,
}

/// Hand-offs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cases {
    /// How many ended, in whatever way.
    pub ended: u64,
    /// Ended as completed.
    pub completed: u64,
    /// Ended as failed.
    pub failed: u64,
    /// Ended in a queue of people.
    pub escalated: u64,
    /// Ended by a no.
    pub denied: u64,
    /// Ended because their time was over.
    pub expired: u64,
    /// Ended by being taken back.
    pub undone: u64,
    /// Completed, `done_when` held, and neither taken back nor corrected since: of
    /// all that ended.
    pub correct: Rate,
    /// Completed without anything that says what done means.
    pub unchecked: u64,
    /// Ended as escalated, or with work handed to people on the way: of all that
    /// ended.
    pub escalation: Rate,
    /// From the opening to the first tool call that was done.
    pub first_response: Spread,
    /// First responses within the workflow's target, where it has one.
    pub within_target: Rate,
}

/// Tool calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Runs {
    /// How many ended.
    pub ended: u64,
    /// With an output.
    pub done: u64,
    /// With a failure.
    pub failed: u64,
    /// Denied by a rule or a person.
    pub denied: u64,
    /// Taken back since: of those that wrote anything.
    pub undone: Rate,
    /// Whose effect was not known for some time: of those that wrote anything.
    pub in_doubt: Rate,
}

/// Decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Approvals {
    /// People said yes.
    pub approved: u64,
    /// A person said no.
    pub denied: u64,
    /// Nobody said anything in time.
    pub expired: u64,
    /// Inputs that a person changed.
    pub edited: u64,
    /// Approvals outside of the usual ones.
    pub exceptions: u64,
    /// From the request to the decision.
    pub latency: Spread,
    /// Decided in under three seconds: too fast to have read the card.
    pub under_3_s: Rate,
    /// Approvals asked for, for each tool call that was done.
    pub per_done_run: Option<f64>,
}

/// Work for people.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Queue {
    /// Items that were settled.
    pub settled: u64,
    /// From the hand-over to that.
    pub time: Spread,
}

/// Time saved, in minutes. A case counts when it was correct: the workflow's
/// minutes by hand, less so many minutes for each touch of a person as by hand
/// (minutes by touches).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct TimeSaved {
    /// With the middle of the workflow's minutes.
    pub minutes: f64,
    /// With the fewest.
    pub low: f64,
    /// With the most, and counting cases that nothing checked as correct.
    pub high: f64,
}

/// What is counted while a journal is read.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) figures: Figures,
    correct: u64,
    handed_over: u64,
    completed_touches: u64,
    first_responses: Vec<u64>,
    targets: (u64, u64),
    saved: Option<TimeSaved>,
    pub(crate) wrote: u64,
    pub(crate) undone: u64,
    pub(crate) in_doubt: u64,
    pub(crate) requested: u64,
    pub(crate) latencies: Vec<u64>,
    pub(crate) settled_after: Vec<u64>,
}

impl Tally {
    pub(crate) fn case(&mut self, case: &Case, ended: Ended) {
        let cases = &mut self.figures.cases;
        cases.ended += 1;
        match ended {
            Ended::Completed => cases.completed += 1,
            Ended::Failed => cases.failed += 1,
            Ended::Escalated => cases.escalated += 1,
            Ended::Denied => cases.denied += 1,
            Ended::Expired => cases.expired += 1,
            Ended::Undone => cases.undone += 1,
        }
        if ended == Ended::Escalated || case.handed_over {
            self.handed_over += 1;
        }
        if let Some(ms) = case.first_response_ms() {
            self.first_responses.push(ms);
        }
        self.meets_target(case);
        if ended == Ended::Completed {
            self.completed(case);
        }
    }

    /// A case that was never answered missed its target.
    fn meets_target(&mut self, case: &Case) {
        let Some(target) = case.baseline.and_then(|baseline| baseline.first_response_s) else {
            return;
        };
        let in_time = case
            .first_response_ms()
            .is_some_and(|ms| ms as f64 <= target * 1_000.0);
        self.targets.0 += u64::from(in_time);
        self.targets.1 += 1;
    }

    fn completed(&mut self, case: &Case) {
        self.completed_touches += case.touches;
        let correct = case.correct();
        match correct {
            Correct::Yes => self.correct += 1,
            Correct::Unchecked => self.figures.cases.unchecked += 1,
            Correct::No => {}
        }
        let Some(baseline) = case.baseline else {
            return;
        };
        let by_hand = case.touches as f64 / baseline.touches;
        let saved = |minutes: f64| minutes - minutes * by_hand;
        let total = self.saved.get_or_insert_default();
        let range = {
            let (a, b) = (saved(baseline.minutes.0), saved(baseline.minutes.1));
            (a.min(b), a.max(b))
        };
        if correct == Correct::Yes {
            total.minutes += saved(baseline.middle());
            total.low += range.0;
            total.high += range.1;
        } else {
            // What was done wrong cost a person's touches, and saved nothing.
            let lost = -baseline.middle() * by_hand;
            total.minutes += lost;
            total.low += -baseline.minutes.1 * by_hand;
            total.high += match correct {
                Correct::Unchecked => range.1.max(-baseline.minutes.0 * by_hand),
                _ => -baseline.minutes.0 * by_hand,
            };
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let (to, from) = (&mut self.figures, &other.figures);
        let (a, b) = (&mut to.cases, &from.cases);
        a.ended += b.ended;
        a.completed += b.completed;
        a.failed += b.failed;
        a.escalated += b.escalated;
        a.denied += b.denied;
        a.expired += b.expired;
        a.undone += b.undone;
        a.unchecked += b.unchecked;
        let (a, b) = (&mut to.runs, &from.runs);
        a.ended += b.ended;
        a.done += b.done;
        a.failed += b.failed;
        a.denied += b.denied;
        let (a, b) = (&mut to.approvals, &from.approvals);
        a.approved += b.approved;
        a.denied += b.denied;
        a.expired += b.expired;
        a.edited += b.edited;
        a.exceptions += b.exceptions;
        to.caught += from.caught;
        self.correct += other.correct;
        self.handed_over += other.handed_over;
        self.completed_touches += other.completed_touches;
        self.first_responses.extend(&other.first_responses);
        self.targets.0 += other.targets.0;
        self.targets.1 += other.targets.1;
        if let Some(saved) = other.saved {
            let total = self.saved.get_or_insert_default();
            total.minutes += saved.minutes;
            total.low += saved.low;
            total.high += saved.high;
        }
        self.wrote += other.wrote;
        self.undone += other.undone;
        self.in_doubt += other.in_doubt;
        self.requested += other.requested;
        self.latencies.extend(&other.latencies);
        self.settled_after.extend(&other.settled_after);
    }

    /// The figures, with what only the whole can tell.
    pub(crate) fn finish(&self) -> Figures {
        let mut figures = self.figures.clone();
        let cases = &mut figures.cases;
        cases.correct = Rate::new(self.correct, cases.ended);
        cases.escalation = Rate::new(self.handed_over, cases.ended);
        cases.first_response = Spread::of(&self.first_responses);
        cases.within_target = Rate::new(self.targets.0, self.targets.1);
        figures.touches_per_completed_case = each(self.completed_touches, cases.completed);
        figures.runs.undone = Rate::new(self.undone, self.wrote);
        figures.runs.in_doubt = Rate::new(self.in_doubt, self.wrote);
        let approvals = &mut figures.approvals;
        approvals.latency = Spread::of(&self.latencies);
        approvals.under_3_s = fast(&self.latencies);
        approvals.per_done_run = each(self.requested, figures.runs.done);
        figures.queue = Queue {
            settled: self.settled_after.len() as u64,
            time: Spread::of(&self.settled_after),
        };
        figures.time_saved = self.saved;
        figures
    }
}

pub(crate) fn each(count: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| count as f64 / of as f64)
}
