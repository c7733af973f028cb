//! The promises, held against the ledger.
//!
//! - no effect happens twice
//! - no effect happens whose intent is not in the journal
//! - what the journal says happened did, and what it says did not did not
//! - every call whose outcome is not known is recovered, or waits in a queue
//! - an approval is used once, or waits, or its run ended in words
//! - what failed is in its owner's queue, and arrives where the owner looks or is
//!   visibly a dead letter
//! - nothing stays open, and the journal verifies: as each kill left it, and in the end

use std::collections::{BTreeMap, BTreeSet};

use tollgate_runtime::{LogLine, RunState};

use crate::arrivals;
use crate::counter::{Kind, Line};
use crate::job::Answer;

/// What was seen on the way, so that a test can say what it covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Effects by kind.
    pub effects: BTreeMap<Kind, u32>,
    /// Calls in doubt, by what they declare.
    pub doubts: BTreeMap<String, u32>,
    /// Outcomes that were found out, by how.
    pub recovered: BTreeMap<String, u32>,
    /// Items that a person settled, by resolution.
    pub settled: BTreeMap<String, u32>,
    /// Deliveries by what they are sent with and what became of them.
    pub deliveries: BTreeMap<String, u32>,
    /// Approvals that were used.
    pub approvals_used: u32,
    /// Runs by state.
    pub runs: BTreeMap<String, u32>,
}

/// What the journal tells of one call.
#[derive(Debug, Default)]
struct Call<'a> {
    intent: Option<&'a LogLine>,
    outcome: Option<&'a LogLine>,
    outcomes: u32,
    in_doubt: u32,
}

impl Seen {
    /// What another process saw.
    pub fn add(&mut self, other: &Self) {
        fn add<K: Ord + Clone>(all: &mut BTreeMap<K, u32>, more: &BTreeMap<K, u32>) {
            for (key, count) in more {
                *all.entry(key.clone()).or_default() += count;
            }
        }
        add(&mut self.effects, &other.effects);
        add(&mut self.doubts, &other.doubts);
        add(&mut self.recovered, &other.recovered);
        add(&mut self.settled, &other.settled);
        add(&mut self.runs, &other.runs);
        add(&mut self.deliveries, &other.deliveries);
        self.approvals_used += other.approvals_used;
    }
}

/// Judge what a last life found.
///
/// # Errors
/// With every promise that was broken.
pub fn judge(answer: &Answer) -> Result<Seen, Vec<String>> {
    let mut faults = Vec::new();
    let mut seen = Seen::default();
    let calls = calls(&answer.log, &mut seen);
    let effects = effects(&answer.lines, &mut seen, &mut faults);
    for (reference, count) in &effects {
        if *count > 1 {
            faults.push(format!("{reference} happened {count} times"));
        }
        if calls
            .get(reference)
            .is_none_or(|call| call.intent.is_none())
        {
            faults.push(format!("{reference} happened without an intent"));
        }
    }
    for (reference, call) in &calls {
        one(answer, reference, call, effects.get(reference), &mut faults);
    }
    runs(answer, &mut seen, &mut faults);
    approvals(answer, &mut seen, &mut faults);
    arrivals::judge(answer, &mut seen, &mut faults);
    for (when, verified) in [("was left", &answer.found), ("ends", &answer.verify)] {
        if let Some(problem) = &verified.problem {
            faults.push(format!(
                "the journal as it {when} does not verify: {problem}"
            ));
        }
    }
    faults.extend(
        answer
            .stuck
            .iter()
            .map(|what| format!("never came to rest: {what}")),
    );
    if faults.is_empty() {
        Ok(seen)
    } else {
        Err(faults)
    }
}

/// Calls by run and position.
fn calls<'a>(log: &'a [LogLine], seen: &mut Seen) -> BTreeMap<String, Call<'a>> {
    let mut calls: BTreeMap<String, Call<'_>> = BTreeMap::new();
    for line in log {
        let (Some(run), Some(position)) = (&line.run, line.position) else {
            continue;
        };
        let call = calls.entry(format!("{run}/{position}")).or_default();
        match line.stage.as_str() {
            "call.intent" => call.intent = Some(line),
            "call.outcome" => {
                call.outcome = Some(line);
                call.outcomes += 1;
                count(&mut seen.recovered, line.facts["recovered"].as_str());
            }
            "call.in_doubt" => {
                call.in_doubt += 1;
                count(&mut seen.doubts, line.facts["recovery"].as_str());
            }
            "call.settled" => count(&mut seen.settled, line.facts["resolution"].as_str()),
            _ => {}
        }
    }
    calls
}

pub(crate) fn count(all: &mut BTreeMap<String, u32>, what: Option<&str>) {
    if let Some(what) = what {
        *all.entry(what.to_owned()).or_default() += 1;
    }
}

/// How often each call really happened.
fn effects(lines: &[Line], seen: &mut Seen, faults: &mut Vec<String>) -> BTreeMap<String, u32> {
    let mut effects = BTreeMap::new();
    for line in lines.iter().filter(|line| line.effect) {
        *effects.entry(line.reference.clone()).or_default() += 1;
        *seen.effects.entry(line.kind).or_default() += 1;
    }
    if effects.keys().any(|reference| !reference.contains('/')) {
        faults.push("an effect has no reference".to_owned());
    }
    effects
}

/// One call against the ledger.
fn one(
    answer: &Answer,
    reference: &str,
    call: &Call<'_>,
    happened: Option<&u32>,
    faults: &mut Vec<String>,
) {
    let Some(intent) = call.intent else {
        return;
    };
    if call.outcomes > 1 {
        faults.push(format!("{reference} has {} outcomes", call.outcomes));
    }
    let is_ledger = intent.facts["call"]
        .as_str()
        .is_some_and(|call| call.starts_with("effects."));
    match call.outcome {
        Some(outcome) if is_ledger => {
            let said = outcome.facts["changed"].as_bool();
            if said != Some(happened.is_some()) {
                faults.push(format!(
                    "{reference}: the journal says changed {said:?}, and it happened {} times",
                    happened.copied().unwrap_or_default()
                ));
            }
        }
        Some(_) => {}
        None => {
            let waits = answer.queue.iter().any(|item| {
                item.state == "open" && format!("{}/{}", item.run, item.position) == reference
            });
            // A person said that it happened, and nobody can make its answer.
            let ended = answer.log.iter().any(|line| {
                line.stage == "call.settled"
                    && line.run == intent.run
                    && line.position == intent.position
            });
            if !waits && !ended {
                faults.push(format!(
                    "{reference} has an intent, no outcome, and waits in no queue ({} times in doubt)",
                    call.in_doubt
                ));
            }
        }
    }
}

fn runs(answer: &Answer, seen: &mut Seen, faults: &mut Vec<String>) {
    for report in &answer.runs {
        let run = &report.run;
        count(&mut seen.runs, Some(report.state.as_str()));
        match report.state {
            RunState::Open => faults.push(format!("{run} stays open")),
            RunState::Held if !answer.cards.iter().any(|card| card.run == *run) => {
                faults.push(format!("{run} is held, and nobody can decide"));
            }
            RunState::InDoubt
                if !answer
                    .queue
                    .iter()
                    .any(|item| item.run == *run && item.state == "open") =>
            {
                faults.push(format!("{run} is in doubt, and in no queue"));
            }
            RunState::Failed | RunState::Denied if report.failure.is_none() => {
                faults.push(format!("{run} ended without a word"));
            }
            _ => {}
        }
    }
}

/// Each approval waits, was used once, was answered with a no, was followed by
/// another for the same call, or its run ended.
fn approvals(answer: &Answer, seen: &mut Seen, faults: &mut Vec<String>) {
    let of = |stage: &str| -> Vec<(&str, &LogLine)> {
        answer
            .log
            .iter()
            .filter(|line| line.stage == stage)
            .filter_map(|line| Some((line.facts["approval"].as_str()?, line)))
            .collect()
    };
    let decided: BTreeSet<&str> = of("approval.decided").iter().map(|(id, _)| *id).collect();
    let mut used: BTreeMap<&str, u32> = BTreeMap::new();
    for (id, _) in of("call.intent") {
        *used.entry(id).or_default() += 1;
        seen.approvals_used += 1;
    }
    for (id, line) in of("approval.requested") {
        let uses = used.get(id).copied().unwrap_or_default();
        let waits = answer.cards.iter().any(|card| card.approval == id);
        let ended = answer.runs.iter().any(|report| {
            Some(&report.run) == line.run.as_ref()
                && matches!(
                    report.state,
                    RunState::Done | RunState::Failed | RunState::Denied | RunState::Undone
                )
        });
        if uses > 1 {
            faults.push(format!("{id} was used {uses} times"));
        }
        if waits && (uses > 0 || decided.contains(id)) {
            faults.push(format!("{id} still waits, after it was decided or used"));
        }
        let answered = answer.log.iter().any(|later| {
            later.seq > line.seq
                && later.run == line.run
                && later.position == line.position
                && matches!(later.stage.as_str(), "call.denied" | "approval.requested")
        });
        if !waits && uses == 0 && !ended && !answered {
            faults.push(format!("{id} is lost: it waits nowhere and was not used"));
        }
        if uses > 0 && answered {
            faults.push(format!("{id} was used, and its call answered with a no"));
        }
        if uses > 0 && !decided.contains(id) {
            faults.push(format!("{id} was used, and nobody approved it"));
        }
    }
}

/// What an answer says, short enough to be read.
#[must_use]
pub fn told(answer: &Answer) -> String {
    let mut text = String::new();
    for line in &answer.log {
        let fact = |name: &str| line.facts[name].to_string();
        let place = line
            .run
            .as_deref()
            .map_or("", |run| &run[run.len().saturating_sub(4)..]);
        let position = line.position.map(i64::from).unwrap_or(-1);
        text += &format!("{:>4} …{place}/{position} {}", line.seq, line.stage);
        for name in [
            "call",
            "changed",
            "state",
            "approval",
            "recovered",
            "recovery",
            "resolution",
            "undoes",
            "settled",
        ] {
            if !line.facts[name].is_null() {
                text += &format!(" {name}={}", fact(name));
            }
        }
        text.push('\n');
    }
    for line in &answer.lines {
        text += &format!("ledger: {line:?}\n");
    }
    for report in &answer.runs {
        let (run, state, failure) = (&report.run, report.state.as_str(), &report.failure);
        text += &format!(
            "{run} {}: {state} {failure:?} {:?}\n",
            report.tool, report.output
        );
    }
    for item in &answer.queue {
        text += &format!(
            "queue: {} {}/{} {}\n",
            item.state, item.run, item.position, item.why
        );
        for delivery in &item.deliveries {
            text += &format!("  {} {delivery:?}\n", item.id);
        }
    }
    text + &format!("stuck: {:?}\ntold: {:?}\n", answer.stuck, answer.told)
}
