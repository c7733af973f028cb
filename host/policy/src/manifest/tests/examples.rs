//! Examples on rules are judged whenever the file is read.

use super::*;

const ROWS: &str = "[approval.finance]\napprovers = [\"group:f\"]\n[[rule]]\nname = \"small\"\ntool = \"refund\"\nwhen = { \"input.amount\" = { le = 50 }, \"input.order\" = { from = \"case\" } }\nthen = \"allow\"\nEXAMPLES\n[[rule]]\nname = \"large\"\ntool = \"refund\"\nwhen = { \"input.amount\" = { gt = 50 } }\nthen = { require = \"finance\" }\nLARGE\n";

fn judged(small: &str, large: &str) -> String {
    faults(&with(
        &ROWS.replace("EXAMPLES", small).replace("LARGE", large),
    ))
}

#[test]
fn an_example_that_comes_out_as_written_is_fine() {
    let small = "allows = [{ input = { amount = 50, order = 7 }, case = { order = 7 } }]\nholds = [{ input = { amount = 51, order = 7 } }, { input = { amount = \"80\" } }]\ndenies = [{ input = { amount = 50, order = 8 }, case = { order = 7 } }, { input = { amount = 5, order = 7 } }, { tool = \"other\" }]";
    let large = "holds = [{ input = { amount = 51 } }, { input = {} }]";
    assert_eq!(judged(small, large), "no fault");
}

#[test]
fn an_example_that_comes_out_otherwise_is_told_with_what_decided_and_why() {
    for (small, large, message) in [
        (
            "allows = [{ input = { amount = 50, order = 7 } }]",
            "",
            "m.toml:10:11: this example of rule `small` is denied, not allowed: no rule allows it\n  help: rule `small` does not speak of it: its condition on `input.order` is not known to hold",
        ),
        (
            "allows = [{ input = { amount = 51, order = 7 }, case = { order = 7 } }]",
            "",
            "is held for `finance`, not allowed: rule `large` in line 11 decides",
        ),
        (
            "denies = [{ input = { amount = 50, order = 7 }, case = { order = 7 } }]",
            "",
            "is allowed, not denied: rule `small` in line 5 decides",
        ),
        (
            "",
            "holds = [{ input = { amount = 50 } }]",
            "does not speak of it: its condition on `input.amount` does not hold",
        ),
        ("allows = [{ inptu = {} }]", "", "did you mean `input`?"),
        ("allows = []", "", "write 1 to 50"),
        ("allows = 5", "", "a list of calls"),
        ("allows = [{ input = 5 }]", "", "a table of fields"),
        (
            "allows = [{ read = [{ system = \"a.b\" }] }]",
            "",
            "has no `field`",
        ),
    ] {
        let said = judged(small, large);
        assert!(
            said.contains(message),
            "{small}{large}\n--- wanted {message}\n--- got {said}"
        );
    }
}

/// The mistake that examples are for: a `deny` whose check is the wrong way round
/// denies nothing it should, and default deny hides it.
#[test]
fn an_inverted_rule_does_not_pass_because_another_says_the_same() {
    let rows = "[[rule]]\nname = \"others\"\ntool = \"read\"\nwhen = { \"input.user\" = { eq = \"me\" } }\nthen = \"deny\"\ndenies = [{ input = { user = \"someone\" } }]\n";
    let said = faults(&with(rows));
    assert!(
        said.contains("this example is denied, but not by rule `others`: no rule allows it"),
        "{said}"
    );
}

#[test]
fn examples_of_import_calls_see_arguments_and_the_floor() {
    let rows = "[grant.kv.k]\n[approval.a]\napprovers = [\"group:f\"]\n[[rule]]\nname = \"r\"\ntool = \"t\"\ncall = \"kv.set\"\ndestination = \"k\"\nwhen = { \"args.key\" = { prefix = \"p-\" } }\nthen = { require = \"a\" }\nholds = [{ args = { key = \"p-1\" } }, { args = { key = \"x\" }, effect = \"irreversible\", destination = \"k\" }]\nallows = [{ args = { key = \"x\" } }]\n";
    let said = faults(&with(rows));
    assert!(
        said.contains(
            "held for `a`, but not by rule `r`: an irreversible call always needs an approval"
        ),
        "{said}"
    );
    assert_eq!(
        faults(&with(&rows.replace(
            ", { args = { key = \"x\" }, effect = \"irreversible\", destination = \"k\" }",
            ""
        ))),
        "no fault"
    );
    let any = rows.replace("tool = \"t\"", "tool = \"*\"");
    assert!(faults(&with(&any)).contains("which tool is called"));
}
