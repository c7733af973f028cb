//! Decisions by the table.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod items;
mod otherwise;
mod plain;
mod provenance;
pub(crate) mod random;

use serde_json::{Value, json};

use super::*;
use crate::{Digest, Manifest};

fn manifest(rest: &str) -> Manifest {
    let text = format!(
        "connector = \"c\"\ncomponent = \"{}\"\n[grant.kv.notes]\n[grant.kv.other]\n{rest}",
        Digest::of(b"")
    );
    Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"))
}

const FINANCE: &str = "[approval.finance]\napprovers = [\"group:finance\"]\n";

fn tool<'a>(input: &'a Value) -> ToolFacts<'a> {
    ToolFacts {
        tool: "refund",
        input,
        workflow: Some("desk"),
        principal: "agent:a",
        undo: false,
        case: None,
    }
}

fn decide(rows: &str, input: &Value) -> (Outcome, String) {
    let manifest = manifest(&format!("{rows}{FINANCE}"));
    let decision = manifest.compiled.decide_tool(&tool(input));
    (decision.outcome, manifest.decided_by(&decision).to_owned())
}

fn decide_call(rows: &str, effect: Effect, args: &Value) -> (Outcome, String) {
    let manifest = manifest(rows);
    let facts = CallFacts {
        call: "kv.set",
        destination: "notes",
        identity: None,
        effect,
        egress: false,
        args,
    };
    let decision = manifest.compiled.decide_call(&tool(&json!({})), &facts);
    (decision.outcome, manifest.decided_by(&decision).to_owned())
}

#[test]
fn a_tool_that_no_row_allows_is_denied() {
    for rows in [
        "",
        "[[rule]]\nname = \"a\"\ntool = \"lookup\"\nthen = \"allow\"\n",
        "[[rule]]\nname = \"a\"\ncall = \"*\"\nthen = \"allow\"\n",
        "[[rule]]\nname = \"a\"\ntool = \"*\"\nworkflow = \"other\"\nthen = \"allow\"\n",
    ] {
        assert_eq!(
            decide(rows, &json!({})),
            (Outcome::Deny, DECIDED_BY_DEFAULT.to_owned()),
            "{rows}"
        );
    }
}

#[test]
fn deny_beats_require_beats_allow_in_any_order() {
    let allow = "[[rule]]\nname = \"allow\"\ntool = \"*\"\nthen = \"allow\"\n";
    let require =
        "[[rule]]\nname = \"require\"\ntool = \"refund\"\nthen = { require = \"finance\" }\n";
    let deny = "[[rule]]\nname = \"deny\"\ntool = \"refund\"\nwhen = { \"input.x\" = { eq = 1 } }\nthen = \"deny\"\n";
    let one = json!({"x": 1});
    let two = json!({"x": 2});
    for rows in [
        [allow, require, deny],
        [deny, require, allow],
        [require, deny, allow],
    ] {
        let rows = rows.concat();
        assert_eq!(decide(&rows, &one), (Outcome::Deny, "deny".to_owned()));
        assert_eq!(
            decide(&rows, &two),
            (Outcome::Require(0), "require".to_owned())
        );
    }
    assert_eq!(decide(allow, &one), (Outcome::Allow, "allow".to_owned()));
}

/// A condition, an input, whether an `allow` row holds, whether a `deny` row
/// does. They differ where the field is missing or of another type.
#[test]
fn what_a_row_cannot_see_counts_as_the_worst_case() {
    for (condition, input, allows, denies) in [
        ("eq = \"a\"", json!({"x": "a"}), true, true),
        ("eq = \"a\"", json!({"x": "b"}), false, false),
        ("eq = \"a\"", json!({"x": 1}), false, true),
        ("eq = \"a\"", json!({"x": null}), false, true),
        ("eq = \"a\"", json!({}), false, true),
        ("eq = 1", json!({"x": 1.0}), true, true),
        ("eq = 1", json!({"x": "1"}), false, true),
        ("eq = true", json!({"x": true}), true, true),
        ("eq = true", json!({"x": "true"}), false, true),
        ("ne = \"a\"", json!({"x": "b"}), true, true),
        ("ne = \"a\"", json!({"x": "a"}), false, false),
        ("ne = \"a\"", json!({}), false, true),
        ("in = [\"a\", 1]", json!({"x": 1}), true, true),
        ("in = [\"a\", 1]", json!({"x": 2}), false, false),
        ("in = [\"a\", 1]", json!({"x": true}), false, true),
        ("not_in = [\"a\"]", json!({"x": "b"}), true, true),
        ("not_in = [\"a\"]", json!({"x": "a"}), false, false),
        ("not_in = [\"a\"]", json!({"x": 1}), false, true),
        ("gt = 5000", json!({"x": 5001}), true, true),
        ("gt = 5000", json!({"x": 5000}), false, false),
        ("gt = 5000", json!({"x": "80000"}), false, true),
        ("ge = 5000", json!({"x": 5000}), true, true),
        ("lt = 0.5", json!({"x": 0.25}), true, true),
        ("lt = 5", json!({"x": [1]}), false, true),
        ("le = 5", json!({"x": 6}), false, false),
        ("gt = 1, lt = 3", json!({"x": 2}), true, true),
        ("gt = 1, lt = 3", json!({"x": 3}), false, false),
        ("prefix = \"ab\"", json!({"x": "abc"}), true, true),
        ("prefix = \"ab\"", json!({"x": "a"}), false, false),
        ("suffix = \"bc\"", json!({"x": "abc"}), true, true),
        ("glob = \"a/*\"", json!({"x": "a/b"}), true, true),
        ("glob = \"a/*\"", json!({"x": "a/b/c"}), false, false),
        ("matches = \"[a-z]+\"", json!({"x": "abc"}), true, true),
        ("matches = \"[a-z]+\"", json!({"x": "abc1"}), false, false),
        ("matches = \"[a-z]+\"", json!({"x": 5}), false, true),
        ("length = { max = 2 }", json!({"x": "éé"}), true, true),
        (
            "length = { max = 2 }",
            json!({"x": [1, 2, 3]}),
            false,
            false,
        ),
        ("length = { min = 1 }", json!({"x": 5}), false, true),
        ("exists = true", json!({"x": null}), true, true),
        ("exists = true", json!({}), false, false),
        ("exists = false", json!({}), true, true),
        ("exists = false", json!({"x": 0}), false, false),
        (
            "same_as = \"input.y\"",
            json!({"x": 1, "y": 1.0}),
            true,
            true,
        ),
        (
            "same_as = \"input.y\"",
            json!({"x": {"a": [1]}, "y": {"a": [1]}}),
            true,
            true,
        ),
        (
            "same_as = \"input.y\"",
            json!({"x": 1, "y": 2}),
            false,
            false,
        ),
        ("same_as = \"input.y\"", json!({"x": 1}), false, true),
        (
            "same_as = \"principal\"",
            json!({"x": "agent:a"}),
            true,
            true,
        ),
    ] {
        worst_case(condition, &input, allows, denies);
    }
}

/// Whether a row with this condition on `input.x` allows, and whether it denies.
fn worst_case(condition: &str, input: &Value, allows: bool, denies: bool) {
    let allow = format!(
        "[[rule]]\nname = \"r\"\ntool = \"*\"\nwhen = {{ \"input.x\" = {{ {condition} }} }}\nthen = \"allow\"\n"
    );
    let deny = format!(
        "[[rule]]\nname = \"base\"\ntool = \"*\"\nthen = \"allow\"\n[[rule]]\nname = \"r\"\nwhen = {{ \"input.x\" = {{ {condition} }} }}\nthen = \"deny\"\n"
    );
    assert_eq!(
        decide(&allow, input).0 == Outcome::Allow,
        allows,
        "allow {condition} {input}"
    );
    assert_eq!(
        decide(&deny, input).0 == Outcome::Deny,
        denies,
        "deny {condition} {input}"
    );
}

#[test]
fn an_irreversible_call_is_never_just_allowed() {
    let allow = "[[rule]]\nname = \"a\"\ncall = \"kv.set\"\nthen = \"allow\"\n";
    let args = json!({});
    let floor = (Outcome::Require(0), DECIDED_BY_FLOOR.to_owned());
    assert_eq!(
        decide_call("", Effect::Irreversible, &args).0,
        Outcome::Deny
    );
    assert_eq!(
        decide_call(allow, Effect::Irreversible, &args).0,
        Outcome::Deny
    );
    assert_eq!(decide_call(FINANCE, Effect::Irreversible, &args), floor);
    assert_eq!(
        decide_call(&format!("{allow}{FINANCE}"), Effect::Irreversible, &args),
        floor
    );
    let default = format!("{FINANCE}[approval.default]\napprovers = [\"group:owners\"]\n");
    assert_eq!(
        decide_call(&default, Effect::Irreversible, &args).0,
        Outcome::Require(1)
    );
    for effect in [Effect::Read, Effect::Write] {
        assert_eq!(
            decide_call("", effect, &args),
            (Outcome::Allow, DECIDED_BY_DEFAULT.to_owned())
        );
    }
}

#[test]
fn a_require_on_a_tool_holds_its_first_call_that_is_no_plain_read() {
    let rows = format!(
        "[[rule]]\nname = \"a\"\ntool = \"refund\"\nthen = {{ require = \"finance\" }}\n{FINANCE}"
    );
    assert_eq!(
        decide_call(&rows, Effect::Read, &json!({})).0,
        Outcome::Allow
    );
    assert_eq!(
        decide_call(&rows, Effect::Write, &json!({})),
        (Outcome::Require(0), "a".to_owned())
    );
    let stop = "[[rule]]\nname = \"stop\"\nthen = \"deny\"\n";
    assert_eq!(
        decide_call(stop, Effect::Read, &json!({})),
        (Outcome::Deny, "stop".to_owned())
    );
}

/// The attack: a tool that reads only after a person agreed carries data out in the
/// words of a search.
#[test]
fn a_row_that_holds_a_tool_holds_its_reads_that_carry_words_out() {
    let rows = format!(
        "[[rule]]\nname = \"a\"\ntool = \"*\"\nthen = {{ require = \"finance\" }}\n{FINANCE}"
    );
    let manifest = manifest(&rows);
    let (input, args) = (json!({}), json!({}));
    for (egress, outcome) in [(true, Outcome::Require(0)), (false, Outcome::Allow)] {
        let facts = CallFacts {
            call: "http.send",
            destination: "desk",
            identity: None,
            effect: Effect::Read,
            egress,
            args: &args,
        };
        let decision = manifest.compiled.decide_call(&tool(&input), &facts);
        assert_eq!(decision.outcome, outcome, "{egress}");
    }
}

#[test]
fn rows_for_import_calls_choose_by_call_destination_class_and_arguments() {
    let deny = |which: &str| format!("[[rule]]\nname = \"r\"\n{which}\nthen = \"deny\"\n");
    let args = json!({"key": "a", "expected": [{"n": 5}]});
    for (which, denied) in [
        ("call = \"kv.set\"", true),
        ("call = \"kv.*\"", true),
        ("call = \"*\"", true),
        ("call = \"kv.get\"", false),
        ("call = \"sql.*\"", false),
        ("call = \"*\"\ndestination = \"notes\"", true),
        ("call = \"*\"\ndestination = \"other\"", false),
        ("call = \"*\"\neffect = \"read\"", true),
        ("call = \"*\"\neffect = \"write\"", true),
        ("call = \"*\"\neffect = \"irreversible\"", false),
        ("call = \"*\"\ntool = \"lookup\"", false),
        ("call = \"*\"\ntool = [\"lookup\", \"refund\"]", true),
        ("call = \"*\"\nworkflow = \"desk\"", true),
        ("call = \"*\"\nworkflow = \"other\"", false),
        (
            "call = \"*\"\nwhen = { \"args.key\" = { eq = \"a\" } }",
            true,
        ),
        (
            "call = \"*\"\nwhen = { \"args.key\" = { eq = \"b\" } }",
            false,
        ),
        (
            "call = \"*\"\nwhen = { \"args.expected.0.n\" = { gt = 4 } }",
            true,
        ),
        (
            "call = \"*\"\nwhen = { \"args.expected.0.n\" = { gt = 5 } }",
            false,
        ),
        (
            "call = \"*\"\nwhen = { \"args.expected.1.n\" = { gt = 5 } }",
            true,
        ),
        (
            "call = \"*\"\nwhen = { principal = { prefix = \"person:\" } }",
            false,
        ),
    ] {
        let (outcome, _) = decide_call(&deny(which), Effect::Write, &args);
        assert_eq!(outcome == Outcome::Deny, denied, "{which}");
    }
}

#[test]
fn leaving_the_workflow_out_is_no_way_round_its_rows() {
    let rows = manifest(&format!(
        "[[rule]]\nname = \"a\"\ntool = \"*\"\nthen = \"allow\"\n[[rule]]\nname = \"w\"\nworkflow = \"desk\"\nthen = {{ require = \"finance\" }}\n{FINANCE}"
    ));
    let input = json!({});
    let outside = ToolFacts {
        workflow: None,
        ..tool(&input)
    };
    assert_eq!(
        rows.compiled.decide_tool(&outside).outcome,
        Outcome::Require(0)
    );
    let other = ToolFacts {
        workflow: Some("other"),
        ..tool(&input)
    };
    assert_eq!(rows.compiled.decide_tool(&other).outcome, Outcome::Allow);
    let allows =
        manifest("[[rule]]\nname = \"a\"\ntool = \"*\"\nworkflow = \"desk\"\nthen = \"allow\"\n");
    assert_eq!(allows.compiled.decide_tool(&outside).outcome, Outcome::Deny);
}

#[test]
fn an_allow_for_writes_does_not_speak_of_what_is_worse() {
    let rule = manifest(&format!(
        "[[rule]]\nname = \"a\"\ncall = \"*\"\neffect = \"write\"\nthen = \"allow\"\n{FINANCE}"
    ));
    let (input, args) = (json!({}), json!({}));
    let decide = |effect| {
        rule.compiled.decide_call(
            &tool(&input),
            &CallFacts {
                call: "kv.set",
                destination: "notes",
                identity: None,
                effect,
                egress: false,
                args: &args,
            },
        )
    };
    assert_eq!(
        decide(Effect::Write),
        Decision {
            outcome: Outcome::Allow,
            rule: Some(0),
            budget: None,
        }
    );
    assert_eq!(
        decide(Effect::Irreversible),
        Decision {
            outcome: Outcome::Require(0),
            rule: None,
            budget: None,
        }
    );
}

#[test]
fn a_rule_knows_its_line() {
    let manifest = manifest("\n\n[[rule]]\nname = \"a\"\ntool = \"x\"\nthen = \"allow\"\n");
    assert_eq!(manifest.rules.first().unwrap().line, 7);
}
