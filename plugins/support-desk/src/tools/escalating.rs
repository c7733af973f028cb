//! Handing a ticket to people.
//!
//! The hand-over comes first: it is what the caller wants, and a note that failed
//! must not make it do it twice. What else was asked for and did not work is said
//! in the answer, not as an error.

use serde_json::json;
use tollgate_sdk::handoff::{Item, Urgency};
use tollgate_sdk::prelude::*;

use super::updating::{self, UpdateTicket};
use crate::desk::{self, Desk, Message};
use crate::text;
use crate::ticket::{Audience, Ticket, Values};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Escalate {
    /// The ticket's number.
    #[schemars(length(min = 1, max = 20))]
    ticket: String,
    /// The queue of people, by its name in the manifest. Not a queue of the desk.
    #[schemars(length(min = 1, max = 64))]
    to: String,
    /// What a person should do or decide, in a sentence.
    #[schemars(length(min = 1, max = 400))]
    summary: String,
    /// Why you do not do it yourself.
    #[schemars(length(min = 1, max = 400))]
    reason: String,
    /// How soon somebody should look.
    #[serde(default)]
    urgency: HowSoon,
    /// An internal note for the ticket; the number of the hand-over is added.
    #[serde(default)]
    #[schemars(length(min = 1, max = 7000))]
    note: Option<String>,
    /// A new priority for the ticket, in the desk's words.
    #[serde(default)]
    priority: Option<String>,
}

/// How soon somebody should look.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum HowSoon {
    /// When there is time.
    Low,
    /// In the usual order.
    #[default]
    Normal,
    /// Before everything else.
    High,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Escalated {
    /// The number of the hand-over, which people and the journal use.
    item: String,
    /// The note's number, where one was written and the desk tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// The priority before, where it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    priority_before: Option<String>,
    /// What did not work. The hand-over stands: do not escalate again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

/// Hands a ticket to people, with what they need to decide. A note and a new
/// priority can go with it. The answer may name `problems` with those; the
/// hand-over itself has been made, so do not escalate again.
#[tool(title = "Escalate ticket", effect = "irreversible")]
pub(crate) fn escalate(input: Escalate) -> Result<Escalated, ToolError> {
    let desk = desk::open()?;
    let mut ticket = desk.ticket(text::id("/ticket", &input.ticket)?)?;
    desk.complete(&mut ticket)?;
    let details = json!({
        "ticket": ticket.id,
        "subject": ticket.subject,
        "status": ticket.status,
        "priority": ticket.priority,
        "queue": ticket.queue,
        "assignee": ticket.assignee,
        "requesters": ticket.requesters,
        "fields": ticket.fields,
        "version": ticket.version,
    });
    let item = handoff::escalate(
        &input.to,
        &Item {
            summary: text::line("/summary", &input.summary, 400)?,
            reason: text::line("/reason", &input.reason, 400)?,
            details: &details,
            urgency: match input.urgency {
                HowSoon::Low => Urgency::Low,
                HowSoon::Normal => Urgency::Normal,
                HowSoon::High => Urgency::High,
            },
        },
    )?;
    let mut escalated = Escalated {
        item,
        comment: None,
        priority_before: None,
        problems: Vec::new(),
    };
    if let Some(note) = &input.note {
        match write_note(desk.as_ref(), &ticket, note, &escalated.item, &input.to) {
            Ok(comment) => escalated.comment = comment,
            Err(error) => escalated
                .problems
                .push(format!("the note was not written: {error}")),
        }
    }
    if let Some(priority) = input.priority {
        match raise(desk.as_ref(), &ticket, priority) {
            Ok(()) => escalated.priority_before = Some(ticket.priority),
            Err(error) => {
                let problem = format!("the priority was not changed: {error}");
                escalated.problems.push(problem);
            }
        }
    }
    Ok(escalated)
}

fn write_note(
    desk: &dyn Desk,
    ticket: &Ticket,
    note: &str,
    item: &str,
    queue: &str,
) -> Result<Option<String>, ToolError> {
    let note = format!("{note}\n\nHanded over to {queue} as {item}.");
    let message = Message {
        text: text::message("/note", &note)?,
        audience: Audience::Internal,
        key: None,
    };
    desk.write(ticket, message)
}

fn raise(desk: &dyn Desk, ticket: &Ticket, priority: String) -> Result<(), ToolError> {
    let only = |priority| Values {
        priority: Some(priority),
        ..Values::default()
    };
    let update = UpdateTicket {
        ticket: ticket.id.clone(),
        values: only(priority),
        version: None,
        expected: only(ticket.priority.clone()),
    };
    updating::update(desk, &update).map(drop)
}
