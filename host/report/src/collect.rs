//! Reads a journal's leaves in their order, once, and counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use tollgate_journal::Leaf;

use crate::Week;
use crate::case::Case;
use crate::figures::Tally;
use crate::load::{self, LoadTally};
use crate::report::{Baseline, NO_WORKFLOW, Report, WeekFigures, WorkflowFigures};

/// The version of a report's form.
const VERSION: u32 = 1;

/// Who makes the read that checks a completion.
const HOST: &str = "tollgate";

/// What stands for an approval whose record does not name it.
const NO_NAME: &str = "(unnamed)";

/// The most weeks told of: a clock that once stood decades off must not make a
/// report of millions of lines.
pub(crate) const WEEKS_MAX: usize = 1_000;

/// The time that a report is of, Unix milliseconds: from the first, before the
/// second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// From when on.
    pub since_ms: u64,
    /// Before when.
    pub until_ms: u64,
}

impl Period {
    fn contains(self, at_ms: u64) -> bool {
        (self.since_ms..self.until_ms).contains(&at_ms)
    }
}

/// Where a figure belongs.
type Place = (Option<String>, Week);

/// A tool call, as far as later records speak of it.
struct Seen {
    workflow: Option<String>,
    case: String,
    wrote: bool,
    in_doubt: bool,
    undone: bool,
    /// How often a person took it in hand.
    touches: u64,
    /// An operator planted it to see whether somebody approves it: nobody's work.
    drill: bool,
    /// It takes another one back; that is not what the case is about.
    takes_back: bool,
    ended_ms: Option<u64>,
}

/// An approval that was asked for.
struct Request {
    at_ms: u64,
    /// Its name in the manifest.
    name: String,
    workflow: Option<String>,
    /// It counts as asked for already, or never will.
    counted: bool,
}

/// Work that waits for a person.
struct Waiting {
    since_ms: u64,
}

/// Reads leaves and counts.
pub struct Collector {
    period: Period,
    records: u64,
    cases: HashMap<String, Case>,
    runs: HashMap<String, Seen>,
    /// Requests of approvals.
    requests: HashMap<String, Request>,
    /// Places of calls whose approval a person denied or nobody decided: the call's own
    /// denial, which comes after, is the same one and counts no second time.
    answered: HashSet<String>,
    /// By item; by run and position where a record names no item.
    items: HashMap<String, Waiting>,
    baselines: HashMap<String, Baseline>,
    tallies: HashMap<Place, Tally>,
    /// By the approval's name.
    loads: BTreeMap<String, BTreeMap<Week, LoadTally>>,
    /// Tool calls that were done.
    done: BTreeMap<Week, u64>,
}

impl Collector {
    /// Of nothing yet. Every leaf from the journal's first on must be given: what
    /// began before the period can end in it.
    #[must_use]
    pub fn new(period: Period) -> Self {
        Self {
            period,
            records: 0,
            cases: HashMap::new(),
            runs: HashMap::new(),
            requests: HashMap::new(),
            answered: HashSet::new(),
            items: HashMap::new(),
            baselines: HashMap::new(),
            tallies: HashMap::new(),
            loads: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// The next leaf.
    pub fn add(&mut self, leaf: &Leaf) {
        self.records += 1;
        match leaf.stage.as_str() {
            "workflow.changed" => self.workflow_changed(leaf),
            "case.opened" => self.case_opened(leaf),
            "case.closed" => {
                if let Some(case) = self.cases.get_mut(&leaf.case) {
                    case.closes(leaf);
                }
            }
            "run.opened" => self.run_opened(leaf),
            "run.closed" => self.run_closed(leaf),
            "call.intent" => self.intends(leaf),
            "call.denied" => self.denied(leaf),
            "call.in_doubt" => {
                if let Some(run) = self.run(leaf) {
                    run.in_doubt = true;
                }
            }
            "approval.requested" => self.requested(leaf),
            "approval.decided" => self.decided(leaf),
            "approval.voted" | "approval.revoked" => self.touched(leaf),
            "drill.decided" => self.drilled(leaf),
            "run.edited" => self.edited(leaf),
            "exception" => self.count(leaf, |tally| tally.figures.approvals.exceptions += 1),
            "handoff" => self.handed_over(leaf, item(leaf)),
            "handoff.resolved" | "call.settled" => self.settled(leaf),
            "undo.done" => self.taken_back(leaf),
            _ => {}
        }
    }

    fn run(&mut self, leaf: &Leaf) -> Option<&mut Seen> {
        self.runs.get_mut(leaf.run.as_deref()?)
    }

    /// Where what a record tells of counts: in the workflow of its run's case.
    fn workflow(&self, leaf: &Leaf) -> Option<String> {
        let of_case = self
            .cases
            .get(&leaf.case)
            .and_then(|case| case.workflow.clone());
        of_case.or_else(|| leaf.workflow.clone())
    }

    fn count(&mut self, leaf: &Leaf, change: impl FnOnce(&mut Tally)) {
        let workflow = self.workflow(leaf);
        self.count_at(workflow, leaf.at, change);
    }

    fn count_at(&mut self, workflow: Option<String>, at: u64, change: impl FnOnce(&mut Tally)) {
        if self.period.contains(at) {
            change(self.tallies.entry((workflow, Week::of(at))).or_default());
        }
    }

    fn workflow_changed(&mut self, leaf: &Leaf) {
        let Some(name) = text(leaf, "workflow") else {
            return;
        };
        match Baseline::of(&leaf.facts) {
            Some(baseline) => self.baselines.insert(name.to_owned(), baseline),
            None => self.baselines.remove(name),
        };
    }

    fn case_opened(&mut self, leaf: &Leaf) {
        let baseline = leaf
            .workflow
            .as_ref()
            .and_then(|workflow| self.baselines.get(workflow).copied());
        self.cases
            .entry(leaf.case.clone())
            .or_insert_with(|| Case::opened(leaf, baseline));
    }

    fn run_opened(&mut self, leaf: &Leaf) {
        let Some(run) = leaf.run.clone() else {
            return;
        };
        let seen = Seen {
            workflow: self.workflow(leaf),
            case: leaf.case.clone(),
            wrote: false,
            in_doubt: false,
            undone: false,
            touches: 0,
            drill: false,
            takes_back: leaf.facts.contains_key("undoes"),
            ended_ms: None,
        };
        self.runs.insert(run, seen);
    }

    fn run_closed(&mut self, leaf: &Leaf) {
        let state = text(leaf, "state").unwrap_or_default().to_owned();
        // The host's own reads answer nobody.
        let mut answers = state == "done" && leaf.principal != HOST;
        if let Some(run) = self.run(leaf) {
            // What nobody asked for was no call that ended.
            if run.drill {
                return;
            }
            run.ended_ms = Some(leaf.at);
            answers &= !run.takes_back;
        }
        if answers && let Some(case) = self.cases.get_mut(&leaf.case) {
            case.answered(leaf.at);
        }
        // A failure waits in a queue for its owner. That hands nothing over: the agent
        // had its answer, and may go on.
        if let Some(key) = item(leaf) {
            let since_ms = leaf.at;
            self.items.entry(key).or_insert(Waiting { since_ms });
        }
        if state == "done" && self.period.contains(leaf.at) {
            *self.done.entry(Week::of(leaf.at)).or_default() += 1;
        }
        self.count(leaf, |tally| {
            let runs = &mut tally.figures.runs;
            runs.ended += 1;
            match state.as_str() {
                "done" => runs.done += 1,
                "denied" => runs.denied += 1,
                // Another run goes on with it.
                "edited" => {}
                _ => runs.failed += 1,
            }
        });
    }

    fn denied(&mut self, leaf: &Leaf) {
        let counted = place(leaf).is_some_and(|place| self.answered.remove(&place));
        if !counted {
            self.count(leaf, |tally| tally.figures.caught += 1);
        }
    }

    fn intends(&mut self, leaf: &Leaf) {
        // An escalation is a call; its item waits from here on.
        if text(leaf, "call").is_some_and(|call| call.starts_with("handoff.")) {
            let key = place(leaf);
            self.handed_over(leaf, key);
            return;
        }
        let writes = text(leaf, "effect").is_some_and(|effect| effect != "read");
        if let Some(run) = self.run(leaf).filter(|_| writes) {
            run.wrote = true;
        }
    }

    fn load(&mut self, name: &str, at: u64, change: impl FnOnce(&mut LoadTally)) {
        if self.period.contains(at) {
            let weeks = self.loads.entry(name.to_owned()).or_default();
            change(weeks.entry(Week::of(at)).or_default());
        }
    }

    fn requested(&mut self, leaf: &Leaf) {
        let Some(approval) = text(leaf, "approval") else {
            return;
        };
        let request = Request {
            at_ms: leaf.at,
            name: text(leaf, "kind").unwrap_or(NO_NAME).to_owned(),
            workflow: self.workflow(leaf),
            counted: false,
        };
        self.requests.entry(approval.to_owned()).or_insert(request);
    }

    /// The request that a decision is on: its name, and when it was made if this is
    /// the first decision on it. With the decision it is known that it was no drill.
    fn request(&mut self, leaf: &Leaf, drill: bool) -> (String, Option<u64>) {
        let request = text(leaf, "approval").and_then(|id| self.requests.get_mut(id));
        let Some(request) = request else {
            return (text(leaf, "kind").unwrap_or(NO_NAME).to_owned(), None);
        };
        let (name, at_ms) = (request.name.clone(), request.at_ms);
        let first = !std::mem::replace(&mut request.counted, true);
        let workflow = request.workflow.clone();
        if first && !drill {
            self.asked_for(workflow, &name, at_ms);
        }
        (name, first.then_some(at_ms))
    }

    fn asked_for(&mut self, workflow: Option<String>, name: &str, at_ms: u64) {
        self.count_at(workflow, at_ms, |tally| tally.requested += 1);
        self.load(name, at_ms, |tally| tally.load.requested += 1);
    }

    fn decided(&mut self, leaf: &Leaf) {
        let (name, asked) = self.request(leaf, false);
        let decision = text(leaf, "decision").unwrap_or_default().to_owned();
        if decision != "expired" {
            self.touched(leaf);
        }
        if decision != "approved" {
            self.answered.extend(place(leaf));
        }
        let took = asked.map(|asked| leaf.at.saturating_sub(asked));
        self.load(&name, leaf.at, |tally| tally.decided(&decision, took));
        self.count(leaf, |tally| {
            let approvals = &mut tally.figures.approvals;
            match decision.as_str() {
                "approved" => approvals.approved += 1,
                "denied" => approvals.denied += 1,
                _ => approvals.expired += 1,
            }
            if decision == "denied" {
                tally.figures.caught += 1;
            }
            tally
                .latencies
                .extend(took.filter(|_| decision != "expired"));
        });
    }

    fn edited(&mut self, leaf: &Leaf) {
        let (name, _) = self.request(leaf, false);
        self.touched(leaf);
        self.load(&name, leaf.at, |tally| tally.load.edited += 1);
        self.count(leaf, |tally| {
            tally.figures.approvals.edited += 1;
            tally.figures.caught += 1;
        });
    }

    fn drilled(&mut self, leaf: &Leaf) {
        let (name, asked) = self.request(leaf, true);
        if let Some(run) = self.run(leaf) {
            run.drill = true;
        }
        let decision = text(leaf, "decision").unwrap_or_default().to_owned();
        let took = asked.map(|asked| leaf.at.saturating_sub(asked));
        self.load(&name, leaf.at, |tally| tally.drilled(&decision, took));
    }

    fn handed_over(&mut self, leaf: &Leaf, key: Option<String>) {
        if let Some(key) = key {
            let since_ms = leaf.at;
            self.items.entry(key).or_insert(Waiting { since_ms });
        }
        if let Some(case) = self.cases.get_mut(&leaf.case) {
            case.handed_over = true;
        }
    }

    fn settled(&mut self, leaf: &Leaf) {
        self.touched(leaf);
        let by_item = item(leaf).and_then(|key| self.items.remove(&key));
        let waited = by_item.or_else(|| self.items.remove(&place(leaf)?));
        if let Some(waited) = waited {
            let took = leaf.at.saturating_sub(waited.since_ms);
            self.count(leaf, |tally| tally.settled_after.push(took));
        }
    }

    fn touched(&mut self, leaf: &Leaf) {
        // With its run, which may turn out to be nobody's work.
        if let Some(run) = self.run(leaf) {
            run.touches += 1;
        } else if let Some(case) = self.cases.get_mut(&leaf.case) {
            case.touches += 1;
        }
    }

    fn taken_back(&mut self, leaf: &Leaf) {
        if let Some(run) = self.run(leaf) {
            run.undone = true;
            let case = run.case.clone();
            if let Some(case) = self.cases.get_mut(&case) {
                case.was_taken_back();
            }
        }
    }

    /// The report. Later records may change what it says of past weeks.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for request in std::mem::take(&mut self.requests).into_values() {
            if !request.counted {
                self.asked_for(request.workflow, &request.name, request.at_ms);
            }
        }
        for run in std::mem::take(&mut self.runs).into_values() {
            if run.drill {
                continue;
            }
            if let Some(case) = self.cases.get_mut(&run.case) {
                case.touches += run.touches;
            }
            if let Some(at) = run.ended_ms.filter(|_| run.wrote) {
                self.count_at(run.workflow, at, |tally| {
                    tally.wrote += 1;
                    tally.undone += u64::from(run.undone);
                    tally.in_doubt += u64::from(run.in_doubt);
                });
            }
        }
        for case in std::mem::take(&mut self.cases).into_values() {
            if let Some((ended, at)) = case.ended() {
                let workflow = case.workflow.clone();
                self.count_at(workflow, at, |tally| tally.case(&case, ended));
            }
        }
        let mut by_workflow: BTreeMap<String, BTreeMap<Week, Tally>> = BTreeMap::new();
        for ((workflow, week), tally) in self.tallies {
            let name = workflow.unwrap_or_else(|| NO_WORKFLOW.to_owned());
            by_workflow.entry(name).or_default().insert(week, tally);
        }
        let baselines = self.baselines;
        let workflows = by_workflow.into_iter().map(|(workflow, weeks)| {
            let baseline = baselines.get(&workflow).copied();
            told(workflow, baseline, &weeks)
        });
        Report {
            version: VERSION,
            records: self.records,
            since_ms: self.period.since_ms,
            until_ms: self.period.until_ms,
            workflows: workflows.collect(),
            approvals: load::told(self.loads, &self.done),
        }
    }
}

/// A workflow's weeks without gaps: a week in which nothing ended says so.
fn told(
    workflow: String,
    baseline: Option<Baseline>,
    weeks: &BTreeMap<Week, Tally>,
) -> WorkflowFigures {
    let mut total = Tally::default();
    let mut told = Vec::new();
    let (first, last) = (weeks.keys().next(), weeks.keys().next_back());
    if let (Some(first), Some(last)) = (first, last) {
        for week in first.until(*last).take(WEEKS_MAX) {
            let figures = weeks.get(&week).map(Tally::finish).unwrap_or_default();
            told.push(WeekFigures { week, figures });
        }
    }
    for tally in weeks.values() {
        total.add(tally);
    }
    WorkflowFigures {
        workflow,
        baseline,
        total: total.finish(),
        weeks: told,
    }
}

fn text<'a>(leaf: &'a Leaf, name: &str) -> Option<&'a str> {
    leaf.facts.get(name).and_then(|value| value.as_str())
}

fn item(leaf: &Leaf) -> Option<String> {
    text(leaf, "item").map(str::to_owned)
}

fn place(leaf: &Leaf) -> Option<String> {
    Some(format!("{}/{}", leaf.run.as_ref()?, leaf.position?))
}
