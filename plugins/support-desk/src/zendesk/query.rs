//! Searches, written from typed parts ("Zendesk Support search reference").
//!
//! The attack: a subject such as `x" status:closed`, or `*`. Values stand between
//! double quotation marks; the language has no escape for one inside, so those are
//! refused. What the account may see is still its rights' business.

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

use crate::desk::{Draft, Search};

/// The query of a search.
pub(super) fn of(search: &Search<'_>, fields: &BTreeMap<String, u64>) -> Result<String, ToolError> {
    let mut terms = vec!["type:ticket".to_owned()];
    if let Some(text) = search.text {
        terms.push(quoted("/text", text)?);
    }
    for (index, status) in search.status.iter().enumerate() {
        // Several of one property mean one of them.
        terms.push(format!(
            "status:{}",
            word(&format!("/status/{index}"), status)?
        ));
    }
    if let Some(queue) = search.queue {
        terms.push(format!("group:{}", quoted("/queue", queue)?));
    }
    match search.assignee {
        None => {}
        Some("") => terms.push("assignee:none".to_owned()),
        Some(who) => terms.push(format!("assignee:{}", quoted("/assignee", who)?)),
    }
    if let Some(who) = search.requester {
        terms.push(format!("requester:{}", quoted("/requester", who)?));
    }
    if let Some(day) = search.updated_since {
        terms.push(format!("updated>={day}"));
    }
    for (name, value) in search.fields {
        let id = field_id(fields, name)?;
        terms.push(format!("custom_field_{id}:{}", quoted("/fields", value)?));
    }
    Ok(terms.join(" "))
}

/// Open tickets with a draft's subject and requester.
pub(super) fn double(draft: &Draft<'_>) -> Result<String, ToolError> {
    let mut terms = vec!["type:ticket".to_owned(), "status<solved".to_owned()];
    // The caller compares exactly, so what cannot be quoted may be left out.
    let subject = draft.subject.replace(['"', '\\', '*'], " ");
    terms.push(format!("subject:\"{subject}\""));
    if let Some(who) = draft.requester {
        terms.push(format!("requester:{}", quoted("/requester", who)?));
    }
    Ok(terms.join(" "))
}

/// The number of a custom field, by its name in the manifest or by itself.
pub(super) fn field_id(fields: &BTreeMap<String, u64>, name: &str) -> Result<u64, ToolError> {
    let id = fields.get(name).copied().or_else(|| name.parse().ok());
    id.ok_or_else(|| {
        ToolError::invalid_input("/fields", "names a custom field that the manifest does not")
            .hint("use a name of [config.fields], or the field's number")
    })
}

fn quoted(pointer: &str, value: &str) -> Result<String, ToolError> {
    if value.contains(['"', '\\', '*']) {
        let message = "holds `\"`, `\\` or `*`, which cannot be searched for in Zendesk";
        return Err(ToolError::invalid_input(pointer, message));
    }
    Ok(format!("\"{value}\""))
}

fn word<'a>(pointer: &str, value: &'a str) -> Result<&'a str, ToolError> {
    let is_word = value
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_word
        .then_some(value)
        .ok_or_else(|| ToolError::invalid_input(pointer, "is no status: one word, such as `open`"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn all_that_is_asked_for_must_fit() {
        let names = BTreeMap::from([("severity".to_owned(), 360_001)]);
        let status = ["new".to_owned(), "open".to_owned()];
        let fields = [
            ("severity".to_owned(), "high".to_owned()),
            ("77".to_owned(), "x".to_owned()),
        ];
        let search = Search {
            text: Some("lamp broken"),
            status: &status,
            queue: Some("Tier 2"),
            assignee: Some(""),
            requester: Some("carol@example.net"),
            updated_since: Some("2026-11-01"),
            fields: &fields,
        };
        assert_eq!(
            of(&search, &names).unwrap(),
            "type:ticket \"lamp broken\" status:new status:open group:\"Tier 2\" assignee:none \
             requester:\"carol@example.net\" updated>=2026-11-01 custom_field_360001:\"high\" \
             custom_field_77:\"x\""
        );
        assert_eq!(of(&Search::default(), &names).unwrap(), "type:ticket");
    }

    #[test]
    fn a_value_never_becomes_a_second_term() {
        let names = BTreeMap::new();
        let status = ["open status:closed".to_owned()];
        let fields = [("1 type:user".to_owned(), "x".to_owned())];
        let default = Search::default;
        for search in [
            Search {
                text: Some("x\" type:user \""),
                ..default()
            },
            Search {
                text: Some("*"),
                ..default()
            },
            Search {
                requester: Some("a\\"),
                ..default()
            },
            Search {
                status: &status,
                ..default()
            },
            Search {
                fields: &fields,
                ..default()
            },
        ] {
            assert!(of(&search, &names).is_err(), "{search:?}");
        }
    }
}
