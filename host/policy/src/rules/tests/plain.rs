//! The prepared rows decide as the rows read one after the other.

use proptest::{collection::vec, prelude::*, test_runner::Config};

use super::{
    random::{call, rule},
    *,
};

/// What the page says, row by row.
fn tool_plainly(rules: &[Rule], tool: &ToolFacts<'_>) -> Decision {
    let facts = facts::Facts::new(tool, None);
    let speaking = |otherwise: bool| {
        let rows = rules.iter().enumerate();
        rows.filter(move |(_, rule)| rule.call.is_none() && rule.otherwise == otherwise)
            .filter(|(_, rule)| rule.matches(&facts))
    };
    strictest(speaking(false))
        .or_else(|| strictest(speaking(true)))
        .unwrap_or(Decision::by_rule(Outcome::Deny, None))
}

fn call_plainly(
    rules: &[Rule],
    floor: Option<usize>,
    tool: &ToolFacts<'_>,
    call: &CallFacts<'_>,
) -> Decision {
    let facts = facts::Facts::new(tool, Some(call));
    let is_plain_read = call.effect == Effect::Read && !call.egress;
    let matching: Vec<(usize, &Rule)> = rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.matches(&facts))
        .collect();
    let speaks = |rule: &Rule| match (&rule.call, rule.then) {
        (Some(_), _) | (None, Outcome::Deny) => true,
        (None, Outcome::Require(_)) => !is_plain_read,
        (None, Outcome::Allow) => false,
    };
    let is_allowed = |is_of_calls: bool| {
        matching
            .iter()
            .any(|(_, rule)| rule.call.is_some() == is_of_calls && rule.then == Outcome::Allow)
    };
    let rows = |otherwise: bool| {
        let rows = matching.iter().copied();
        rows.filter(move |(_, rule)| rule.otherwise == otherwise && speaks(rule))
    };
    let plain = strictest(rows(false));
    let rest = strictest(rows(true).filter(|(_, rule)| !is_allowed(rule.call.is_some())));
    let decision = match (plain, rest) {
        (Some(plain), Some(rest)) if plain.outcome == Outcome::Allow => rest,
        (plain, rest) => plain
            .or(rest)
            .unwrap_or(Decision::by_rule(Outcome::Allow, None)),
    };
    if call.effect < Effect::Irreversible || decision.outcome != Outcome::Allow {
        return decision;
    }
    Decision::by_rule(floor.map_or(Outcome::Deny, Outcome::Require), None)
}

/// Deny beats require beats allow; the first row of the strictest outcome is named.
fn strictest<'r>(rows: impl Iterator<Item = (usize, &'r Rule)>) -> Option<Decision> {
    let mut found: Option<Decision> = None;
    for (number, rule) in rows {
        let is_stricter = |found: Decision| rule.then.strictness() > found.outcome.strictness();
        if found.is_none_or(is_stricter) {
            found = Some(Decision::by_rule(rule.then, Some(number)));
        }
    }
    found
}

proptest! {
    #![proptest_config(Config { cases: 300, ..Config::default() })]

    /// 12 000 calls, each judged as a tool call and as an import call.
    #[test]
    fn prepared_rows_decide_as_plain_ones_and_name_the_same_row(
        rules in vec(rule(), 0..14),
        calls in vec(call(), 40),
        floor in prop::option::of(0..2_usize),
    ) {
        let prepared = Rules::new(Arc::from(rules.clone()), floor);
        for asked in &calls {
            let (tool, call) = (asked.tool(), asked.call());
            prop_assert_eq!(prepared.decide_tool(&tool), tool_plainly(&rules, &tool), "{:?}", asked);
            let (got, wanted) = (
                prepared.decide_call(&tool, &call),
                call_plainly(&rules, floor, &tool, &call),
            );
            prop_assert_eq!(got, wanted, "{:?}", asked);
        }
    }
}
