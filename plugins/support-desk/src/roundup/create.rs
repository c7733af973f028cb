//! Making an issue: first its message, under the key of the draft, then the issue
//! with the message on it. Who makes it again finds both by the key.

use serde_json::{Value as Json, json};
use tollgate_sdk::prelude::*;

use super::answer::{self, Made};
use super::{Roundup, attributes, messages, sent};
use crate::desk::{DESTINATION, Draft};
use crate::page::Window;

/// The most issues that are named as doubles.
const DOUBLES: Window<'static> = Window {
    size: 10,
    page: None,
};

pub(super) fn by_key(desk: &Roundup, draft: &Draft<'_>) -> Result<Option<String>, ToolError> {
    let Some(message) = draft.key.map(messages::by_key).transpose()?.flatten() else {
        return Ok(None);
    };
    let found = desk.find(&[("messages".to_owned(), message)], DOUBLES)?;
    // The oldest: it is the one that was made first.
    Ok(found.items.into_iter().next_back().map(|issue| issue.id))
}

/// Issues with the same title. Roundup's statuses have no order that says which
/// are over, so those count as well.
pub(super) fn same(desk: &Roundup, draft: &Draft<'_>) -> Result<Vec<String>, ToolError> {
    let title = ("title:".to_owned(), draft.subject.to_owned());
    let found = desk.find(&[title], DOUBLES)?;
    Ok(found.items.into_iter().map(|issue| issue.id).collect())
}

pub(super) fn create(desk: &Roundup, draft: &Draft<'_>) -> Result<String, ToolError> {
    if draft.queue.is_some() {
        return Err(ToolError::invalid_input(
            "/queue",
            "is unknown: Roundup has no queues",
        ));
    }
    if draft.requester.is_some() {
        return Err(ToolError::invalid_input(
            "/requester",
            "cannot be set: the account itself is the creator of an issue in Roundup",
        ));
    }
    let message = messages::make(desk, draft.text, draft.key)?;
    let mut issue = attributes(draft.values);
    issue.insert("title".to_owned(), json!(draft.subject));
    issue.insert("messages".to_owned(), json!([message]));
    let answer = sent(http::post(DESTINATION, ["issue"]), &Json::Object(issue))?;
    let made: Made = answer::data(&answer)?;
    Ok(made.id)
}
