//! Rows for the rest, fields of items, names of members: mistakes in them.

use super::*;

const AROUND: &str = "[approval.f]\napprovers = [\"group:f\"]\n";

fn row(name: &str, rest: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\n{rest}\n")
}

const HOLD: &str = "then = { require = \"f\" }";

#[test]
fn a_row_for_the_rest_has_no_conditions_and_only_holds() {
    for (rest, message) in [
        (
            format!("tool = \"t\"\notherwise = true\n{HOLD}"),
            "no fault",
        ),
        (
            format!("tool = \"*\"\notherwise = true\n{HOLD}"),
            "no fault",
        ),
        (
            format!("call = \"*\"\notherwise = true\n{HOLD}"),
            "no fault",
        ),
        (format!("otherwise = true\n{HOLD}"), "add tool = "),
        (
            "tool = \"t\"\notherwise = true\nthen = \"allow\"".to_owned(),
            "that is held",
        ),
        (
            "tool = \"t\"\notherwise = true\nthen = \"deny\"".to_owned(),
            "without any row it is denied",
        ),
        (
            format!(
                "tool = \"t\"\notherwise = true\nwhen = {{ \"input.x\" = {{ eq = 1 }} }}\n{HOLD}"
            ),
            "remove `when`, or remove `otherwise`",
        ),
        (
            format!("tool = \"t\"\notherwise = 1\n{HOLD}"),
            "true or false",
        ),
    ] {
        let said = faults(&with(&format!("{AROUND}{}", row("r", &rest))));
        assert!(said.contains(message), "{rest}\n{said}");
    }
}

#[test]
fn a_row_for_the_rest_is_shadowed_by_what_leaves_no_rest() {
    let rest = row("rest", &format!("tool = \"t\"\notherwise = true\n{HOLD}"));
    let again = row("again", &format!("tool = \"t\"\notherwise = true\n{HOLD}"));
    let hold = row("hold", &format!("tool = \"t\"\n{HOLD}"));
    let allow = row("all", "tool = \"*\"\nthen = \"allow\"");
    let some = row(
        "some",
        "tool = \"t\"\nwhen = { \"input.x\" = { eq = 1 } }\nthen = \"allow\"",
    );
    for (rows, message) in [
        (
            format!("{rest}{hold}"),
            "rule `rest` can never decide: `hold`",
        ),
        (
            format!("{rest}{allow}"),
            "rule `rest` can never decide: `all`",
        ),
        (
            format!("{rest}{again}"),
            "rule `again` can never decide: `rest`",
        ),
        (format!("{rest}{some}"), "no fault"),
        (format!("{some}{hold}"), "or add otherwise = true to it"),
    ] {
        let said = faults(&with(&format!("{AROUND}{rows}")));
        assert!(said.contains(message), "{rows}\n{said}");
    }
}

#[test]
fn an_example_of_a_row_for_the_rest_is_decided_by_it() {
    let rows = |examples: &str| {
        format!(
            "{AROUND}{}{}{}",
            row(
                "some",
                "tool = \"t\"\nwhen = { \"input.x\" = { le = 1 } }\nthen = \"allow\""
            ),
            row(
                "many",
                &format!("tool = \"t\"\nwhen = {{ \"input.x\" = {{ gt = 9 }} }}\n{HOLD}")
            ),
            row(
                "rest",
                &format!("tool = \"t\"\notherwise = true\n{HOLD}\n{examples}")
            ),
        )
    };
    for (examples, message) in [
        (
            "holds = [{ input = { x = 5 } }]\nallows = [{ input = { x = 1 } }]",
            "no fault",
        ),
        (
            "holds = [{ input = { x = 10 } }]",
            "held for `f`, but not by rule `rest`: rule `many`",
        ),
        ("holds = [{ input = { x = 1 } }]", "is allowed, not held"),
    ] {
        let said = faults(&with(&rows(examples)));
        assert!(said.contains(message), "{examples}\n{said}");
    }
}

#[test]
fn fields_of_items_are_named_inside_of_each() {
    let when = |field: &str, condition: &str| {
        with(&row(
            "r",
            &format!("tool = \"t\"\nthen = \"deny\"\nwhen = {{ \"{field}\" = {{ {condition} }} }}"),
        ))
    };
    for (condition, message) in [
        ("each = { \"item.a\" = { eq = 1 } }", "no fault"),
        (
            "each = { \"item.a.b\" = { same_as = \"item.c\" } }",
            "no fault",
        ),
        ("keys = { in = [\"a\"] }", "no fault"),
        ("\"item.a\" = { eq = 1 }", "inside of `each`"),
        ("keys = { \"item.a\" = { eq = 1 } }", "inside of `each`"),
        ("same_as = \"item.a\"", "inside of `each`"),
        ("each = { item = { eq = 1 } }", "in quotation marks"),
        ("each = { item.a = { eq = 1 } }", "in quotation marks"),
        ("each = { \"item.\" = { eq = 1 } }", "a field name is empty"),
        (
            "each = { \"item.a\" = { same_as = \"item.a\" } }",
            "compared with itself",
        ),
        ("same_as = \"input.l\"", "compared with itself"),
        ("each = { \"item.a\" = {} }", "nothing is said"),
    ] {
        let said = faults(&when("input.l", condition));
        assert!(said.contains(message), "{condition}\n{said}");
    }
    assert!(faults(&when("item.a", "eq = 1")).contains("is no field"));
}
