//! An item of a queue as text that is safe to look at.

use tollgate_policy::visible;
use tollgate_runtime::{ItemDelivery, Principal, QueueItem, Resolution};

use super::card::{lines, shown};
use super::moment::Moment;

/// What the item's template shows.
pub(super) struct ItemView {
    pub(super) id: String,
    pub(super) is_open: bool,
    pub(super) is_own: bool,
    /// Whether a person has to do something; else to say what became of a call.
    pub(super) is_work: bool,
    /// Whether a connector handed it over, and these are its words.
    pub(super) is_escalation: bool,
    pub(super) summary: String,
    pub(super) queue: String,
    pub(super) owner: String,
    pub(super) class: String,
    /// Where the record is that tells of it, and its hash.
    pub(super) record: Option<(u64, String)>,
    /// Where it is sent, and what became of that.
    pub(super) deliveries: Vec<String>,
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
            is_work: item.kind != "in_doubt",
            is_escalation: item.kind == "escalation",
            summary: match item.kind.as_str() {
                "escalation" => lines(item.arguments["summary"].as_str().unwrap_or_default()),
                class if class.starts_with("case_") => lines(&item.why),
                class => visible(&format!(
                    "{} in {}.{}",
                    class.replace('_', " "),
                    item.connector,
                    item.tool
                )),
            },
            queue: visible(&item.queue),
            owner: visible(&item.owner),
            class: visible(&item.kind),
            record: item.place.zip(item.record.as_deref().map(visible)),
            deliveries: item.deliveries.iter().map(delivery).collect(),
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

/// A delivery in one line.
fn delivery(delivery: &ItemDelivery) -> String {
    let (name, tries) = (visible(&delivery.name), delivery.attempts);
    match (delivery.state.as_str(), delivery.due.as_deref()) {
        ("delivered", _) => format!("{name}: arrived"),
        ("dead", _) => format!("{name}: did not arrive in {tries} tries"),
        (_, Some(due)) => format!("{name}: tried {tries} times, again at {}", visible(due)),
        (state, None) => format!("{name}: {}", visible(state)),
    }
}

fn said(kind: &str, resolution: &str) -> &'static str {
    match (kind, resolution) {
        (_, "withdrawn") => "it was withdrawn",
        ("in_doubt", "done") => "it happened",
        ("in_doubt", "not_done") => "it did not happen",
        (_, "done") => "it was done",
        (_, "not_done") => "it will not be done",
        _ => "settled",
    }
}

fn recovery(declared: &str) -> &'static str {
    match declared {
        "idempotency_key" => "Repeating it under the same key would be harmless.",
        "readable" => "Its effect can be looked for at the destination.",
        "conditional" => "It takes effect only on the version it was meant for.",
        "repeatable" => "It changes nothing; repeating it would be harmless.",
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
