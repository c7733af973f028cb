//! Answers of the shape that Zendesk's reference shows; none was recorded.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use super::*;

fn desk() -> Zendesk {
    Zendesk {
        fields: BTreeMap::from([("severity".to_owned(), 360_001)]),
    }
}

#[test]
fn a_ticket_is_read_with_its_people_and_fields() {
    let shown: answer::Shown = serde_json::from_value(json!({
        "ticket": {
            "id": 42, "subject": "Lamp", "status": "open", "priority": null,
            "assignee_id": 7, "requester_id": 8, "group_id": 9,
            "created_at": "2026-11-01T08:00:00Z", "updated_at": "2026-11-02T09:30:00Z",
            "custom_fields": [{"id": 360_001, "value": "low"}, {"id": 9, "value": null}],
        },
        "users": [{"id": 7, "name": "Ann", "email": "ann@example.com"}],
    }))
    .unwrap();
    let ticket = shown.ticket.into_ticket(&shown.users, &desk().fields);
    assert_eq!(
        (ticket.id.as_str(), ticket.version.as_str()),
        ("42", "2026-11-02T09:30:00Z")
    );
    assert_eq!(
        (ticket.status.as_str(), ticket.priority.as_str()),
        ("open", "")
    );
    assert_eq!(ticket.assignee.unwrap().id, "ann@example.com");
    assert_eq!(ticket.requesters[0].id, "8");
    assert_eq!(ticket.fields.keys().collect::<Vec<_>>(), ["9", "severity"]);
}

#[test]
fn values_are_written_by_the_numbers_of_their_fields() {
    let members = |json| desk().members(&serde_json::from_value(json).unwrap());
    assert_eq!(
        Json::Object(
            members(json!({
                "status": "solved", "priority": "", "assignee": "ann@example.com",
                "fields": {"severity": "high", "9": null},
            }))
            .unwrap()
        ),
        json!({
            "status": "solved", "priority": null, "assignee_email": "ann@example.com",
            "custom_fields": [{"id": 9, "value": null}, {"id": 360_001, "value": "high"}],
        })
    );
    assert_eq!(
        members(json!({"assignee": "235323"})).unwrap()["assignee_id"],
        235_323
    );
    assert_eq!(
        members(json!({"assignee": ""})).unwrap()["assignee_id"],
        Json::Null
    );
    assert!(members(json!({"fields": {"colour": "red"}})).is_err());
}

#[test]
fn comments_say_whom_they_are_for_and_where_they_go_on() {
    let page = |json| {
        serde_json::from_value::<answer::Comments>(json)
            .unwrap()
            .into_page()
    };
    let first = page(json!({
        "comments": [
            {"id": 1, "public": true, "author_id": 7, "plain_body": "Hello",
             "attachments": [{"file_name": "a.png"}]},
            {"id": 2, "public": false, "author_id": -1, "body": "note"},
        ],
        "users": [{"id": 7, "name": "Carol", "email": "carol@example.net"}],
        "meta": {"has_more": true, "after_cursor": "eyJv", "before_cursor": "x"},
    }));
    assert_eq!(first.next.as_deref(), Some("eyJv"));
    let (one, two) = (&first.items[0], &first.items[1]);
    assert_eq!(
        (one.audience, one.text.as_str()),
        (Audience::Public, "Hello")
    );
    assert_eq!(one.author.as_ref().unwrap().id, "carol@example.net");
    assert_eq!(one.files, ["a.png"]);
    assert_eq!(
        (two.audience, two.text.as_str()),
        (Audience::Internal, "note")
    );
    let last = page(json!({"comments": [], "meta": {"has_more": false, "after_cursor": "eyJv"}}));
    assert_eq!(last.next, None);
}

#[test]
fn the_comment_of_an_update_is_named_by_its_audit() {
    let answer = json!({"ticket": {}, "audit": {"events": [
        {"type": "Change", "id": 1}, {"type": "Comment", "id": 2_127_301_143_u64},
    ]}});
    assert_eq!(answer::comment_of(&answer).as_deref(), Some("2127301143"));
    assert_eq!(answer::comment_of(&json!({"ticket": {}})), None);
}
