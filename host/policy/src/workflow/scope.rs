//! What changes with another version of a workflow, said so that an operator sees
//! at once what becomes wider: scope grows step by step, and each step is read.

use std::collections::BTreeSet;

use super::{InputDecl, Stop, Workflow};
use crate::visible;

/// In which direction a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Widens {
    /// More may happen than before.
    Wider,
    /// Less may.
    Narrower,
    /// Neither.
    Same,
}

impl Widens {
    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wider => "wider",
            Self::Narrower => "narrower",
            Self::Same => "same",
        }
    }

    fn by<T: PartialOrd>(before: T, after: T) -> Self {
        match after.partial_cmp(&before) {
            Some(std::cmp::Ordering::Less) => Self::Narrower,
            Some(std::cmp::Ordering::Equal) => Self::Same,
            _ => Self::Wider,
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeChange {
    /// In which direction it goes.
    pub widens: Widens,
    /// What changes, in one line.
    pub what: String,
}

pub(super) fn changes(before: Option<&Workflow>, after: &Workflow) -> Vec<ScopeChange> {
    let mut found = Found(Vec::new());
    let old = |read: fn(&Workflow) -> BTreeSet<String>| before.map(read).unwrap_or_default();
    found.sets("tool", &old(tools), &tools(after));
    found.sets("agent", &old(agents), &agents(after));
    found.sets("start", &old(starts), &starts(after));
    match before {
        None => found.add(Widens::Wider, format!("mode: {}", after.mode.as_str())),
        Some(before) => {
            found.changed(
                "mode",
                before.mode.as_str(),
                after.mode.as_str(),
                Widens::by(before.mode, after.mode),
            );
            found.stops(&before.stop, &after.stop);
            found.inputs(before, after);
            found.words(before, after);
            if found.0.is_empty() && before.text != after.text {
                let what = "only words, the baseline's details, or what done_when expects";
                found.add(Widens::Same, what.to_owned());
            }
        }
    }
    found.0
}

struct Found(Vec<ScopeChange>);

impl Found {
    fn add(&mut self, widens: Widens, what: String) {
        self.0.push(ScopeChange { widens, what });
    }

    fn sets(&mut self, what: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) {
        for name in after.difference(before) {
            self.add(Widens::Wider, format!("{what} added: {}", visible(name)));
        }
        for name in before.difference(after) {
            self.add(
                Widens::Narrower,
                format!("{what} removed: {}", visible(name)),
            );
        }
    }

    fn changed(&mut self, what: &str, before: &str, after: &str, widens: Widens) {
        if before != after {
            let line = format!("{what}: {} -> {}", visible(before), visible(after));
            self.add(widens, line);
        }
    }

    fn stops(&mut self, before: &Stop, after: &Stop) {
        for (what, before, after) in [
            ("stop.runs", before.runs, after.runs),
            ("stop.failures", before.failures, after.failures),
            ("stop.denials", before.denials, after.denials),
            (
                "stop.duration (seconds)",
                before.duration.as_secs(),
                after.duration.as_secs(),
            ),
        ] {
            let (from, to) = (before.to_string(), after.to_string());
            self.changed(what, &from, &to, Widens::by(before, after));
        }
    }

    /// An input that takes more than before is wider: what it brings is trusted.
    fn inputs(&mut self, before: &Workflow, after: &Workflow) {
        for (name, decl) in &after.inputs {
            match before.inputs.get(name) {
                None => self.add(
                    Widens::Wider,
                    format!("input added: {name} ({})", told(decl)),
                ),
                Some(old) if old != decl => {
                    let stricter = InputDecl {
                        required: decl.required || old.required,
                        about: decl.about.clone(),
                        max: decl.max.min(old.max),
                        ..old.clone()
                    };
                    let widens = match (*decl == stricter, told(old) == told(decl)) {
                        (_, true) => Widens::Same,
                        (true, _) => Widens::Narrower,
                        (false, _) => Widens::Wider,
                    };
                    let line = format!("input {name}: {} -> {}", told(old), told(decl));
                    self.add(widens, line);
                }
                Some(_) => {}
            }
        }
        for name in before.inputs.keys() {
            if !after.inputs.contains_key(name) {
                self.add(Widens::Narrower, format!("input removed: {name}"));
            }
        }
    }

    /// What changes no authority.
    fn words(&mut self, before: &Workflow, after: &Workflow) {
        let texts = |workflow: &Workflow| {
            [
                ("owner", workflow.owner.to_string()),
                ("purpose", workflow.purpose.clone()),
                ("handoff", workflow.handoff.as_str().to_owned()),
                ("queue", workflow.queue.clone()),
                (
                    "first_response (seconds)",
                    said(workflow.first_response.as_ref().map(|time| time.as_secs())),
                ),
                (
                    "baseline (minutes)",
                    said(workflow.baseline.as_ref().map(|by_hand| by_hand.minutes)),
                ),
                (
                    "done_when",
                    said(
                        workflow
                            .done_when
                            .as_ref()
                            .map(|done| format!("{}.{}", done.connector, done.tool)),
                    ),
                ),
            ]
        };
        for ((what, before), (_, after)) in texts(before).into_iter().zip(texts(after)) {
            self.changed(what, &before, &after, Widens::Same);
        }
    }
}

fn said(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn told(decl: &InputDecl) -> String {
    let mut told = decl.kind.as_str().to_owned();
    if let Some(pattern) = &decl.pattern {
        told.push_str(&format!(", `{}`", pattern.as_str()));
    }
    told.push_str(&format!(", at most {}", decl.max));
    if !decl.required {
        told.push_str(", optional");
    }
    told
}

fn tools(workflow: &Workflow) -> BTreeSet<String> {
    let tools = workflow.tools.iter();
    tools
        .flat_map(|(connector, tools)| tools.iter().map(move |tool| format!("{connector}.{tool}")))
        .collect()
}

fn agents(workflow: &Workflow) -> BTreeSet<String> {
    workflow.agents.iter().cloned().collect()
}

fn starts(workflow: &Workflow) -> BTreeSet<String> {
    let triggers = workflow.starts.triggers.iter();
    let mut starts: BTreeSet<String> = triggers.map(|name| format!("trigger:{name}")).collect();
    starts.extend(workflow.starts.person.then(|| "person".to_owned()));
    starts.extend(workflow.starts.agent.then(|| "agent".to_owned()));
    starts
}
