//! Rows compared with the schemas of tools and with the contract.

use serde_json::json;

use super::*;
use crate::ToolDecl;

fn tools() -> Vec<ToolDecl> {
    let tool = |name: &str, input: serde_json::Value| {
        serde_json::from_value(json!({
            "name": name, "title": "T", "description": "D", "input_schema": input,
            "output_schema": {}, "effect": "write", "undo": "none",
        }))
        .unwrap()
    };
    vec![
        tool(
            "refund",
            json!({"type": "object", "properties": {
                "amount": {"type": "integer"},
                "order_id": {"type": "string"},
                "state": {"type": "string", "enum": ["open", "closed"]},
                "to": {"type": "array", "items": {"type": "string"}},
                "free": {"type": "object"},
                "lines": {"type": "array", "items": {"type": "object", "properties": {
                    "sku": {"type": "string"}, "count": {"type": "integer"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "state": {"enum": ["new", "used"]},
                }}},
            }}),
        ),
        tool(
            "lookup",
            json!({"type": "object", "properties": {"order_id": {"type": "string"}}}),
        ),
    ]
}

fn checked(rows: &str) -> String {
    let text = with(rows);
    let manifest = Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"));
    manifest
        .check("m.toml", &tools())
        .map_or_else(|faults| faults.to_string(), |()| "no fault".to_owned())
}

fn row(tool: &str, field: &str, condition: &str) -> String {
    format!(
        "[[rule]]\nname = \"r\"\ntool = {tool}\nwhen = {{ \"{field}\" = {{ {condition} }} }}\nthen = \"deny\"\n"
    )
}

#[test]
fn a_row_that_does_not_fit_the_tool_is_told_with_its_place_and_what_was_meant() {
    let said = checked(&row("\"refund\"", "input.ammount", "gt = 5"));
    assert_eq!(
        said,
        "m.toml:6:10: the tool `refund` has no field `input.ammount`\n  help: did you mean `amount`?"
    );
    for (tool, field, condition, message) in [
        (
            "\"refnd\"",
            "input.amount",
            "gt = 5",
            "m.toml:5:8: the component has no tool `refnd`\n  help: did you mean `refund`?",
        ),
        (
            "[\"refund\", \"lokup\"]",
            "input.order_id",
            "eq = \"a\"",
            "m.toml:5:19: the component has no tool `lokup`",
        ),
        (
            "[\"refund\", \"lookup\"]",
            "input.amount",
            "gt = 5",
            "the tool `lookup` has no field `input.amount`",
        ),
        (
            "\"*\"",
            "input.amout",
            "gt = 5",
            "no tool that this row speaks of has a field `input.amout`",
        ),
        (
            "\"refund\"",
            "input.amount",
            "prefix = \"5\"",
            "is a number, and this comparison reads a text",
        ),
        (
            "\"refund\"",
            "input.amount",
            "eq = \"5\"",
            "is a number, and this comparison reads a text",
        ),
        (
            "\"refund\"",
            "input.order_id",
            "gt = 5",
            "is a text, and this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.order_id",
            "range = { max = 5 }",
            "is a text, and this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.to",
            "suffix = \"@x.example\"",
            "write each = { … }",
        ),
        (
            "\"refund\"",
            "input.to",
            "from = \"case\"",
            "write each = { … }",
        ),
        (
            "\"refund\"",
            "input.to",
            "each = { gt = 5 }",
            "is a text, and this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.order_id",
            "each = { prefix = \"a\" }",
            "reads a list",
        ),
        (
            "\"refund\"",
            "input.state",
            "eq = \"clsoed\"",
            "did you mean `closed`?",
        ),
        (
            "\"refund\"",
            "input.state",
            "in = [\"open\", \"shut\"]",
            "can never be `shut`",
        ),
        (
            "\"refund\"",
            "input.order_id",
            "same_as = \"input.order\"",
            "has no field `input.order`",
        ),
        (
            "\"refund\"",
            "input.amount",
            "not = { prefix = \"5\" }",
            "reads a text",
        ),
        (
            "\"refund\"",
            "input.amount",
            "any = [{ eq = 5 }, { matches = \"5\" }]",
            "reads a text",
        ),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.skuu\" = { prefix = \"a\" } }",
            "m.toml:6:10: the tool `refund` has no field `item.skuu`\n  help: did you mean `sku`?",
        ),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.sku\" = { gt = 5 } }",
            "`item.sku` is a text, and this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.tags\" = { each = { gt = 5 } } }",
            "`item.tags` is a text, and this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.lines",
            "not = { each = { \"item.state\" = { eq = \"nwe\" } } }",
            "did you mean `new`?",
        ),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.sku\" = { same_as = \"item.count\" } }",
            "is a text and `item.count` is a number: they are never the same",
        ),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.sku\" = { same_as = \"item.cuont\" } }",
            "did you mean `count`?",
        ),
        (
            "\"refund\"",
            "input.amount",
            "same_as = \"input.order_id\"",
            "`input.order_id` is a text: they are never the same",
        ),
        (
            "\"refund\"",
            "input.amount",
            "same_as = \"principal\"",
            "`principal` is a text: they are never the same",
        ),
        (
            "\"refund\"",
            "input.to",
            "keys = { eq = \"a\" }",
            "this comparison reads an object",
        ),
        (
            "\"refund\"",
            "input.free",
            "keys = { gt = 5 }",
            "this comparison reads a number",
        ),
        (
            "\"refund\"",
            "input.free",
            "prefix = \"a\"",
            "write keys = { … }",
        ),
        (
            "\"refund\"",
            "input.amount.cents",
            "eq = 5",
            "it has no fields at all there",
        ),
    ] {
        let said = checked(&row(tool, field, condition));
        assert!(
            said.contains(message),
            "{field} {condition}\n--- wanted {message}\n--- got {said}"
        );
    }
}

#[test]
fn a_row_that_fits_is_not_refused() {
    for (tool, field, condition) in [
        ("\"refund\"", "input.amount", "gt = 5, le = 7"),
        ("\"*\"", "input.amount", "gt = 5"),
        ("\"refund\"", "input.state", "in = [\"open\", \"closed\"]"),
        (
            "\"refund\"",
            "input.to",
            "length = { max = 3 }, each = { suffix = \"@x.example\" }",
        ),
        ("\"refund\"", "input.to.0", "prefix = \"a\""),
        (
            "\"refund\"",
            "input.lines",
            "each = { \"item.sku\" = { same_as = \"input.order_id\" }, \"item.tags\" = { each = { prefix = \"a\" } } }",
        ),
        (
            "\"refund\"",
            "input.free",
            "keys = { in = [\"a\"] }, length = { max = 3 }",
        ),
        ("\"refund\"", "input.order_id", "same_as = \"principal\""),
        ("\"refund\"", "input.free.anything", "eq = true"),
        ("\"refund\"", "input.order_id", "exists = true"),
        (
            "[\"refund\", \"lookup\"]",
            "input.order_id",
            "matches = \"[A-Z]+\"",
        ),
    ] {
        assert_eq!(
            checked(&row(tool, field, condition)),
            "no fault",
            "{field} {condition}"
        );
    }
}

#[test]
fn a_budget_counts_what_can_be_counted() {
    let budget = |measure: &str| {
        format!(
            "[[budget]]\nname = \"b\"\ntool = \"refund\"\nper = \"case\"\n{measure}\nthen = \"deny\"\n"
        )
    };
    for (measure, message) in [
        ("count = 5", "no fault"),
        (
            "sum = { field = \"input.amount\", max = \"5.00\" }",
            "no fault",
        ),
        ("distinct = { field = \"input.to\", max = 5 }", "no fault"),
        (
            "sum = { field = \"input.amout\", max = 5 }",
            "did you mean `amount`?",
        ),
        (
            "sum = { field = \"input.to\", max = 5 }",
            "which this budget cannot count",
        ),
        (
            "distinct = { field = \"input.free\", max = 5 }",
            "which this budget cannot count",
        ),
    ] {
        let said = checked(&budget(measure));
        assert!(said.contains(message), "{measure}: {said}");
    }
}

#[test]
fn arguments_are_compared_with_the_contract_when_the_file_is_read() {
    let row = |call: &str, field: &str, condition: &str| {
        with(&format!(
            "[grant.kv.k]\n[[rule]]\nname = \"r\"\ncall = \"{call}\"\nwhen = {{ \"{field}\" = {{ {condition} }} }}\nthen = \"deny\"\n"
        ))
    };
    for (call, field, condition, message) in [
        (
            "kv.set",
            "args.kee",
            "eq = \"a\"",
            "the import call `kv.set` has no field `args.kee`\n  help: did you mean `key`?",
        ),
        (
            "kv.*",
            "args.statement",
            "eq = \"a\"",
            "no import call that this row speaks of",
        ),
        (
            "*",
            "args.statment",
            "eq = \"a\"",
            "did you mean `statement`?",
        ),
        ("sql.execute", "args.parameters", "eq = \"a\"", "write each"),
        (
            "http.send",
            "args.method",
            "eq = \"PSOT\"",
            "did you mean `POST`?",
        ),
        (
            "mail.send",
            "args.to",
            "suffix = \"@x.example\"",
            "write each",
        ),
        (
            "mail.send",
            "args.to",
            "each = { suffix = \"@x.example\" }",
            "no fault",
        ),
        ("http.send", "args.query.channel", "eq = \"C0\"", "no fault"),
        ("http.send", "args.body.amount", "gt = 5", "no fault"),
        ("*", "args.key", "prefix = \"a\"", "no fault"),
        (
            "sql.execute",
            "args.parameters.2",
            "from = { case = \"id\" }",
            "no fault",
        ),
    ] {
        let said = faults(&row(call, field, condition));
        assert!(said.contains(message), "{call} {field}: {said}");
    }
}
