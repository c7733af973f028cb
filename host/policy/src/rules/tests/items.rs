//! What is said of the items of a list and the members of an object.

use super::*;

/// A condition, an input, whether an `allow` row holds, whether a `deny` row does.
/// Both fail closed on a missing field and on an empty list.
#[test]
fn what_is_said_of_every_item_is_unknown_of_none() {
    for (condition, input, allows, denies) in [
        ("length = { max = 1 }", json!({"x": {"a": 1}}), true, true),
        ("each = { eq = 1 }", json!({"x": [1, 1]}), true, true),
        ("each = { eq = 1 }", json!({"x": [1, 2, "1"]}), false, false),
        ("each = { eq = 1 }", json!({"x": []}), false, true),
        ("not = { each = { eq = 1 } }", json!({"x": []}), false, true),
        (
            "any = [{ length = { max = 0 } }, { each = { eq = 1 } }]",
            json!({"x": []}),
            true,
            true,
        ),
        (
            "each = { \"item.a\" = { eq = 1 } }",
            json!({"x": [{"a": 1}, {"a": 1, "b": 2}]}),
            true,
            true,
        ),
        (
            "each = { \"item.a\" = { eq = 1 } }",
            json!({"x": [{"a": 1}, {"a": 2}]}),
            false,
            false,
        ),
        (
            "each = { \"item.a\" = { eq = 1 } }",
            json!({"x": [{"a": 1}, {}]}),
            false,
            true,
        ),
        (
            "each = { \"item.a\" = { eq = 1 } }",
            json!({"x": [{"a": 1}, 1]}),
            false,
            true,
        ),
        (
            "each = { \"item.a\" = { eq = 1 } }",
            json!({"x": []}),
            false,
            true,
        ),
        (
            "each = { \"item.a\" = { exists = false } }",
            json!({"x": [{}]}),
            true,
            true,
        ),
        (
            "each = { \"item.a\" = { same_as = \"item.b\" } }",
            json!({"x": [{"a": 1, "b": 1}, {"a": 2, "b": 2}]}),
            true,
            true,
        ),
        (
            "each = { \"item.a\" = { same_as = \"item.b\" } }",
            json!({"x": [{"a": 1, "b": 2}]}),
            false,
            false,
        ),
        (
            "each = { \"item.a\" = { same_as = \"item.b\" } }",
            json!({"x": [{"a": 1}]}),
            false,
            true,
        ),
        (
            "each = { \"item.a\" = { same_as = \"input.y\" } }",
            json!({"x": [{"a": 1}], "y": 1}),
            true,
            true,
        ),
        // The fields of the innermost list's items, and of none but those.
        (
            "each = { \"item.l\" = { each = { \"item.a\" = { eq = 1 } } }, \"item.a\" = { eq = 2 } }",
            json!({"x": [{"a": 2, "l": [{"a": 1}]}]}),
            true,
            true,
        ),
        (
            "each = { \"item.l\" = { each = { \"item.a\" = { eq = 1 } } } }",
            json!({"x": [{"a": 1, "l": [{}]}]}),
            false,
            true,
        ),
        (
            "keys = { in = [\"a\", \"b\"] }",
            json!({"x": {"a": 1, "b": 2}}),
            true,
            true,
        ),
        (
            "keys = { in = [\"a\", \"b\"] }",
            json!({"x": {"a": 1, "c": 2}}),
            false,
            false,
        ),
        (
            "keys = { in = [\"a\", \"b\"] }",
            json!({"x": {}}),
            false,
            true,
        ),
        (
            "keys = { in = [\"a\", \"b\"] }",
            json!({"x": ["a"]}),
            false,
            true,
        ),
        (
            "keys = { suffix = \"@x.example\" }",
            json!({"x": {"a@x.example": "r", "b@evil": "w"}}),
            false,
            false,
        ),
    ] {
        worst_case(condition, &input, allows, denies);
    }
}
