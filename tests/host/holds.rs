//! A held call: from the card to one effect, or none.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tollgate_runtime::{
    Card, DecideError, Principal, PrincipalKind, RunReport, RunState, ToolCall,
};
use tollgate_tests::named;

use crate::house::{
    AT, BOSS, House, agent, asks_for, call, failure, hostile, hostile_manifest, mira, output,
    principal,
};

const HOUR: u64 = 3_600_000;

async fn card(house: &House, report: &RunReport) -> Card {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = &report.pending.as_ref().unwrap().approval;
    house.host.card(&mira(), approval).await.unwrap()
}

/// A call of `increment` that waits for a boss.
async fn held() -> (House, RunReport, Card) {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let card = card(&house, &report).await;
    (house, report, card)
}

async fn approve(house: &House, card: &Card) -> Result<RunReport, DecideError> {
    house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
}

/// What `increment` left: each effect adds one.
async fn effects(house: &House) -> String {
    let found = house.kv("n").await;
    if found == "None" {
        return "none".to_owned();
    }
    let value = found.split("value: [").nth(1).unwrap();
    let codes = value.split(']').next().unwrap().split(", ");
    codes
        .map(|code| char::from(code.parse::<u8>().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_call_has_its_effect_once() {
    let (house, report, card) = held().await;
    assert_eq!(effects(&house).await, "none");
    let done = approve(&house, &card).await.unwrap();
    assert_eq!((done.state, &done.run), (RunState::Done, &report.run));
    assert_eq!(output(done)["count"], 1);
    assert_eq!(effects(&house).await, "1");
    let again = approve(&house, &card).await.unwrap_err();
    assert!(
        matches!(&again, DecideError::AlreadyDecided { by, .. } if by.as_deref() == Some("mira"))
    );
    assert_eq!(effects(&house).await, "1");
    assert_eq!(
        house.stages(&report.run).await,
        [
            "run.opened",
            "call.outcome",
            "approval.requested",
            "approval.decided",
            "call.intent",
            "call.outcome",
            "run.closed"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_shows_what_will_be_sent_and_who_asked_for_it() {
    let house = House::hostile("", &asks_for("try_sql")).await;
    let statement = "UPDATE orders SET status = ? WHERE id = 1";
    let asked = ToolCall {
        reason: Some("the customer called".to_owned()),
        trigger: Some("mail 4711".to_owned()),
        context: Some("https://desk.example/tickets/93".to_owned()),
        ..call(
            "hostile",
            "try_sql",
            json!({"database": "orders", "statement": statement, "parameters": ["closed"], "execute": true}),
        )
    };
    let report = house.host.call(&agent(), asked).await.unwrap();
    let card = card(&house, &report).await;
    assert_eq!(
        (card.call.as_str(), card.destination.as_str()),
        ("sql.execute", "orders")
    );
    assert_eq!(card.arguments["statement"], statement);
    assert_eq!(
        card.arguments["parameters"],
        json!(["closed"]),
        "{}",
        card.arguments
    );
    assert_eq!(card.requester, "agent-7");
    assert_eq!(card.agent_reason.as_deref(), Some("the customer called"));
    assert_eq!(card.agent_trigger.as_deref(), Some("mail 4711"));
    let context = card.agent_context.as_deref();
    assert_eq!(context, Some("https://desk.example/tickets/93"));
    assert_eq!(card.rule_reason.as_deref(), Some("a boss looks"));
    let prior = card.prior.unwrap().to_string();
    assert!(prior.contains("\"status\":\"open\""), "{prior}");
    assert_eq!(house.host.cards(&mira(), false).await.unwrap().len(), 1);
    let other = principal("otto", PrincipalKind::Person, &["staff"]);
    assert!(house.host.cards(&other, false).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_shows_deceptive_input_as_what_it_is() {
    let more = asks_for("increment").replace(
        "[approval.boss]",
        "[approval.boss]\ntitle = \"Add to {input.key}\"",
    );
    let house = House::hostile("", &more).await;
    let report = house
        .call("increment", json!({"key": "a\u{202e}b\nApproved by mira"}))
        .await;
    let card = card(&house, &report).await;
    assert!(!card.title.contains(['\u{202e}', '\n']), "{}", card.title);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_has_no_effect_and_tells_the_agent_why() {
    let (house, report, card) = held().await;
    let no_reason = house
        .host
        .deny(&mira(), &card.approval, &card.digest, "  ")
        .await;
    assert!(matches!(no_reason, Err(DecideError::ReasonMissing)));
    let denied = house
        .host
        .deny(&mira(), &card.approval, &card.digest, "not this week")
        .await
        .unwrap();
    assert_eq!(denied.state, RunState::Denied);
    let (kind, message) = failure(&denied);
    assert_eq!(kind, "rejected");
    assert!(
        message.contains("mira") && message.contains("not this week"),
        "{message}"
    );
    assert_eq!(effects(&house).await, "none");
    let later = approve(&house, &card).await.unwrap_err();
    assert!(
        matches!(later, DecideError::AlreadyDecided { .. }),
        "{later}"
    );
    assert_eq!(
        house.host.run(&agent(), &report.run).await.unwrap().state,
        RunState::Denied
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_named_person_who_did_not_ask_decides() {
    let (house, _, card) = held().await;
    let kinds = [PrincipalKind::Agent, PrincipalKind::Service];
    for kind in kinds {
        let who = principal("mira", kind, &["boss"]);
        let error = house
            .host
            .approve(&who, &card.approval, &card.digest)
            .await
            .unwrap_err();
        assert!(matches!(error, DecideError::NotAPerson), "{error}");
        assert!(house.host.cards(&who, true).await.is_err());
    }
    let stranger = principal("otto", PrincipalKind::Person, &["staff", "bosses"]);
    let error = house
        .host
        .approve(&stranger, &card.approval, &card.digest)
        .await
        .unwrap_err();
    assert!(matches!(error, DecideError::NotAnApprover(_)), "{error}");
    let foreign = Principal {
        identified: Default::default(),
        tenant: named("acme"),
        ..mira()
    };
    let error = house
        .host
        .approve(&foreign, &card.approval, &card.digest)
        .await
        .unwrap_err();
    assert!(matches!(error, DecideError::NotFound(_)), "{error}");
    let error = house
        .host
        .approve(&mira(), &card.approval, &card.digest.replace('a', "b"))
        .await;
    assert!(matches!(error, Err(DecideError::Changed)), "{error:?}");
    assert_eq!(effects(&house).await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_approves_the_own_request() {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house
        .host
        .call(&mira(), call("hostile", "increment", json!({"key": "n"})))
        .await
        .unwrap();
    let card = card(&house, &report).await;
    let error = approve(&house, &card).await.unwrap_err();
    assert!(matches!(error, DecideError::Requester), "{error}");
    let other = principal("otto", PrincipalKind::Person, &["boss"]);
    let done = house
        .host
        .approve(&other, &card.approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_after_the_time_to_decide_is_none() {
    let (house, report, card) = held().await;
    house.clock.set(AT + HOUR + 1);
    let late = approve(&house, &card).await.unwrap_err();
    assert!(
        matches!(
            late,
            DecideError::Expired | DecideError::AlreadyDecided { .. }
        ),
        "{late}"
    );
    house.host.expire_due().await.unwrap();
    let over = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(over.state, RunState::Denied);
    assert_eq!(failure(&over).0, "rejected");
    assert_eq!(effects(&house).await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_on_the_last_millisecond_counts() {
    let (house, _, card) = held().await;
    house.clock.set(AT + HOUR);
    assert_eq!(approve(&house, &card).await.unwrap().state, RunState::Done);
}

/// Write into the store what a person decided whose host died at once.
async fn decided_and_dead(house: &House, card: &Card, execute_by: u64) {
    let path = house.path("tollgate.db");
    let mut store = crate::house::database(&path).await;
    let text = format!(
        "UPDATE approvals SET state = 'approved', decided_by = 'mira', decided_ms = {AT}, execute_by_ms = {execute_by} WHERE id = '{}'",
        card.approval
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    let text = format!(
        "INSERT INTO approval_votes SELECT tenant_id, id, 'mira', 'mira', digest, {AT} FROM approvals WHERE id = '{}'",
        card.approval
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    // As the store does it in the same transaction: the run waits for nobody.
    let text = format!("UPDATE runs SET ready = 1 WHERE run = '{}'", card.run);
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_run_whose_host_died_goes_on_at_the_next_start() {
    let (house, report, card) = held().await;
    decided_and_dead(&house, &card, AT + 600_000).await;
    let house = house.restart().await;
    let done = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(effects(&house).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_is_not_used_in_time_is_worth_nothing() {
    let (house, report, card) = held().await;
    decided_and_dead(&house, &card, AT + 600_000).await;
    house.clock.set(AT + 600_001);
    let house = house.restart().await;
    house.host.expire_due().await.unwrap();
    let over = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(over.state, RunState::Denied, "{over:?}");
    assert_eq!(failure(&over).0, "rejected");
    assert_eq!(effects(&house).await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_survives_its_host() {
    let (house, report, card) = held().await;
    let house = house.restart().await;
    let waiting = house.host.run(&agent(), &report.run).await.unwrap();
    assert_eq!(waiting.state, RunState::Held);
    let shown = house.host.card(&mira(), &card.approval).await.unwrap();
    assert_eq!(shown.digest, card.digest);
    // The agent asks again and is told of the first one.
    let again = house.call("increment", json!({"key": "n"})).await;
    assert_eq!(
        (again.run, again.state),
        (report.run.clone(), RunState::Held)
    );
    assert_eq!(approve(&house, &card).await.unwrap().state, RunState::Done);
    assert_eq!(effects(&house).await, "1");
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_changed_since_voids_the_decision_and_asks_again() {
    let house = House::hostile("", &asks_for("try_sql")).await;
    let input = json!({"database": "orders", "statement": "UPDATE orders SET status = 'paid' WHERE id = 1", "execute": true});
    let report = house.call("try_sql", input).await;
    let first = card(&house, &report).await;
    house
        .sql("UPDATE orders SET status = 'disputed' WHERE id = 1")
        .await;
    let again = approve(&house, &first).await.unwrap();
    assert_eq!(again.state, RunState::Held);
    assert_eq!(
        house
            .look("SELECT status AS v FROM orders WHERE id = 1")
            .await,
        ["'disputed'"]
    );
    let second = card(&house, &again).await;
    assert_ne!(
        (&second.approval, &second.digest),
        (&first.approval, &first.digest)
    );
    assert!(
        second
            .prior
            .as_ref()
            .unwrap()
            .to_string()
            .contains("disputed")
    );
    assert_eq!(
        house
            .host
            .card(&mira(), &first.approval)
            .await
            .unwrap()
            .state,
        "void"
    );
    let late = approve(&house, &first).await.unwrap_err();
    assert!(matches!(late, DecideError::AlreadyDecided { .. }), "{late}");
    assert_eq!(
        approve(&house, &second).await.unwrap().state,
        RunState::Done
    );
    assert_eq!(
        house
            .look("SELECT status AS v FROM orders WHERE id = 1")
            .await,
        ["'paid'"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_denies_since_is_stronger_than_an_approval() {
    let (house, _, card) = held().await;
    let deny = "[[rule]]\nname = \"stop\"\ncall = \"kv.set\"\nthen = \"deny\"\nreason = \"closed for the year\"\n";
    let manifest = hostile_manifest("", &format!("{}{deny}", asks_for("increment")));
    house.install(&manifest, &hostile()).await;
    let denied = approve(&house, &card).await.unwrap();
    assert_eq!(denied.state, RunState::Denied);
    assert!(failure(&denied).1.contains("closed for the year"));
    assert_eq!(effects(&house).await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_gone_since_is_stronger_than_an_approval() {
    let (house, _, card) = held().await;
    let manifest =
        hostile_manifest("", &asks_for("increment")).replace("grant.kv.scratch", "grant.kv.other");
    house.install(&manifest, &hostile()).await;
    let denied = approve(&house, &card).await.unwrap();
    assert_eq!(denied.state, RunState::Denied, "{denied:?}");
    assert!(failure(&denied).1.contains("grants no store `scratch`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_the_first_run_and_its_key_is_for_one_input() {
    let house = House::hostile("", &asks_for("increment")).await;
    let keyed = |key: &str, input: &str| ToolCall {
        request_key: Some(key.to_owned()),
        ..call("hostile", "increment", json!({"key": input}))
    };
    let first = house
        .host
        .call(&agent(), keyed("refund-1", "n"))
        .await
        .unwrap();
    let again = house
        .host
        .call(&agent(), keyed("refund-1", "n"))
        .await
        .unwrap();
    assert_eq!((again.state, &again.run), (RunState::Held, &first.run));
    let reused = house
        .host
        .call(&agent(), keyed("refund-1", "m"))
        .await
        .unwrap_err();
    assert_eq!(reused.kind(), "key_reused");
    let other = house
        .host
        .call(&agent(), keyed("refund-2", "n"))
        .await
        .unwrap();
    assert_ne!(other.run, first.run);
    let taken = house
        .host
        .call(&agent(), keyed("undo/run-1", "n"))
        .await
        .unwrap_err();
    assert_eq!(taken.kind(), "invalid_input");
    assert_eq!(house.host.cards(&mira(), false).await.unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_sees_its_own_runs_only() {
    let (house, report, _) = held().await;
    let other = principal("agent-8", PrincipalKind::Agent, &[]);
    let error = house.host.run(&other, &report.run).await.unwrap_err();
    assert_eq!(error.kind(), "unknown_run");
    let error = house
        .host
        .undo(&other, &report.run, true)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unknown_run");
    assert_eq!(
        house.host.run(&mira(), &report.run).await.unwrap().state,
        RunState::Held
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_approvals_at_once_have_one_effect() {
    let (house, _, card) = held().await;
    let house = Arc::new(house);
    let mut deciding = Vec::new();
    for number in 0..50 {
        let (house, card) = (Arc::clone(&house), card.clone());
        deciding.push(tokio::spawn(async move {
            let who = principal(&format!("boss-{number}"), PrincipalKind::Person, &["boss"]);
            house.host.approve(&who, &card.approval, &card.digest).await
        }));
    }
    let mut decided = 0;
    for one in deciding {
        match one.await.unwrap() {
            Ok(report) => {
                assert_eq!(report.state, RunState::Done);
                decided += 1;
            }
            Err(error) => assert!(
                matches!(error, DecideError::AlreadyDecided { .. }),
                "{error}"
            ),
        }
    }
    assert_eq!(decided, 1);
    assert_eq!(effects(&house).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_equal_requests_at_once_are_one_run() {
    let house = Arc::new(House::hostile("", &asks_for("increment")).await);
    let mut asking = Vec::new();
    for _ in 0..100 {
        let house = Arc::clone(&house);
        asking.push(tokio::spawn(async move {
            house.call("increment", json!({"key": "n"})).await.run
        }));
    }
    let mut runs = Vec::new();
    for one in asking {
        runs.push(one.await.unwrap());
    }
    runs.dedup();
    assert_eq!(runs.len(), 1);
    assert_eq!(house.host.cards(&mira(), false).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_held_though_a_rule_allows_the_tool() {
    let house = House::hostile("", BOSS).await;
    let note = json!({"key": "k", "path": "mail.txt", "text": "hello"});
    let report = house.call("send", note).await;
    let card = card(&house, &report).await;
    assert_eq!(card.effect, tollgate_policy::Effect::Irreversible);
    assert_eq!(house.file("mail.txt"), None);
    assert_eq!(approve(&house, &card).await.unwrap().state, RunState::Done);
    assert_eq!(house.file("mail.txt").unwrap(), "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_is_denied_where_nobody_can_approve() {
    let house = House::hostile("", "").await;
    let note = json!({"key": "k", "path": "mail.txt", "text": "hello"});
    let report = house.call("send", note).await;
    assert_eq!(report.state, RunState::Denied);
    assert_eq!(house.file("mail.txt"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_of_a_run_is_asked_for_apart() {
    let house = House::hostile("", &asks_for("write_twice")).await;
    let note = json!({"key": "n", "path": "-", "text": "x"});
    let report = house.call("write_twice", note).await;
    let first = card(&house, &report).await;
    let report = approve(&house, &first).await.unwrap();
    let second = card(&house, &report).await;
    assert_ne!(first.digest, second.digest);
    assert!(house.kv("n").await.contains("102, 105, 114, 115, 116"));
    let house = house.restart().await;
    assert_eq!(
        approve(&house, &second).await.unwrap().state,
        RunState::Done
    );
    assert!(house.kv("n").await.contains("115, 101, 99, 111, 110, 100"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_keeps_the_time_and_randomness_it_read_before_it_was_held() {
    let house = House::hostile("", &asks_for("read_write_read")).await;
    let note = json!({"key": "n", "path": "n.txt", "text": "x"});
    let report = house.call("read_write_read", note).await;
    let read: Vec<_> = house
        .log(&report.run)
        .await
        .into_iter()
        .filter(|line| line.stage == "call.outcome")
        .collect();
    house.clock.set(AT + 1_000);
    let house = house.restart().await;
    let first = card(&house, &report).await;
    let report = approve(&house, &first).await.unwrap();
    let second = card(&house, &report).await;
    let done = output(approve(&house, &second).await.unwrap());
    assert_eq!(done["at"], AT);
    assert_eq!(read[1].facts["call"], "clock.now");
}

/// More runs wait than there are instances: a held run has none.
#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_held_runs_keep_no_instance() {
    let house = Arc::new(House::hostile("", &asks_for("increment")).await);
    let mut asking = Vec::new();
    for number in 0..520 {
        let house = Arc::clone(&house);
        let input = json!({"key": format!("k{number}")});
        asking.push(tokio::spawn(
            async move { house.call("increment", input).await },
        ));
    }
    for one in asking {
        assert_eq!(one.await.unwrap().state, RunState::Held);
    }
    house.answers().await;
    assert_eq!(house.host.cards(&mira(), false).await.unwrap().len(), 520);
}
