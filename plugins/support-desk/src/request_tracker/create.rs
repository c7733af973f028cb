//! Making a ticket. There is no idempotency key in REST2: a key is kept in a
//! custom field that the operator names, and looked for before.

use serde_json::{Value as Json, json};
use tollgate_sdk::prelude::*;

use super::{RequestTracker, answer, members, query};
use crate::desk::{DESTINATION, Draft};
use crate::page::Window;

/// The most tickets that are named as doubles.
const DOUBLES: Window<'static> = Window {
    size: 10,
    page: None,
};

pub(super) fn by_key(
    desk: &RequestTracker,
    draft: &Draft<'_>,
) -> Result<Option<String>, ToolError> {
    let Some(key) = draft.key else {
        return Ok(None);
    };
    let field = key_field(desk)?;
    // A new ticket may be deleted or rejected since: it was made all the same.
    let found = desk.find(&query::holds(field, key)?, DOUBLES)?;
    Ok(found.items.into_iter().next_back().map(|ticket| ticket.id))
}

pub(super) fn same(desk: &RequestTracker, draft: &Draft<'_>) -> Result<Vec<String>, ToolError> {
    let mut terms = vec![
        format!("Subject = {}", query::quoted(draft.subject)),
        "Status = '__Active__'".to_owned(),
    ];
    terms.extend(draft.requester.map(query::requested_by));
    let found = desk.find(&terms.join(" AND "), DOUBLES)?;
    Ok(found.items.into_iter().map(|ticket| ticket.id).collect())
}

pub(super) fn create(desk: &RequestTracker, draft: &Draft<'_>) -> Result<String, ToolError> {
    let answer = http::post(DESTINATION, ["ticket"])
        .json(&body(
            draft,
            draft.key.map(|_| key_field(desk)).transpose()?,
        )?)
        .send()?
        .success()?;
    answer::last_segment(answer.header("location")).ok_or_else(|| {
        ToolError::failed("Request Tracker made a ticket and did not say which")
            .hint("search for its subject; do not make it again")
    })
}

fn body(draft: &Draft<'_>, key_field: Option<&str>) -> Result<Json, ToolError> {
    let queue = draft.queue.ok_or_else(|| {
        ToolError::invalid_input(
            "/queue",
            "is missing, and the manifest sets no `default_queue`",
        )
    })?;
    let mut body = members(draft.values);
    let mut add = |name: &str, value: Json| drop(body.insert(name.to_owned(), value));
    add("Queue", json!(queue));
    add("Subject", json!(draft.subject));
    add("Content", json!(draft.text));
    add("ContentType", json!("text/plain"));
    if let Some(requester) = draft.requester {
        add("Requestor", json!(requester));
    }
    let mut body = Json::Object(body);
    if let (Some(field), Some(key)) = (key_field, draft.key) {
        body["CustomFields"][field] = json!(key);
    }
    Ok(body)
}

fn key_field(desk: &RequestTracker) -> Result<&str, ToolError> {
    desk.key_field.as_deref().ok_or_else(|| {
        ToolError::invalid_input(
            "/key",
            "cannot be kept here: the manifest names no `key_field`",
        )
        .hint("leave it out, or have the operator name a custom field for keys")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;
    use crate::ticket::Values;

    #[test]
    fn a_draft_becomes_a_body_with_its_key() {
        let values: Values = serde_json::from_value(json!({
            "priority": "5", "fields": {"Severity": "low", "Products": ["lamp", "cable"]},
        }))
        .unwrap();
        let draft = Draft {
            subject: "Lamp",
            text: "It broke.",
            queue: Some("Support"),
            requester: Some("carol@example.net"),
            values: &values,
            key: Some("case-4711"),
        };
        assert_eq!(
            body(&draft, Some("Case")).unwrap(),
            json!({
                "Queue": "Support", "Subject": "Lamp", "Content": "It broke.",
                "ContentType": "text/plain", "Requestor": "carol@example.net", "Priority": "5",
                "CustomFields": {
                    "Severity": "low", "Products": ["lamp", "cable"], "Case": "case-4711",
                },
            })
        );
        let nowhere = Draft {
            queue: None,
            ..draft
        };
        assert!(body(&nowhere, None).is_err());
    }
}
