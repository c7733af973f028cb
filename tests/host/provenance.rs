//! Rules that ask where a value came from.

use serde_json::{Value, json};
use tollgate_runtime::{RunReport, RunState, ToolCall};

use crate::house::{House, agent, call, failure};

/// What an agent may say: only customers that a run of the case has read.
const KNOWN: &str = r#"
[[rule]]
name = "customers-only"
tool = "echo"
when = { "input.value" = { not = { from_record = { system = "hostile.orders", field = "orders.customer" } } } }
then = "deny"
denies = [{ input = { value = "ada" } }]
"#;

struct Desk(House);

impl Desk {
    async fn open() -> Self {
        Self(House::hostile("", KNOWN).await)
    }

    async fn call(&self, case: &str, tool: &str, input: Value) -> RunReport {
        let call = ToolCall {
            case: Some(case.to_owned()),
            ..call("hostile", tool, input)
        };
        self.0.host.call(&agent(), call).await.unwrap()
    }

    async fn says(&self, case: &str, value: &str) -> bool {
        let report = self.call(case, "echo", json!({"value": value})).await;
        if report.state == RunState::Done {
            return true;
        }
        let (kind, message) = failure(&report);
        assert_eq!(kind, "denied");
        assert!(message.contains("customers-only"), "{message}");
        false
    }

    async fn reads(&self, case: &str, statement: &str) {
        let input = json!({"database": "orders", "statement": statement});
        let report = self.call(case, "try_sql", input).await;
        assert_eq!(report.state, RunState::Done, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_a_run_of_the_case_read_may_be_used_in_it() {
    let desk = Desk::open().await;
    assert!(!desk.says("c-1", "ada").await, "nothing was read");
    desk.reads("c-1", "SELECT id, customer FROM orders WHERE id < 3")
        .await;
    assert!(desk.says("c-1", "ada").await);
    assert!(desk.says("c-1", "bob").await);
    assert!(!desk.says("c-1", "cy").await, "not among what was read");
    assert!(!desk.says("c-1", "ad").await, "a part of it");
    assert!(!desk.says("c-2", "ada").await, "another case");
    let desk = Desk(desk.0.restart().await);
    assert!(desk.says("c-1", "ada").await, "the journal knows it");
}

/// The attack: a query that answers with what the agent wrote into it, under the
/// name of a column.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_cannot_make_up_what_was_read() {
    let desk = Desk::open().await;
    for statement in [
        "SELECT 'eve' AS customer FROM orders",
        "SELECT status AS customer FROM orders",
        "SELECT customer FROM (SELECT 'eve' AS customer FROM orders)",
        "SELECT customer FROM orders WHERE id = 0 UNION SELECT 'eve' FROM orders",
    ] {
        desk.reads("c-1", statement).await;
        assert!(!desk.says("c-1", "eve").await, "{statement}");
        assert!(!desk.says("c-1", "open").await, "{statement}");
    }
    // What a write answers, and what it wrote, is not known from a read.
    let input = json!({"database": "orders", "execute": true,
        "statement": "UPDATE orders SET customer = 'eve' WHERE id = 1"});
    let report = desk.call("c-1", "try_sql", input).await;
    assert_ne!(report.state, RunState::Failed, "{report:?}");
    assert!(!desk.says("c-1", "eve").await);
}
