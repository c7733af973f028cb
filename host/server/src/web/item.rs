//! An item of a queue as text that is safe to look at.

use tollgate_policy::visible;
use tollgate_runtime::{Principal, QueueItem, Resolution};

use super::card::{lines, shown};
use super::moment::Moment;

/// What the item's template shows.
pub(super) struct ItemView {
    pub(super) id: String,
    pub(super) is_open: bool,
    pub(super) is_own: bool,
    /// Whether a connector handed it over; else a call is in doubt.
    pub(super) is_escalation: bool,
    pub(super) summary: String,
    pub(super) queue: String,
    pub(super) tool: String,
    pub(super) call: String,
    pub(super) destination: String,
    pub(super) position: u32,
    pub(super) requester: String,
    pub(super) arguments: String,
    pub(super) prior: Option<String>,
    pub(super) found: Option<String>,
    pub(super) recovery: String,
    pub(super) why: String,
    pub(super) created: Moment,
    pub(super) run: String,
    pub(super) case: String,
    pub(super) resolved_by: Option<String>,
    pub(super) resolution: Option<&'static str>,
    pub(super) note: Option<String>,
}

impl ItemView {
    pub(super) fn new(item: &QueueItem, who: &Principal) -> Self {
        Self {
            id: visible(&item.id),
            is_open: item.state == "open",
            is_own: item.principal == who.name,
            is_escalation: matches!(item.kind.as_str(), "escalation" | "case"),
            summary: lines(match item.kind.as_str() {
                "case" => &item.why,
                _ => item.arguments["summary"].as_str().unwrap_or_default(),
            }),
            queue: visible(&item.queue),
            tool: visible(&format!("{}.{}", item.connector, item.tool)),
            call: visible(&item.call),
            destination: visible(&item.destination),
            position: item.position,
            requester: visible(&item.principal),
            arguments: shown(match item.kind.as_str() {
                "escalation" => &item.arguments["details"],
                _ => &item.arguments,
            }),
            prior: item.prior.as_ref().map(shown),
            found: item.found.as_ref().map(shown),
            recovery: recovery(&item.recovery).to_owned(),
            why: lines(&item.why),
            created: Moment::of(&item.created),
            run: visible(&item.run),
            case: visible(&item.case),
            resolved_by: item.resolved_by.as_deref().map(visible),
            resolution: item
                .resolution
                .as_deref()
                .map(|resolution| said(&item.kind, resolution)),
            note: item.note.as_deref().map(lines),
        }
    }
}

fn said(kind: &str, resolution: &str) -> &'static str {
    match (kind, resolution) {
        ("escalation" | "case", "done") => "it was done",
        ("escalation" | "case", "not_done") => "it will not be done",
        (_, "withdrawn") => "it was withdrawn",
        (_, "done") => "it happened",
        (_, "not_done") => "it did not happen",
        _ => "settled",
    }
}

fn recovery(declared: &str) -> &'static str {
    match declared {
        "idempotency_key" => "Repeating it under the same key would be harmless.",
        "readable" => "Its effect can be looked for at the destination.",
        "conditional" => "It takes effect only on the version it was meant for.",
        _ => "Nothing tells whether it happened; repeating it could do it twice.",
    }
}

/// How far a person has come with an item.
pub(super) enum Step {
    /// Looking.
    Look,
    /// Has said what happened, and is asked once more.
    Confirm(Answer),
}

/// What a person is about to say.
pub(super) struct Answer {
    /// For the form.
    pub(super) resolution: &'static str,
    pub(super) is_done: bool,
    /// As it was written: the template escapes it, and it must come back the same.
    pub(super) note: String,
    pub(super) reply: String,
}

impl Answer {
    pub(super) fn new(resolution: Resolution, note: String, reply: String) -> Self {
        let is_done = resolution == Resolution::Done;
        Self {
            resolution: if is_done { "done" } else { "not_done" },
            is_done,
            note,
            reply,
        }
    }

    /// The note as it is safe to look at.
    pub(super) fn shown_note(&self) -> String {
        lines(&self.note)
    }

    /// The reply as it is safe to look at.
    pub(super) fn shown_reply(&self) -> String {
        lines(&self.reply)
    }
}
