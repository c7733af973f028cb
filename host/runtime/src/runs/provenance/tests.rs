//! What counts as an input of a case, and what a read tells.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::json;
use tollgate_journal::Leaf;
use tollgate_policy::{Digest, Outcome, ToolFacts};

use super::*;

const ROWS: &str = r#"
[grant.sql.orders]
source = "sqlite:orders.db"
[[grant.sql.orders.table]]
name = "orders"
read = ["*"]
[[rule]]
name = "order"
tool = "by_case"
when = { "input.order" = { from = "case" } }
then = "allow"
[[rule]]
name = "record"
tool = "by_record"
when = { "input.order" = { any = [{ from_record = { system = "crm.api", field = "orders.id" } }, { from_record = { system = "crm.orders", field = "orders.id" } }] } }
then = "allow"
"#;

fn manifest() -> Manifest {
    let text = format!(
        "connector = \"crm\"\ncomponent = \"{}\"\n{ROWS}",
        Digest::of(b"")
    );
    Manifest::parse("m.toml", &text).unwrap()
}

fn allows(facts: &CaseFacts, tool: &str, order: Value) -> bool {
    let input = json!({ "order": order });
    let facts = ToolFacts {
        tool,
        input: &input,
        workflow: None,
        principal: "agent:a",
        undo: false,
        case: Some(facts),
    };
    manifest().compiled.decide_tool(&facts).outcome == Outcome::Allow
}

fn opened(values: &[(&str, Value)], gone: bool) -> OpenRecord {
    let leaf = json!({
        "v": tollgate_journal::LEAF_VERSION, "tenant": "t", "case": "c", "principal": "p",
        "stage": "case.opened", "at": 0, "subject": "s", "facts": {}, "values": {},
    });
    let leaf: Leaf = serde_json::from_value(leaf).unwrap();
    let bytes = |value: &Value| value.to_string().into_bytes();
    OpenRecord {
        seq: 0,
        hash: [0; 32],
        leaf,
        values: values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), bytes(value)))
            .collect(),
        gone,
    }
}

#[test]
fn only_what_opened_the_case_gives_its_trusted_inputs() {
    let trusted = || opened(&[("inputs", json!({"order": 17}))], false);
    let by_agent = || opened(&[("trigger", json!({"order": 18}))], false);
    let facts = inputs(&[
        trusted(),
        opened(&[("inputs", json!({"order": 18}))], false),
    ]);
    assert!(allows(&facts, "by_case", json!(17)));
    assert!(!allows(&facts, "by_case", json!(18)), "said later");
    assert!(!allows(&facts, "by_case", json!("17")), "another type");
    // A case that an agent named first has no trusted inputs.
    let facts = inputs(&[by_agent(), trusted()]);
    assert!(!allows(&facts, "by_case", json!(17)));
    assert!(!allows(&facts, "by_case", json!(18)));
    assert!(!allows(&inputs(&[]), "by_case", json!(17)));
    assert!(!allows(&inputs(&[opened(&[], true)]), "by_case", json!(17)));
}

fn told(call: &str, destination: &str, arguments: &Value, reply: &Value) -> CaseFacts {
    let mut facts = CaseFacts::default();
    let read = Read {
        call,
        destination,
        arguments,
        reply,
    };
    read.tell("crm", &manifest(), &mut facts);
    facts
}

#[test]
fn a_server_s_whole_and_successful_json_tells_its_fields() {
    let answer = |status: u16, body: Value, truncated: bool| json!({"Ok": {"status": status, "headers": [], "body": body, "truncated": truncated}});
    let text = json!({"text": "{\"orders\":[{\"id\":17}],\"note\":\"18\"}"});
    for (reply, known) in [
        (answer(200, text.clone(), false), true),
        (answer(404, text.clone(), false), false),
        (answer(200, text.clone(), true), false),
        (
            answer(
                200,
                json!({"text": "{\"orders\":[{\"id\":17,\"id\":17}]}"}),
                false,
            ),
            false,
        ),
        (answer(200, json!({"base64": "AA=="}), false), false),
        (json!({"Err": "busy"}), false),
    ] {
        let facts = told("http.send", "api", &json!({}), &reply);
        assert_eq!(allows(&facts, "by_record", json!(17)), known, "{reply}");
        assert!(!allows(&facts, "by_record", json!(18)), "{reply}");
    }
    let elsewhere = told("http.send", "other", &json!({}), &answer(200, text, false));
    assert!(!allows(&elsewhere, "by_record", json!(17)));
}

#[test]
fn rows_tell_the_columns_of_one_table() {
    let reply = json!({"Ok": {"columns": ["id", "customer"], "rows": [[17, "ada"]]}});
    for (statement, known) in [
        ("SELECT id, customer FROM orders", true),
        ("SELECT * FROM orders", true),
        ("SELECT 17 AS id, customer FROM orders", false),
        ("SELECT id FROM orders", false),
        ("SELECT id, customer FROM others", false),
        ("nonsense", false),
    ] {
        let facts = told(
            "sql.query",
            "orders",
            &json!({"statement": statement}),
            &reply,
        );
        assert_eq!(allows(&facts, "by_record", json!(17)), known, "{statement}");
    }
    let arguments = json!({"statement": "SELECT id, customer FROM orders"});
    for call in ["sql.execute", "sql.preview", "kv.get"] {
        let facts = told(call, "orders", &arguments, &reply);
        assert!(!allows(&facts, "by_record", json!(17)), "{call}");
    }
}
