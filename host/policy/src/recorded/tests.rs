//! Lines and what is said of them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::json;

use super::*;
use crate::Digest;

const ROWS: &str = r#"
tenant = "acme"
[grant.kv.notes]
[approval.finance]
approvers = ["group:finance"]
[[rule]]
name = "own-orders"
tool = "refund"
when = { "input.order" = { from = "case" }, "input.amount" = { le = 50 } }
then = "allow"
[[rule]]
name = "large"
tool = "refund"
when = { "input.amount" = { gt = 50 } }
then = { require = "finance" }
reason = "a person looks"
[[budget]]
name = "three"
tool = "refund"
per = "case"
count = 3
then = "deny"
"#;

fn manifest() -> Manifest {
    let text = format!(
        "connector = \"c\"\ncomponent = \"{}\"\n{ROWS}",
        Digest::of(b"")
    );
    Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

fn judged(judge: &mut Judge<'_>, line: Value) -> String {
    let call = RecordedCall::parse(&line.to_string());
    match call.and_then(|call| judge.judge(&call)) {
        Ok(verdict) => format!("{} {}", verdict.outcome, verdict.rule),
        Err(error) => error,
    }
}

#[test]
fn each_line_has_its_outcome_and_what_decided() {
    let manifest = manifest();
    let mut judge = Judge::new(&manifest, None);
    let call = |amount: u64, effect: &str| json!({"tool": "refund", "input": {"order": 7, "amount": amount}, "inputs": {"order": 7}, "effect": effect});
    let mut foreign = call(50, "write");
    foreign["tenant"] = json!("other");
    let mut unknown = call(50, "write");
    unknown.as_object_mut().unwrap().remove("inputs");
    for (line, expected) in [
        (call(50, "write"), "allow own-orders"),
        (call(51, "write"), "require large"),
        (call(50, "irreversible"), "require (irreversible)"),
        (foreign, "deny (tenant)"),
        (unknown, "deny (default)"),
        (json!({"tool": "refund"}), "require large"),
        (json!({"tool": "other"}), "deny (default)"),
    ] {
        assert_eq!(judged(&mut judge, line.clone()), expected, "{line}");
    }
}

#[test]
fn a_default_deny_says_why_the_rules_did_not_speak() {
    let manifest = manifest();
    let mut judge = Judge::new(&manifest, None);
    let line = json!({"id": "a", "tool": "refund", "input": {"order": 8, "amount": 5}, "inputs": {"order": 7}});
    let call = RecordedCall::parse(&line.to_string()).unwrap();
    let verdict = judge.judge(&call).unwrap();
    assert_eq!(
        serde_json::to_value(&verdict).unwrap(),
        json!({"id": "a", "outcome": "deny", "rule": "(default)", "why": [
            "rule `own-orders`: its condition on `input.order` does not hold",
            "rule `large`: its condition on `input.amount` does not hold",
        ]})
    );
    let held = RecordedCall::parse(r#"{"tool":"refund","input":{"amount":60}}"#).unwrap();
    let verdict = judge.judge(&held).unwrap();
    assert_eq!(
        (
            verdict.approval.as_deref(),
            verdict.rule_line,
            verdict.reason.as_deref()
        ),
        (Some("finance"), Some(13), Some("a person looks"))
    );
}

#[test]
fn budgets_count_the_lines_before() {
    let manifest = manifest();
    let mut judge = Judge::new(&manifest, None);
    let line = |case: &str, run: u64| {
        json!({"tool": "refund", "case": case, "run": run.to_string(), "input": {"order": 7, "amount": 5},
               "inputs": {"order": 7}, "call": "kv.set", "destination": "notes", "effect": "write",
               "args": {"key": "k"}})
    };
    for run in 1..=3 {
        assert_eq!(judged(&mut judge, line("a", run)), "allow (default)");
    }
    assert_eq!(judged(&mut judge, line("a", 4)), "deny three");
    assert_eq!(
        judged(&mut judge, line("a", 1)),
        "allow (default)",
        "counted already"
    );
    assert_eq!(judged(&mut judge, line("b", 5)), "allow (default)");
}

#[test]
fn a_call_for_which_nothing_is_granted_is_denied_before_any_rule() {
    let manifest = manifest();
    let mut judge = Judge::new(&manifest, None);
    let line = |call: &str, destination: Option<&str>| {
        let mut line = json!({"tool": "refund", "input": {"order": 7, "amount": 5},
            "inputs": {"order": 7}, "call": call, "effect": "write", "args": {}});
        if let Some(name) = destination {
            line["destination"] = json!(name);
        }
        line
    };
    for (call, destination, expected) in [
        ("kv.set", Some("notes"), "allow (default)"),
        ("kv.set", Some("other"), "deny (grant)"),
        ("kv.set", None, "allow (default)"),
        ("sql.execute", Some("notes"), "deny (grant)"),
        ("sql.execute", None, "deny (grant)"),
        ("mail.send", None, "deny (grant)"),
        ("clock.now", None, "allow (default)"),
        ("config.get", None, "allow (default)"),
    ] {
        assert_eq!(
            judged(&mut judge, line(call, destination)),
            expected,
            "{call} {destination:?}"
        );
    }
    let mut without = line("kv.set", Some("other"));
    without.as_object_mut().unwrap().remove("args");
    assert_eq!(judged(&mut judge, without), "allow (default)");
    let call = RecordedCall::parse(&line("kv.set", Some("other")).to_string()).unwrap();
    assert_eq!(
        judge.judge(&call).unwrap().why,
        ["nothing is granted for `kv.set` at `other`"]
    );
}

#[test]
fn a_line_that_no_host_could_be_asked_is_a_mistake() {
    let manifest = manifest();
    let tool = serde_json::from_value::<ToolDecl>(json!({
        "name": "refund", "title": "T", "description": "D", "input_schema": {},
        "output_schema": {}, "effect": "irreversible", "undo": "none",
    }))
    .unwrap();
    let tools = [tool];
    let mut judge = Judge::new(&manifest, Some(&tools));
    for (line, said) in [
        ("{", "JSON"),
        ("[]", "invalid"),
        (r#"{"tool":"refund","tool":"x"}"#, "twice"),
        (r#"{"tool":"refund","inptu":{}}"#, "unknown field `inptu`"),
        (r#"{"input":{}}"#, "missing field `tool`"),
        (r#"{"tool":"Refund"}"#, "can be no tool"),
        (r#"{"tool":"lookup"}"#, "has no tool `lookup`"),
        (r#"{"tool":"refund","args":{}}"#, "add `call`"),
        (
            r#"{"tool":"refund","call":"kv.put"}"#,
            "no import call `kv.put`",
        ),
        (
            r#"{"tool":"refund","call":"kv.set","args":{"kee":1}}"#,
            "`kee` is no argument",
        ),
        (r#"{"tool":"refund","effect":"big"}"#, "unknown variant"),
    ] {
        let found = RecordedCall::parse(line).and_then(|call| judge.judge(&call));
        let error = found.unwrap_err();
        assert!(error.contains(said), "{line}: {error}");
    }
    // What the tool declares is its class where the line does not say one.
    let line =
        json!({"tool": "refund", "input": {"order": 7, "amount": 5}, "inputs": {"order": 7}});
    assert_eq!(judged(&mut judge, line), "require (irreversible)");
}
