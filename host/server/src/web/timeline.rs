//! A run's records as a timeline: who did what, when, why, and with which values.

use serde_json::Value;
use tollgate_policy::visible;
use tollgate_runtime::{LogLine, LogPage, LogPlace};

use super::card::shown;
use super::moment::Moment;

/// A longer value is folded, characters.
const OPEN_CHARS_MAX: usize = 240;

/// What is shown of a value at most, characters: a page must stay one that a
/// browser can show.
const SHOWN_CHARS_MAX: usize = 20_000;

/// What the run's template shows.
pub(super) struct Timeline {
    pub(super) steps: Vec<StepView>,
    pub(super) next: Option<u64>,
}

/// One record.
pub(super) struct StepView {
    pub(super) place: u64,
    pub(super) at: Moment,
    /// To the millisecond: a run's steps lie close together.
    pub(super) clock: String,
    pub(super) stage: String,
    pub(super) kind: &'static str,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) details: Vec<Detail>,
    pub(super) technical: Vec<Detail>,
    /// Another run, where this step begins to tell of one.
    pub(super) turns_to: Option<Turn>,
}

/// From here on it is another run.
pub(super) struct Turn {
    pub(super) run: String,
    pub(super) words: &'static str,
}

/// A named value.
pub(super) struct Detail {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) is_text: bool,
    pub(super) is_long: bool,
}

impl Timeline {
    pub(super) fn new(run: &str, page: &LogPage) -> Self {
        let mut at = run;
        let steps = page.lines.iter().map(|line| {
            let of = line.run.as_deref().unwrap_or(run);
            let turns = of != at;
            at = of;
            step(line, turns.then(|| turn(of, line)))
        });
        Self {
            steps: steps.collect(),
            next: page.next.and_then(|next| match next {
                LogPlace::After(place) => Some(place),
                LogPlace::Before(_) => None,
            }),
        }
    }
}

fn turn(run: &str, line: &LogLine) -> Turn {
    Turn {
        run: visible(run),
        words: line
            .linked
            .map_or("is the run of this page", |linked| linked.as_str()),
    }
}

fn step(line: &LogLine, turns_to: Option<Turn>) -> StepView {
    let told = line.told();
    let details = |named: &[(String, Value)]| {
        let one = |(name, value): &(String, Value)| detail(name, value);
        named.iter().map(one).collect()
    };
    StepView {
        place: line.seq,
        at: Moment::of(&line.at),
        clock: visible(line.at.get(11..).unwrap_or_default()),
        stage: visible(&line.stage),
        kind: kind(&line.stage),
        who: visible(&line.principal),
        what: visible(&told.what),
        details: details(&told.details),
        technical: details(&told.technical),
        turns_to,
    }
}

fn detail(name: &str, value: &Value) -> Detail {
    let (text, is_text) = match value {
        Value::String(text) => (super::card::lines(text), true),
        other => (shown(other), false),
    };
    let count = text.chars().count();
    let value = match count > SHOWN_CHARS_MAX {
        false => text,
        true => {
            let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            format!(
                "{start}\n… and {} more characters; `tollgate log --full` shows all",
                count - SHOWN_CHARS_MAX
            )
        }
    };
    Detail {
        name: visible(name),
        value,
        is_text,
        is_long: count > OPEN_CHARS_MAX,
    }
}

/// What a step is to whoever follows the story; the stylesheet marks it.
fn kind(stage: &str) -> &'static str {
    match stage {
        "approval.requested" | "approval.decided" => "decision",
        "call.intent" => "sent",
        "call.denied" | "call.in_doubt" | "exception" | "limit.hit" | "secret.blocked" => "trouble",
        "run.closed" | "undo.done" => "end",
        _ => "plain",
    }
}
