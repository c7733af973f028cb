//! Tables and columns that are not granted; quoting, folding, schemas.

use super::*;

const REFUSED: &[(&str, &str)] = &[
    // Tables and columns that are not granted.
    ("SELECT token FROM secrets", "table `secrets`"),
    ("SELECT token FROM orders", "column `token`"),
    ("SELECT id FROM orders WHERE token = 'a'", "column `token`"),
    ("SELECT id FROM orders ORDER BY token", "column `token`"),
    ("SELECT id FROM orders GROUP BY token", "column `token`"),
    (
        "SELECT id FROM orders GROUP BY id HAVING token > 'a'",
        "column `token`",
    ),
    (
        "SELECT id AS token FROM orders ORDER BY token + 1",
        "column `token`",
    ),
    (
        "SELECT id AS token FROM orders GROUP BY token",
        "column `token`",
    ),
    (
        "SELECT id AS token FROM orders WHERE token = 1",
        "column `token`",
    ),
    ("SELECT o.token FROM orders o", "column `token`"),
    (
        "SELECT CASE WHEN token = 'a' THEN 1 END FROM orders",
        "column `token`",
    ),
    ("SELECT lower(token) FROM orders", "column `token`"),
    ("SELECT count(token) FROM orders", "column `token`"),
    ("SELECT count(*) FROM secrets", "table `secrets`"),
    ("SELECT line FROM outbox", "table `outbox`"),
    (
        "SELECT id FROM orders WHERE id IN (token)",
        "column `token`",
    ),
    (
        "SELECT id FROM orders WHERE id BETWEEN 1 AND token",
        "column `token`",
    ),
    (
        "SELECT id FROM orders WHERE 'x' LIKE token",
        "column `token`",
    ),
    (
        "SELECT id FROM orders WHERE 'x' LIKE 'y' ESCAPE token",
        "column `token`",
    ),
    ("SELECT -token FROM orders", "column `token`"),
    ("SELECT CAST(token AS TEXT) FROM orders", "column `token`"),
    ("SELECT rowid FROM orders", "column `rowid`"),
    ("SELECT _rowid_ FROM log", "column `_rowid_`"),
    ("SELECT id FROM orders WHERE oid = 1", "column `oid`"),
    ("SELECT * FROM orders", "column `*`"),
    ("SELECT orders.* FROM orders", "column `*`"),
    ("SELECT *, id FROM orders", "column `*`"),
    (
        "SELECT log.*, orders.* FROM log JOIN orders ON 1 = 1",
        "column `*`",
    ),
    (
        "SELECT * FROM log JOIN orders ON log.line = orders.id",
        "column `*`",
    ),
    (
        "SELECT count(*) FROM (SELECT * FROM orders) t",
        "`*` in a subquery",
    ),
    // Names: quoting, folding, schemas.
    ("SELECT \"token\" FROM orders", "column `token`"),
    ("SELECT \"TOKEN\" FROM orders", "column `token`"),
    ("SELECT [token] FROM orders", "column `token`"),
    ("SELECT `token` FROM orders", "column `token`"),
    ("SELECT id FROM \"secrets\"", "table `secrets`"),
    ("SELECT id FROM [SECRETS]", "table `secrets`"),
    ("SELECT id FROM 'secrets'", "string as a name"),
    (
        "SELECT id FROM orders WHERE status = \"open\"",
        "column `open`",
    ),
    ("INSERT INTO orders (id) VALUES (\"text\")", "no column"),
    ("SELECT id AS 'x' FROM orders", "string as a name"),
    ("SELECT \"a\"\"b\" FROM orders", "name `a"),
    ("SELECT \"\" FROM orders", "name"),
    ("SELECT id FROM main.orders", "schema"),
    ("SELECT id FROM temp.orders", "schema"),
    ("SELECT id FROM \"main\".\"orders\"", "schema"),
    ("SELECT main.orders.id FROM orders", "two parts"),
    ("SELECT name FROM sqlite_schema", "own table"),
    ("SELECT sql FROM sqlite_master", "own table"),
    ("SELECT sql FROM \"SQLITE_MASTER\"", "own table"),
    ("SELECT name FROM sqlite_temp_master", "own table"),
    ("SELECT seq FROM sqlite_sequence", "own table"),
    ("SELECT name FROM pragma_table_info", "own table"),
    (
        "SELECT name FROM pragma_table_info('orders')",
        "table-valued",
    ),
    ("SELECT usename FROM pg_user", "own table"),
    ("SELECT table_name FROM information_schema.tables", "schema"),
    ("SELECT ıd FROM orders", "name"),
    ("SELECT id FROM orders NOT INDEXED", "read"),
    ("SELECT id FROM orders INDEXED BY i", "read"),
    ("SELECT id window FROM orders", "keyword `window`"),
    ("SELECT id FROM orders CROSS", "read"),
];

#[test]
fn no_name_reaches_past_the_grant() {
    refuse(REFUSED, judge);
}
