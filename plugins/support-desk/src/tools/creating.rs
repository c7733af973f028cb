//! Making a ticket, once.

use tollgate_sdk::prelude::*;

use crate::desk::{self, Draft};
use crate::text;
use crate::ticket::{Difference, Values};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateTicket {
    /// What it is about, one line.
    #[schemars(length(min = 1, max = 200))]
    subject: String,
    /// The request itself, as plain text. The requester can read it.
    #[schemars(length(min = 1, max = 8000))]
    text: String,
    /// The queue, or the group's number in Zendesk. The manifest may set a
    /// default.
    #[serde(default)]
    queue: Option<String>,
    /// The address of who asks; the desk may write to it.
    #[serde(default)]
    requester: Option<String>,
    /// Status, priority, assignee and custom fields; `subject` stands above.
    #[serde(default)]
    values: Values,
    /// A key of your own, 8 to 64 of letters, digits, `-`, `_` and `.`, such as
    /// the id of the case. A ticket under the same key is found again instead of
    /// made again.
    #[serde(default)]
    key: Option<String>,
    /// Make it although open tickets have the same subject and requester. A key
    /// counts all the same.
    #[serde(default)]
    allow_duplicate: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Created {
    /// The ticket's number.
    ticket: String,
    /// Its version.
    version: String,
    /// Whether it was made now; false where it was there under its key.
    is_new: bool,
    /// Values that the desk did not take as they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_as_asked: Vec<Difference>,
}

/// Makes a ticket, unless there is one: under the same key it gives that one,
/// and open tickets with the same subject and requester are a conflict that
/// names them. The desk may write to the requester, so it cannot be taken back.
#[tool(title = "Create ticket", effect = "irreversible")]
pub(crate) fn create_ticket(input: CreateTicket) -> Result<Created, ToolError> {
    let desk = desk::open()?;
    let default: Option<String> = config::get("default_queue")?;
    if input.values.subject.is_some() {
        return Err(ToolError::invalid_input(
            "/values/subject",
            "stands in `subject`",
        ));
    }
    let line = |pointer, text: Option<&'_ str>| -> Result<(), ToolError> {
        text.map(|text| text::line(pointer, text, 200))
            .transpose()
            .map(drop)
    };
    line("/requester", input.requester.as_deref())?;
    line("/queue", input.queue.as_deref())?;
    let mut draft = Draft {
        subject: text::line("/subject", &input.subject, 200)?,
        text: text::message("/text", &input.text)?,
        queue: input.queue.as_deref().or(default.as_deref()),
        requester: input.requester.as_deref(),
        values: &input.values,
        key: input
            .key
            .as_deref()
            .map(|key| text::key("/key", key))
            .transpose()?,
    };
    if let Some(id) = desk.by_key(&draft)? {
        let ticket = desk.ticket(&id)?;
        return Ok(Created {
            ticket: id,
            version: ticket.version,
            is_new: false,
            not_as_asked: Vec::new(),
        });
    }
    if !input.allow_duplicate {
        refuse_double(&desk.same(&draft)?)?;
    }
    draft.queue = draft.queue.filter(|queue| !queue.is_empty());
    let id = desk.create(&draft)?;
    let ticket = desk.ticket(&id)?;
    let holds = ticket.at(&known(&input.values, &ticket), "/values")?;
    let mut not_as_asked = input.values.differences(&holds);
    if let Some(requester) = draft.requester
        && !ticket.requesters.iter().any(|person| person.is(requester))
    {
        not_as_asked.push(Difference {
            place: "requester".to_owned(),
            named: crate::value::Value::text(requester),
            found: crate::value::Value::Empty,
        });
    }
    Ok(Created {
        ticket: id,
        version: ticket.version,
        is_new: true,
        not_as_asked,
    })
}

/// Fields that the new ticket has: one that it has not was dropped by the desk.
fn known(values: &Values, ticket: &crate::ticket::Ticket) -> Values {
    let has = |place: &str| match place.strip_prefix("fields/") {
        Some(name) => ticket.fields.contains_key(name),
        None => true,
    };
    values.clone().only(has)
}

fn refuse_double(ids: &[String]) -> Result<(), ToolError> {
    if ids.is_empty() {
        return Ok(());
    }
    Err(ToolError::conflict(format!(
        "there are open tickets with this subject and requester: {}",
        ids.join(", ")
    ))
    .hint("read them and comment there; or call again with `allow_duplicate` if this is another matter"))
}
