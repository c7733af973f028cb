//! Functions, and operators that call them.

use super::*;

const REFUSED: &[(&str, &str)] = &[
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
];

#[test]
fn no_function_is_called_that_is_not_granted() {
    refuse(REFUSED, judge);
}

#[test]
fn every_function_that_can_be_granted_can_be_called() {
    for function in grantable_functions(Dialect::Sqlite) {
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
