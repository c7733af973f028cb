//! What only PostgreSQL understands.

use super::*;

/// The grant of the other tests for a server, with a table of another case.
fn postgres() -> SqlGrant {
    let mut grant = SqlGrant {
        source: "postgres:orders".to_owned(),
        dialect: Dialect::Postgres,
        ..grant()
    };
    grant.tables.push(TableGrant {
        name: "Mixed".to_owned(),
        read: ColumnSet::named(["Id", "id"]),
        insert: BTreeSet::new(),
        update: BTreeSet::new(),
        delete: false,
        effect: None,
        window: None,
        tenant_column: None,
    });
    grant
}

fn judge(text: &str) -> Result<Statement, SqlRefusal> {
    let statement = analyze(text, Dialect::Postgres)?;
    postgres().check(&statement)?;
    Ok(statement)
}

#[test]
fn what_is_granted_passes() {
    for text in [
        "SELECT id, customer FROM Orders WHERE id = $1 AND status <> $2",
        "SELECT \"Id\", id FROM \"Mixed\"",
        "SELECT id::text, cents::numeric(10, 2), '2026-01-31'::date FROM orders",
        "SELECT CAST($1 AS uuid), $2::timestamptz, $3::timestamp with time zone, $4::jsonb, $5::bytea",
        "SELECT $1::double precision, $2::int4, $3::varchar(5), $4::boolean, $5::time",
        "SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON o.customer = c.id",
        "WITH open AS (SELECT id FROM orders) SELECT count(*) FROM open",
        "SELECT * FROM log ORDER BY line LIMIT $1 OFFSET $2",
        "SELECT customer AS log FROM orders ORDER BY log",
        "INSERT INTO orders (id, customer) VALUES ($1, $2), ($3, $4)",
        "UPDATE orders SET status = $1 WHERE id = $2",
        "DELETE FROM log WHERE line = $1",
    ] {
        judge(text).unwrap_or_else(|refusal| panic!("{text}\n  {refusal}"));
    }
}

/// Strings and quotes that another setting of the server reads otherwise.
const STRINGS: &[(&str, &str)] = &[
    ("SELECT 'a\\'", "cannot be checked"),
    ("SELECT 'a\\' OR 1=1 --'", "cannot be checked"),
    ("SELECT E'a'", "cannot be checked"),
    ("SELECT e'\\x41'", "cannot be checked"),
    ("SELECT $$a$$", "cannot be checked|parameter"),
    ("SELECT $t$a$t$", "cannot be checked|parameter"),
    ("SELECT $1$a$1$", "cannot be checked|parameter"),
    ("SELECT U&'a'", "cannot be checked"),
    ("SELECT B'1'", "cannot be checked"),
    ("SELECT X'41'", "cannot be checked"),
    ("SELECT N'a'", "cannot be checked"),
    ("SELECT 'a' 'b'", "string as a name"),
    ("SELECT 'a'\n'b'", "string as a name"),
    (
        "SELECT U&\"a\" FROM orders",
        "cannot be checked|column|read",
    ),
    ("SELECT ?", "cannot be checked"),
    (
        "SELECT id FROM orders WHERE id = ?1",
        "cannot be checked|read",
    ),
    ("SELECT $0", "parameter"),
    ("SELECT $a", "parameter"),
];

#[test]
fn strings_and_parameters_are_read_in_one_way_only() {
    refuse(STRINGS, judge);
    let refusal = judge("SELECT id FROM orders WHERE id = ?").unwrap_err();
    assert!(
        refusal
            .to_string()
            .ends_with("pass values as parameters `$1`, `$2`")
    );
}

/// Types by which a value looks something up, or does something.
const TYPES: &[(&str, &str)] = &[
    ("SELECT 'pg_class'::regclass", "CAST"),
    ("SELECT CAST('x' AS regclass)", "CAST"),
    ("SELECT CAST('x' AS regproc)", "CAST"),
    ("SELECT 'lower'::regprocedure", "CAST"),
    ("SELECT 'x'::regrole", "CAST"),
    ("SELECT 'x'::regtype", "CAST"),
    ("SELECT 'x'::regnamespace", "CAST"),
    ("SELECT 'x'::name", "CAST"),
    ("SELECT 1::oid", "CAST"),
    ("SELECT 'x'::xml", "CAST"),
    ("SELECT '{1}'::int[]", "CAST|cannot be checked"),
    ("SELECT '1'::orders", "CAST"),
    ("SELECT '1'::public.orders", "CAST"),
    ("SELECT '1'::pg_catalog.int4", "CAST"),
    ("SELECT '1'::\"int4\"", "CAST"),
    ("SELECT 'x'::blob", "CAST"),
    ("SELECT '1 day'::interval", "CAST"),
    (
        "SELECT TRY_CAST('1' AS text)",
        "CAST|cannot be checked|read",
    ),
    ("SELECT DATE '2026-01-31'", "cannot be checked"),
    ("SELECT INTERVAL '1 day'", "cannot be checked"),
    (
        "SELECT regclass 'pg_class'",
        "cannot be checked|string as a name",
    ),
    ("SELECT int4 '1'", "cannot be checked|string as a name"),
    ("SELECT orders::text FROM orders", "table's name"),
];

#[test]
fn values_are_cast_to_plain_types_only() {
    refuse(TYPES, judge);
}

/// A row as a value, by any way: it holds the columns that are not granted.
const ROWS: &[(&str, &str)] = &[
    ("SELECT log FROM log", "table's name"),
    ("SELECT orders FROM orders", "table's name"),
    ("SELECT o FROM orders o", "table's name"),
    ("SELECT o FROM orders AS o", "table's name"),
    ("SELECT count(o) FROM orders o", "table's name"),
    (
        "SELECT id FROM orders o WHERE o IS NOT NULL",
        "table's name",
    ),
    ("SELECT id FROM orders o ORDER BY o", "table's name"),
    ("SELECT id FROM orders o GROUP BY o", "table's name"),
    (
        "SELECT 1 FROM log l WHERE EXISTS (SELECT l FROM orders)",
        "table's name",
    ),
    ("SELECT x FROM (SELECT id FROM orders) x", "table's name"),
    ("SELECT o.* FROM orders o", "column `*`"),
    ("SELECT (o).token FROM orders o", "cannot be checked"),
    ("SELECT (o.*) FROM orders o", "cannot be checked|read"),
    (
        "SELECT (orders).* FROM orders",
        "cannot be checked|kind of column|read",
    ),
    ("SELECT ROW(1, 2)", "cannot be checked|keyword|function"),
    ("SELECT (1, 2)", "cannot be checked"),
    ("SELECT to_json(o) FROM orders o", "table's name"),
    ("SELECT row_to_json(o) FROM orders o", "table's name"),
    ("SELECT o.row_to_json FROM orders o", "column `row_to_json`"),
    ("SELECT lower(o.*) FROM orders o", "argument"),
    ("SELECT NULL::orders", "CAST"),
    ("TABLE orders", "plain SELECT"),
];

#[test]
fn no_row_is_a_value() {
    refuse(ROWS, judge);
}

/// What the server keeps beside the columns, and about itself.
const SYSTEM: &[(&str, &str)] = &[
    ("SELECT ctid FROM log", "column `ctid`"),
    ("SELECT xmin FROM log", "column `xmin`"),
    ("SELECT xmax FROM log", "column `xmax`"),
    ("SELECT cmin FROM log", "column `cmin`"),
    ("SELECT tableoid FROM log", "column `tableoid`"),
    ("SELECT log.\"ctid\" FROM log", "column `ctid`"),
    ("SELECT line FROM log WHERE ctid = '(0,1)'", "column `ctid`"),
    (
        "SELECT line FROM log ORDER BY tableoid",
        "column `tableoid`",
    ),
    ("SELECT relname FROM pg_class", "own table"),
    ("SELECT rolpassword FROM pg_authid", "own table"),
    ("SELECT query FROM pg_stat_activity", "own table"),
    ("SELECT 1 FROM \"pg_class\"", "own table"),
    ("SELECT 1 FROM PG_CLASS", "own table"),
    ("SELECT relname FROM pg_catalog.pg_class", "schema"),
    ("SELECT 1 FROM information_schema.tables", "schema"),
    ("SELECT id FROM public.orders", "schema"),
    ("SELECT id FROM other.orders", "schema"),
    ("SELECT id FROM db.public.orders", "schema"),
    ("SELECT public.orders.id FROM orders", "two parts"),
    ("SELECT current_user", "function `current_user`|keyword"),
    ("SELECT session_user", "arguments|keyword"),
    ("SELECT user", "arguments|keyword"),
    ("SELECT current_schema", "function `current_schema`|keyword"),
    (
        "SELECT current_catalog",
        "function `current_catalog`|keyword",
    ),
    ("SELECT localtime", "arguments|keyword|cannot be checked"),
    ("SELECT version()", "function `version`"),
];

#[test]
fn the_server_tells_nothing_of_itself() {
    refuse(SYSTEM, judge);
}

/// Functions by name, by operator and in FROM.
const FUNCTIONS: &[(&str, &str)] = &[
    (
        "SELECT pg_read_file('/etc/passwd')",
        "function `pg_read_file`",
    ),
    ("SELECT pg_sleep(100)", "function `pg_sleep`"),
    ("SELECT pg_notify('a', 'b')", "function `pg_notify`"),
    ("SELECT pg_advisory_lock(1)", "function `pg_advisory_lock`"),
    ("SELECT lo_import('/etc/passwd')", "function `lo_import`"),
    ("SELECT dblink('host=x', 'SELECT 1')", "function `dblink`"),
    (
        "SELECT query_to_xml('SELECT 1', true, true, '')",
        "function `query_to_xml`",
    ),
    (
        "SELECT set_config('role', 'x', false)",
        "function `set_config`",
    ),
    ("SELECT nextval('s')", "function `nextval`"),
    ("SELECT repeat('x', 1000000000)", "function `repeat`"),
    ("SELECT upper(status) FROM orders", "function `upper`"),
    ("SELECT pg_catalog.lower('x')", "schema"),
    ("SELECT public.lower('x')", "schema"),
    ("SELECT \"lower\"('x')", "quoted function"),
    (
        "SELECT generate_series(1, 1000000000)",
        "function `generate_series`",
    ),
    ("SELECT unnest(status) FROM orders", "function `unnest`"),
    ("SELECT x FROM generate_series(1, 9) x", "table-valued"),
    ("SELECT x FROM unnest($1) x", "kind of table"),
    (
        "SELECT 1 FROM ROWS FROM (generate_series(1, 2))",
        "read|schema|kind|table-valued|keyword",
    ),
    (
        "SELECT o.id FROM orders o JOIN LATERAL (SELECT 1 AS a) l ON true",
        "LATERAL",
    ),
    (
        "SELECT o.id FROM orders o, LATERAL (SELECT 1) l",
        "list of tables",
    ),
    (
        "SELECT o.id FROM orders o JOIN LATERAL generate_series(1, 2) g ON true",
        "table-valued|kind of table",
    ),
    (
        "SELECT id OPERATOR(pg_catalog.+) 1 FROM orders",
        "operator|cannot be checked",
    ),
    ("SELECT status ~ 'x' FROM orders", "cannot be checked"),
    ("SELECT status !~~ 'x' FROM orders", "cannot be checked"),
    (
        "SELECT status SIMILAR TO 'x' FROM orders",
        "cannot be checked",
    ),
    (
        "SELECT id FROM orders WHERE status ILIKE 'x'",
        "cannot be checked",
    ),
    (
        "SELECT id FROM orders WHERE id = ANY($1)",
        "cannot be checked",
    ),
    ("SELECT status #> '{a}' FROM orders", "cannot be checked"),
    ("SELECT status @> '{}' FROM orders", "cannot be checked"),
    ("SELECT |/ id FROM orders", "cannot be checked"),
    ("SELECT id[1] FROM orders", "cannot be checked"),
    ("SELECT ARRAY[1]", "cannot be checked"),
    ("SELECT status COLLATE \"C\" FROM orders", "collation"),
    (
        "SELECT status AT TIME ZONE 'x' FROM orders",
        "cannot be checked",
    ),
    (
        "SELECT EXTRACT(year FROM status) FROM orders",
        "cannot be checked",
    ),
    ("SELECT count(*) FILTER (WHERE true) FROM orders", "FILTER"),
    ("SELECT count(*) OVER () FROM orders", "window"),
    (
        "SELECT lower(VARIADIC ARRAY['a'])",
        "read|argument|keyword|cannot be checked",
    ),
];

#[test]
fn no_function_is_called_by_another_way() {
    refuse(FUNCTIONS, judge);
}

/// Kinds of statements, and parts that do more than a read or one change.
const KINDS: &[(&str, &str)] = &[
    ("COPY orders TO '/tmp/x'", "kind"),
    ("COPY orders FROM PROGRAM 'id'", "kind|read"),
    ("DO $$x$$", "cannot be checked|parameter"),
    ("CALL x()", "kind"),
    ("LISTEN x", "kind"),
    ("NOTIFY x", "kind"),
    ("SET ROLE postgres", "kind"),
    ("SET search_path = evil", "kind"),
    ("RESET ROLE", "kind|read"),
    ("LOCK TABLE orders", "kind|read"),
    ("PREPARE p AS SELECT 1", "kind"),
    ("EXECUTE p", "kind"),
    ("DECLARE c CURSOR FOR SELECT 1", "kind"),
    ("FETCH 1 FROM c", "kind|read"),
    ("BEGIN", "kind"),
    ("SELECT id INTO copy FROM orders", "INTO"),
    ("SELECT id FROM orders FOR UPDATE", "lock"),
    ("SELECT id FROM orders FOR SHARE", "lock"),
    (
        "SELECT id FROM orders FOR NO KEY UPDATE",
        "lock|read|ends before",
    ),
    ("SELECT id FROM orders FETCH FIRST 1 ROW ONLY", "FETCH"),
    ("SELECT id FROM ONLY orders", "keyword|read|string|cannot"),
    (
        "SELECT id FROM orders TABLESAMPLE SYSTEM (1)",
        "option|keyword",
    ),
    ("SELECT DISTINCT ON (id) id FROM orders", "DISTINCT ON"),
    (
        "SELECT id FROM orders UNION SELECT id FROM secrets",
        "UNION",
    ),
    (
        "WITH x AS (DELETE FROM log WHERE true RETURNING line) SELECT line FROM x",
        "plain SELECT|RETURNING",
    ),
    (
        "WITH RECURSIVE x AS (SELECT 1 AS n) SELECT n FROM x",
        "RECURSIVE",
    ),
    (
        "WITH x AS MATERIALIZED (SELECT id FROM orders) SELECT id FROM x",
        "option",
    ),
    (
        "INSERT INTO log (line) VALUES ($1) RETURNING line",
        "RETURNING",
    ),
    (
        "INSERT INTO log (line) VALUES ($1) ON CONFLICT DO NOTHING",
        "upsert",
    ),
    ("INSERT INTO log (line) VALUES (DEFAULT)", "keyword"),
    (
        "INSERT INTO log (line) OVERRIDING SYSTEM VALUE VALUES (1)",
        "read|VALUES|option|ends before",
    ),
    ("UPDATE log SET line = DEFAULT WHERE line = $1", "keyword"),
    (
        "UPDATE log SET line = $1 WHERE CURRENT OF c",
        "keyword|read|ends before",
    ),
    ("UPDATE log SET line = $1 FROM orders WHERE true", "FROM"),
    ("UPDATE log l SET line = $1 WHERE true", "option"),
    (
        "UPDATE ONLY log SET line = $1 WHERE true",
        "keyword|read|option",
    ),
    ("DELETE FROM log USING orders WHERE true", "USING"),
    (
        "MERGE INTO log USING orders ON true WHEN MATCHED THEN DELETE",
        "kind|read",
    ),
    ("TRUNCATE log", "kind"),
];

#[test]
fn nothing_but_plain_statements_passes() {
    refuse(KINDS, judge);
}

#[test]
fn names_fold_as_the_server_folds_them() {
    let statement = analyze(
        "UPDATE Orders SET Status = $2 WHERE \"Id\" = $1 AND status <> $2",
        Dialect::Postgres,
    )
    .unwrap();
    assert_eq!(statement.target.as_deref(), Some("orders"));
    assert!(statement.reads["orders"].contains("Id") && !statement.reads["orders"].contains("id"));
    let capture = statement.capture.unwrap();
    assert_eq!(
        capture.select,
        "SELECT * FROM \"orders\" WHERE \"Id\" = $1 AND status <> $2"
    );
    assert_eq!(capture.condition, "\"Id\" = $1 AND status <> $2");
    assert_eq!(capture.parameter_indexes, [0, 1]);
    let long = "x".repeat(64);
    refuse(
        &[
            ("SELECT \"ID\" FROM \"Mixed\"", "column `ID`"),
            ("SELECT id FROM Mixed", "table `mixed`"),
            ("SELECT id FROM \"Orders\"", "table `Orders`"),
            ("SELECT Id FROM \"ORDERS\"", "table `ORDERS`"),
            // The server would cut these to 63 bytes.
            (&format!("SELECT {long} FROM log"), "the name"),
            (&format!("SELECT \"{long}\" FROM log"), "the name"),
        ],
        judge,
    );
}

#[test]
fn parameters_are_written_as_the_caller_of_this_says() {
    let statement =
        judge("SELECT id FROM orders WHERE status = '$1 is text' AND id = $1 AND cents = $12")
            .unwrap();
    let text = with_parameters(&statement.text, Dialect::Postgres, |number| {
        format!("CAST(${number} AS bigint)")
    });
    assert_eq!(
        text.unwrap(),
        "SELECT id FROM orders WHERE status = '$1 is text' AND id = CAST($1 AS bigint) AND cents = CAST($12 AS bigint)"
    );
}
