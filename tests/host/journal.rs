//! No effect without a record, and no changed record unnoticed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tempfile::TempDir;
use tollgate_runtime::{
    Compiler, Host, HostOptions, LogFilter, Principal, Role, RunState, ToolCall, VerifyReport,
};
use tollgate_tests::{component, named};

use crate::faulty::Faulty;
use crate::house::{
    House, agent, asks_for, call, copy, database, failure, hostile, hostile_manifest, mira,
    options, output,
};

// ── a changed record ────────────────────────────────────────────────────────

async fn verify(home: &Path) -> VerifyReport {
    let options = HostOptions::new(home, Compiler::InProcess, Role::Operate);
    let host = Host::open(options).await.unwrap();
    let report = host.verify(&named("default")).await.unwrap();
    host.shutdown().await;
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_anywhere_is_found_and_named() {
    let house = House::hostile("", "").await;
    for number in 0..5 {
        house
            .done("increment", json!({"key": format!("k{number}")}))
            .await;
    }
    house.host.shutdown().await;
    let clean = verify(house.home.path()).await;
    assert_eq!(clean.problem, None);
    assert!(clean.records > 20);
    // The first record is at the place after its tenant's number, shifted by 40.
    let seventh = "place = (SELECT place FROM records ORDER BY place LIMIT 1 OFFSET 7)";
    let flip = |column: &str, offset: usize| {
        format!(
            "UPDATE records SET {column} = CAST(substr({column}, 1, {offset}) || char(unicode(substr({column}, {next}, 1)) + 1) || substr({column}, {after}) AS BLOB) WHERE {seventh}",
            next = offset + 1,
            after = offset + 2
        )
    };
    let zero = |column: &str, table: &str, which: &str| {
        format!("UPDATE {table} SET {column} = zeroblob(length({column})) WHERE {which}")
    };
    for (what, change, words) in [
        ("a leaf", flip("leaf", 30), "7"),
        ("a hash", zero("hash", "records", seventh), "7"),
        (
            "a sealed value",
            zero("sealed", "records", seventh),
            "record 7",
        ),
        (
            "a sealed value that is gone",
            format!("UPDATE records SET sealed = NULL WHERE {seventh}"),
            "record 7",
        ),
        (
            "a record that is gone",
            format!("DELETE FROM records WHERE {seventh}"),
            "7",
        ),
        (
            "the last record, gone",
            "DELETE FROM records WHERE place = (SELECT max(place) FROM records)".to_owned(),
            "",
        ),
        (
            "the root",
            zero("root", "tenants", "tenant = 'default'"),
            "",
        ),
        (
            "the count",
            "UPDATE tenants SET count = count - 1 WHERE tenant = 'default'".to_owned(),
            "",
        ),
        (
            "the frontier",
            zero("frontier", "tenants", "tenant = 'default'"),
            "",
        ),
        (
            "a run's name",
            format!("UPDATE records SET run = 'run-0' WHERE {seventh}"),
            "7",
        ),
        (
            "two records, exchanged",
            format!(
                "UPDATE records SET (leaf, hash, sealed) = (SELECT leaf, hash, sealed FROM records ORDER BY place LIMIT 1 OFFSET 8) WHERE {seventh}"
            ),
            "7",
        ),
    ] {
        let home = TempDir::new().unwrap();
        copy(house.home.path(), home.path());
        let mut store = database(&home.path().join("tollgate.db")).await;
        let done = sqlx::raw_sql(AssertSqlSafe(change))
            .execute(&mut store)
            .await
            .unwrap();
        drop(store);
        assert_eq!(done.rows_affected(), 1, "{what}");
        let problem = verify(home.path()).await.problem;
        let problem = problem.unwrap_or_else(|| panic!("{what} was not noticed"));
        assert!(problem.contains(words), "{what}: {problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_and_agents_write_is_not_in_the_file_in_clear() {
    let house = House::hostile("", &asks_for("increment")).await;
    let words = "a very private sentence";
    house.done("echo", json!({"value": words})).await;
    house.done("try_sql", json!({"database": "orders", "statement": "SELECT id FROM orders WHERE customer = ?", "parameters": [words]})).await;
    let asked = ToolCall {
        reason: Some(words.to_owned()),
        ..call("hostile", "increment", json!({"key": words}))
    };
    let report = house.host.call(&agent(), asked).await.unwrap();
    let approval = report.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    house
        .host
        .deny(&mira(), &approval, &card.digest, "no")
        .await
        .unwrap();
    for name in ["tollgate.db", "tollgate.db-wal"] {
        let Ok(bytes) = std::fs::read(house.path(name)) else {
            continue;
        };
        let found = bytes
            .windows(words.len())
            .filter(|window| *window == words.as_bytes())
            .count();
        assert_eq!(found, 0, "{name} has it");
    }
}

// ── a store that fails ──────────────────────────────────────────────────────

fn insert() -> ToolCall {
    let statement = "INSERT INTO orders (customer, status) VALUES ('new', 'open')";
    call(
        "hostile",
        "try_sql",
        json!({"database": "orders", "execute": true, "statement": statement}),
    )
}

async fn inserted(house: &House) -> Vec<String> {
    house
        .look("SELECT count(*) AS v FROM orders WHERE customer = 'new'")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_journal_nothing_is_done_and_service_resumes_by_itself() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    store.allow(0);
    for (tool, input) in [
        ("echo", json!({"value": 1})),
        ("surroundings", json!({})),
        ("increment", json!({"key": "n"})),
        (
            "try_file",
            json!({"verb": "write", "directory": "box", "path": "n.txt"}),
        ),
        ("spin", json!({})),
        ("bad_json", json!({})),
    ] {
        let error = house
            .host
            .call(&agent(), call("hostile", tool, input))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), "unavailable", "{tool}: {error}");
        assert!(error.to_string().contains("nothing was done"), "{error}");
    }
    let error = house.host.call(&agent(), insert()).await.unwrap_err();
    assert_eq!(error.kind(), "unavailable");
    let manifest = tollgate_tests::pinned(&hostile_manifest("", ""), &hostile());
    assert!(
        house
            .host
            .install("m", &manifest, &hostile().bytes, "operator")
            .await
            .is_err()
    );
    store.repair();
    assert_eq!(inserted(&house).await, ["0"]);
    assert_eq!(
        (house.kv("n").await, house.file("n.txt")),
        ("None".to_owned(), None)
    );
    house.answers().await;
    output(house.host.call(&agent(), insert()).await.unwrap());
    assert_eq!(inserted(&house).await, ["1"]);
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_whose_outcome_was_not_recorded_is_in_doubt_and_never_repeated() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    // The intent is recorded; the outcome is not.
    store.allow(1);
    let report = house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!(report.state, RunState::Open, "{report:?}");
    // An agent that tries again finds the first run, also while the store is away.
    let again = house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!((&again.run, again.state), (&report.run, RunState::Open));
    store.repair();
    house.host.expire_due().await.unwrap();
    let settled = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(settled.state, RunState::InDoubt);
    assert_eq!(failure(&settled).0, "in_doubt");
    let again = house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!(
        (again.run, again.state),
        (report.run.clone(), RunState::InDoubt)
    );
    let house = house.restart().await;
    let again = house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!((again.run, again.state), (report.run, RunState::InDoubt));
    assert_eq!(inserted(&house).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_end_was_not_recorded_ends_later_without_a_second_effect() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    store.allow(2);
    let report = house.host.call(&agent(), insert()).await.unwrap();
    assert_eq!(report.state, RunState::Open);
    store.repair();
    house.host.expire_due().await.unwrap();
    let done = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(inserted(&house).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_whose_call_could_not_be_recorded_is_carried_out_later_once() {
    let (house, store) = House::on(&asks_for("try_sql"), Faulty::new).await;
    let report = house.host.call(&agent(), insert()).await.unwrap();
    let approval = report.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    store.allow(1);
    let error = house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("the decision is recorded"),
        "{error}"
    );
    assert_eq!(inserted(&house).await, ["0"]);
    store.repair();
    house.host.expire_due().await.unwrap();
    let done = house
        .host
        .wait(&agent(), &report.run, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(inserted(&house).await, ["1"]);
}

/// The process dies between the intent and the outcome: the home is copied while
/// the database makes the call wait, and another host opens the copy.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_of_a_write_leaves_a_doubt_that_nobody_resends() {
    let house = Arc::new(House::hostile("", "").await);
    let mut lock = database(&house.path("data/orders.db")).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let calling = {
        let house = Arc::clone(&house);
        tokio::spawn(async move { house.host.call(&agent(), insert()).await })
    };
    let run = loop {
        let lines = house
            .host
            .log(&named("default"), LogFilter::default())
            .await
            .unwrap();
        match lines.into_iter().find(|line| line.stage == "call.intent") {
            Some(line) => break line.run.unwrap(),
            None => tokio::task::yield_now().await,
        }
    };
    let crashed = TempDir::new().unwrap();
    copy(house.home.path(), crashed.path());
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    output(calling.await.unwrap().unwrap());
    assert_eq!(inserted(&house).await, ["1"]);

    let host = Host::open(options(crashed.path(), &house.clock))
        .await
        .unwrap();
    let patience = Duration::from_secs(20);
    let found = host.wait(&agent(), &run, patience).await.unwrap();
    assert_eq!(found.state, RunState::InDoubt);
    let (kind, message) = failure(&found);
    assert_eq!(kind, "in_doubt");
    assert!(message.contains("sql.execute"), "{message}");
    let again = host.call(&agent(), insert()).await.unwrap();
    assert_eq!((again.run, again.state), (run.clone(), RunState::InDoubt));
    let undo = host.undo(&agent(), &run, false).await.unwrap_err();
    assert_eq!(undo.kind(), "not_allowed");
    let count = "SELECT count(*) AS v FROM orders WHERE customer = 'new'";
    let path = crashed.path().join("data/orders.db");
    assert_eq!(crate::house::column(&path, count).await, ["0"]);
    assert_eq!(host.verify(&named("default")).await.unwrap().problem, None);
}

// ── exact numbers ───────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn integers_that_a_double_cannot_tell_apart_stay_apart() {
    let house = House::new().await;
    house
        .sql(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, status TEXT, total_cents INTEGER);
             CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER, amount_cents INTEGER, reason TEXT);
             INSERT INTO orders VALUES (9007199254740992, 'even', 'open', 1), (9007199254740993, 'odd', 'open', 2);",
        )
        .await;
    let path = tollgate_tests::workspace().join("plugins/database/manifest.toml");
    house
        .install(
            &std::fs::read_to_string(path).unwrap(),
            &component("plugins/database"),
        )
        .await;
    let lookup = |id: Value| json!({"query": "order", "params": {"order_id": id}});
    let inexact = call(
        "database",
        "lookup",
        lookup(json!(9_007_199_254_740_993_i64)),
    );
    let error = house.host.call(&agent(), inexact).await.unwrap_err();
    assert_eq!(error.kind(), "invalid_input");
    assert!(error.to_string().contains("/params/order_id"), "{error}");
    for (id, customer) in [("9007199254740992", "even"), ("9007199254740993", "odd")] {
        let found = house
            .call_of("database", "lookup", lookup(json!({"integer": id})))
            .await;
        let found = output(found);
        assert_eq!(found["rows"][0]["customer"], customer, "{found}");
        assert!(
            found["rows"][0]["id"] == id || found["rows"][0]["id"].as_i64() == id.parse().ok(),
            "{found}"
        );
    }
    let mut cards = Vec::new();
    for id in ["9007199254740992", "9007199254740993"] {
        let params = json!({"order_id": {"integer": id}, "amount_cents": 5, "reason": "r"});
        let report = house
            .call_of(
                "database",
                "execute",
                json!({"statement": "refund", "params": params}),
            )
            .await;
        let card = house
            .host
            .card(&mira(), &report.pending.unwrap().approval)
            .await
            .unwrap();
        assert!(
            card.arguments.to_string().contains(id),
            "{}",
            card.arguments
        );
        cards.push(card);
    }
    assert_ne!(cards[0].arguments, cards[1].arguments);
    let finance = Principal {
        identified: Default::default(),
        groups: vec!["finance".to_owned()],
        ..mira()
    };
    for card in &cards {
        output(
            house
                .host
                .approve(&finance, &card.approval, &card.digest)
                .await
                .unwrap(),
        );
    }
    let left = house
        .look("SELECT order_id AS v FROM refunds ORDER BY order_id")
        .await;
    assert_eq!(left, ["9007199254740992", "9007199254740993"]);
}

// ── tenants ─────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_sees_nothing_of_another_one() {
    let house = House::hostile("", &asks_for("increment")).await;
    let foreign = hostile_manifest("", &asks_for("increment"))
        .replace("component =", "tenant = \"acme\"\ncomponent =");
    house.install(&foreign, &hostile()).await;
    let of = |who: Principal| Principal {
        identified: Default::default(),
        tenant: named("acme"),
        ..who
    };
    let done = house.call("echo", json!({"value": "ours"})).await;
    let held = house.call("increment", json!({"key": "n"})).await;
    let approval = held.pending.unwrap().approval;
    let digest = house.host.card(&mira(), &approval).await.unwrap().digest;
    for run in [&done.run, &held.run] {
        for who in [of(agent()), of(mira())] {
            assert_eq!(
                house.host.run(&who, run).await.unwrap_err().kind(),
                "unknown_run"
            );
            assert_eq!(
                house.host.undo(&who, run, true).await.unwrap_err().kind(),
                "unknown_run"
            );
        }
        assert!(house.host.replay(&named("acme"), run).await.is_err());
    }
    assert!(
        house
            .host
            .cards(&of(mira()), true)
            .await
            .unwrap()
            .is_empty()
    );
    for answer in [
        house
            .host
            .approve(&of(mira()), &approval, &digest)
            .await
            .unwrap_err(),
        house
            .host
            .deny(&of(mira()), &approval, &digest, "no")
            .await
            .unwrap_err(),
        house.host.card(&of(mira()), &approval).await.unwrap_err(),
    ] {
        assert_eq!(answer.kind(), "unknown_approval");
    }
    // The same request in the other tenant is another run.
    let theirs = house
        .host
        .call(
            &of(agent()),
            call("hostile", "increment", json!({"key": "n"})),
        )
        .await
        .unwrap();
    assert_ne!(theirs.run, held.run);
    let lines = house
        .host
        .log(&named("acme"), LogFilter::default())
        .await
        .unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line.run.as_ref().is_none_or(|run| *run == theirs.run))
    );
    let filter = LogFilter {
        run: Some(held.run.clone()),
        ..LogFilter::default()
    };
    assert!(
        house
            .host
            .log(&named("acme"), filter)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        house
            .host
            .tools(&Principal {
                identified: Default::default(),
                tenant: named("nobody"),
                ..agent()
            })
            .is_empty()
    );
}
