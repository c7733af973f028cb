//! The sample workflows, each from its case's opening to its end, with the real
//! connector and a real database.

use serde_json::{Map, Value, json};
use sqlx::AssertSqlSafe;
use tollgate_runtime::{
    CaseClaim, CaseReport, NewCase, Principal, PrincipalKind, RunReport, RunState, ToolCall,
};
use tollgate_tests::{component, workspace};

use crate::house::{House, call, column, database, mira, output, principal};

struct Sample {
    house: House,
    connector: String,
    database: std::path::PathBuf,
    workflow: String,
    agent: Principal,
}

impl Sample {
    async fn of(name: &str, connector: &str, file: &str, agent: &str) -> Self {
        let folder = workspace().join("plugins/workflows").join(name);
        let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap();
        let house = House::new().await;
        let path = house.path("data").join(file);
        let mut seeded = database(&path).await;
        sqlx::raw_sql(AssertSqlSafe(read("seed.sql")))
            .execute(&mut seeded)
            .await
            .unwrap();
        let built = component("plugins/database");
        house.install(&read("manifest.toml"), &built).await;
        let plan = house.workflow(&read("workflow.toml")).await;
        assert!(plan.missing.is_empty(), "{plan:?}");
        Self {
            house,
            connector: connector.to_owned(),
            database: path,
            workflow: name.to_owned(),
            agent: principal(agent, PrincipalKind::Agent, &[]),
        }
    }

    async fn open(&self, inputs: Value) -> String {
        let new = NewCase {
            workflow: self.workflow.clone(),
            inputs: inputs.as_object().cloned().unwrap_or_else(Map::new),
            trigger: Some("a mail from outside".to_owned()),
            context: Some("mail 4711".to_owned()),
            ..NewCase::default()
        };
        let opened = self.house.host.open_case(&mira(), new).await;
        let opened = opened.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(opened.trigger.as_deref(), Some("a mail from outside"));
        assert_eq!(opened.context.as_deref(), Some("mail 4711"));
        opened.case
    }

    async fn call(&self, case: &str, tool: &str, name: &str, params: Value) -> RunReport {
        let word = match tool {
            "lookup" => "query",
            _ => "statement",
        };
        let call = ToolCall {
            case: Some(case.to_owned()),
            reason: Some("the next step".to_owned()),
            ..call(
                &self.connector,
                tool,
                json!({ word: name, "params": params }),
            )
        };
        self.house.by(self.agent.clone(), call).await.unwrap()
    }

    async fn rows(&self, case: &str, query: &str, params: Value) -> Value {
        output(self.call(case, "lookup", query, params).await)["rows"].clone()
    }

    /// Approve what waits, by a person of these groups.
    async fn approve(&self, group: &str) -> RunReport {
        let person = principal("paula", PrincipalKind::Person, &[group]);
        let card = self
            .house
            .host
            .cards(&person, false)
            .await
            .unwrap()
            .remove(0);
        let done = self
            .house
            .host
            .approve(&person, &card.approval, &card.digest)
            .await;
        done.unwrap()
    }

    async fn close(&self, case: &str) -> CaseReport {
        let claim = CaseClaim {
            state: "completed".to_owned(),
            note: None,
        };
        let closed = self.house.host.close_case(&self.agent, case, claim).await;
        closed.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn look(&self, query: &str) -> Vec<String> {
        column(&self.database, query).await
    }
}

fn ended(case: &CaseReport) -> (&str, Option<bool>) {
    (case.state.as_str(), case.correct)
}

#[tokio::test(flavor = "multi_thread")]
async fn order_history_for_support() {
    let sample = Sample::of("order-history", "orders", "shop.db", "support-agent").await;
    let customer = json!({"customer": "ada@shop.example"});
    let case = sample.open(customer.clone()).await;
    let orders = sample.rows(&case, "history", customer).await;
    assert_eq!(orders.as_array().unwrap().len(), 2);
    let refunds = sample
        .rows(&case, "refunds", json!({"order_id": 1042}))
        .await;
    assert_eq!(refunds[0]["amount_cents"], 2900);
    // What changes something is not there at all.
    let names = sample.house.host.tools(&sample.agent);
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(ended(&sample.close(&case).await), ("completed", Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lead_enrichment_and_routing() {
    let sample = Sample::of("lead-routing", "leads", "leads.db", "lead-agent").await;
    let case = sample.open(json!({"lead_id": 7})).await;
    let lead = sample.rows(&case, "lead", json!({"lead_id": 7})).await;
    assert_eq!(lead[0]["company"], "Hafen GmbH");
    let size = json!({"employees": 350, "lead_id": 7});
    output(sample.call(&case, "execute", "enrich", size).await);
    let owners = sample.rows(&case, "territories", json!({})).await;
    let to = json!({"owner": owners[1]["owner"], "lead_id": 7});
    let routed = sample.call(&case, "execute", "route", to).await;
    assert_eq!(routed.state, RunState::Done);
    assert_eq!(
        sample
            .look("SELECT owner AS v FROM leads WHERE id = 7")
            .await,
        ["'mira'"]
    );
    assert_eq!(ended(&sample.close(&case).await), ("completed", Some(true)));
    // One that is said to be done and is not.
    let other = sample.open(json!({"lead_id": 8})).await;
    sample.rows(&other, "lead", json!({"lead_id": 8})).await;
    assert_eq!(
        ended(&sample.close(&other).await),
        ("completed", Some(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn payment_approval() {
    let sample = Sample::of(
        "payment-approval",
        "payments",
        "payments.db",
        "payment-agent",
    )
    .await;
    let case = sample.open(json!({"invoice_id": 31})).await;
    let invoice = sample
        .rows(&case, "invoice", json!({"invoice_id": 31}))
        .await;
    let pay = json!({"invoice_id": 31, "amount_cents": invoice[0]["amount_cents"]});
    let held = sample.call(&case, "execute", "pay", pay).await;
    assert_eq!(held.state, RunState::Held);
    assert!(sample.look("SELECT id AS v FROM payments").await.is_empty());
    assert_eq!(sample.approve("finance").await.state, RunState::Done);
    assert_eq!(
        sample.look("SELECT amount_cents AS v FROM payments").await,
        ["48000"]
    );
    assert_eq!(ended(&sample.close(&case).await), ("completed", Some(true)));
    // One refusal ends the case, into the queue of finance.
    let other = sample.open(json!({"invoice_id": 32})).await;
    let pay = json!({"invoice_id": 32, "amount_cents": 9900});
    sample.call(&other, "execute", "pay", pay).await;
    let person = principal("paula", PrincipalKind::Person, &["finance"]);
    let host = &sample.house.host;
    let card = host.cards(&person, false).await.unwrap().remove(0);
    let no = "not our order";
    let denied = host.deny(&person, &card.approval, &card.digest, no).await;
    assert_eq!(denied.unwrap().state, RunState::Denied);
    assert_eq!(sample.house.case(&other).await.state, "escalated");
    let items = host.queue(&person, false).await.unwrap();
    assert_eq!(items.len(), 1, "the denial itself is the operators'");
    assert_eq!(items[0].queue, "finance-failures");
    assert_eq!(sample.look("SELECT id AS v FROM payments").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn form_check_to_task() {
    let sample = Sample::of("form-to-task", "office", "office.db", "form-agent").await;
    let case = sample.open(json!({"form_id": "F-12"})).await;
    let form = sample.rows(&case, "form", json!({"form_id": "F-12"})).await;
    assert_eq!(form[0]["iban"], json!(null));
    let task = json!({"form_id": "F-12", "title": "Ask Ada Beck for an account number"});
    let held = sample.call(&case, "execute", "new_task", task).await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    assert!(sample.look("SELECT id AS v FROM tasks").await.is_empty());
    assert_eq!(sample.approve("office").await.state, RunState::Done);
    assert_eq!(
        sample.look("SELECT form_id AS v FROM tasks").await,
        ["'F-12'"]
    );
    assert_eq!(ended(&sample.close(&case).await), ("completed", Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_risk_summary() {
    let sample = Sample::of("renewal-risk", "accounts", "accounts.db", "renewal-agent").await;
    let case = sample.open(json!({"contract_id": 5})).await;
    let usage = sample.rows(&case, "usage", json!({"contract_id": 5})).await;
    assert_eq!(usage[2]["logins"], 9);
    let note = json!({"contract_id": 5, "risk": "high", "text": "used by nobody since December"});
    let judged = sample.call(&case, "execute", "note", note).await;
    let failure = judged.failure.unwrap();
    assert_eq!(failure.kind, "shadow");
    assert!(
        failure.message.contains("would have been"),
        "{}",
        failure.message
    );
    assert!(sample.look("SELECT id AS v FROM notes").await.is_empty());
    // In shadow nothing is done, and the look says so.
    assert_eq!(
        ended(&sample.close(&case).await),
        ("completed", Some(false))
    );
}
