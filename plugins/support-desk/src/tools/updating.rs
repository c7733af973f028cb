//! Changing a ticket's values.
//!
//! Read, compare, write under the version that was read, read again. A desk's
//! word is not believed: Request Tracker answers 200 to an update that it has
//! refused. What was there and what was asked for go into the way back, which
//! refuses when somebody has changed the ticket since.

use tollgate_sdk::prelude::*;

use crate::desk::{self, Desk};
use crate::text;
use crate::ticket::{Difference, Ticket, Values, in_words};

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateTicket {
    /// The ticket's number.
    #[schemars(length(min = 1, max = 20))]
    pub(crate) ticket: String,
    /// The new values. Places that are left out keep what they hold.
    pub(crate) values: Values,
    /// The version of the ticket that you have read; where it has changed since,
    /// nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// What the ticket must hold now; anything else is a conflict and nothing is
    /// written.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub(crate) expected: Values,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Updated {
    /// The ticket's number.
    ticket: String,
    /// Its version now.
    version: String,
    /// What the places held before.
    before: Values,
    /// What they hold now.
    after: Values,
    /// Places that do not hold what you asked for: the desk refused them, or made
    /// something else of them. The others were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_as_asked: Vec<Difference>,
    /// What the desk said about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    desk_says: Vec<String>,
}

/// Changes the status, priority, assignee, subject and custom fields of a
/// ticket. Only what is named changes, and only if the ticket is still as it was
/// read; give `version` or `expected` to bind it to what you have read. Look at
/// `not_as_asked` in the answer: a desk may take one value and refuse another.
/// Undone by writing the old values back, if nobody changed them since.
#[tool(title = "Update ticket", effect = "write", undo = "update_ticket")]
pub(crate) fn update_ticket(
    input: UpdateTicket,
) -> Result<Undoable<Updated, UpdateTicket>, ToolError> {
    update(desk::open()?.as_ref(), &input)
}

/// The same for other tools.
pub(crate) fn update(
    desk: &dyn Desk,
    input: &UpdateTicket,
) -> Result<Undoable<Updated, UpdateTicket>, ToolError> {
    check(&input.values)?;
    let before = desk.ticket(text::id("/ticket", &input.ticket)?)?;
    let Some(asked) = changes(&before, input)? else {
        let held = before.at(&input.values, "/values")?;
        return Ok(Undoable::unchanged(Updated {
            ticket: before.id,
            version: before.version,
            before: held.clone(),
            after: held,
            not_as_asked: Vec::new(),
            desk_says: Vec::new(),
        }));
    };
    let desk_says = desk.update(&before, &asked)?;
    let after = desk.ticket(&before.id)?;
    judge(desk.name(), &before, &after, &asked, desk_says)
}

fn check(values: &Values) -> Result<(), ToolError> {
    if values.is_empty() {
        return Err(ToolError::invalid_input(
            "/values",
            "names nothing to change",
        ));
    }
    if let Some(subject) = &values.subject {
        text::line("/values/subject", subject, 200)?;
    }
    if let Some(status) = &values.status {
        text::line("/values/status", status, 100)?;
    }
    for (pointer, value) in [
        ("/values/priority", &values.priority),
        ("/values/assignee", &values.assignee),
    ] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            text::line(pointer, value, 200)?;
        }
    }
    Ok(())
}

/// What is to be written; nothing where the ticket holds all of it.
fn changes(before: &Ticket, input: &UpdateTicket) -> Result<Option<Values>, ToolError> {
    before.must_be(input.version.as_deref())?;
    let held = before.at(&input.expected, "/expected")?;
    let differences = input.expected.differences(&held);
    if !differences.is_empty() {
        return Err(ToolError::conflict(format!(
            "ticket {} is not as expected: {}",
            before.id,
            in_words(&differences)
        ))
        .hint("read it again with `get_ticket`, and decide again; nothing was written"));
    }
    let held = before.at(&input.values, "/values")?;
    let differences = input.values.differences(&held);
    let changes = |place: &str| differences.iter().any(|one| one.place == place);
    Ok((!differences.is_empty()).then(|| input.values.clone().only(changes)))
}

/// What came of it, by what the desk has now.
fn judge(
    desk: &str,
    before: &Ticket,
    after: &Ticket,
    asked: &Values,
    desk_says: Vec<String>,
) -> Result<Undoable<Updated, UpdateTicket>, ToolError> {
    let held = before.at(asked, "/values")?;
    let holds = after.at(asked, "/values")?;
    let not_as_asked = asked.differences(&holds);
    let written = held.differences(&holds);
    if written.is_empty() {
        return Err(refused(desk, before, &desk_says));
    }
    let is_written = |place: &str| written.iter().any(|one| one.place == place);
    // Where the desk holds something else than was asked for, it or somebody made
    // that of it: the way back expects what was asked, and so refuses.
    let inverse = UpdateTicket {
        ticket: before.id.clone(),
        values: held.clone().only(is_written),
        version: None,
        expected: asked.clone().only(is_written),
    };
    let updated = Updated {
        ticket: before.id.clone(),
        version: after.version.clone(),
        before: held,
        after: holds,
        not_as_asked,
        desk_says,
    };
    Ok(Undoable::new(updated, inverse))
}

/// An update that was answered well and changed nothing.
fn refused(desk: &str, ticket: &Ticket, desk_says: &[String]) -> ToolError {
    if desk_says.is_empty() {
        return ToolError::denied(format!(
            "{desk} took the update of ticket {} and changed nothing",
            ticket.id
        ))
        .hint("the account may not change tickets of this queue, or the desk does not know the value; asking again does not help");
    }
    ToolError::invalid_input(
        "/values",
        format!("{desk} changed nothing: {}", desk_says.join("; ")),
    )
}

#[cfg(test)]
mod tests;
