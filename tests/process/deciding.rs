//! `decide`: calls that were written down, judged without running anything.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{self, Ended};

const MANIFEST: &str = r#"
connector = "shop"
component = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

[list.suppliers]
file = "suppliers.txt"

[[rule]]
name = "suppliers"
tool = "pay"
when = { "input.to" = { any = [{ in_list = "suppliers" }, { from = "case" }] }, "input.amount" = { le = 100 } }
then = "allow"

[[rule]]
name = "large"
tool = "pay"
when = { "input.amount" = { gt = 100 } }
then = { require = "finance" }
reason = "a person looks"

[approval.finance]
approvers = ["group:finance"]
"#;

const CALLS: &str = r#"{"id": 1, "tool": "pay", "input": {"to": "ACME", "amount": 100}}
{"tool": "pay", "input": {"to": "EVIL", "amount": 100}, "inputs": {"to": "Ada"}}

{"tool": "pay", "input": {"to": "Ada", "amount": 100}, "inputs": {"to": "Ada"}}
{"tool": "pay", "inptu": {}}
{"tool": "pay", "input": {"to": "ACME", "amount": 101}}
"#;

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("manifest.toml", MANIFEST);
    write("suppliers.txt", "# who is paid\nACME\n");
    write("calls.jsonl", CALLS);
    write(
        "tools.json",
        r#"[{"name": "pay", "effect": "write", "input_schema": {"type": "object", "properties":
            {"to": {"type": "string"}, "amount": {"type": "number"}}}}]"#,
    );
    folder
}

fn decide(folder: &Path, more: &[&str]) -> Ended {
    let mut command = program::command(["decide", "--manifest", "manifest.toml"]);
    program::run(command.args(more).current_dir(folder))
}

#[test]
fn every_line_has_one_answer_and_a_bad_one_its_number() {
    let folder = folder();
    let ended = decide(folder.path(), &["--calls", "calls.jsonl", "--json"]).exits(1);
    let lines = ended.json_lines();
    let error = lines[3]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("unknown field `inptu`"), "{error}");
    let expected = [
        json!({"line": 1, "id": 1, "outcome": "allow", "rule": "suppliers", "rule_line": 8}),
        json!({"line": 2, "outcome": "deny", "rule": "(default)", "why": [
            "rule `suppliers`: its condition on `input.to` does not hold",
            "rule `large`: its condition on `input.amount` does not hold"]}),
        json!({"line": 4, "outcome": "allow", "rule": "suppliers", "rule_line": 8}),
        json!({"line": 5, "error": error}),
        json!({"line": 6, "outcome": "require", "approval": "finance", "rule": "large",
               "rule_line": 14, "reason": "a person looks"}),
    ];
    assert_eq!(lines, expected.map(Value::from));
    let table = decide(folder.path(), &["--calls", "calls.jsonl"]).exits(1);
    assert!(
        table
            .stdout
            .contains("     6  require  pay  by large for finance: a person looks")
            && table
                .stdout
                .ends_with("2 allowed, 1 held, 1 denied, 1 no calls\n"),
        "{}",
        table.stdout
    );
}

#[test]
fn the_files_around_the_calls_are_checked_first() {
    let folder = folder();
    let path = folder.path();
    fs::write(path.join("one.jsonl"), CALLS.lines().next().unwrap()).unwrap();
    let one = ["--calls", "one.jsonl", "--json"];
    decide(path, &one).exits(0);
    let tools = ["--calls", "one.jsonl", "--schemas", "tools.json"];
    decide(path, &tools).exits(0);
    let text = fs::read_to_string(path.join("tools.json")).unwrap();
    fs::write(path.join("tools.json"), text.replace("amount", "cents")).unwrap();
    let said = decide(path, &tools).exits(1).stderr;
    assert!(said.contains("has no field `input.amount`"), "{said}");
    fs::remove_file(path.join("suppliers.txt")).unwrap();
    let said = decide(path, &one).exits(1).stderr;
    assert!(
        said.contains("manifest.toml:6:8") && said.contains("suppliers.txt"),
        "{said}"
    );
    decide(path, &["--calls"]).exits(2);
}
