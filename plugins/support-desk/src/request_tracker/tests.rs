//! Read from what a real Request Tracker answered: `tests/live/recorded`.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use serde_json::json;

use super::*;
use crate::ticket::Person;
use crate::value::Value;

macro_rules! recorded {
    ($name:literal) => {{
        let text = include_str!(concat!(
            "../../../../tests/live/recorded/request-tracker/",
            $name,
            ".json"
        ));
        let recorded: Json = serde_json::from_str(text).unwrap();
        recorded["response"]["body"].clone()
    }};
}

#[test]
fn a_ticket_is_read() {
    let ticket: answer::Ticket = serde_json::from_value(recorded!("show")).unwrap();
    let ticket = ticket.into_ticket(Some("45".into()));
    assert_eq!((ticket.id.as_str(), ticket.version.as_str()), ("1", "45"));
    assert_eq!(ticket.subject, "The order never came");
    assert_eq!(
        (ticket.status.as_str(), ticket.priority.as_str()),
        ("new", "0")
    );
    assert_eq!(ticket.assignee, None, "Nobody is nobody");
    let carol = Person {
        id: "carol@example.net".into(),
        name: None,
        email: Some("carol@example.net".into()),
    };
    assert_eq!(ticket.requesters, [carol]);
    assert_eq!(ticket.queue.as_deref(), Some("3"));
    assert_eq!(ticket.fields["Severity"], Value::Text("low".into()));
    let both = Value::List(vec!["cable".into(), "lamp".into()]);
    assert!(ticket.fields["Products"].is_same(&both));
}

#[test]
fn an_emptied_field_is_empty_and_an_owner_is_somebody() {
    let ticket: answer::Ticket = serde_json::from_value(recorded!("show_read_only_user")).unwrap();
    assert_eq!(ticket.into_ticket(None).fields["Severity"], Value::Empty);
    let ticket: answer::Ticket = serde_json::from_value(recorded!("show_deleted")).unwrap();
    assert_eq!(ticket.into_ticket(None).assignee.unwrap().id, "agent");
}

#[test]
fn a_list_says_whether_it_goes_on() {
    type Tickets = answer::List<answer::Ticket>;
    let list: Tickets = serde_json::from_value(recorded!("search_page_1")).unwrap();
    assert!(list.next_page.is_some());
    assert_eq!((list.items.len(), list.total), (2, Some(5)));
    let first = list.items.into_iter().next().unwrap().into_ticket(None);
    assert_eq!(first.queue.as_deref(), Some("Support"));
    let list: Tickets = serde_json::from_value(recorded!("search_past_the_end")).unwrap();
    assert!(list.next_page.is_none() && list.items.is_empty());
    let list: Tickets = serde_json::from_value(recorded!("search_nothing")).unwrap();
    assert_eq!((list.items.len(), list.total), (0, Some(0)));
}

#[test]
fn a_comment_is_read_with_its_text() {
    let list: answer::List<history::Transaction> =
        serde_json::from_value(recorded!("history_recover")).unwrap();
    let one = list.items.into_iter().next_back().unwrap();
    let parts: answer::List<history::Attachment> =
        serde_json::from_value(recorded!("transaction_attachments")).unwrap();
    let entry = history::entry(Audience::Internal, one, parts.items);
    assert_eq!(
        (entry.id.as_str(), entry.text.as_str()),
        ("110", "Ask the depot. key-1")
    );
    assert_eq!(entry.author.unwrap().id, "agent");
    assert!(!entry.is_html && !entry.is_cut && entry.files.is_empty());
}

#[test]
fn html_is_said_to_be_html_and_files_are_named() {
    let one: history::Transaction = serde_json::from_value(json!({"id": "9"})).unwrap();
    let parts: Vec<history::Attachment> = serde_json::from_value(json!([
        {"ContentType": "multipart/mixed", "Content": ""},
        {"ContentType": "text/plain", "Content": "log", "Filename": "log.txt"},
        {"ContentType": "text/html", "Content": "<b>x</b>", "Filename": ""},
    ]))
    .unwrap();
    let entry = history::entry(Audience::Public, one, parts);
    assert_eq!((entry.text.as_str(), entry.is_html), ("<b>x</b>", true));
    assert_eq!(entry.files, ["log.txt"]);
}

#[test]
fn values_are_written_as_rest2_takes_them() {
    let values: Values = serde_json::from_value(json!({
        "status": "open", "priority": "", "assignee": "", "subject": "S",
        "fields": {"Severity": null, "Order number": 4711, "Products": ["a", "b"]},
    }))
    .unwrap();
    assert_eq!(
        Json::Object(members(&values)),
        json!({
            "Status": "open", "Priority": "0", "Owner": "Nobody", "Subject": "S",
            "CustomFields": {"Severity": "", "Order number": "4711", "Products": ["a", "b"]},
        })
    );
    assert_eq!(members(&Values::default()).len(), 0);
}

#[test]
fn the_id_is_the_end_of_the_location() {
    let id = |location| answer::last_segment(Some(location));
    assert_eq!(id("/REST/2.0/transaction/75").as_deref(), Some("75"));
    for bad in ["", "/", "/REST/2.0/ticket/", "/x/..", "/x/7?y"] {
        assert_eq!(id(bad), None, "{bad}");
    }
}
