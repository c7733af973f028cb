//! How long it takes to judge one import call by the rows of a manifest.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use tollgate_policy::{CallFacts, CaseFacts, Effect, Manifest, Outcome, ToolFacts};

const ROUNDS: usize = 40;
const DECISIONS: u32 = 5_000;

const HEAD: &str = "connector = \"bench\"\ncomponent = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n\
[grant.sql.orders]\nsource = \"sqlite:orders.db\"\n[[grant.sql.orders.table]]\nname = \"orders\"\nread = [\"*\"]\n\
[approval.people]\napprovers = [\"group:people\"]\n";

fn main() {
    for rules in [1, 50, 500] {
        measure(
            &format!("every row speaks of the call, {rules} rows"),
            &alike(rules),
        );
    }
    for rules in [50, 500] {
        measure(
            &format!("rows of ten tools, {rules} rows"),
            &of_ten_tools(rules),
        );
    }
}

fn measure(name: &str, text: &str) {
    let manifest = Manifest::parse("bench.toml", text).unwrap_or_else(|faults| panic!("{faults}"));
    let input = json!({ "statement": "refund", "params": { "amount_cents": 4200, "order_id": 7 } });
    let args = json!({ "statement": "INSERT", "parameters": [7, 4200, "broken"] });
    let mut case = CaseFacts::new(json!({ "order_id": 7 }).as_object().unwrap());
    case.read("crm.api", &json!({ "orders": [{ "id": 7 }, { "id": 8 }] }));
    let tool = ToolFacts {
        tool: "execute",
        input: &input,
        workflow: None,
        principal: "desk",
        undo: false,
        case: Some(&case),
    };
    let call = call(&args);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for _ in 0..DECISIONS {
            let decision = manifest
                .compiled
                .decide_call(black_box(&tool), black_box(&call));
            assert_eq!(black_box(decision).outcome, Outcome::Allow);
        }
        times.push(begin.elapsed().as_secs_f64() * 1e9 / f64::from(DECISIONS));
    }
    times.sort_by(f64::total_cmp);
    println!(
        "rules: {name:<42} {:>8.0} ns, fastest {:.0}",
        times[ROUNDS / 2],
        times[0]
    );
}

fn call(args: &Value) -> CallFacts<'_> {
    CallFacts {
        call: "sql.execute",
        destination: "orders",
        identity: None,
        effect: Effect::Write,
        egress: false,
        args,
    }
}

/// Rows that all speak of this call and look at the same fields, and none of which
/// holds: no index by name can leave one of them out.
fn alike(rules: usize) -> String {
    let mut text = HEAD.to_owned();
    for number in 1..rules {
        write!(
            text,
            "[[rule]]\nname = \"limit-{number}\"\ntool = \"execute\"\ncall = \"sql.execute\"\ndestination = \"orders\"\n\
             when = {{ \"input.statement\" = {{ eq = \"refund\" }}, \"input.params.amount_cents\" = {{ gt = {} }}, \"args.parameters.2\" = {{ prefix = \"x{number}\" }} }}\n\
             then = {{ require = \"people\" }}\n",
            5000 + number
        )
        .unwrap();
    }
    text.push_str("[[rule]]\nname = \"refunds\"\ntool = \"execute\"\nwhen = { \"input.statement\" = { eq = \"refund\" } }\nthen = \"allow\"\n");
    text
}

/// A connector with ten tools and a row in ten for all of them.
fn of_ten_tools(rules: usize) -> String {
    let mut text = HEAD.to_owned();
    for number in 1..rules {
        let tool = match number % 10 {
            0 => "tool = \"execute\"".to_owned(),
            9 => String::new(),
            other => format!("tool = \"tool_{other}\""),
        };
        let when = match number % 3 {
            0 => format!(
                "\"input.params.order_id\" = {{ not = {{ from_record = {{ system = \"crm.api\", field = \"orders.id\" }} }} }}, \"input.params.amount_cents\" = {{ gt = {number} }}"
            ),
            1 => format!("\"input.statement\" = {{ matches = \"[a-z]+-{number}\" }}"),
            _ => format!(
                "\"args.parameters.2\" = {{ in = [\"a{number}\", \"b{number}\"] }}, \"input.statement\" = {{ eq = \"refund\" }}"
            ),
        };
        write!(
            text,
            "[[rule]]\nname = \"r{number}\"\n{tool}\ncall = \"sql.*\"\nwhen = {{ {when} }}\nthen = {{ require = \"people\" }}\n"
        )
        .unwrap();
    }
    text.push_str("[[rule]]\nname = \"refunds\"\ntool = \"execute\"\nthen = \"allow\"\n");
    text
}
