//! TicketSQL, written from typed parts.
//!
//! The attack: a subject such as `x' OR Queue = 'Board`. Values stand between
//! single quotation marks, and those and backslashes in them are escaped; names
//! of custom fields may not hold any character with a meaning. What the account
//! may see is still its rights' business, not the query's.

use tollgate_sdk::prelude::*;

use super::NOBODY;
use crate::desk::Search;

/// The query of a search; every ticket where nothing is asked for, because Request
/// Tracker answers an empty query with nothing.
pub(super) fn of(search: &Search<'_>) -> Result<String, ToolError> {
    let mut terms = Vec::new();
    if let Some(text) = search.text {
        terms.push(format!("Subject LIKE {}", quoted(text)));
    }
    if !search.status.is_empty() {
        let one_of = search
            .status
            .iter()
            .map(|status| format!("Status = {}", quoted(status)));
        terms.push(format!("({})", one_of.collect::<Vec<_>>().join(" OR ")));
    }
    if let Some(queue) = search.queue {
        terms.push(format!("Queue = {}", quoted(queue)));
    }
    if let Some(owner) = search.assignee {
        let owner = if owner.is_empty() { NOBODY } else { owner };
        terms.push(format!("Owner = {}", quoted(owner)));
    }
    if let Some(requester) = search.requester {
        terms.push(requested_by(requester));
    }
    if let Some(day) = search.updated_since {
        terms.push(format!("LastUpdated >= {}", quoted(day)));
    }
    for (name, value) in search.fields {
        terms.push(holds(name, value)?);
    }
    if terms.is_empty() {
        terms.push("id > 0".to_owned());
    }
    Ok(terms.join(" AND "))
}

/// Tickets of a requester.
pub(super) fn requested_by(address: &str) -> String {
    format!("Requestor.EmailAddress = {}", quoted(address))
}

/// Tickets whose custom field holds a value.
pub(super) fn holds(name: &str, value: &str) -> Result<String, ToolError> {
    let is_plain = |c: char| c.is_alphanumeric() || " _-.,:/#()&+".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(ToolError::invalid_input(
            "/fields",
            "a name of a custom field holds a character that cannot be searched for",
        ));
    }
    Ok(format!("'CF.{{{name}}}' = {}", quoted(value)))
}

/// A value between quotation marks.
pub(super) fn quoted(value: &str) -> String {
    let mut quoted = String::from("'");
    for letter in value.chars() {
        if matches!(letter, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn all_that_is_asked_for_must_fit() {
        let status = ["new".to_owned(), "open".to_owned()];
        let fields = [("Order number".to_owned(), "4711".to_owned())];
        let search = Search {
            text: Some("lamp"),
            status: &status,
            queue: Some("Support"),
            assignee: Some(""),
            requester: Some("carol@example.net"),
            updated_since: Some("2026-11-01"),
            fields: &fields,
        };
        assert_eq!(
            of(&search).unwrap(),
            "Subject LIKE 'lamp' AND (Status = 'new' OR Status = 'open') AND Queue = 'Support' \
             AND Owner = 'Nobody' AND Requestor.EmailAddress = 'carol@example.net' \
             AND LastUpdated >= '2026-11-01' AND 'CF.{Order number}' = '4711'"
        );
        assert_eq!(of(&Search::default()).unwrap(), "id > 0");
    }

    #[test]
    fn a_value_never_ends_its_quotation() {
        for (value, expected) in [
            ("x' OR id > '0", r"'x\' OR id > \'0'"),
            (r"x\' OR id > 0 OR '", r"'x\\\' OR id > 0 OR \''"),
            (r"\", r"'\\'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(value), expected);
        }
    }

    #[test]
    fn a_name_with_a_meaning_is_refused() {
        for name in ["a}' OR id > 0 OR 'CF.{a", "a'b", "a\"", "a\\", "{", ""] {
            assert!(holds(name, "x").is_err(), "{name}");
        }
    }
}
