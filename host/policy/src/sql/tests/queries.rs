//! Subqueries, common table expressions, set operations, joins.

use super::*;

const REFUSED: &[(&str, &str)] = &[
    // Subqueries, common table expressions, set operations, joins.
    (
        "SELECT id FROM orders WHERE id IN (SELECT secrets.token FROM secrets)",
        "table `secrets`",
    ),
    ("SELECT (SELECT token FROM secrets)", "table `secrets`"),
    (
        "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM secrets)",
        "table `secrets`",
    ),
    (
        "SELECT t.x FROM (SELECT token AS x FROM secrets) t",
        "table `secrets`",
    ),
    (
        "SELECT t.token FROM (SELECT id FROM orders) t",
        "`t.token` names no",
    ),
    (
        "SELECT c.id FROM customers c WHERE EXISTS (SELECT token FROM log)",
        "cannot be checked|column `token` of table `customers`",
    ),
    (
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM log WHERE token = 'a')",
        "column `token` of table `orders`",
    ),
    (
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM (SELECT token AS t FROM log) d)",
        "column `token` of table `orders`",
    ),
    (
        "SELECT o.id FROM orders o WHERE EXISTS (SELECT 1 FROM log o WHERE o.token = 'a')",
        "two tables",
    ),
    (
        "SELECT o.id FROM orders o JOIN log o ON 1 = 1",
        "two tables",
    ),
    (
        "WITH x AS (SELECT token FROM secrets) SELECT token FROM x",
        "table `secrets`",
    ),
    (
        "WITH x AS (SELECT id FROM orders) SELECT token FROM x",
        "`token` names no",
    ),
    (
        "WITH orders AS (SELECT token FROM secrets) SELECT token FROM orders",
        "table `secrets`",
    ),
    (
        "WITH a AS (SELECT id FROM b), b AS (SELECT token AS id FROM secrets) SELECT id FROM a",
        "before its WITH",
    ),
    (
        "WITH x AS (SELECT id FROM x) SELECT id FROM x",
        "before its WITH",
    ),
    (
        "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT n FROM x",
        "RECURSIVE",
    ),
    (
        "WITH x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT n FROM x",
        "UNION",
    ),
    (
        "WITH x(a) AS (SELECT id FROM orders) SELECT a FROM x",
        "list of columns",
    ),
    (
        "WITH x AS MATERIALIZED (SELECT id FROM orders) SELECT id FROM x",
        "read|option",
    ),
    (
        "WITH x AS (SELECT id FROM orders), x AS (SELECT token AS id FROM secrets) SELECT id FROM x",
        "two common",
    ),
    (
        "WITH x AS (DELETE FROM log WHERE 1 RETURNING line) SELECT line FROM x",
        "plain SELECT|RETURNING",
    ),
    (
        "WITH x AS (SELECT id FROM orders) DELETE FROM log WHERE line IN (SELECT id FROM x)",
        "plain SELECT",
    ),
    (
        "SELECT id FROM orders UNION SELECT token FROM secrets",
        "UNION",
    ),
    (
        "SELECT id FROM orders EXCEPT SELECT id FROM orders",
        "UNION",
    ),
    (
        "(SELECT id FROM orders) UNION ALL (SELECT token FROM secrets)",
        "UNION",
    ),
    ("SELECT id FROM orders, secrets", "list of tables"),
    ("SELECT o.id FROM orders o CROSS JOIN log", "join"),
    ("SELECT o.id FROM orders o NATURAL JOIN log", "join"),
    ("SELECT o.id FROM orders o JOIN log USING (id)", "join"),
    (
        "SELECT o.id FROM orders o FULL OUTER JOIN log ON 1 = 1",
        "join",
    ),
    (
        "SELECT o.id FROM orders o JOIN secrets s ON 1 = 1",
        "table `secrets`",
    ),
    (
        "SELECT o.id FROM orders o JOIN customers c ON c.token = 1",
        "column `token`",
    ),
    (
        "SELECT name FROM orders JOIN customers ON 1 = 1",
        "column `name` of table `orders`",
    ),
    ("SELECT id FROM (orders)", "kind of table|read"),
    ("SELECT id FROM (SELECT id FROM orders)", "without a name"),
    ("SELECT x.id FROM orders AS x (id)", "list of columns"),
    ("SELECT id FROM orders LIMIT 1, 2", "comma"),
    (
        "SELECT id FROM orders LIMIT (SELECT count(*) FROM secrets)",
        "computed LIMIT",
    ),
    ("SELECT id FROM orders FOR UPDATE", "lock"),
    ("SELECT TOP 5 id FROM orders", "read|cannot be checked"),
    ("SELECT DISTINCT ON (id) id FROM orders", "DISTINCT ON"),
    (
        "SELECT (id, customer) = (1, 2) FROM orders",
        "cannot be checked",
    ),
    ("SELECT X'41'", "cannot be checked"),
    ("SELECT 0x41", "cannot be checked"),
    ("SELECT N'x'", "cannot be checked"),
    ("SELECT $$x$$", "parameter"),
    ("SELECT DATE '2020-01-01'", "cannot be checked"),
    ("SELECT {d '2020-01-01'}", "cannot be checked"),
];

#[test]
fn no_form_of_a_query_hides_a_read() {
    refuse(REFUSED, judge);
}
