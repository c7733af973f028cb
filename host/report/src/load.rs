//! What approvals ask of people: how many there are, how fast they are decided,
//! and whether a request that nobody should approve is noticed.
//!
//! A drill is such a request, planted by an operator. Before it is over its
//! records look like any other's, so it counts as a request that nobody decided on
//! yet; with the record that says what it was, it counts as a drill, here and
//! nowhere else.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::collect::WEEKS_MAX;
use crate::figures::{FAST_MS, each};
use crate::{Rate, Spread, Week};

/// What one approval of the manifests asked of people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ApprovalFigures {
    /// Its name in the manifest.
    pub approval: String,
    /// The whole time.
    pub total: Load,
    /// Week by week, without gaps.
    pub weeks: Vec<WeekLoad>,
}

/// One week of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeekLoad {
    /// ISO 8601, for example `2026-W47`.
    pub week: Week,
    /// What it asked of people in it.
    #[serde(flatten)]
    pub load: Load,
}

/// Requests and decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Load {
    /// How often it was asked for.
    pub requested: u64,
    /// People said yes.
    pub approved: u64,
    /// A person said no.
    pub denied: u64,
    /// Nobody said anything in time.
    pub expired: u64,
    /// Inputs that a person changed.
    pub edited: u64,
    /// From the request to the decision.
    pub latency: Spread,
    /// Decided in under three seconds: too fast to have read the card.
    pub under_3_s: Rate,
    /// How often it was asked for, for each tool call of the tenant that was done.
    pub per_done_run: Option<f64>,
    /// Requests that nobody should have approved.
    pub drills: Drills,
}

/// Drills that are over.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Drills {
    /// How many there were.
    pub sent: u64,
    /// A person denied it, or changed its input.
    pub caught: u64,
    /// People approved it.
    pub missed: u64,
    /// Nobody said anything in time, or it was taken away before anybody did.
    pub unanswered: u64,
    /// Caught, of those that people decided on.
    pub caught_rate: Rate,
    /// Those decided on in under three seconds.
    pub under_3_s: Rate,
}

/// What is counted of one approval in one week.
#[derive(Clone, Default)]
pub(crate) struct LoadTally {
    pub(crate) load: Load,
    pub(crate) latencies: Vec<u64>,
    pub(crate) drill_latencies: Vec<u64>,
}

impl LoadTally {
    /// What a person, or the end of its time, said of a request.
    pub(crate) fn decided(&mut self, decision: &str, took_ms: Option<u64>) {
        match decision {
            "approved" => self.load.approved += 1,
            "denied" => self.load.denied += 1,
            _ => {
                self.load.expired += 1;
                return;
            }
        }
        self.latencies.extend(took_ms);
    }

    /// What a drill came to.
    pub(crate) fn drilled(&mut self, decision: &str, took_ms: Option<u64>) {
        let drills = &mut self.load.drills;
        drills.sent += 1;
        match decision {
            "approved" => drills.missed += 1,
            "denied" | "edited" => drills.caught += 1,
            _ => {
                drills.unanswered += 1;
                return;
            }
        }
        self.drill_latencies.extend(took_ms);
    }

    fn add(&mut self, other: &Self) {
        let (to, from) = (&mut self.load, &other.load);
        to.requested += from.requested;
        to.approved += from.approved;
        to.denied += from.denied;
        to.expired += from.expired;
        to.edited += from.edited;
        let (to, from) = (&mut to.drills, &from.drills);
        to.sent += from.sent;
        to.caught += from.caught;
        to.missed += from.missed;
        to.unanswered += from.unanswered;
        self.latencies.extend(&other.latencies);
        self.drill_latencies.extend(&other.drill_latencies);
    }

    fn finish(&self, done_runs: u64) -> Load {
        let mut load = self.load.clone();
        load.latency = Spread::of(&self.latencies);
        load.under_3_s = fast(&self.latencies);
        load.per_done_run = each(load.requested, done_runs);
        let drills = &mut load.drills;
        drills.caught_rate = Rate::new(drills.caught, drills.caught + drills.missed);
        drills.under_3_s = fast(&self.drill_latencies);
        load
    }
}

/// How many of these are too short to have read anything.
pub(crate) fn fast(latencies: &[u64]) -> Rate {
    let fast = latencies.iter().filter(|ms| **ms < FAST_MS).count();
    Rate::new(fast as u64, latencies.len() as u64)
}

/// The approvals by name, from what was counted of each in each week, and the tool
/// calls that were done in each week.
pub(crate) fn told(
    tallies: BTreeMap<String, BTreeMap<Week, LoadTally>>,
    done: &BTreeMap<Week, u64>,
) -> Vec<ApprovalFigures> {
    let all_done = done.values().sum();
    let one = |(approval, weeks): (String, BTreeMap<Week, LoadTally>)| {
        let mut total = LoadTally::default();
        let mut told = Vec::new();
        for tally in weeks.values() {
            total.add(tally);
        }
        let (first, last) = (weeks.keys().next(), weeks.keys().next_back());
        if let (Some(first), Some(last)) = (first, last) {
            for week in first.until(*last).take(WEEKS_MAX) {
                let done = done.get(&week).copied().unwrap_or_default();
                let tally = weeks.get(&week).cloned().unwrap_or_default();
                let load = tally.finish(done);
                told.push(WeekLoad { week, load });
            }
        }
        ApprovalFigures {
            approval,
            total: total.finish(all_done),
            weeks: told,
        }
    };
    tallies.into_iter().map(one).collect()
}
