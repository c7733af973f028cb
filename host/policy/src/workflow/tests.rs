#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    HandoffType, InputDecl, InputType, Mode, Widens, Workflow, check_inputs, inputs_from_text,
};
use crate::Approver;

const FULL: &str = r#"
name = "refund-status"
owner = "group:support"
purpose = "Tell a customer how far a refund is."
handoff = "status_update"
starts = ["trigger:tickets", "person", "agent"]
agents = ["desk-agent"]
queue = "support-failures"
first_response = "15m"
mode = "supervised"

[inputs.order]
type = "string"
pattern = "A-[0-9]+"
max = 20
about = "the order's number"

[inputs.amount]
type = "decimal"
required = false

[tools]
database = ["lookup"]
support-desk = ["get_ticket", "add_note"]

[stop]
runs = 20
duration = "2d"
failures = 3
denials = 2

[baseline]
minutes = 12
uncertainty = 4
touches = 3
source = "time study of support, May 2026"

[done_when]
tool = "support-desk.get_ticket"
input = { ticket = { from = "order" }, full = { value = true }, in = { deep = { from = "order" } } }
output = { status = { in = ["solved", "closed"] }, "notes.0.public" = { eq = false } }
"#;

fn faults(text: &str) -> String {
    Workflow::parse("w.toml", text).unwrap_err().to_string()
}

fn changed(from: &str, to: &str) -> String {
    assert!(FULL.contains(from), "{from}");
    FULL.replacen(from, to, 1)
}

#[test]
fn a_whole_file_is_read() {
    let workflow = Workflow::parse("w.toml", FULL).unwrap();
    assert_eq!(workflow.name, "refund-status");
    assert_eq!(workflow.tenant, "default");
    assert_eq!(workflow.owner, Approver::Group("support".into()));
    assert_eq!(workflow.handoff, HandoffType::StatusUpdate);
    assert_eq!(workflow.mode, Mode::Supervised);
    assert_eq!(workflow.starts.triggers, ["tickets"]);
    assert!(workflow.starts.person && workflow.starts.agent);
    assert!(workflow.binds("desk-agent") && !workflow.binds("mira"));
    assert!(workflow.has_tool("database", "lookup"));
    assert!(!workflow.has_tool("database", "get_ticket"));
    assert_eq!(workflow.stop.duration, Duration::from_secs(2 * 24 * 3_600));
    assert_eq!(workflow.baseline.as_ref().unwrap().uncertainty, 4);
    assert_eq!(workflow.first_response, Some(Duration::from_secs(900)));
    assert!(!workflow.inputs["amount"].required);
}

#[test]
fn every_stop_has_a_default() {
    let start = FULL.find("[stop]").unwrap();
    let end = FULL.find("[baseline]").unwrap();
    let workflow = Workflow::parse("w.toml", &FULL.replace(&FULL[start..end], "")).unwrap();
    assert_eq!(workflow.stop, super::Stop::default());
}

#[test]
fn each_mistake_is_told_with_its_place_and_what_to_write() {
    for (from, to, place, words) in [
        (
            "mode = \"supervised\"",
            "mode = \"supervized\"",
            "10:8",
            "did you mean `supervised`?",
        ),
        ("mode = \"supervised\"", "", "1:1", "has no `mode`"),
        ("queue = ", "queu = ", "8:1", "did you mean `queue`?"),
        (
            "owner = \"group:support\"",
            "owner = \"support\"",
            "3:9",
            "write `person:support` or `group:support`",
        ),
        (
            "\"status_update\"",
            "\"status\"",
            "5:11",
            "there is no handoff `status`",
        ),
        (
            "\"trigger:tickets\"",
            "\"tickets\"",
            "6:11",
            "write \"person\", \"agent\" or \"trigger:tickets\"",
        ),
        (
            "\"person\", \"agent\"",
            "\"persn\"",
            "6:30",
            "did you mean `person`?",
        ),
        (
            "agents = [\"desk-agent\"]",
            "",
            "6:10",
            "no agent works in this workflow",
        ),
        (
            "type = \"decimal\"",
            "type = \"float\"",
            "19:8",
            "there is no type `float`",
        ),
        (
            "type = \"string\"",
            "type = \"integer\"",
            "14:11",
            "has no pattern or length",
        ),
        (
            "pattern = \"A-[0-9]+\"",
            "pattern = \"A-[0-9\"",
            "14:11",
            "this pattern cannot be read",
        ),
        (
            "database = [\"lookup\"]",
            "database = [\"look*\"]",
            "23:13",
            "patterns are not read here",
        ),
        (
            "database = [\"lookup\"]",
            "database = \"lookup\"",
            "23:12",
            "a list of this connector's tools",
        ),
        ("runs = 20", "runs = 0", "27:8", "a whole number above 0"),
        (
            "denials = 2",
            "denails = 2",
            "30:1",
            "did you mean `denials`?",
        ),
        (
            "minutes = 12",
            "minutes = \"12\"",
            "33:11",
            "a whole number from 0",
        ),
        (
            "{ from = \"order\" }",
            "{ from = \"oder\" }",
            "40:29",
            "did you mean `order`?",
        ),
        ("{ value = true }", "true", "40:47", "{ from = \"INPUT\" }"),
        (
            "{ in = [\"solved\"",
            "{ inn = [\"solved\"",
            "41:23",
            "did you mean `in`?",
        ),
        (
            "\"support-desk.get_ticket\"",
            "\"get_ticket\"",
            "39:8",
            "write CONNECTOR.TOOL",
        ),
    ] {
        let told = faults(&changed(from, to));
        assert!(told.contains(&format!("w.toml:{place}:")), "{to}: {told}");
        assert!(told.contains(words), "{to}: {told}");
    }
}

#[test]
fn a_workflow_without_a_tool_or_a_start_is_none() {
    let start = FULL.find("[tools]").unwrap();
    let end = FULL.find("[stop]").unwrap();
    let none = FULL.replace(&FULL[start..end], "[tools]\n");
    assert!(faults(&none).contains("names no tool"));
    let none = changed("[\"trigger:tickets\", \"person\", \"agent\"]", "[]");
    assert!(faults(&none).contains("nothing can open a case"));
}

fn declared() -> BTreeMap<String, InputDecl> {
    let mut declared: BTreeMap<String, InputDecl> = [
        ("text", InputType::Text),
        ("count", InputType::Integer),
        ("amount", InputType::Decimal),
        ("paid", InputType::Boolean),
        ("day", InputType::Date),
        ("mail", InputType::Email),
    ]
    .into_iter()
    .map(|(name, kind)| {
        let decl = InputDecl {
            required: false,
            ..InputDecl::of(kind)
        };
        (name.to_owned(), decl)
    })
    .collect();
    let order = InputDecl {
        pattern: Some(crate::Pattern::parse("A-[0-9]+").unwrap()),
        ..InputDecl::of(InputType::Text)
    };
    declared.insert("order".into(), order);
    declared
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn an_input_is_of_its_type_or_opens_nothing() {
    let declared = declared();
    let fits = |name: &str, value: Value| {
        let given = object(json!({"order": "A-1", name: value}));
        check_inputs(&declared, &given).is_ok()
    };
    for (name, value) in [
        ("text", json!("any")),
        ("count", json!(-7)),
        ("amount", json!("12.50")),
        ("amount", json!("0")),
        ("paid", json!(false)),
        ("day", json!("2028-02-29")),
        ("mail", json!("ada@shop.example")),
    ] {
        assert!(fits(name, value.clone()), "{name} {value}");
    }
    for (name, value) in [
        ("text", json!(1)),
        ("text", json!("x".repeat(201))),
        ("count", json!("7")),
        ("count", json!(1.5)),
        ("count", json!(9_007_199_254_740_993_u64)),
        ("amount", json!(12.5)),
        ("amount", json!("012")),
        ("amount", json!("1e3")),
        ("amount", json!("1.")),
        ("amount", json!("١")),
        ("paid", json!("true")),
        ("day", json!("2027-02-29")),
        ("day", json!("2027-2-09")),
        ("mail", json!("ada")),
        ("order", json!("A-1 OR 1=1")),
        ("order", json!(["A-1"])),
        ("other", json!("x")),
    ] {
        assert!(!fits(name, value.clone()), "{name} {value}");
    }
    let missing = check_inputs(&declared, &object(json!({"order": null}))).unwrap_err();
    assert_eq!(missing.to_string(), "the input `order` is missing");
}

#[test]
fn texts_become_the_types_that_are_declared() {
    let declared = declared();
    let given = [
        ("order", "A-7"),
        ("count", "12"),
        ("paid", "true"),
        ("amount", "3.10"),
    ];
    let inputs = inputs_from_text(&declared, given).unwrap();
    let expected = json!({"order": "A-7", "count": 12, "paid": true, "amount": "3.10"});
    assert_eq!(Value::Object(inputs), expected);
    let twice = inputs_from_text(&declared, [("order", "A-7"), ("order", "A-8")]);
    assert!(twice.unwrap_err().to_string().contains("given twice"));
}

#[test]
fn a_completion_is_correct_only_where_the_output_shows_it() {
    let done = Workflow::parse("w.toml", FULL).unwrap().done_when.unwrap();
    let input = done.input_of(&object(json!({"order": "A-7"}))).unwrap();
    assert_eq!(
        input,
        json!({"ticket": "A-7", "full": true, "in": {"deep": "A-7"}})
    );
    assert_eq!(done.input_of(&Map::new()), Err("order".to_owned()));
    assert!(done.holds(&json!({"status": "closed", "notes": [{"public": false}]})));
    for not in [
        json!({"status": "open", "notes": [{"public": false}]}),
        json!({"status": "closed", "notes": [{"public": true}]}),
        json!({"status": "closed"}),
        json!({"status": ["closed"], "notes": [{"public": false}]}),
        json!(null),
    ] {
        assert!(!done.holds(&not), "{not}");
    }
}

#[test]
fn what_becomes_wider_is_said() {
    let before = Workflow::parse("w.toml", FULL).unwrap();
    for (from, to, widens, what) in [
        (
            "mode = \"supervised\"",
            "mode = \"normal\"",
            Widens::Wider,
            "mode: supervised -> normal",
        ),
        (
            "mode = \"supervised\"",
            "mode = \"shadow\"",
            Widens::Narrower,
            "mode: supervised -> shadow",
        ),
        (
            "\"add_note\"]",
            "\"add_note\", \"reply\"]",
            Widens::Wider,
            "tool added: support-desk.reply",
        ),
        (
            ", \"add_note\"]",
            "]",
            Widens::Narrower,
            "tool removed: support-desk.add_note",
        ),
        (
            "[\"desk-agent\"]",
            "[\"desk-agent\", \"b\"]",
            Widens::Wider,
            "agent added: b",
        ),
        (
            "\"person\", ",
            "",
            Widens::Narrower,
            "start removed: person",
        ),
        (
            "runs = 20",
            "runs = 30",
            Widens::Wider,
            "stop.runs: 20 -> 30",
        ),
        (
            "duration = \"2d\"",
            "duration = \"1d\"",
            Widens::Narrower,
            "stop.duration (seconds): 172800 -> 86400",
        ),
        (
            "A-[0-9]+",
            ".*",
            Widens::Wider,
            "input order: string, `A-[0-9]+`, at most 20 -> string, `.*`, at most 20",
        ),
        (
            "max = 20\n",
            "max = 10\n",
            Widens::Narrower,
            "input order: string, `A-[0-9]+`, at most 20 -> string, `A-[0-9]+`, at most 10",
        ),
        (
            "group:support",
            "group:desk",
            Widens::Same,
            "owner: group:support -> group:desk",
        ),
        (
            "minutes = 12",
            "minutes = 15",
            Widens::Same,
            "baseline (minutes): 12 -> 15",
        ),
        (
            "{ in = [\"solved\", \"closed\"] }",
            "{ exists = true }",
            Widens::Same,
            "only words, the baseline's details, or what done_when expects",
        ),
    ] {
        let after = Workflow::parse("w.toml", &changed(from, to)).unwrap();
        let found = after.changes_from(Some(&before));
        assert_eq!(found.len(), 1, "{to}: {found:?}");
        assert_eq!((found[0].widens, found[0].what.as_str()), (widens, what));
    }
    assert!(before.changes_from(Some(&before)).is_empty());
    let first = before.changes_from(None);
    assert!(first.iter().all(|change| change.widens == Widens::Wider));
}
