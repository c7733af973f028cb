//! What lies outside the grant stays outside.

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Executor as _};
use tollgate_runtime::RunState;
use tollgate_test_postgres::PrivatePostgres;

use super::{Station, database, manifest, role_of, settings};
use crate::house::{BOSS, House, hostile};

/// Things that statements are not to reach by any way.
const TRAPS: &str = "
CREATE VIEW orders_and_secrets AS SELECT o.id, o.customer, s.value FROM orders o CROSS JOIN secret s;
CREATE TABLE parents (id integer PRIMARY KEY, name text);
CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES parents ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 'p'), (2, 'alone'); INSERT INTO children VALUES (7, 1);
CREATE TABLE touched (who text);
CREATE FUNCTION touch() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS
  'INSERT INTO touched VALUES (''x'') RETURNING true';
CREATE TABLE guarded (id integer PRIMARY KEY, line text);
INSERT INTO guarded VALUES (1, 'a');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY touching ON guarded USING (touch());
CREATE TABLE whole (id integer PRIMARY KEY, line text);
INSERT INTO whole VALUES (1, 'TOP-SECRET-VALUE');
CREATE FUNCTION peek(whole) RETURNS text LANGUAGE sql AS 'SELECT $1.line';
CREATE FUNCTION sum(text) RETURNS text LANGUAGE sql AS 'SELECT value FROM secret';
CREATE SCHEMA other; CREATE TABLE other.orders (id integer, customer text, status text);
";

/// Grants of an operator who took a view for a table, and more.
const FOOLED: &str = r#"
[[grant.sql.orders.table]]
name = "orders_and_secrets"
read = ["*"]
insert = ["id"]

[[grant.sql.orders.table]]
name = "parents"
read = ["id"]
insert = ["id"]
delete = true

[[grant.sql.orders.table]]
name = "guarded"
read = ["id"]

[[grant.sql.orders.table]]
name = "whole"
read = ["*"]
"#;

const ATTACKS: &[&str] = &[
    "SELECT value FROM secret",
    "SELECT note FROM orders",
    "SELECT * FROM orders",
    "SELECT orders FROM orders",
    "SELECT o FROM orders o",
    "SELECT ctid FROM orders",
    "SELECT id FROM public.orders",
    "SELECT id FROM other.orders",
    "SELECT relname FROM pg_class",
    "SELECT rolpassword FROM pg_authid",
    "SELECT table_name FROM information_schema.tables",
    "SELECT 'secret'::regclass",
    "SELECT pg_sleep(10)",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT current_user",
    "SELECT id FROM orders UNION SELECT id FROM secret",
    "SELECT id FROM orders FOR UPDATE",
    "SELECT id INTO copy FROM orders",
    "SELECT $$x$$",
    "SELECT E'\\x41'",
    "SELECT id FROM orders; DROP TABLE orders",
    "COPY orders TO '/tmp/x'",
    "DO $$BEGIN END$$",
    "SET ROLE tollgate",
    "RESET ROLE",
    "LISTEN x",
    "INSERT INTO orders (id, customer) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = 'x'",
    "UPDATE orders SET note = 'x' WHERE id = 1",
    "UPDATE orders SET status = 'x'",
    "DELETE FROM orders WHERE id = 1 RETURNING note",
    "DELETE FROM secret WHERE id = 1",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reaches_past_the_grant() {
    let Some(station) = Station::new(TRAPS, "", "").await else {
        return;
    };
    let before = station.look(super::ROWS).await;
    for statement in ATTACKS {
        for how in ["execute", "preview", "query"] {
            let (done, answer) = station.attempt(statement, how).await;
            assert!(!done, "`{statement}` ran: {answer}");
            assert!(
                !answer.contains("TOP-SECRET") && !answer.contains("internal-1"),
                "{answer}"
            );
            assert!(
                answer.contains("Denied") || answer.contains("InvalidStatement"),
                "`{statement}` is not refused by type: {answer}"
            );
        }
    }
    assert_eq!(station.look(super::ROWS).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_refuses_what_names_alone_do_not_show() {
    let more = format!("{FOOLED}{BOSS}");
    let Some(station) = Station::new(TRAPS, "", &more).await else {
        return;
    };
    for (statement, how, reason) in [
        ("SELECT value FROM orders_and_secrets", "query", "no table"),
        (
            "INSERT INTO orders_and_secrets (id) VALUES (1)",
            "execute",
            "no table",
        ),
        // `whole.peek` is `peek(whole)`.
        (
            "SELECT whole.peek FROM whole",
            "query",
            "no table here has a column `peek`",
        ),
        // A function of somebody's under a granted name.
        ("SELECT sum(id) FROM orders", "query", "somebody made"),
        // A policy of the table's that writes, as its owner.
        ("SELECT id FROM guarded", "query", "read-only"),
        (
            "DELETE FROM parents WHERE id = 1",
            "execute",
            "rows of other tables",
        ),
        (
            "DELETE FROM parents WHERE id = 1",
            "preview",
            "rows of other tables",
        ),
        (
            "UPDATE orders SET id = 77 WHERE id = 1",
            "execute",
            "could not be put back",
        ),
    ] {
        let (done, answer) = station.attempt(statement, how).await;
        assert!(!done && answer.contains(reason), "`{statement}`: {answer}");
        assert!(
            !answer.contains("TOP-SECRET"),
            "`{statement}` leaks: {answer}"
        );
    }
    assert_eq!(
        station.look("SELECT count(*) AS v FROM touched").await,
        ["0"]
    );
    assert_eq!(
        station.look("SELECT count(*) AS v FROM parents").await,
        ["2"]
    );
    // Nothing hangs on this one.
    station.change("DELETE FROM parents WHERE id = 2").await;
    // What was inserted has got a child meanwhile: it is not taken back with it.
    let report = station.change("INSERT INTO parents (id) VALUES (5)").await;
    station.sql("INSERT INTO children VALUES (8, 5)").await;
    let undone = station
        .house
        .host
        .undo(&crate::house::agent(), &report.run, false)
        .await
        .unwrap();
    assert_eq!(undone.outcome, "conflict", "{undone:?}");
    assert_eq!(
        station.look("SELECT count(*) AS v FROM children").await,
        ["2"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_powerful_account_opens_nothing() {
    let Some(url) = database(super::ORDERS).await else {
        return;
    };
    let role = role_of(&url);
    for (settings, ok) in [
        (format!("[database.orders]\nurl = \"{url}\"\n"), false),
        (settings(&url, ""), true),
        // Of another tenant.
        (settings(&url, "tenants = [\"acme\"]"), false),
        (
            format!("[database.other]\nurl = \"{url}\"\nrole = \"{role}\"\n"),
            false,
        ),
    ] {
        let house = House::with_settings(&settings).await;
        house.install(&manifest("", ""), &hostile()).await;
        let input = json!({"database": "orders", "statement": "SELECT id FROM orders"});
        let (done, answer) = super::answer(&house.done("try_sql", input).await);
        assert_eq!(done, ok, "{answer}");
        assert!(ok || answer.contains("Denied"), "{answer}");
    }
    super::run(&url, &format!("ALTER ROLE {role} BYPASSRLS")).await;
    let house = House::with_settings(&settings(&url, "")).await;
    house.install(&manifest("", ""), &hostile()).await;
    let input = json!({"database": "orders", "statement": "SELECT id FROM orders"});
    let (done, answer) = super::answer(&house.done("try_sql", input).await);
    assert!(!done && answer.contains("plain role"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_and_changes_stop_at_the_grant_s_size() {
    let many = "INSERT INTO orders SELECT i, 'many', repeat('x', 2000), NULL FROM generate_series(10, 200) AS i;";
    let Some(station) = Station::new(many, "", "").await else {
        return;
    };
    for (statement, how) in [
        ("SELECT id FROM orders", "query"),
        // Fewer rows, and more bytes.
        ("SELECT id, status FROM orders LIMIT 45", "query"),
        ("UPDATE orders SET status = 'y' WHERE id > 0", "execute"),
        ("DELETE FROM orders WHERE id > 0", "execute"),
        ("DELETE FROM orders WHERE id > 0", "preview"),
    ] {
        let (done, answer) = station.attempt(statement, how).await;
        assert!(
            !done && answer.contains("TooLarge"),
            "{statement}: {answer}"
        );
    }
    let (done, answer) = station
        .attempt("SELECT id FROM orders LIMIT 50", "query")
        .await;
    assert!(done, "{answer}");
    assert_eq!(
        station.look("SELECT count(*) AS v FROM orders").await,
        ["194"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_never_ends_is_ended_by_the_server() {
    let many =
        "INSERT INTO orders SELECT i, 'many', 'x', NULL FROM generate_series(10, 3000) AS i;";
    let Some(station) = Station::new(many, "deadline = \"1s\"", "").await else {
        return;
    };
    let endless = "SELECT count(*) FROM orders a JOIN orders b ON a.status = b.status JOIN orders c ON b.status = c.status JOIN orders d ON c.status = d.status";
    let input = json!({"database": "orders", "statement": endless});
    let report = station.house.call("try_sql", input).await;
    assert_ne!(report.state, RunState::Open);
    let text = format!("{:?}{:?}", report.output, report.failure);
    assert!(
        text.contains("out of time") || text.contains("deadline"),
        "{text}"
    );
    station.house.answers().await;
    // The guest's second is over first, or the server's: it stops all the same.
    let active = "SELECT count(*) AS v FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%orders a%' AND datname = current_database() AND pid <> pg_backend_pid()";
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while station.look(active).await != ["0"] {
        assert!(std::time::Instant::now() < end, "the server still computes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_change_that_is_under_way_is_not_overwritten() {
    let Some(station) = Station::new("", "", "").await else {
        return;
    };
    let mut person = PgConnection::connect(&station.url).await.unwrap();
    person
        .execute("BEGIN; UPDATE orders SET status = 'disputed' WHERE id = 1")
        .await
        .unwrap();
    let statement = "UPDATE orders SET status = 'paid' WHERE id = 1";
    let waits = "SELECT count(*) AS v FROM pg_stat_activity \
        WHERE wait_event_type = 'Lock' AND datname = current_database()";
    let commit = async {
        while station.look(waits).await != ["1"] {}
        person.execute("COMMIT").await.unwrap();
    };
    let (answer, ()) = tokio::join!(station.attempt(statement, "execute"), commit);
    assert!(!answer.0 && answer.1.contains("Conflict"), "{answer:?}");
    assert_eq!(
        station
            .look("SELECT status AS v FROM orders WHERE id = 1")
            .await,
        ["disputed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_unavailable_and_one_that_is_back_serves() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let url = server.create_database().await;
    let role = role_of(&url);
    super::run(
        &url,
        &format!(
            "{} CREATE ROLE {role}; GRANT SELECT ON orders TO {role}",
            super::ORDERS
        ),
    )
    .await;
    let house = House::with_settings(&settings(&url, "")).await;
    house.install(&manifest("", ""), &hostile()).await;
    let ask = async || {
        let input = json!({"database": "orders", "statement": "SELECT id FROM orders"});
        super::answer(&house.done("try_sql", input).await)
    };
    assert!(ask().await.0);
    server.stop().await;
    let (done, answer) = ask().await;
    assert!(!done && answer.contains("Unavailable"), "{answer}");
    assert!(
        !answer.contains("tollgate-pg") && !answer.contains(&role),
        "{answer}"
    );
    server.resume().await;
    let (done, answer) = ask().await;
    assert!(done, "{answer}");
}
