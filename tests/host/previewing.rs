//! A change that is only looked at changes nothing.

use serde_json::json;
use tollgate_runtime::RunState;
use tollgate_tests::{component, workspace};

use crate::house::{House, asks_for};
use crate::postgres::{self, Station};

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_says_how_many_rows_and_keeps_none() {
    let house = House::hostile("", "").await;
    let rows = "SELECT group_concat(id || customer || coalesce(status, '')) AS v FROM orders";
    let before = house.look(rows).await;
    for (statement, count) in [
        ("UPDATE orders SET status = 'x' WHERE status = 'open'", 2),
        ("UPDATE orders SET status = 'x' WHERE id = 99", 0),
        ("DELETE FROM orders WHERE id > 1", 2),
        (
            "INSERT INTO orders (id, customer) VALUES (8, 'a'), (9, 'b')",
            2,
        ),
    ] {
        let input = json!({"database": "orders", "statement": statement, "preview": true});
        let report = house.call("try_sql", input).await;
        let answer = report.output.unwrap()["answer"].to_string();
        let expected = format!("rows-affected: {count}, inserted-id: None");
        assert!(answer.contains(&expected), "{statement}: {answer}");
        let undone = house
            .host
            .undo(&crate::house::agent(), &report.run, false)
            .await;
        assert_eq!(undone.unwrap().outcome, "nothing");
    }
    assert_eq!(house.look(rows).await, before);
    let input = json!({"database": "orders", "preview": true,
        "statement": "INSERT INTO orders (id, customer) VALUES (1, 'a')"});
    let answer = house.done("try_sql", input).await["answer"].to_string();
    assert!(answer.contains("Constraint"), "{answer}");
    let input =
        json!({"database": "orders", "preview": true, "statement": "SELECT id FROM orders"});
    let answer = house.done("try_sql", input).await["answer"].to_string();
    assert!(answer.contains("InvalidStatement"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_says_how_many_rows_and_keeps_none() {
    let Some(station) = Station::new("", "", "").await else {
        return;
    };
    let before = station.look(postgres::ROWS).await;
    for (statement, count) in [
        ("UPDATE orders SET status = 'x' WHERE status = 'open'", 2),
        ("UPDATE orders SET status = 'x' WHERE id = 99", 0),
        ("DELETE FROM orders WHERE id > 1", 2),
        (
            "INSERT INTO orders (id, customer) VALUES (8, 'a'), (9, 'b')",
            2,
        ),
    ] {
        let (done, answer) = station.attempt(statement, "preview").await;
        let expected = format!("rows-affected: {count}, inserted-id: None");
        assert!(done && answer.contains(&expected), "{statement}: {answer}");
    }
    let twice = "INSERT INTO orders (id, customer) VALUES (1, 'a')";
    let (_, answer) = station.attempt(twice, "preview").await;
    assert!(answer.contains("Constraint"), "{answer}");
    assert_eq!(station.look(postgres::ROWS).await, before);
}

/// A preview is a read: what holds a write does not hold it.
#[tokio::test(flavor = "multi_thread")]
async fn the_connector_previews_what_a_person_must_approve() {
    let orders = "
        CREATE TABLE orders (id integer PRIMARY KEY, customer text, status text, total_cents integer);
        CREATE TABLE refunds (id integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
          order_id integer REFERENCES orders, amount_cents integer, reason text);
        INSERT INTO orders VALUES (1042, 'Mira', 'open', 12900);";
    let Some(url) = postgres::database(orders).await else {
        return;
    };
    let house = House::with_settings(&postgres::settings(&url, "")).await;
    let plugin = "plugins/database";
    let manifest = workspace().join(plugin).join("manifest.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let manifest = manifest
        .replace("sqlite:data/orders.db", "postgres:orders")
        .replace("status = ? WHERE id = ?", "status = $1 WHERE id = $2")
        .replace("(?, ?, ?)", "($1, $2, $3)")
        .replace("= ?", "= $1");
    house.install(&manifest, &component(plugin)).await;
    let refund = json!({"statement": "refund",
        "params": {"order_id": 1042, "amount_cents": 100, "reason": "broken"}});
    let done = house.call_of("database", "preview", refund.clone()).await;
    assert_eq!(done.output.unwrap(), json!({"rows_affected": 1}));
    let held = house.call_of("database", "execute", refund).await;
    assert_eq!(held.state, RunState::Held, "{held:?}");
    let status =
        json!({"statement": "set_status", "params": {"order_id": 1042, "status": "closed"}});
    let done = house.call_of("database", "execute", status).await;
    assert_eq!(done.output.unwrap(), json!({"rows_affected": 1}));
    let order = json!({"query": "order", "params": {"order_id": 1042}});
    let done = house.call_of("database", "lookup", order).await;
    assert_eq!(
        done.output.unwrap()["rows"],
        json!([{"id": 1042, "customer": "Mira", "status": "closed", "total_cents": 12900}])
    );
    let none = json!({"query": "refunds_of_order", "params": {"order_id": 1042}});
    let done = house.call_of("database", "lookup", none).await;
    assert_eq!(done.output.unwrap()["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_to_be_changed_is_denied_to_be_previewed() {
    let house = House::hostile("", &asks_for("increment")).await;
    for statement in [
        "DELETE FROM secret WHERE id = 1",
        "UPDATE orders SET note = 'x' WHERE id = 1",
    ] {
        let input = json!({"database": "orders", "statement": statement, "preview": true});
        let answer = house.done("try_sql", input).await["answer"].to_string();
        assert!(answer.contains("Denied"), "{statement}: {answer}");
    }
}
