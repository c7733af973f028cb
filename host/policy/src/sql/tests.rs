//! Attacks on the first wall, by the table.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;
use crate::Effect;

/// `orders` is granted in part, `customers` to read only, `log` whole,
/// `secrets` not at all.
fn grant() -> SqlGrant {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let table = |name: &str, read, insert: &[&str], update: &[&str], delete, effect| TableGrant {
        name: name.to_owned(),
        read,
        insert: set(insert),
        update: set(update),
        delete,
        effect,
    };
    let orders = ColumnSet::named(["id", "customer", "status", "cents", "customer name"]);
    SqlGrant {
        name: "orders".to_owned(),
        source: "sqlite:data/orders.db".to_owned(),
        dialect: Dialect::Sqlite,
        max_rows: 1_000,
        max_bytes: 1 << 20,
        functions: set(&[
            "count",
            "sum",
            "lower",
            "substr",
            "trim",
            "coalesce",
            "date",
            "replace",
            "current_timestamp",
        ]),
        tables: vec![
            table(
                "orders",
                orders,
                &["id", "customer", "status"],
                &["status"],
                false,
                Some(Effect::Irreversible),
            ),
            table(
                "customers",
                ColumnSet::named(["id", "name"]),
                &[],
                &[],
                false,
                None,
            ),
            table(
                "log",
                ColumnSet::everything(),
                &["line"],
                &["line"],
                true,
                None,
            ),
            table("outbox", ColumnSet::default(), &["line"], &[], true, None),
        ],
    }
}

fn judge(text: &str) -> Result<Statement, SqlRefusal> {
    let statement = analyze(text, Dialect::Sqlite)?;
    grant().check(&statement)?;
    Ok(statement)
}

const ALLOWED: &[&str] = &[
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

/// What must be refused, and a word of the reason.
const REFUSED: &[(&str, &str)] = &[
    // Nothing, several, and what hides in comments.
    ("", "none"),
    (";", "none"),
    ("SELECT 1;;", "several"),
    ("SELECT 1; SELECT 2", "several"),
    ("SELECT id FROM orders; DROP TABLE orders", "several"),
    ("SELECT id FROM orders -- WHERE", "comment"),
    ("SELECT id /* */ FROM orders", "comment"),
    (
        "SELECT id FROM orders /* /* */ UNION SELECT token FROM secrets -- */",
        "comment",
    ),
    (
        "SELECT id FROM orders -- x\n; DELETE FROM orders WHERE 1",
        "comment",
    ),
    ("SELECT id FROM orders\0; DROP TABLE orders", "control"),
    ("SELECT id FROM orders\u{1b}[2J", "control"),
    ("SEL ECT 1", "read"),
    ("SELECT id FROM orders WHERE status = 'open", "read"),
    ("SELECT id FROM orders WHERE (((((", "read"),
    // What the parser would leave unread.
    (
        "SELECT id FROM orders END WHERE token = 'a'",
        "ends before `END`",
    ),
    ("SELECT id FROM orders END", "ends before `END`"),
    (
        "UPDATE orders SET status = 1 WHERE id = 1 END OR token = 1",
        "ends before `END`",
    ),
    (
        "SELECT id FROM orders SELECT token FROM secrets",
        "ends before `SELECT`",
    ),
    // Other kinds of statements.
    ("ATTACH DATABASE 'x.db' AS x", "kind"),
    ("DETACH DATABASE x", "read"),
    ("PRAGMA table_info(orders)", "read"),
    ("PRAGMA writable_schema = 1", "kind"),
    ("CREATE TABLE t (a)", "kind"),
    (
        "CREATE TEMP TRIGGER t AFTER INSERT ON orders BEGIN DELETE FROM orders; END",
        "several",
    ),
    ("CREATE VIEW v AS SELECT token FROM secrets", "kind"),
    ("DROP TABLE orders", "kind"),
    ("ALTER TABLE orders ADD COLUMN x", "kind"),
    ("VACUUM INTO 'copy.db'", "read"),
    ("VACUUM", "kind"),
    ("REINDEX", "read"),
    ("ANALYZE", "kind"),
    ("BEGIN", "kind"),
    ("COMMIT", "kind"),
    ("ROLLBACK", "kind"),
    ("SAVEPOINT s", "kind"),
    ("RELEASE s", "kind"),
    ("EXPLAIN SELECT id FROM orders", "kind"),
    ("EXPLAIN QUERY PLAN SELECT id FROM orders", "kind"),
    ("TRUNCATE TABLE orders", "kind"),
    (
        "MERGE INTO orders USING log ON 1 = 1 WHEN MATCHED THEN DELETE",
        "kind",
    ),
    ("COPY orders TO '/tmp/x'", "kind"),
    ("CALL x()", "kind"),
    ("SET x = 1", "kind"),
    ("VALUES (1)", "plain SELECT"),
    ("TABLE orders", "plain SELECT"),
    ("SELECT id INTO copy FROM orders", "INTO"),
    ("FROM orders SELECT id", "read"),
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
    // Functions and operators that call them.
    ("SELECT load_extension('x.so')", "function `load_extension`"),
    ("SELECT readfile('/etc/passwd')", "function `readfile`"),
    ("SELECT writefile('x', 'y')", "function `writefile`"),
    ("SELECT LOAD_EXTENSION('x.so')", "function `load_extension`"),
    ("SELECT \"load_extension\"('x.so')", "quoted function"),
    ("SELECT main.lower('x')", "schema"),
    ("SELECT upper(status) FROM orders", "function `upper`"),
    (
        "SELECT id FROM orders WHERE random() > 0",
        "function `random`",
    ),
    ("SELECT zeroblob(1000000000)", "function `zeroblob`"),
    (
        "SELECT pg_read_file('/etc/passwd')",
        "function `pg_read_file`",
    ),
    (
        "SELECT lower(load_extension('x')) FROM orders",
        "function `load_extension`",
    ),
    (
        "INSERT INTO log (line) VALUES (readfile('/etc/passwd'))",
        "function `readfile`",
    ),
    (
        "UPDATE log SET line = sqlite_version() WHERE line = 'x'",
        "function `sqlite_version`",
    ),
    (
        "DELETE FROM log WHERE line = readfile('x')",
        "function `readfile`",
    ),
    (
        "SELECT id FROM orders LIMIT load_extension('x')",
        "computed LIMIT",
    ),
    ("SELECT id FROM orders WHERE status GLOB 'o*'", "operator"),
    ("SELECT id FROM orders WHERE status MATCH 'o'", "operator"),
    ("SELECT id FROM orders WHERE status REGEXP 'o'", "operator"),
    ("SELECT id FROM orders WHERE orders MATCH 'o'", "operator"),
    ("SELECT status -> '$.a' FROM orders", "`->`"),
    ("SELECT status ->> '$.a' FROM orders", "`->>`"),
    (
        "SELECT id FROM orders WHERE status ILIKE 'x'",
        "cannot be checked",
    ),
    (
        "SELECT id FROM orders ORDER BY id COLLATE evil",
        "collation",
    ),
    ("SELECT id & 1 FROM orders", "cannot be checked"),
    ("SELECT id::text FROM orders", "cannot be checked"),
    (
        "SELECT count(*) FILTER (WHERE id > 1) FROM orders",
        "FILTER",
    ),
    ("SELECT count(*) OVER () FROM orders", "window"),
    (
        "SELECT sum(cents) OVER w FROM orders WINDOW w AS (ORDER BY id)",
        "window",
    ),
    ("SELECT lower(*) FROM orders", "argument"),
    ("SELECT lower(orders.*) FROM orders", "argument"),
    ("SELECT value FROM json_each('[1]')", "table-valued"),
    (
        "SELECT value FROM generate_series(1, 1000000000)",
        "table-valued",
    ),
    ("SELECT RAISE(ABORT, 'x')", "keyword `ABORT`"),
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
fn granted_statements_pass() {
    for text in ALLOWED {
        judge(text).unwrap_or_else(|refusal| panic!("{text}\n  {refusal}"));
    }
}

#[test]
fn every_attack_is_refused_for_its_own_reason() {
    let mut wrong = Vec::new();
    for (text, reason) in REFUSED {
        match judge(text) {
            Ok(_) => wrong.push(format!("PASSED  {text}")),
            Err(refusal) => {
                let message = refusal.to_string();
                if !reason.split('|').any(|reason| message.contains(reason)) {
                    wrong.push(format!("{text}\n    {message}\n    not: {reason}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_that_can_be_granted_can_be_called() {
    for function in GRANTABLE_FUNCTIONS {
        let call = match function {
            "current_date" | "current_time" | "current_timestamp" => function.to_owned(),
            "iif" | "replace" => format!("{function}(id, customer, 1)"),
            "instr" | "ifnull" | "nullif" | "mod" | "pow" | "power" | "substr" | "substring" => {
                format!("{function}(id, 1)")
            }
            _ => format!("{function}(id)"),
        };
        let grant = SqlGrant {
            functions: BTreeSet::from([function.to_owned()]),
            ..grant()
        };
        let statement = analyze(&format!("SELECT {call} FROM orders"), Dialect::Sqlite);
        let statement = statement.unwrap_or_else(|refusal| panic!("{function}: {refusal}"));
        assert_eq!(statement.functions, BTreeSet::from([function.to_owned()]));
        grant.check(&statement).unwrap();
    }
}

#[test]
fn long_and_deep_statements_are_refused_without_harm() {
    let nested = |open: &str, close: &str, n: usize| {
        format!("SELECT {}1{}", open.repeat(n), close.repeat(n))
    };
    for text in [
        format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX)),
        nested("(", ")", 5_000),
        nested("NOT ", "", 5_000),
        nested("- ", "", 5_000),
        nested("lower(", ")", 5_000),
        nested("(SELECT ", ")", 2_000),
        nested("CASE WHEN 1 THEN ", " END", 1_500),
        format!("SELECT 1{}", " + 1".repeat(10_000)),
        format!("SELECT 1{}", " IS NULL".repeat(1_500)),
        format!("SELECT 1{}", " COLLATE nocase".repeat(3_000)),
        format!("SELECT 1{}", " GLOB 1".repeat(5_000)),
        format!("SELECT id FROM orders WHERE {}", "id IN (".repeat(1_000)),
        format!("SELECT {}1", "?,".repeat(30_000)),
        format!(
            "SELECT o.id FROM orders o {}",
            (0..20)
                .map(|i| format!("JOIN log l{i} ON 1 = 1 "))
                .collect::<String>()
        ),
        format!("INSERT INTO log (line) VALUES {}(1)", "(1),".repeat(1_000)),
    ] {
        assert!(judge(&text).is_err(), "{}", &text[..60]);
    }
    let long = format!(
        "SELECT id FROM orders WHERE id = 1{}",
        " OR id = 1".repeat(450)
    );
    judge(&long).unwrap();
}

#[test]
fn the_text_that_runs_is_written_anew() {
    for (text, expected) in [
        ("select  id\n\tfrom orders ;", "select id from orders"),
        (
            "SELECT \"id\", [status] FROM `orders`",
            "SELECT `id` , `status` FROM `orders`",
        ),
        (
            "SELECT 'it''s', '\\', 'a''''b' WHERE 1<>2",
            "SELECT 'it''s' , '\\' , 'a''''b' WHERE 1 <> 2",
        ),
        ("SELECT '\\'' OR 1=1 --'", "SELECT '\\'' OR 1=1 --'"),
        ("SELECT ?, ?", "SELECT ?1 , ?2"),
        ("SELECT $2, $1", "SELECT ?2 , ?1"),
        ("SELECT 1 - - 1", "SELECT 1 - - 1"),
    ] {
        assert_eq!(analyze(text, Dialect::Sqlite).unwrap().text, expected);
    }
}

#[test]
fn postgres_names_and_parameters_follow_its_own_rules() {
    let of = |text: &str| analyze(text, Dialect::Postgres);
    let statement = of("UPDATE Orders SET Status = $2 WHERE \"Id\" = $1 AND status <> $2").unwrap();
    assert_eq!(statement.target.as_deref(), Some("orders"));
    assert!(statement.reads["orders"].contains("Id") && !statement.reads["orders"].contains("id"));
    let capture = statement.capture.unwrap();
    assert_eq!(
        capture.select,
        "SELECT ctid, * FROM \"orders\" WHERE \"Id\" = $1 AND status <> $2"
    );
    assert_eq!(capture.parameter_indexes, [0, 1]);
    for text in [
        "SELECT 'a\\'",
        "SELECT E'a'",
        "SELECT $$a$$",
        "SELECT $t$a$t$",
        "SELECT U&'a'",
        "SELECT ?",
        "SELECT 'pg_class'::regclass",
        "SELECT CAST('x' AS regclass)",
        "SELECT a[1] FROM t",
        "SELECT a #> b FROM t",
        "SELECT (t).a FROM t",
        "SELECT a ~ 'x' FROM t",
        "SELECT a OPERATOR(pg_catalog.+) 1 FROM t",
        "SELECT a COLLATE \"C\" FROM t",
        "SELECT a FROM ONLY t",
        "SELECT a FROM t TABLESAMPLE SYSTEM (1)",
        "SELECT ARRAY[1]",
        "SELECT a AT TIME ZONE 'x' FROM t",
        "LISTEN x",
        "DO $$x$$",
        "SELECT a FROM t FETCH FIRST 1 ROW ONLY",
    ] {
        assert!(of(text).is_err(), "{text}");
    }
}

#[test]
fn a_statement_tells_all_that_it_touches() {
    let statement =
        judge("UPDATE orders SET status = lower(?) WHERE id = ? AND customer = ?").unwrap();
    assert_eq!(statement.verb, Verb::Update);
    assert_eq!(statement.target.as_deref(), Some("orders"));
    assert_eq!(statement.writes, BTreeSet::from(["status".to_owned()]));
    assert_eq!(
        statement.reads["orders"],
        ColumnSet::named(["id", "customer"])
    );
    assert_eq!(statement.functions, BTreeSet::from(["lower".to_owned()]));
    assert_eq!(statement.parameters, 3);
    assert_eq!(grant().effect(&statement), Effect::Irreversible);
    let read = judge("SELECT id FROM orders").unwrap();
    assert_eq!(
        (read.capture.clone(), grant().effect(&read)),
        (None, Effect::Read)
    );
    let insert = judge("INSERT INTO log (line) VALUES (?)").unwrap();
    assert_eq!(
        (insert.capture.clone(), grant().effect(&insert)),
        (None, Effect::Write)
    );
}

#[test]
fn the_capture_reads_the_rows_that_change_with_their_own_parameters() {
    for (text, select, indexes) in [
        (
            "UPDATE orders SET status = ? WHERE id = ? AND customer = ?",
            "SELECT rowid, * FROM `orders` WHERE id = ?1 AND customer = ?2",
            vec![1, 2],
        ),
        (
            "UPDATE orders SET status = ?3 WHERE id = ?1",
            "SELECT rowid, * FROM `orders` WHERE id = ?1",
            vec![0],
        ),
        (
            "UPDATE orders SET status = ?1 WHERE id = ?2 OR status = ?1 OR id = ?2",
            "SELECT rowid, * FROM `orders` WHERE id = ?1 OR status = ?2 OR id = ?1",
            vec![1, 0],
        ),
        (
            "UPDATE \"Orders\" SET status = $1 WHERE id = $2",
            "SELECT rowid, * FROM `orders` WHERE id = ?1",
            vec![1],
        ),
        (
            "UPDATE orders SET status = ' WHERE ' WHERE status = 'a WHERE ?'",
            "SELECT rowid, * FROM `orders` WHERE status = 'a WHERE ?'",
            vec![],
        ),
        (
            "DELETE FROM log WHERE line = ? AND line <> 'x'",
            "SELECT rowid, * FROM `log` WHERE line = ?1 AND line <> 'x'",
            vec![0],
        ),
    ] {
        let capture = analyze(text, Dialect::Sqlite).unwrap().capture.unwrap();
        assert_eq!(
            (capture.select.as_str(), capture.parameter_indexes),
            (select, indexes)
        );
    }
}

#[test]
fn a_denial_names_the_line_to_add_and_a_fault_does_not() {
    let refusal = judge("SELECT token FROM orders").unwrap_err();
    assert!(refusal.is_denial());
    assert!(refusal.hint().unwrap().starts_with(
        "under [[grant.sql.orders.table]] with name = \"orders\" write read = [\"token\"]"
    ));
    let refusal = judge("SELECT load_extension('x')").unwrap_err();
    assert_eq!((refusal.is_denial(), refusal.hint()), (true, None));
    let refusal = judge("PRAGMA x").unwrap_err();
    assert_eq!((refusal.is_denial(), refusal.hint()), (false, None));
    let other = SqlGrant {
        dialect: Dialect::Postgres,
        ..grant()
    };
    assert_eq!(
        other.check(&judge("SELECT 1").unwrap()),
        Err(SqlRefusal::DialectMismatch)
    );
}

/// Words that statements, good and bad, are made of.
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "orders",
    "secrets",
    "log",
    "customers",
    "id",
    "token",
    "line",
    "*",
    ",",
    "(",
    ")",
    "=",
    "'x'",
    "\"x\"",
    "?",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "AS",
    "o",
    ".",
    "JOIN",
    "ON",
    "LEFT",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "1",
    "count",
    "lower",
    "load_extension",
    "WITH",
    "UNION",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "--",
    "/*",
    "*/",
    ";",
    "main",
    "sqlite_master",
    "rowid",
    "NULL",
    "LIKE",
    "BETWEEN",
    "RETURNING",
    "`",
    "[",
    "]",
    "'",
    "\\",
    "''",
    "||",
    "-",
    "CAST",
    "END",
    "USING",
    "WINDOW",
    "INDEXED",
    "OFFSET",
    "FOR",
    "TOP",
    "::",
    "COLLATE",
    "ELSE",
    "OVER",
    "FILTER",
    "EXCEPT",
];

fn statement_like() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec(proptest::sample::select(WORDS), 0..24)
        .prop_map(|words| words.join(" "));
    let edited = (
        proptest::sample::select(ALLOWED),
        any::<prop::sample::Index>(),
        proptest::sample::select(WORDS),
        any::<bool>(),
    )
        .prop_map(|(text, at, word, replaces)| {
            let mut parts: Vec<&str> = text.split(' ').collect();
            let at = at.index(parts.len());
            if replaces {
                parts[at] = word;
            } else {
                parts.insert(at, word);
            }
            parts.join(" ")
        });
    prop_oneof![words, edited.clone(), edited, "\\PC{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_passes_is_stable_and_names_nothing_ungranted(text in statement_like()) {
        let Ok(statement) = judge(&text) else { return Ok(()) };
        // What runs is read in the same way again.
        let again = judge(&statement.text).unwrap();
        prop_assert_eq!(&again, &statement);
        // Outside strings, nothing that ends a statement or hides a part of it.
        let bare: String = statement.text.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
        prop_assert!([";", "--", "/*", "*/"].iter().all(|mark| !bare.contains(mark)), "{}", bare);
        prop_assert!(statement.functions.is_subset(&grant().functions));
        prop_assert!(statement.reads.keys().all(|table| table != "secrets"));
        prop_assert!(statement.reads.values().all(|columns| !columns.names.contains("rowid")));
        if let Some(capture) = &statement.capture {
            let query = analyze(&capture.select, Dialect::Sqlite).unwrap();
            prop_assert_eq!(query.verb, Verb::Select);
            prop_assert_eq!(query.parameters, capture.parameter_indexes.len());
            prop_assert!(capture.parameter_indexes.iter().all(|index| *index < statement.parameters));
        }
    }

    #[test]
    fn a_string_survives_whatever_is_in_it(text in "[\\PC'\\\\]{0,40}") {
        let quoted = text.replace('\'', "''");
        let statement = analyze(&format!("SELECT id FROM orders WHERE status = '{quoted}'"), Dialect::Sqlite).unwrap();
        prop_assert_eq!(statement.text, format!("SELECT id FROM orders WHERE status = '{quoted}'"));
    }

    #[test]
    fn garbage_never_panics_in_either_dialect(text in "\\PC{0,120}") {
        let _ = analyze(&text, Dialect::Sqlite);
        let _ = analyze(&text, Dialect::Postgres);
    }
}
