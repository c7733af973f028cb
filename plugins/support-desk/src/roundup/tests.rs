//! Read from what a real Roundup answered: `tests/live/recorded`.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use super::*;
use crate::value::Value;

macro_rules! recorded {
    ($name:literal) => {{
        let text = include_str!(concat!(
            "../../../../tests/live/recorded/roundup/",
            $name,
            ".json"
        ));
        let recorded: Json = serde_json::from_str(text).unwrap();
        recorded["response"]["body"]["data"].clone()
    }};
}

fn desk() -> Roundup {
    Roundup {
        account: "agent".into(),
        fields: vec!["keyword".into()],
        is_internal: false,
    }
}

#[test]
fn an_issue_is_read_with_names_for_links() {
    let item: answer::Item = serde_json::from_value(recorded!("show_fields")).unwrap();
    let ticket = answer::ticket(&item.flat(), &["messages".into()], item.etag.as_deref());
    assert_eq!(ticket.version, "08c4a2d75404e88c552a33f3a15ba1a6");
    assert_eq!(
        (ticket.id.as_str(), ticket.subject.as_str()),
        ("1", "It rains in")
    );
    assert_eq!(
        (ticket.status.as_str(), ticket.priority.as_str()),
        ("unread", "bug")
    );
    assert_eq!(ticket.assignee, None);
    assert_eq!(ticket.updated.as_deref(), Some("2026-11-22.18:34:28"));
    assert_eq!(ticket.fields["messages"], Value::Empty);
}

#[test]
fn a_list_goes_on_while_it_names_a_next_page() {
    let list: answer::List = serde_json::from_value(recorded!("list_page_1")).unwrap();
    assert!(list.has_next());
    let first = answer::ticket(&list.collection[0], &[], None);
    assert_eq!((first.id.as_str(), first.status.as_str()), ("1", "unread"));
    let list: answer::List = serde_json::from_value(recorded!("list_past_the_end")).unwrap();
    assert!(!list.has_next() && list.collection.is_empty());
    // A title that is not set is no title, not an error.
    let list: answer::List = serde_json::from_value(recorded!("list_last_page")).unwrap();
    assert_eq!(answer::ticket(&list.collection[1], &[], None).subject, "");
}

#[test]
fn a_link_is_named_by_its_label_and_else_by_its_id() {
    for (json, expected) in [
        (
            json!({"id": "3", "link": "http://x/user/3", "username": "agent"}),
            "agent",
        ),
        (json!({"id": "3", "link": "http://x/user/3"}), "3"),
        (json!("plain"), "plain"),
        (json!(null), ""),
        (json!(7), "7"),
    ] {
        assert_eq!(answer::label(&json), expected);
    }
}

#[test]
fn what_is_looked_for_becomes_filters() {
    let status = ["unread".to_owned(), "chatting".to_owned()];
    let fields = [("keyword".to_owned(), "urgent".to_owned())];
    let search = Search {
        text: Some("rains"),
        status: &status,
        assignee: Some(""),
        requester: Some("carol"),
        updated_since: Some("2026-11-01"),
        fields: &fields,
        queue: None,
    };
    let filters = desk().filters(&search).unwrap();
    let filters: Vec<_> = filters
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    assert_eq!(
        filters,
        [
            ("title", "rains"),
            ("status", "unread,chatting"),
            ("assignedto", "-1"),
            ("creator", "carol"),
            ("activity", "2026-11-01;"),
            ("keyword", "urgent"),
        ]
    );
}

#[test]
fn a_filter_never_says_more_than_it_looks() {
    let status = ["unread,resolved".to_owned()];
    let unset = [("keyword".to_owned(), "-1".to_owned())];
    let other = [("@sort".to_owned(), "x".to_owned())];
    for search in [
        Search {
            status: &status,
            ..Search::default()
        },
        Search {
            assignee: Some("-1"),
            ..Search::default()
        },
        Search {
            fields: &unset,
            ..Search::default()
        },
        Search {
            fields: &other,
            ..Search::default()
        },
        Search {
            queue: Some("Support"),
            ..Search::default()
        },
    ] {
        assert!(desk().filters(&search).is_err(), "{search:?}");
    }
}

#[test]
fn values_are_written_as_attributes() {
    let values: Values = serde_json::from_value(json!({
        "status": "chatting", "assignee": "", "subject": "T", "fields": {"keyword": ["a", "b"], "superseder": null},
    }))
    .unwrap();
    assert_eq!(
        Json::Object(attributes(&values)),
        json!({"title": "T", "status": "chatting", "assignedto": "", "keyword": ["a", "b"], "superseder": ""})
    );
}
