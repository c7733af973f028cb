//! What people read in the terminal. Text from guests and agents is made
//! visible before it is printed: a control character could rewrite the line
//! that an operator believes (CWE-150).

#![expect(clippy::print_stderr, reason = "this file is where the command prints")]

pub(crate) mod decide;
pub(crate) mod eval;
pub(crate) mod queue;
pub(crate) mod secrets;
mod undo;

use std::time::Duration;

use comfy_table::{ContentArrangement, Table, TableStyle, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::Value;
use tollgate_policy::visible;
use tollgate_runtime::{Card, InstallError, LogLine, LogPlace, RunReport, RunState, UndoReport};

use crate::exit::Exit;
use crate::remote::RemoteError;

/// A line on standard output, or the end: who reads it may have seen enough, as
/// `head` does, and that is no failure of this program.
macro_rules! out {
    ($($words:tt)*) => {
        put(format_args!($($words)*))
    };
}

fn put(line: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => {
            eprintln!("error: standard output cannot be written: {error}");
            std::process::exit(1);
        }
        Ok(()) => {}
    }
}

/// Longest value on one line of text output, characters.
const SHOWN_CHARS_MAX: usize = 160;

/// One line of text.
pub(crate) fn line(text: impl AsRef<str>) {
    out!("{}", text.as_ref());
}

/// Text that is whole as it is, its newlines included: what goes into a file.
pub(crate) fn text(text: &str) {
    out!("{}", text.strip_suffix('\n').unwrap_or(text));
}

/// One line for the person, beside what a program reads.
pub(crate) fn note(text: impl AsRef<str>) {
    eprintln!("{}", text.as_ref());
}

/// A value as JSON on one line.
pub(crate) fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(text) => out!("{text}"),
        Err(error) => eprintln!("error: the answer cannot be written as JSON: {error}"),
    }
}

/// An error, its causes, and what to do next.
pub(crate) fn error(error: &anyhow::Error) {
    let mut said = error.to_string();
    eprintln!("error: {said}");
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // An error that passes another on says the same twice.
        if !said.contains(&cause) {
            eprintln!("  because: {cause}");
            said = cause;
        }
    }
    if let Some(hint) = hint(error) {
        eprintln!("  hint: {hint}");
    }
}

fn hint(error: &anyhow::Error) -> Option<&str> {
    if let Some(InstallError::DigestMismatch { .. }) = error.downcast_ref() {
        return Some("if this component is the one you mean, install it with --pin");
    }
    error
        .downcast_ref::<RemoteError>()
        .and_then(RemoteError::hint)
}

/// A bar for something of unknown length, on standard error, only in a terminal.
pub(crate) fn busy(what: impl Into<String>) -> ProgressBar {
    let bar = ProgressBar::new_spinner().with_message(what.into());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A run, and the exit code that says the same.
pub(crate) fn report(report: &RunReport, as_json: bool) -> Exit {
    if as_json {
        json(report);
    } else {
        report_text(report);
    }
    exit_of(report.state)
}

/// The exit code of a run's state.
pub(crate) fn exit_of(state: RunState) -> Exit {
    match state {
        RunState::Done | RunState::Undone => Exit::Success,
        RunState::Held | RunState::Open => Exit::Held,
        RunState::Denied | RunState::Edited => Exit::Denied,
        RunState::Failed | RunState::InDoubt => Exit::Failure,
    }
}

fn report_text(report: &RunReport) {
    out!(
        "{}  {}.{}  {}",
        report.run,
        report.connector,
        report.tool,
        report.state.as_str()
    );
    if let Some(output) = &report.output {
        out!("{}", pretty(output));
    }
    if let Some(failure) = &report.failure {
        out!("{}: {}", failure.kind, visible(&failure.message));
        if let Some(hint) = &failure.hint {
            out!("  hint: {}", visible(hint));
        }
    }
    if let Some(pending) = &report.pending {
        out!(
            "waits for {} until {}",
            pending.approvers.join(" or "),
            pending.decide_by
        );
        out!("  {}", pending.title);
        if pending.quorum > 1 {
            out!("  has {} of {} votes", pending.votes, pending.quorum);
        }
        out!("  an approver runs: tollgate approve {}", pending.approval);
    }
}

/// An empty table as wide as the terminal. One that says it has no columns (a pipe that
/// passes for a terminal, some consoles of CI) is taken for 80 wide: else each letter
/// would be a line.
pub(crate) fn new_table(style: TableStyle) -> Table {
    const WIDE: u16 = 80;
    let mut table = Table::new();
    table
        .load_style(style)
        .set_content_arrangement(ContentArrangement::Dynamic);
    if table.width() == Some(0) {
        table.set_width(WIDE);
    }
    table
}

/// A card, as an approver reads it.
pub(crate) fn card(card: &Card) {
    let mut table = new_table(presets::UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("approval", card.approval.clone());
    row("what", card.title.clone());
    row(
        "call",
        format!(
            "{} on {} ({})",
            card.call,
            card.destination,
            card.effect.as_str()
        ),
    );
    row("tool", format!("{}.{}", card.connector, card.tool));
    row("input", pretty(&card.input));
    row("will send", pretty(&card.arguments));
    if let Some(prior) = &card.prior {
        row("is there now", pretty(prior));
    }
    row("asked by", visible(&card.requester));
    row(
        "held by",
        match &card.rule_reason {
            Some(reason) => format!("rule {}: {reason}", card.rule),
            None => format!("rule {}", card.rule),
        },
    );
    row("approvers", decide::approvers(card));
    if card.quorum > 1 || !card.votes.is_empty() {
        row("votes", decide::votes(card));
    }
    if card.exception {
        row(
            "exception",
            "a yes needs a reason (--reason), and is listed".to_owned(),
        );
    }
    if !card.edited_by.is_empty() {
        row("input changed by", visible(&card.edited_by.join(", ")));
    }
    row("decide by", card.decide_by.clone());
    if let Some(reason) = &card.agent_reason {
        row("agent says (unverified)", shown(reason));
    }
    if let Some(trigger) = &card.agent_trigger {
        row("started by (unverified)", shown(trigger));
    }
    if let Some(context) = &card.agent_context {
        row("about (unverified)", shown(context));
    }
    out!("{table}");
}

/// Held calls, one a line.
pub(crate) fn cards(cards: &[Card]) {
    if cards.is_empty() {
        out!("nothing waits for you");
        return;
    }
    let mut table = new_table(presets::NOTHING);
    table.set_header(["approval", "state", "what", "asked by", "decide by"]);
    for card in cards {
        table.add_row([
            card.approval.clone(),
            card.state.clone(),
            card.title.clone(),
            visible(&card.requester),
            card.decide_by.clone(),
        ]);
    }
    out!("{table}");
}

/// What became of an undo.
pub(crate) fn undone(report: &UndoReport) {
    out!("{}  {}", report.run, report.outcome);
    report.steps.iter().for_each(undo::step);
    if let Some(run) = &report.undo_run {
        out!("  as run {} ({})", run.run, run.state.as_str());
        if let Some(failure) = &run.failure {
            out!("  {}: {}", failure.kind, visible(&failure.message));
        }
    }
}

/// Records as a story: a line for each that says who did what, and below it why
/// and with which values. What lies together is under one heading.
pub(crate) struct Story {
    full: bool,
    as_json: bool,
    /// Run and case of the last record.
    at: Option<(Option<String>, String)>,
    records: u64,
    shortened: bool,
}

impl Story {
    pub(crate) fn new(full: bool, as_json: bool) -> Self {
        Self {
            full,
            as_json,
            at: None,
            records: 0,
            shortened: false,
        }
    }

    pub(crate) fn record(&mut self, line: &LogLine) {
        self.records += 1;
        if self.as_json {
            json(line);
            return;
        }
        let at = (line.run.clone(), line.case.clone());
        if self.at.as_ref() != Some(&at) {
            self.at = Some(at);
            heading(line);
        }
        let told = line.told();
        out!(
            "{:>6}  {}  {:<18}  {} {}",
            line.seq,
            line.at,
            line.stage,
            visible(&line.principal),
            visible(&told.what)
        );
        for (name, value) in &told.details {
            let value = self.value(value);
            out!("        {:<20}  {value}", visible(name));
        }
        if self.full {
            for (name, value) in &told.technical {
                out!("        {:<20}  {}", visible(name), whole(value));
            }
        } else {
            self.shortened |= !told.technical.is_empty();
        }
    }

    fn value(&mut self, value: &Value) -> String {
        let whole = whole(value);
        if self.full || whole.chars().count() <= SHOWN_CHARS_MAX {
            return whole;
        }
        self.shortened = true;
        shown(&text_of(value))
    }

    /// There is more than was printed, and how to see it.
    pub(crate) fn more(&self, next: LogPlace) {
        match (next, self.as_json) {
            (_, true) => json(&serde_json::json!({ "next": next })),
            (LogPlace::After(place), false) => {
                note(format!("there is more: the same with --after {place}"));
            }
            (LogPlace::Before(place), false) => {
                note(format!("there is more: the same with --before {place}"));
            }
        }
    }

    pub(crate) fn finish(&self) {
        if self.records == 0 && !self.as_json {
            note("no record is like that");
        }
        if self.shortened {
            note("shortened for reading; --full shows every value and fact, --json everything");
        }
    }
}

/// Which run the records below are of.
fn heading(line: &LogLine) {
    let mut words = match &line.run {
        Some(run) => format!("{run}  case {}", visible(&line.case)),
        None => format!("case {}", visible(&line.case)),
    };
    if let Some(workflow) = &line.workflow {
        words.push_str(&format!("  workflow {}", visible(workflow)));
    }
    if let Some(linked) = line.linked {
        words.push_str(&format!("  [{}]", linked.as_str()));
    }
    out!("{words}");
}

/// A run that differs from its journal.
pub(crate) fn difference(run: &str, difference: &str) {
    out!("{run}: {}", visible(difference));
}

/// A bar for something of known length, on standard error, only in a terminal.
pub(crate) fn progress(what: impl Into<String>) -> ProgressBar {
    let bar = ProgressBar::new(0).with_message(what.into());
    if let Ok(style) =
        ProgressStyle::with_template("{msg} [{wide_bar}] {percent}% of {len} records ({eta})")
    {
        bar.set_style(style);
    }
    bar
}

/// JSON over several lines, safe to print: JSON escapes control characters, and
/// the rest is made visible here.
pub(crate) fn pretty(value: &Value) -> String {
    let shortened = shorten(value);
    let text = serde_json::to_string_pretty(&shortened).unwrap_or_default();
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

fn one_line(value: &Value) -> String {
    shown(&text_of(value))
}

/// The whole value on one line, safe to print.
fn whole(value: &Value) -> String {
    visible(&text_of(value))
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    let rest = text.chars().count().saturating_sub(SHOWN_CHARS_MAX);
    let more = if rest > 0 {
        format!(" … and {rest} more characters")
    } else {
        String::new()
    };
    format!("{}{more}", visible(&start))
}

/// The same with long texts cut: a workbook's bytes say nothing to a person.
fn shorten(value: &Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > SHOWN_CHARS_MAX => Value::String(shown(text)),
        Value::Array(items) => Value::Array(items.iter().map(shorten).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), shorten(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
