#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::cell::RefCell;

use serde_json::json;

use super::*;
use crate::desk::{Draft, Message, Search};
use crate::page::{Page, Window};
use crate::ticket::{Entry, Person};
use crate::value::Value;

/// A desk with one ticket, which refuses some places as Request Tracker does:
/// with a good answer.
struct Shelf {
    ticket: RefCell<Ticket>,
    refuses: &'static [&'static str],
}

impl Shelf {
    fn new(refuses: &'static [&'static str]) -> Self {
        let ticket = Ticket {
            id: "7".into(),
            version: "1".into(),
            subject: "Lamp".into(),
            status: "new".into(),
            priority: "0".into(),
            fields: [("Severity".to_owned(), Value::Empty)].into(),
            ..Ticket::default()
        };
        Self {
            ticket: RefCell::new(ticket),
            refuses,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Ticket)) {
        let mut ticket = self.ticket.borrow_mut();
        change(&mut ticket);
        ticket.version = (ticket.version.parse::<u32>().unwrap() + 1).to_string();
    }
}

impl Desk for Shelf {
    fn name(&self) -> &'static str {
        "Shelf"
    }

    fn ticket(&self, _: &str) -> Result<Ticket, ToolError> {
        Ok(self.ticket.borrow().clone())
    }

    fn update(&self, ticket: &Ticket, values: &Values) -> Result<Vec<String>, ToolError> {
        assert_eq!(ticket.version, self.ticket.borrow().version);
        let values = values.clone().only(|place| !self.refuses.contains(&place));
        self.change(|ticket| {
            if let Some(status) = values.status {
                ticket.status = status;
            }
            if let Some(subject) = values.subject {
                ticket.subject = subject;
            }
            if let Some(id) = values.assignee {
                let (name, email) = (None, None);
                ticket.assignee = (!id.is_empty()).then_some(Person { id, name, email });
            }
            ticket.fields.extend(values.fields);
        });
        let said = self.refuses.iter().filter(|place| !place.is_empty());
        Ok(said.map(|place| format!("no {place}")).collect())
    }

    fn search(&self, _: &Search<'_>, _: Window<'_>) -> Result<Page<Ticket>, ToolError> {
        unreachable!("not searched")
    }

    fn entries(&self, _: &str, _: Window<'_>) -> Result<Page<Entry>, ToolError> {
        unreachable!("not read")
    }

    fn entry_by_key(&self, _: &Ticket, _: &str) -> Result<Option<String>, ToolError> {
        unreachable!("not looked for")
    }

    fn write(&self, _: &Ticket, _: Message<'_>) -> Result<Option<String>, ToolError> {
        unreachable!("no message")
    }

    fn by_key(&self, _: &Draft<'_>) -> Result<Option<String>, ToolError> {
        unreachable!("no draft")
    }

    fn same(&self, _: &Draft<'_>) -> Result<Vec<String>, ToolError> {
        unreachable!("no draft")
    }

    fn create(&self, _: &Draft<'_>) -> Result<String, ToolError> {
        unreachable!("no draft")
    }
}

fn input(json: serde_json::Value) -> UpdateTicket {
    serde_json::from_value(json).unwrap()
}

fn all() -> UpdateTicket {
    input(json!({"ticket": "7", "values": {
        "status": "open", "subject": "Lamp", "assignee": "ann", "fields": {"Severity": "high"},
    }}))
}

#[test]
fn the_way_back_puts_back_what_was_written_and_nothing_else() {
    let shelf = Shelf::new(&[]);
    let done = update(&shelf, &all()).unwrap();
    assert_eq!(shelf.ticket.borrow().status, "open");
    let inverse = done.inverse().unwrap().clone();
    assert_eq!(
        serde_json::to_value(&inverse).unwrap(),
        json!({
            "ticket": "7",
            "values": {"status": "new", "assignee": "", "fields": {"Severity": null}},
            "expected": {"status": "open", "assignee": "ann", "fields": {"Severity": "high"}},
        })
    );
    // Through JSON, as the host keeps it.
    let inverse = input(serde_json::to_value(&inverse).unwrap());
    shelf.change(|ticket| ticket.subject = "somebody else's".into());
    update(&shelf, &inverse).unwrap();
    let ticket = shelf.ticket.borrow();
    assert_eq!((ticket.status.as_str(), &ticket.assignee), ("new", &None));
    assert_eq!(ticket.subject, "somebody else's");
}

#[test]
fn the_way_back_refuses_when_somebody_changed_it_since() {
    let shelf = Shelf::new(&[]);
    let done = update(&shelf, &all()).unwrap();
    shelf.change(|ticket| ticket.status = "resolved".into());
    let error = update(&shelf, done.inverse().unwrap()).unwrap_err();
    assert!(matches!(error, ToolError::Conflict(_)));
    assert_eq!(
        error.message(),
        "ticket 7 is not as expected: `status` should be \"open\" and is \"resolved\""
    );
    assert_eq!(shelf.ticket.borrow().status, "resolved");
}

#[test]
fn a_stale_version_writes_nothing() {
    let shelf = Shelf::new(&[]);
    let mut stale = all();
    stale.version = Some("0".into());
    assert!(matches!(
        update(&shelf, &stale),
        Err(ToolError::Conflict(_))
    ));
    assert_eq!(shelf.ticket.borrow().version, "1");
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let shelf = Shelf::new(&[]);
    let same =
        input(json!({"ticket": "7", "values": {"status": "new", "fields": {"Severity": []}}}));
    assert!(update(&shelf, &same).unwrap().inverse().is_none());
    assert_eq!(shelf.ticket.borrow().version, "1");
}

#[test]
fn half_an_update_is_said_and_only_that_half_is_taken_back() {
    let shelf = Shelf::new(&["status"]);
    let done = update(&shelf, &all()).unwrap();
    let output = done.output();
    assert_eq!(output.not_as_asked.len(), 1);
    assert_eq!(output.not_as_asked[0].place, "status");
    assert_eq!(output.desk_says, ["no status"]);
    let inverse = done.inverse().unwrap();
    assert_eq!(
        (&inverse.values.status, &inverse.expected.status),
        (&None, &None)
    );
    assert!(inverse.values.assignee.is_some());
}

#[test]
fn an_update_that_is_refused_with_a_good_answer_is_an_error() {
    let status = input(json!({"ticket": "7", "values": {"status": "flying"}}));
    let error = update(&Shelf::new(&["status"]), &status).unwrap_err();
    assert!(matches!(error, ToolError::InvalidInput { .. }), "{error}");
    // Without a word it is a right that is missing.
    let error = update(&Shelf::new(&["status", ""]), &status);
    assert!(error.is_err());
    let error = refused("Shelf", &Ticket::default(), &[]);
    assert!(matches!(error, ToolError::Denied(_)));
}

#[test]
fn nothing_and_a_header_in_a_subject_are_no_changes() {
    for bad in [
        json!({}),
        json!({"subject": "a\nBcc: x"}),
        json!({"status": ""}),
    ] {
        let input = input(json!({"ticket": "7", "values": bad}));
        let error = update(&Shelf::new(&[]), &input);
        assert!(matches!(error, Err(ToolError::InvalidInput { .. })));
    }
}
