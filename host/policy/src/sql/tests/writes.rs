//! `INSERT`, `UPDATE`, `DELETE`, and parameters.

use super::*;

const REFUSED: &[(&str, &str)] = &[
    // Writes.
    ("INSERT INTO orders VALUES (1, 2, 3)", "without a list"),
    (
        "INSERT INTO orders (id, cents) VALUES (1, 2)",
        "column `cents`",
    ),
    (
        "INSERT INTO orders (id, customer) VALUES (1)",
        "more or fewer",
    ),
    ("INSERT INTO orders (id, ID) VALUES (1, 2)", "twice"),
    ("INSERT INTO customers (id) VALUES (1)", "table `customers`"),
    ("INSERT INTO secrets (token) VALUES (1)", "table `secrets`"),
    (
        "INSERT INTO log (line) SELECT token FROM secrets",
        "INSERT … SELECT",
    ),
    (
        "INSERT INTO log (line) VALUES ((SELECT token FROM secrets))",
        "subquery",
    ),
    ("INSERT INTO log (line) VALUES (line)", "no column"),
    ("INSERT INTO log DEFAULT VALUES", "list of columns"),
    ("INSERT OR REPLACE INTO log (line) VALUES (1)", "upsert"),
    ("INSERT OR IGNORE INTO log (line) VALUES (1)", "upsert"),
    ("REPLACE INTO log (line) VALUES (1)", "upsert"),
    (
        "INSERT INTO log (line) VALUES (1) ON CONFLICT DO NOTHING",
        "upsert",
    ),
    (
        "INSERT INTO log (line) VALUES (1) ON CONFLICT (line) DO UPDATE SET line = 2",
        "upsert",
    ),
    ("INSERT INTO log (line) VALUES (1) RETURNING *", "RETURNING"),
    ("INSERT INTO main.log (line) VALUES (1)", "schema"),
    ("INSERT INTO sqlite_master (sql) VALUES ('x')", "own table"),
    ("INSERT INTO log AS l (line) VALUES (1)", "read|option"),
    (
        "WITH x AS (SELECT 1 AS a) INSERT INTO log (line) VALUES (1)",
        "plain SELECT|option",
    ),
    ("UPDATE orders SET status = 'x'", "every row"),
    ("UPDATE orders SET cents = 1 WHERE id = 1", "column `cents`"),
    (
        "UPDATE orders SET status = token WHERE id = 1",
        "column `token`",
    ),
    (
        "UPDATE orders SET status = 1 WHERE token = 1",
        "column `token`",
    ),
    (
        "UPDATE orders SET status = 1, status = 2 WHERE id = 1",
        "twice",
    ),
    (
        "UPDATE orders SET (status, cents) = (1, 2) WHERE id = 1",
        "list of columns",
    ),
    (
        "UPDATE orders SET status = (SELECT token FROM secrets) WHERE id = 1",
        "subquery",
    ),
    (
        "UPDATE orders SET status = 1 FROM secrets WHERE id = 1",
        "FROM",
    ),
    (
        "UPDATE orders SET status = 1 WHERE id IN (SELECT id FROM orders)",
        "subquery",
    ),
    (
        "UPDATE OR REPLACE orders SET status = 1 WHERE id = 1",
        "UPDATE OR",
    ),
    (
        "UPDATE orders SET status = 1 WHERE id = 1 RETURNING *",
        "RETURNING",
    ),
    (
        "UPDATE orders SET status = 1 WHERE id = 1 LIMIT 1",
        "option|read",
    ),
    ("UPDATE orders AS o SET status = 1 WHERE id = 1", "option"),
    ("UPDATE main.orders SET status = 1 WHERE id = 1", "schema"),
    ("UPDATE orders SET main.status = 1 WHERE id = 1", "schema"),
    (
        "UPDATE customers SET name = 1 WHERE id = 1",
        "table `customers`",
    ),
    (
        "UPDATE sqlite_schema SET sql = 'x' WHERE name = 'orders'",
        "own table",
    ),
    ("DELETE FROM log", "every row"),
    (
        "DELETE FROM orders WHERE id = 1",
        "DELETE on table `orders`",
    ),
    ("DELETE FROM secrets WHERE token = 1", "table `secrets`"),
    ("DELETE FROM outbox WHERE line = 1", "table `outbox`"),
    ("DELETE FROM log WHERE line = 1 RETURNING line", "RETURNING"),
    (
        "DELETE FROM log USING orders WHERE log.line = orders.id",
        "USING",
    ),
    (
        "DELETE FROM log WHERE line IN (SELECT id FROM orders)",
        "subquery",
    ),
    (
        "DELETE FROM log WHERE line = 1 ORDER BY line LIMIT 1",
        "option|read",
    ),
    ("DELETE log FROM log WHERE line = 1", "several|read"),
    ("DELETE FROM log, orders WHERE 1 = 1", "several|read"),
    // Parameters.
    ("SELECT id FROM orders WHERE id = :id", "cannot be checked"),
    ("SELECT id FROM orders WHERE id = @id", "cannot be checked"),
    ("SELECT id FROM orders WHERE id = $id", "parameter"),
    ("SELECT id FROM orders WHERE id = ?0", "parameter"),
    ("SELECT id FROM orders WHERE id = ?01", "parameter"),
    ("SELECT id FROM orders WHERE id = ?1000", "999"),
    (
        "SELECT id FROM orders WHERE id = ?99999999999999999999",
        "parameter",
    ),
    ("SELECT id FROM orders WHERE id = ? AND status = ?2", "mix"),
];

#[test]
fn no_write_does_more_than_it_says() {
    refuse(REFUSED, judge);
}
