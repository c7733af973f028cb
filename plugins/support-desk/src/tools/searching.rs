//! Looking for tickets.

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

use crate::desk::{self, Search};
use crate::page::Window;
use crate::text;
use crate::ticket::Ticket;

/// How many tickets a search gives when the caller does not say.
const LIMIT_DEFAULT: u32 = 20;

/// How many a caller may ask for: the largest page of all three desks.
const LIMIT_MAX: u32 = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchTickets {
    /// Words in the subject. In Zendesk anywhere in the ticket.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    text: Option<String>,
    /// One of these statuses, in the desk's words, such as `open`.
    #[serde(default)]
    #[schemars(length(max = 10))]
    status: Vec<String>,
    /// The queue, or the group in Zendesk, by its name.
    #[serde(default)]
    queue: Option<String>,
    /// Who works on it: the `id` of a person as answers give it; an empty text
    /// for nobody.
    #[serde(default)]
    assignee: Option<String>,
    /// Who asked: an address; in Roundup the user's name.
    #[serde(default)]
    requester: Option<String>,
    /// Changed on this day or later, `YYYY-MM-DD`.
    #[serde(default)]
    updated_since: Option<String>,
    /// Custom fields and the value each must have.
    #[serde(default)]
    #[schemars(length(max = 10))]
    fields: BTreeMap<String, String>,
    /// The most tickets on a page.
    #[serde(default = "limit_default")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// What the last answer gave as `next`.
    #[serde(default)]
    page: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Found {
    /// The tickets, newest first, without their versions.
    tickets: Vec<Ticket>,
    /// Where the search goes on: give it as `page`. Missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// How many there are in all, where the desk says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// Looks for tickets; everything that is given must fit. A search that finds
/// nothing gives no tickets, which is not an error. When there is more, `next`
/// is there. Before you make a ticket, search for it.
#[tool(title = "Search tickets", effect = "read")]
pub(crate) fn search_tickets(input: SearchTickets) -> Result<Found, ToolError> {
    check(&input)?;
    let fields: Vec<(String, String)> = input.fields.into_iter().collect();
    let search = Search {
        text: input.text.as_deref(),
        status: &input.status,
        queue: input.queue.as_deref(),
        assignee: input.assignee.as_deref(),
        requester: input.requester.as_deref(),
        updated_since: input.updated_since.as_deref(),
        fields: &fields,
    };
    let window = Window {
        size: input.limit.clamp(1, LIMIT_MAX),
        page: input.page.as_deref(),
    };
    let found = desk::open()?.search(&search, window)?;
    Ok(Found {
        tickets: found.items,
        next: found.next,
        total: found.total,
    })
}

fn check(input: &SearchTickets) -> Result<(), ToolError> {
    let lines = [
        ("/text", input.text.as_deref()),
        ("/queue", input.queue.as_deref()),
        ("/requester", input.requester.as_deref()),
        (
            "/assignee",
            input.assignee.as_deref().filter(|text| !text.is_empty()),
        ),
    ];
    for (pointer, value) in lines {
        value
            .map(|value| text::line(pointer, value, 200))
            .transpose()?;
    }
    for (index, status) in input.status.iter().enumerate() {
        text::line(&format!("/status/{index}"), status, 100)?;
    }
    for (name, value) in &input.fields {
        text::line("/fields", name, 100)?;
        text::line(&format!("/fields/{name}"), value, 200)?;
    }
    if let Some(day) = &input.updated_since {
        text::day("/updated_since", day)?;
    }
    Ok(())
}

fn limit_default() -> u32 {
    LIMIT_DEFAULT
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn input(json: serde_json::Value) -> SearchTickets {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_search_needs_nothing() {
        let input = input(json!({}));
        assert_eq!(input.limit, LIMIT_DEFAULT);
        assert!(check(&input).is_ok());
    }

    #[test]
    fn what_cannot_be_searched_for_is_pointed_at() {
        for (json, expected) in [
            (json!({"text": ""}), "/text"),
            (json!({"status": ["open", "a\nb"]}), "/status/1"),
            (json!({"updated_since": "yesterday"}), "/updated_since"),
            (json!({"fields": {"Severity": ""}}), "/fields/Severity"),
        ] {
            let Err(ToolError::InvalidInput { pointer, .. }) = check(&input(json)) else {
                panic!("{expected} is wrong");
            };
            assert_eq!(pointer, expected);
        }
        assert!(check(&input(json!({"assignee": ""}))).is_ok());
    }
}
