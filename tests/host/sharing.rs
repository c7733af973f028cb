//! A table of several tenants shows each its own rows, in both kinds of database.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, Row as _};
use tollgate_runtime::{Principal, RunState};
use tollgate_tests::named;

use crate::house::{House, agent, call, hostile, hostile_manifest};
use crate::postgres;

const TABLES: &str = "
CREATE TABLE orders (id integer PRIMARY KEY, customer text NOT NULL, status text, cents integer, tenant text NOT NULL);
CREATE TABLE people (id integer PRIMARY KEY, name text);
INSERT INTO orders VALUES (1, 'ada', 'open', 5, 'default'), (2, 'bob', 'open', 6, 'default'),
  (3, 'eve', 'open', 7, 'acme'), (4, 'mal', 'TOP-SECRET', 0, 'acme');
INSERT INTO people VALUES (1, 'Ada'), (3, 'Eve');
";

/// The manifest of one tenant.
fn manifest(tenant: &str, source: &str) -> String {
    let more = r#"
[[grant.sql.orders.table]]
name = "people"
read = ["id", "name"]
"#;
    let manifest = hostile_manifest("", more)
        .replace("sqlite:data/orders.db", source)
        .replace(
            "name = \"orders\"\nread = [\"id\", \"customer\", \"status\"]",
            "name = \"orders\"\ntenant_column = \"tenant\"\nread = [\"id\", \"customer\", \"status\", \"cents\"]",
        );
    assert!(manifest.contains("tenant_column"));
    format!("tenant = \"{tenant}\"\n{manifest}")
}

struct Shared {
    house: House,
    url: Option<String>,
}

impl Shared {
    async fn with(source: &str, url: Option<String>) -> Self {
        Self::of(source, url, "").await
    }

    async fn of(source: &str, url: Option<String>, more: &str) -> Self {
        let more = format!("tenants = [\"default\", \"acme\"]\n{more}");
        let settings = url.as_ref().map(|url| postgres::settings(url, &more));
        let house = House::with_settings(&settings.unwrap_or_default()).await;
        if url.is_none() {
            house.sql(TABLES).await;
        }
        for tenant in ["default", "acme"] {
            house.install(&manifest(tenant, source), &hostile()).await;
        }
        Self { house, url }
    }

    async fn answer(&self, tenant: &str, statement: &str, how: &str) -> String {
        let principal = Principal {
            identified: Default::default(),
            tenant: named(tenant),
            ..agent()
        };
        let input = json!({"database": "orders", "statement": statement, how: true});
        let call = call("hostile", "try_sql", input);
        let report = self.house.host.call(&principal, call).await.unwrap();
        assert_eq!(report.state, RunState::Done, "{report:?}");
        let answer = report.output.unwrap();
        answer["answer"].as_str().unwrap().replace("Value::", "")
    }

    async fn sql(&self, text: &str) {
        match &self.url {
            Some(url) => postgres::run(url, text).await,
            None => self.house.sql(text).await,
        }
    }
}

async fn both() -> Vec<Shared> {
    let mut all = vec![Shared::with("sqlite:data/orders.db", None).await];
    if let Some(url) = postgres::database(TABLES).await {
        all.push(Shared::with("postgres:orders", Some(url)).await);
    }
    all
}

/// Reads by every form that the subset has; none may show a row of `acme`.
const READS: &[(&str, &str)] = &[
    (
        "SELECT id FROM orders ORDER BY id",
        "[[Integer(1)], [Integer(2)]]",
    ),
    ("SELECT count(*) FROM orders", "[[Integer(2)]]"),
    ("SELECT o.customer FROM orders AS o WHERE o.id = 3", "[]"),
    (
        "SELECT id FROM orders WHERE id = 3 OR 1 = 1 OR id = 4 ORDER BY id",
        "[[Integer(1)], [Integer(2)]]",
    ),
    (
        "SELECT p.id, o.customer FROM people p LEFT JOIN orders o ON o.id = p.id ORDER BY p.id",
        "[[Integer(1), Text(\"ada\")], [Integer(3), Null]]",
    ),
    (
        "SELECT p.id, o.customer FROM people p JOIN orders o ON 1 = 1 WHERE p.id = 3 ORDER BY o.id",
        "[[Integer(3), Text(\"ada\")], [Integer(3), Text(\"bob\")]]",
    ),
    (
        "SELECT p.id FROM people p LEFT JOIN orders o ON o.id = p.id WHERE o.id IS NULL",
        "[[Integer(3)]]",
    ),
    (
        "SELECT o.id, p.name FROM orders o LEFT JOIN people p ON p.id = o.id ORDER BY o.id",
        "[[Integer(1), Text(\"Ada\")], [Integer(2), Null]]",
    ),
    (
        "SELECT a.id, b.id FROM orders a LEFT JOIN orders b ON b.id = a.id + 1 ORDER BY a.id",
        "[[Integer(1), Integer(2)], [Integer(2), Null]]",
    ),
    (
        "SELECT p.id FROM people p WHERE p.id IN (SELECT o.id FROM orders o)",
        "[[Integer(1)]]",
    ),
    (
        "SELECT p.id FROM people p WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = p.id)",
        "[[Integer(3)]]",
    ),
    ("SELECT (SELECT count(*) FROM orders o)", "[[Integer(2)]]"),
    (
        "SELECT t.n FROM (SELECT count(*) AS n FROM orders) AS t",
        "[[Integer(2)]]",
    ),
    (
        "WITH x AS (SELECT id FROM orders) SELECT x.id FROM x ORDER BY x.id",
        "[[Integer(1)], [Integer(2)]]",
    ),
    (
        "WITH x AS (SELECT id FROM orders) SELECT o.id FROM orders o JOIN x ON x.id = o.id ORDER BY o.id",
        "[[Integer(1)], [Integer(2)]]",
    ),
    (
        "WITH people AS (SELECT id FROM orders) SELECT people.id FROM people ORDER BY people.id",
        "[[Integer(1)], [Integer(2)]]",
    ),
    // Nothing fails for a row of another tenant's, where a division would.
    (
        "SELECT id FROM orders WHERE 10 / cents > 0 ORDER BY id",
        "[[Integer(1)], [Integer(2)]]",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_reads_its_own_rows_only() {
    for shared in both().await {
        for (statement, rows) in READS {
            let answer = shared.answer("default", statement, "query").await;
            assert!(
                answer.contains(&format!("rows: {rows}")),
                "{statement}: {answer}"
            );
        }
        let answer = shared
            .answer("acme", "SELECT id FROM orders ORDER BY id", "query")
            .await;
        assert!(
            answer.contains("rows: [[Integer(3)], [Integer(4)]]"),
            "{answer}"
        );
        for statement in [
            "SELECT tenant FROM orders",
            "SELECT id FROM orders WHERE tenant = 'acme'",
            "SELECT id FROM orders UNION SELECT id FROM orders",
        ] {
            let answer = shared.answer("default", statement, "query").await;
            assert!(
                answer.contains("Denied") || answer.contains("InvalidStatement"),
                "{answer}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_changes_its_own_rows_only() {
    let states = "SELECT id FROM orders WHERE status = 'taken' ORDER BY id";
    for shared in both().await {
        for (statement, count) in [
            (
                "UPDATE orders SET status = 'taken' WHERE id > 0 OR 1 = 1",
                2,
            ),
            ("UPDATE orders SET status = 'taken' WHERE id = 3", 0),
            ("UPDATE orders SET status = 'taken' WHERE 10 / cents > 0", 2),
            ("DELETE FROM orders WHERE id = 4", 0),
            ("DELETE FROM orders WHERE id = 2 OR id = 4", 1),
            (
                "INSERT INTO orders (id, customer, status) VALUES (9, 'new', 'taken')",
                1,
            ),
        ] {
            for how in ["preview", "execute"] {
                let answer = shared.answer("default", statement, how).await;
                let expected = format!("rows-affected: {count}");
                assert!(answer.contains(&expected), "{how} {statement}: {answer}");
            }
        }
        for statement in [
            "INSERT INTO orders (id, customer, tenant) VALUES (10, 'x', 'acme')",
            "UPDATE orders SET tenant = 'acme' WHERE id = 1",
        ] {
            let answer = shared.answer("default", statement, "execute").await;
            assert!(answer.contains("Denied"), "{statement}: {answer}");
        }
        let answer = shared.answer("default", states, "query").await;
        assert!(
            answer.contains("rows: [[Integer(1)], [Integer(9)]]"),
            "{answer}"
        );
        let all = "SELECT id FROM orders WHERE status <> 'taken' ORDER BY id";
        let answer = shared.answer("acme", all, "query").await;
        assert!(
            answer.contains("rows: [[Integer(3)], [Integer(4)]]"),
            "{answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tenant_did_is_taken_back_among_its_rows() {
    for shared in both().await {
        let input = json!({"database": "orders", "execute": true,
            "statement": "UPDATE orders SET status = 'x' WHERE id > 0"});
        let report = shared.house.call("try_sql", input).await;
        shared
            .sql("UPDATE orders SET status = 'theirs' WHERE tenant = 'acme'")
            .await;
        let undone = shared
            .house
            .host
            .undo(&agent(), &report.run, false)
            .await
            .unwrap();
        assert_eq!(undone.outcome, "undone", "{undone:?}");
        let status = "SELECT DISTINCT status FROM orders ORDER BY status";
        let answer = shared.answer("default", status, "query").await;
        assert!(answer.contains("rows: [[Text(\"open\")]]"), "{answer}");
        let answer = shared.answer("acme", status, "query").await;
        assert!(answer.contains("rows: [[Text(\"theirs\")]]"), "{answer}");
    }
}

/// The host's sessions in the database.
async fn sessions(url: &str) -> BTreeSet<i32> {
    let mut watching = PgConnection::connect(url).await.unwrap();
    let asked = "SELECT pid FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let rows = sqlx::query(asked).fetch_all(&mut watching).await.unwrap();
    watching.close().await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The attack: what the server keeps for a session, of whatever kind, is there for the
/// tenant that gets the connection next.
#[tokio::test(flavor = "multi_thread")]
async fn no_connection_to_a_common_database_serves_two_tenants() {
    let count = "SELECT count(*) FROM orders";
    let Some(url) = postgres::database(TABLES).await else {
        return;
    };
    let source = "postgres:orders";
    let two = Shared::of(source, Some(url.clone()), "connections = 2").await;
    two.answer("default", count, "query").await;
    let first = sessions(&url).await;
    two.answer("acme", count, "query").await;
    let both = sessions(&url).await;
    assert_eq!((first.len(), both.len()), (1, 2), "{first:?} {both:?}");
    for tenant in ["default", "acme", "acme", "default"] {
        two.answer(tenant, count, "query").await;
    }
    assert_eq!(sessions(&url).await, both);
    drop(two);

    // Where there is but one connection, it is closed and made anew.
    let url = postgres::database(TABLES).await.unwrap();
    let one = Shared::of(source, Some(url.clone()), "connections = 1").await;
    let mut known = BTreeSet::new();
    for tenant in ["default", "acme", "default"] {
        let answer = one.answer(tenant, count, "query").await;
        assert!(answer.contains("Integer(2)"), "{answer}");
        // The server takes a moment to see that a client is gone.
        let now = loop {
            let now = sessions(&url).await;
            if now.len() == 1 {
                break now;
            }
        };
        assert!(known.is_disjoint(&now), "{tenant}: {known:?} {now:?}");
        known.extend(now);
    }
}
