//! What budgets say, call after call.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use serde_json::{Value, json};

use super::*;
use crate::{BudgetScope, Digest, Ledger, Manifest};

const HOUR_MS: i64 = 3_600_000;

struct Desk {
    manifest: Manifest,
    ledger: Ledger,
}

/// Where and when a call happens.
#[derive(Clone, Copy)]
struct At<'a> {
    case: &'a str,
    run: &'a str,
    workflow: Option<&'a str>,
    hour: i64,
}

const AT: At<'_> = At {
    case: "c1",
    run: "r1",
    workflow: Some("desk"),
    hour: 0,
};

impl Desk {
    fn new(budget: &str) -> Self {
        let text = format!(
            "connector = \"c\"\ncomponent = \"{}\"\n[grant.kv.k]\n[approval.a]\napprovers = [\"group:f\"]\n[[budget]]\nname = \"b\"\n{budget}\n",
            Digest::of(b"")
        );
        Self {
            manifest: Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}")),
            ledger: Ledger::default(),
        }
    }

    /// Judge a write, and make it where nothing denies it.
    fn call(&mut self, input: &Value, args: &Value, at: At<'_>) -> Option<Outcome> {
        self.effect(input, args, at, Effect::Write)
    }

    fn effect(
        &mut self,
        input: &Value,
        args: &Value,
        at: At<'_>,
        effect: Effect,
    ) -> Option<Outcome> {
        let tool = ToolFacts {
            tool: "pay",
            input,
            workflow: at.workflow,
            principal: "agent:a",
            undo: false,
            case: None,
        };
        let call = CallFacts {
            call: "kv.set",
            destination: "k",
            identity: None,
            effect,
            egress: false,
            args,
        };
        let budgets = &self.manifest.budgets;
        let scope = BudgetScope {
            tenant: "t",
            workflow: at.workflow,
            case: at.case,
            run: at.run,
        };
        let now = at.hour * HOUR_MS;
        let charges = budgets.charges(&tool, &call);
        let said = budgets.decide(&charges, |charge| {
            self.ledger.used(budgets, charge, &scope, now)
        });
        if said.is_none_or(|said| said.outcome != Outcome::Deny) {
            self.ledger.charge(budgets, &charges, &scope, now);
        }
        said.map(|said| said.outcome)
    }
}

#[test]
fn calls_are_counted_in_their_scope() {
    for (per, second) in [
        ("run", [true, false, false, false]),
        ("case", [true, true, false, false]),
        ("workflow", [true, true, true, false]),
        ("tenant", [true, true, true, true]),
    ] {
        let others = [
            AT,
            At { run: "r2", ..AT },
            At {
                run: "r2",
                case: "c2",
                ..AT
            },
            At {
                run: "r2",
                case: "c2",
                workflow: Some("other"),
                ..AT
            },
        ];
        for (other, denied) in others.into_iter().zip(second) {
            let mut desk = Desk::new(&format!(
                "call = \"kv.set\"\nper = \"{per}\"\nover = \"24h\"\ncount = 1\nthen = \"deny\""
            ));
            let (input, args) = (json!({}), json!({}));
            assert_eq!(desk.call(&input, &args, AT), None);
            let found = desk.call(&input, &args, other);
            assert_eq!(found == Some(Outcome::Deny), denied, "{per} {}", other.run);
        }
    }
}

#[test]
fn a_window_moves_and_a_clock_that_goes_back_gives_no_room() {
    let mut desk =
        Desk::new("call = \"*\"\nper = \"tenant\"\nover = \"24h\"\ncount = 2\nthen = \"deny\"");
    let (input, args) = (json!({}), json!({}));
    for (hour, expected) in [
        (100, None),
        (110, None),
        (123, Some(Outcome::Deny)),
        (124, None),
        (20, Some(Outcome::Deny)),
        (133, Some(Outcome::Deny)),
        (134, None),
    ] {
        assert_eq!(
            desk.call(&input, &args, At { hour, ..AT }),
            expected,
            "{hour}"
        );
    }
}

#[test]
fn amounts_add_up_exactly_and_an_unknown_one_is_the_worst() {
    let mut desk = Desk::new(
        "call = \"*\"\nper = \"case\"\nsum = { field = \"input.amount\", max = \"0.3\" }\nthen = \"deny\"",
    );
    let pay =
        |desk: &mut Desk, amount: Value| desk.call(&json!({"amount": amount}), &json!({}), AT);
    assert_eq!(pay(&mut desk, json!(0.1)), None);
    assert_eq!(
        pay(&mut desk, json!("0.2")),
        None,
        "as doubles it is 0.30000000000000004"
    );
    assert_eq!(pay(&mut desk, json!(1e-9)), Some(Outcome::Deny));
    for odd in [json!(-5), json!("much"), json!(null), json!([1])] {
        assert_eq!(pay(&mut desk, odd.clone()), Some(Outcome::Deny), "{odd}");
    }
    assert_eq!(pay(&mut desk, json!(0)), None);
    // One that a person let pass leaves the sum unknown, for good.
    let mut held = Desk::new(
        "call = \"*\"\nper = \"case\"\nsum = { field = \"input.amount\", max = \"100\" }\nthen = { require = \"a\" }",
    );
    assert_eq!(pay(&mut held, json!("much")), Some(Outcome::Require(0)));
    assert_eq!(pay(&mut held, json!(1)), Some(Outcome::Require(0)));
}

#[test]
fn different_values_are_counted_once_each() {
    let mut desk = Desk::new(
        "call = \"*\"\nper = \"case\"\ndistinct = { field = \"input.to\", max = 2 }\nthen = \"deny\"",
    );
    for (to, expected) in [
        (json!(["a", "b"]), None),
        (json!("a"), None),
        (json!(["b", "a", "a"]), None),
        (json!(["a", "c"]), Some(Outcome::Deny)),
        (json!("c"), Some(Outcome::Deny)),
        (json!(null), Some(Outcome::Deny)),
    ] {
        assert_eq!(
            desk.call(&json!({"to": to}), &json!({}), AT),
            expected,
            "{to}"
        );
    }
}

#[test]
fn a_budget_of_tools_counts_a_run_once_with_its_first_write() {
    let mut desk = Desk::new("tool = \"pay\"\nper = \"case\"\ncount = 1\nthen = \"deny\"");
    let (input, args) = (json!({}), json!({}));
    assert_eq!(desk.effect(&input, &args, AT, Effect::Read), None);
    assert_eq!(desk.call(&input, &args, AT), None);
    assert_eq!(desk.call(&input, &args, AT), None, "the same run");
    let next = At { run: "r2", ..AT };
    assert_eq!(desk.effect(&input, &args, next, Effect::Read), None);
    assert_eq!(desk.call(&input, &args, next), Some(Outcome::Deny));
}

#[test]
fn a_use_that_is_not_known_is_a_budget_without_room() {
    let desk = Desk::new("call = \"*\"\nper = \"case\"\ncount = 9\nthen = \"deny\"");
    let charge = Charge {
        budget: 0,
        amount: Charged::Call,
    };
    let said = desk.manifest.budgets.decide(&[charge], |_| None).unwrap();
    assert_eq!((said.outcome, said.budget), (Outcome::Deny, Some(0)));
}

#[test]
fn leaving_out_what_a_budget_looks_at_is_no_way_round_it() {
    let mut desk = Desk::new(
        "call = \"*\"\nworkflow = \"desk\"\nwhen = { \"input.kind\" = { eq = \"refund\" } }\nper = \"tenant\"\nover = \"1h\"\ncount = 0\nthen = \"deny\"",
    );
    let args = json!({});
    let outside = At {
        workflow: None,
        ..AT
    };
    for (input, at, denied) in [
        (json!({"kind": "refund"}), AT, true),
        (json!({"kind": "note"}), AT, false),
        (json!({}), AT, true),
        (json!({"kind": "refund"}), outside, true),
        (
            json!({"kind": "refund"}),
            At {
                workflow: Some("other"),
                ..AT
            },
            false,
        ),
    ] {
        assert_eq!(
            desk.call(&input, &args, at) == Some(Outcome::Deny),
            denied,
            "{input}"
        );
    }
}
