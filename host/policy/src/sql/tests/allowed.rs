//! What has to work.

use super::*;

pub(super) const ALLOWED: &[&str] = &[
    "SELECT id, customer FROM orders",
    "select ID, Customer from ORDERS",
    "SELECT id FROM orders;",
    "SELECT \"id\", `customer`, [status] FROM \"orders\"",
    "SELECT \"customer name\" FROM orders",
    "SELECT o.id AS number, o.status s FROM orders AS o WHERE o.customer = ?",
    "SELECT id FROM orders WHERE id = ?1 AND status <> 'done' OR NOT (cents >= 100 AND cents < 2e3)",
    "SELECT id FROM orders WHERE status IN ('a', ?) AND customer LIKE ? ESCAPE '\\' AND cents BETWEEN 1 AND 5 AND status IS NOT NULL",
    "SELECT status, count(*) AS n, sum(cents) FROM orders GROUP BY status HAVING count(*) > 1 ORDER BY n DESC, status LIMIT 10 OFFSET ?",
    "SELECT DISTINCT lower(status) FROM orders ORDER BY 1",
    "SELECT count(DISTINCT customer) FROM orders",
    "SELECT substr(status, 1, 2), trim(status), replace(status, 'a', 'b'), date('now'), CURRENT_TIMESTAMP FROM orders",
    "SELECT CASE WHEN cents > 5 THEN 'high' ELSE 'low' END FROM orders",
    "SELECT CAST(cents AS TEXT) || ' cents' FROM orders",
    "SELECT id FROM orders ORDER BY customer COLLATE NOCASE",
    "SELECT orders.id, customers.name FROM orders JOIN customers ON orders.customer = customers.id",
    "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.id WHERE c.name = ?",
    "SELECT o.id FROM orders o WHERE o.customer IN (SELECT c.id FROM customers c WHERE c.name = ?)",
    "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = o.customer)",
    "SELECT t.n FROM (SELECT o.status AS s, count(*) AS n FROM orders o GROUP BY o.status) AS t WHERE t.s = 'open'",
    "WITH open AS (SELECT id, customer FROM orders WHERE status = 'open') SELECT customer FROM open",
    "WITH a AS (SELECT id FROM orders), b AS (SELECT id FROM a) SELECT id FROM b",
    "SELECT * FROM log",
    "SELECT log.* FROM log WHERE line = ?",
    "SELECT 1",
    "SELECT id FROM orders WHERE status = 'it''s; DROP TABLE orders --'",
    "SELECT id FROM orders WHERE status = '/* no comment */'",
    "INSERT INTO orders (id, customer, status) VALUES (?, ?, 'open')",
    "INSERT INTO orders (id, customer) VALUES (?1, ?2), (?3, ?4)",
    "INSERT INTO log (line) VALUES (lower(?))",
    "INSERT INTO outbox (line) VALUES (NULL)",
    "UPDATE orders SET status = ? WHERE id = ?",
    "UPDATE log SET line = line || '!' WHERE line = ?",
    "DELETE FROM log WHERE line = ?",
];

#[test]
fn granted_statements_pass() {
    for text in ALLOWED {
        judge(text).unwrap_or_else(|refusal| panic!("{text}\n  {refusal}"));
    }
}
