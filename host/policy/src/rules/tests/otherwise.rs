//! Rows for what no row allows.

use super::*;

const REST: &str = "[[rule]]\nname = \"rest\"\ntool = \"refund\"\nthen = { require = \"finance\" }\notherwise = true\n";
const SMALL: &str = "[[rule]]\nname = \"small\"\ntool = \"refund\"\nwhen = { \"input.x\" = { le = 5 } }\nthen = \"allow\"\n";
const STOP: &str = "[[rule]]\nname = \"stop\"\ntool = \"refund\"\nwhen = { \"input.x\" = { gt = 9 } }\nthen = \"deny\"\n";

/// Both as a tool call and as a write that it makes.
fn both(rows: &str, input: &Value) -> [String; 2] {
    let manifest = manifest(&format!("{rows}{FINANCE}"));
    let args = json!({});
    let call = CallFacts {
        call: "kv.set",
        destination: "notes",
        identity: None,
        effect: Effect::Write,
        egress: false,
        args: &args,
    };
    let tool = tool(input);
    let rules = &manifest.compiled;
    [rules.decide_tool(&tool), rules.decide_call(&tool, &call)]
        .map(|decision| manifest.decided_by(&decision).to_owned())
}

#[test]
fn what_no_row_allows_is_held_and_what_is_denied_stays_so() {
    for rows in [
        [SMALL, REST, STOP],
        [STOP, REST, SMALL],
        [REST, SMALL, STOP],
    ] {
        let rows = rows.concat();
        for (input, expected) in [
            (json!({"x": 5}), ["small", "(default)"]),
            (json!({"x": 6}), ["rest", "rest"]),
            (json!({"x": 10}), ["stop", "stop"]),
        ] {
            assert_eq!(both(&rows, &input), expected, "{input}");
        }
        // Unknown: denied as before, because the row that denies may speak of it.
        assert_eq!(both(&rows, &json!({})), ["stop", "stop"]);
    }
    let rows = format!("{SMALL}{REST}");
    assert_eq!(both(&rows, &json!({})), ["rest", "rest"]);
    assert_eq!(both(&rows, &json!({"x": "5"})), ["rest", "rest"]);
    let other = rows.replace("\"refund\"", "\"lookup\"");
    assert_eq!(both(&other, &json!({"x": 5}))[0], DECIDED_BY_DEFAULT);
}

/// The attack: leave the workflow out, so that what would be denied is held, and hope
/// for a tired person.
#[test]
fn outside_of_its_workflow_a_row_for_the_rest_of_a_tool_says_nothing() {
    let rows = manifest(&format!(
        "{}{FINANCE}",
        REST.replace("otherwise", "workflow = \"desk\"\notherwise")
    ));
    let input = json!({});
    for (workflow, outcome) in [
        (Some("desk"), Outcome::Require(0)),
        (Some("other"), Outcome::Deny),
        (None, Outcome::Deny),
    ] {
        let facts = ToolFacts {
            workflow,
            ..tool(&input)
        };
        assert_eq!(
            rows.compiled.decide_tool(&facts).outcome,
            outcome,
            "{workflow:?}"
        );
    }
}

#[test]
fn a_row_for_the_rest_of_import_calls_holds_what_would_go_on() {
    let rows = format!(
        "[[rule]]\nname = \"known\"\ncall = \"kv.*\"\nwhen = {{ \"args.key\" = {{ prefix = \"a\" }} }}\nthen = \"allow\"\n\
         [[rule]]\nname = \"rest\"\ncall = \"kv.*\"\nthen = {{ require = \"finance\" }}\notherwise = true\n{FINANCE}"
    );
    for effect in [Effect::Read, Effect::Write] {
        for (args, expected) in [
            (json!({"key": "ab"}), "known"),
            (json!({"key": "b"}), "rest"),
            (json!({}), "rest"),
        ] {
            assert_eq!(decide_call(&rows, effect, &args).1, expected, "{args}");
        }
    }
    let floor = decide_call(&rows, Effect::Irreversible, &json!({"key": "ab"}));
    assert_eq!(floor.1, DECIDED_BY_FLOOR);
}
