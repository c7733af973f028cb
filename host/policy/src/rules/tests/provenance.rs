//! What the case knows decides; what it does not know is the worst case.

use super::*;

/// A condition on `input.x`, an input, whether an `allow` row holds, whether a
/// `deny` row does; with a case and without one.
const LISTS: &str = "[list.book]\nvalues = [\"a@x.example\", 7]\n[list.accounts]\ninput = \"accounts\"\nrecord = { system = \"crm.api\", field = \"customer.iban\" }\n";

fn outcomes(condition: &str, input: &Value, case: Option<&CaseFacts>) -> (bool, bool) {
    let decide = |rows: &str| {
        let manifest = manifest(&format!("{rows}{LISTS}"));
        let facts = ToolFacts {
            case,
            ..tool(input)
        };
        manifest.compiled.decide_tool(&facts).outcome
    };
    let when = format!("when = {{ \"input.x\" = {{ {condition} }} }}\n");
    let allow = format!("[[rule]]\nname = \"r\"\ntool = \"*\"\n{when}then = \"allow\"\n");
    let deny = format!(
        "[[rule]]\nname = \"base\"\ntool = \"*\"\nthen = \"allow\"\n[[rule]]\nname = \"r\"\n{when}then = \"deny\"\n"
    );
    (
        decide(&allow) == Outcome::Allow,
        decide(&deny) == Outcome::Deny,
    )
}

fn case() -> CaseFacts {
    let inputs = json!({"x": 17, "order": "A-17", "due": "2026-11-17", "accounts": ["DE1", "DE2"]});
    let mut case = CaseFacts::new(inputs.as_object().unwrap());
    case.read(
        "crm.api",
        &json!({"customer": {"iban": "DE3"}, "note": "pay DE9"}),
    );
    case
}

#[test]
fn a_value_comes_from_the_case_or_a_record_or_it_does_not() {
    let case = case();
    for (condition, input, allows, denies) in [
        ("from = \"case\"", json!({"x": 17}), true, true),
        ("from = \"case\"", json!({"x": 18}), false, false),
        // An id is not a number found in a date, nor a text in a text.
        ("from = \"case\"", json!({"x": "17"}), false, true),
        (
            "from = { case = \"due\" }",
            json!({"x": "17"}),
            false,
            false,
        ),
        (
            "from = { case = \"order\" }",
            json!({"x": "A-17"}),
            true,
            true,
        ),
        (
            "from = { case = \"order\" }",
            json!({"x": "A-1"}),
            false,
            false,
        ),
        (
            "from = { case = \"missing\" }",
            json!({"x": "A-1"}),
            false,
            true,
        ),
        (
            "from = { case = \"accounts\" }",
            json!({"x": "DE2"}),
            true,
            true,
        ),
        ("from = \"case\"", json!({}), false, true),
        (
            "from_record = { system = \"crm.api\", field = \"customer.iban\" }",
            json!({"x": "DE3"}),
            true,
            true,
        ),
        (
            "from_record = { system = \"crm.api\", field = \"customer.iban\" }",
            json!({"x": "DE9"}),
            false,
            false,
        ),
        (
            "from_record = { system = \"crm.api\", field = \"note\" }",
            json!({"x": "DE9"}),
            false,
            false,
        ),
        (
            "from_record = { system = \"mail.box\", field = \"customer.iban\" }",
            json!({"x": "DE3"}),
            false,
            true,
        ),
        (
            "in_list = \"book\"",
            json!({"x": "a@x.example"}),
            true,
            true,
        ),
        ("in_list = \"book\"", json!({"x": 7}), true, true),
        (
            "in_list = \"book\"",
            json!({"x": "b@x.example"}),
            false,
            false,
        ),
        ("in_list = \"book\"", json!({"x": true}), false, true),
        ("known = \"accounts\"", json!({"x": "DE1"}), true, true),
        ("known = \"accounts\"", json!({"x": "DE3"}), true, true),
        ("known = \"accounts\"", json!({"x": "DE9"}), false, false),
        (
            "not = { known = \"accounts\" }",
            json!({"x": "DE9"}),
            true,
            true,
        ),
        (
            "not = { known = \"accounts\" }",
            json!({"x": "DE1"}),
            false,
            false,
        ),
        (
            "not = { known = \"accounts\" }",
            json!({"x": 1}),
            false,
            true,
        ),
        (
            "any = [{ from = \"case\" }, { known = \"accounts\" }]",
            json!({"x": "DE1"}),
            true,
            true,
        ),
        (
            "any = [{ eq = 1 }, { gt = 5, lt = 7 }]",
            json!({"x": 6}),
            true,
            true,
        ),
        (
            "any = [{ eq = 1 }, { gt = 5, lt = 7 }]",
            json!({"x": 7}),
            false,
            false,
        ),
        (
            "any = [{ eq = 1 }, { eq = \"a\" }]",
            json!({"x": 2}),
            false,
            true,
        ),
        (
            "not = { any = [{ eq = 1 }, { eq = 2 }] }",
            json!({"x": 3}),
            true,
            true,
        ),
        (
            "each = { known = \"accounts\" }",
            json!({"x": ["DE1", "DE3"]}),
            true,
            true,
        ),
        (
            "each = { known = \"accounts\" }",
            json!({"x": ["DE1", "DE9"]}),
            false,
            false,
        ),
        (
            "each = { known = \"accounts\" }",
            json!({"x": ["DE1", 5]}),
            false,
            true,
        ),
        (
            "each = { known = \"accounts\" }",
            json!({"x": []}),
            false,
            true,
        ),
        (
            "each = { known = \"accounts\" }",
            json!({"x": "DE1"}),
            false,
            true,
        ),
        (
            "not = { each = { in_list = \"book\" } }",
            json!({"x": ["a@x.example", "e@evil"]}),
            true,
            true,
        ),
        ("known = \"accounts\"", json!({"x": ["DE1"]}), false, true),
        ("range = { min = 5, max = 7 }", json!({"x": 7}), true, true),
        (
            "range = { min = 5, max = 7 }",
            json!({"x": 7.5}),
            false,
            false,
        ),
        ("range = { max = 7 }", json!({"x": "7"}), false, true),
        ("path = \"reports\"", json!({"x": "reports/a"}), true, true),
        (
            "path = \"reports\"",
            json!({"x": "reports2/a"}),
            false,
            false,
        ),
        (
            "path = \"reports\"",
            json!({"x": "reports/../b"}),
            false,
            true,
        ),
        (
            "host = [\"a.example\", \"*.b.example\"]",
            json!({"x": "https://c.b.example/x"}),
            true,
            true,
        ),
        (
            "host = \"a.example\"",
            json!({"x": "https://b.example/x"}),
            false,
            false,
        ),
        (
            "host = \"a.example\"",
            json!({"x": "https://a.example@b.example"}),
            false,
            true,
        ),
    ] {
        let (allowed, denied) = outcomes(condition, &input, Some(&case));
        assert_eq!((allowed, denied), (allows, denies), "{condition} {input}");
    }
}

#[test]
fn without_a_case_nothing_comes_from_it() {
    for (condition, input) in [
        ("from = \"case\"", json!({"x": 17})),
        ("from = { case = \"order\" }", json!({"x": "A-17"})),
        (
            "from_record = { system = \"crm.api\", field = \"note\" }",
            json!({"x": "DE3"}),
        ),
        ("known = \"accounts\"", json!({"x": "DE1"})),
        ("not = { known = \"accounts\" }", json!({"x": "DE1"})),
    ] {
        assert_eq!(
            outcomes(condition, &input, None),
            (false, true),
            "{condition}"
        );
    }
}

#[test]
fn the_resolved_destination_is_a_field_of_import_calls() {
    let rows = "[[rule]]\nname = \"r\"\ncall = \"*\"\nwhen = { destination = { host = \"api.example.com\" } }\nthen = \"deny\"\n";
    let manifest = manifest(rows);
    let (input, args) = (json!({}), json!({}));
    let decide = |identity| {
        let call = CallFacts {
            call: "kv.set",
            destination: "notes",
            identity,
            effect: Effect::Write,
            egress: false,
            args: &args,
        };
        manifest.compiled.decide_call(&tool(&input), &call).outcome
    };
    assert_eq!(decide(Some("https://api.example.com/v1")), Outcome::Deny);
    assert_eq!(decide(Some("https://other.example/")), Outcome::Allow);
    assert_eq!(decide(None), Outcome::Deny, "unknown is the worst case");
}
