//! `[[budget]]` as it is read.

use super::*;
use crate::{Measure, Per};

fn budget(rest: &str) -> String {
    with(&format!(
        "[approval.a]\napprovers = [\"group:f\"]\n[[budget]]\nname = \"b\"\n{rest}"
    ))
}

#[test]
fn a_budget_is_read_to_the_last_field() {
    let text = budget(
        "tool = \"refund\"\nworkflow = \"desk\"\nwhen = { \"input.kind\" = { eq = \"refund\" } }\nper = \"workflow\"\nover = \"24h\"\nsum = { field = \"input.amount\", max = 500.10 }\nthen = { require = \"a\" }\nreason = \"a person looks at the rest\"\n",
    );
    let manifest = Manifest::parse("m.toml", &text).unwrap();
    let [budget] = manifest.budgets.as_slice() else {
        panic!("one budget")
    };
    assert_eq!(
        (budget.per, budget.over),
        (Per::Workflow, Some(Duration::from_secs(86_400)))
    );
    assert!(
        matches!(&budget.measure, Measure::Sum { field, max } if field.as_str() == "input.amount" && max.to_string() == "500.1")
    );
    assert_eq!(
        (budget.row.then, budget.row.when.len()),
        (Outcome::Require(0), 1)
    );
    let decision = crate::Decision {
        outcome: Outcome::Require(0),
        rule: None,
        budget: Some(0),
    };
    assert_eq!(manifest.decided_by(&decision), "b");
}

#[test]
fn each_mistake_in_a_budget_has_its_own_advice() {
    for (rest, message) in [
        ("count = 1\nthen = \"deny\"", "has no `per`"),
        (
            "per = \"cases\"\ncount = 1\nthen = \"deny\"",
            "did you mean `case`?",
        ),
        ("per = \"case\"\nthen = \"deny\"", "counts one thing"),
        (
            "per = \"case\"\ncount = 1\ndistinct = { field = \"input.a\", max = 1 }\nthen = \"deny\"",
            "counts one thing",
        ),
        (
            "per = \"case\"\ncount = -1\nthen = \"deny\"",
            "a whole number from 0",
        ),
        (
            "per = \"case\"\ncount = 1\nthen = \"allow\"",
            "a budget allows nothing",
        ),
        ("per = \"case\"\ncount = 1", "has no `then`"),
        (
            "per = \"tenant\"\ncount = 1\nthen = \"deny\"",
            "add over = \"24h\"",
        ),
        (
            "per = \"workflow\"\ncount = 1\nthen = \"deny\"",
            "add over = \"24h\"",
        ),
        (
            "per = \"case\"\nover = \"1y\"\ncount = 1\nthen = \"deny\"",
            "whole number and its unit",
        ),
        (
            "per = \"case\"\nover = \"900d\"\ncount = 1\nthen = \"deny\"",
            "at most \"400d\"",
        ),
        (
            "per = \"case\"\nsum = { field = \"input.a\", max = \"5,00\" }\nthen = \"deny\"",
            "an amount",
        ),
        (
            "per = \"case\"\nsum = { field = \"input.a\", max = -5 }\nthen = \"deny\"",
            "an amount",
        ),
        (
            "per = \"case\"\nsum = { field = \"args.a\", max = 5 }\nthen = \"deny\"",
            "add call",
        ),
        (
            "per = \"case\"\nsum = { max = 5 }\nthen = \"deny\"",
            "has no `field`",
        ),
        (
            "per = \"case\"\ncount = 1\neffect = \"write\"\nthen = \"deny\"",
            "add call",
        ),
        (
            "per = \"case\"\ncall = \"kv.set\"\ndistinct = { field = \"args.kee\", max = 1 }\nthen = \"deny\"",
            "did you mean `key`?",
        ),
        (
            "per = \"case\"\ncount = 1\nthen = \"deny\"\n[[rule]]\nname = \"b\"\ntool = \"t\"\nthen = \"allow\"",
            "the name of two rows",
        ),
    ] {
        let said = faults(&budget(rest));
        assert!(
            said.contains(message),
            "{rest}\n--- wanted {message}\n--- got {said}"
        );
    }
}
