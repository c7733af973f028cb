//! How long a rule decision takes.

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;
use tollgate_policy::{CallFacts, Effect, Manifest, Outcome, ToolFacts};

use crate::side_by_side::line;

const DECISIONS: u32 = 200_000;

pub(crate) fn measure() {
    for rules in [1, 50, 500] {
        let manifest = Manifest::parse("bench.toml", &text(rules)).unwrap();
        let input =
            json!({ "statement": "refund", "params": { "amount_cents": 4200, "order_id": 7 } });
        let args = json!({ "statement": "INSERT", "parameters": [7, 4200, "broken"] });
        let tool = ToolFacts {
            tool: "execute",
            input: &input,
            workflow: None,
            principal: "desk",
            undo: false,
            case: None,
        };
        let call = CallFacts {
            call: "sql.execute",
            destination: "orders",
            identity: None,
            effect: Effect::Write,
            egress: false,
            args: &args,
        };
        let mut times = Vec::new();
        for _ in 0..20 {
            let begin = Instant::now();
            for _ in 0..DECISIONS / 20 {
                let decision = manifest
                    .compiled
                    .decide_call(black_box(&tool), black_box(&call));
                assert_eq!(black_box(decision).outcome, Outcome::Allow);
            }
            times.push(begin.elapsed() / (DECISIONS / 20));
        }
        times.sort_unstable();
        let median = times[times.len() / 2];
        line(
            &format!("rules: one decision, {rules} rules"),
            1.0 / median.as_secs_f64(),
            median,
            None,
        );
    }
}

/// A manifest whose last row decides; the others all look at the same fields
/// and do not match.
fn text(rules: usize) -> String {
    let mut text = format!(
        "connector = \"bench\"\ncomponent = \"sha256:{}\"\n",
        "0".repeat(64)
    );
    text.push_str("[grant.sql.orders]\nsource = \"sqlite:orders.db\"\n[[grant.sql.orders.table]]\nname = \"orders\"\nread = [\"*\"]\n");
    text.push_str("[approval.people]\napprovers = [\"group:people\"]\n");
    for number in 1..rules {
        text.push_str(&format!(
            "[[rule]]\nname = \"limit-{number}\"\ntool = \"execute\"\ncall = \"sql.execute\"\ndestination = \"orders\"\nwhen = {{ \"input.statement\" = {{ eq = \"refund\" }}, \"input.params.amount_cents\" = {{ gt = {} }}, \"args.parameters.2\" = {{ prefix = \"x{number}\" }} }}\nthen = {{ require = \"people\" }}\n",
            5000 + number
        ));
    }
    text.push_str("[[rule]]\nname = \"refunds\"\ntool = \"execute\"\nwhen = { \"input.statement\" = { eq = \"refund\" } }\nthen = \"allow\"\n");
    text
}
