//! Databases, files and stores: what lies outside the grant stays outside.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tollgate_runtime::{Principal, RunState};
use tollgate_tests::named;

use crate::house::{House, agent, call, hostile, hostile_manifest};

/// More in the database than the grant names: things that statements are not
/// to reach by any way.
const TRAPS: &str = "
CREATE VIEW orders_and_secrets AS SELECT o.id, o.customer, s.value FROM orders o JOIN secret s;
CREATE TABLE audited (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE audit (name TEXT, secret TEXT);
CREATE TRIGGER copy AFTER INSERT ON audited BEGIN
  INSERT INTO audit SELECT new.name, value FROM secret; END;
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 'p'); INSERT INTO children VALUES (7, 1);
CREATE TABLE tree (id INTEGER PRIMARY KEY, up INTEGER REFERENCES tree ON DELETE CASCADE);
INSERT INTO tree VALUES (1, NULL), (2, 1);
";

const SECRET: &str = "TOP-SECRET-VALUE";

async fn attempt(house: &House, statement: &str, execute: bool) -> (bool, String) {
    let input = json!({"database": "orders", "statement": statement, "execute": execute});
    let done = house.done("try_sql", input).await;
    (
        done["done"].as_bool().unwrap(),
        done["answer"].as_str().unwrap().to_owned(),
    )
}

/// Reads that must give nothing away.
const READS: &[&str] = &[
    // Other tables, plainly and hidden.
    "SELECT value FROM secret",
    "SELECT * FROM secret",
    "SELECT id FROM orders UNION SELECT value FROM secret",
    "SELECT id FROM orders UNION ALL SELECT value FROM secret",
    "SELECT id FROM orders EXCEPT SELECT id FROM secret",
    "SELECT id FROM orders INTERSECT SELECT id FROM secret",
    "SELECT (SELECT value FROM secret)",
    "SELECT id, (SELECT value FROM secret) FROM orders",
    "SELECT id FROM orders WHERE id IN (SELECT id FROM secret)",
    "SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM secret WHERE value LIKE 'T%')",
    "SELECT id FROM orders ORDER BY (SELECT value FROM secret)",
    "SELECT id FROM orders GROUP BY id HAVING (SELECT count(value) FROM secret) > 0",
    "SELECT id FROM orders LIMIT (SELECT id FROM secret)",
    "SELECT o.id FROM orders o JOIN secret s ON o.id = s.id",
    "SELECT orders.id FROM orders, secret",
    "SELECT x.value FROM (SELECT value FROM secret) x",
    "WITH s AS (SELECT value FROM secret) SELECT value FROM s",
    "WITH orders AS (SELECT value AS id FROM secret) SELECT id FROM orders",
    "WITH RECURSIVE r(id) AS (SELECT id FROM secret UNION ALL SELECT id + 1 FROM r) SELECT id FROM r",
    "SELECT value FROM main.secret",
    "SELECT value FROM \"secret\"",
    "SELECT value FROM [secret]",
    "SELECT value FROM `secret`",
    "SELECT value FROM SECRET",
    "SELECT value FROM 'secret'",
    "VALUES ((SELECT value FROM secret))",
    // Columns that are not granted.
    "SELECT note FROM orders",
    "SELECT * FROM orders",
    "SELECT orders.* FROM orders",
    "SELECT o.note FROM orders o",
    "SELECT id FROM orders WHERE note = 'internal-1'",
    "SELECT id FROM orders ORDER BY note",
    "SELECT id FROM orders NATURAL JOIN orders o2",
    "SELECT id FROM orders JOIN orders o2 USING (note)",
    "SELECT orders.rowid, orders.\"note\" FROM orders",
    "SELECT count(note) FROM orders",
    // The database about itself.
    "SELECT sql FROM sqlite_master",
    "SELECT sql FROM sqlite_schema",
    "SELECT name FROM pragma_table_info('secret')",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM sqlite_temp_master",
    "SELECT * FROM dbstat",
    "PRAGMA table_info(secret)",
    "PRAGMA writable_schema = 1",
    "EXPLAIN SELECT value FROM secret",
    // Functions that reach further.
    "SELECT load_extension('/tmp/evil.so')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/x', 'x')",
    "SELECT sqlite_version()",
    "SELECT randomblob(100000000)",
    "SELECT zeroblob(1000000000)",
    "SELECT printf('%1000000000d', 1)",
    "SELECT id, row_number() OVER (ORDER BY (SELECT value FROM secret)) FROM orders",
    "SELECT * FROM json_each('[1]')",
    "SELECT * FROM generate_series(1, 1000000000)",
    "SELECT fts3_tokenizer('simple')",
    // More than a read.
    "ATTACH DATABASE '/etc/passwd' AS x",
    "ATTACH ':memory:' AS m",
    "DETACH main",
    "VACUUM INTO '/tmp/copy.db'",
    "BEGIN",
    "COMMIT",
    "SAVEPOINT s",
    "CREATE TABLE x (a)",
    "DROP TABLE orders",
    "SELECT 1; DROP TABLE orders",
    "SELECT id FROM orders; SELECT value FROM secret",
    "SELECT id FROM orders -- \n; SELECT value FROM secret",
    "/* */ SELECT value /* */ FROM secret",
    "DELETE FROM orders RETURNING *",
    "INSERT INTO orders (id, customer) VALUES (9, 'x') RETURNING note",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
    // Views, whatever they are called in the grant.
    "SELECT value FROM orders_and_secrets",
    "SELECT customer FROM orders_and_secrets",
    // Not a statement at all.
    "",
    ";",
    "SELECT",
    "\0SELECT 1",
    "SELECT id FROM orders WHERE id = ?",
    "SELECT id FROM orders WHERE id = :id",
    "SELECT id FROM orders WHERE id = $1",
];

/// Changes that must not happen.
const WRITES: &[&str] = &[
    "INSERT INTO secret (value) VALUES ('x')",
    "UPDATE secret SET value = 'x'",
    "DELETE FROM secret",
    "UPDATE orders SET note = 'x'",
    "UPDATE orders SET customer = 'x'",
    "UPDATE orders SET status = (SELECT value FROM secret)",
    "UPDATE orders SET status = note",
    "UPDATE orders SET status = 'x' WHERE note = 'internal-1'",
    "UPDATE orders SET status = s.value FROM secret s",
    "UPDATE OR REPLACE orders SET status = 'x'",
    "INSERT OR REPLACE INTO orders (id, customer, status) VALUES (1, 'x', 'x')",
    "REPLACE INTO orders (id, customer, status) VALUES (1, 'x', 'x')",
    "INSERT INTO orders (id, customer, note) VALUES (9, 'x', 'x')",
    "INSERT INTO orders VALUES (9, 'x', 'x', 'x')",
    "INSERT INTO orders DEFAULT VALUES",
    "INSERT INTO orders (id, customer) SELECT id, value FROM secret",
    "INSERT INTO orders (id, customer) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = 'x'",
    "INSERT INTO orders (id, customer) VALUES (1, 'x') ON CONFLICT DO NOTHING",
    "DELETE FROM orders WHERE id IN (SELECT id FROM secret)",
    "DELETE FROM orders WHERE id = 1 RETURNING note",
    "DELETE FROM orders; DELETE FROM secret",
    "DROP TABLE secret",
    "ALTER TABLE orders ADD COLUMN x",
    "CREATE TRIGGER t AFTER UPDATE ON orders BEGIN DELETE FROM secret; END",
    "CREATE TEMP VIEW orders AS SELECT value AS id FROM secret",
    "PRAGMA foreign_keys = off",
    "ATTACH '/tmp/x.db' AS x",
    "INSERT INTO orders_and_secrets (id) VALUES (1)",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_statement_reaches_past_the_grant() {
    let house = House::hostile("", "").await;
    house.sql(TRAPS).await;
    let before = house
        .look("SELECT group_concat(sql) AS v FROM sqlite_schema")
        .await;
    for (statements, execute) in [
        (READS, false),
        (WRITES, true),
        (WRITES, false),
        (READS, true),
    ] {
        for statement in statements {
            let (done, answer) = attempt(&house, statement, execute).await;
            // Reads that are not refused as a whole may run only if harmless.
            assert!(!done, "`{statement}` ran: {answer}");
            for leak in [SECRET, "internal-1", "root:"] {
                assert!(!answer.contains(leak), "`{statement}` leaks: {answer}");
            }
            assert!(
                answer.contains("Denied") || answer.contains("InvalidStatement"),
                "`{statement}` is not refused by type: {answer}"
            );
        }
    }
    assert_eq!(
        house
            .look("SELECT group_concat(sql) AS v FROM sqlite_schema")
            .await,
        before
    );
    assert_eq!(
        house.look("SELECT value AS v FROM secret").await,
        [format!("'{SECRET}'")]
    );
    let orders = house
        .look("SELECT count(*) || group_concat(customer || status) AS v FROM orders")
        .await;
    assert_eq!(orders, ["'3adaopen,bobopen,cyclosed'"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_works() {
    let house = House::hostile("", "").await;
    for statement in [
        "SELECT id, customer FROM orders WHERE status = 'open' ORDER BY id DESC LIMIT 1",
        "SELECT count(*) FROM orders",
        "SELECT o.id FROM orders o JOIN orders p ON o.id = p.id WHERE p.customer LIKE 'a%'",
        "WITH open AS (SELECT id FROM orders WHERE status = 'open') SELECT sum(id) FROM open",
    ] {
        let (done, answer) = attempt(&house, statement, false).await;
        assert!(done, "`{statement}`: {answer}");
    }
    let (done, answer) = attempt(
        &house,
        "UPDATE orders SET status = 'closed' WHERE id = 1",
        true,
    )
    .await;
    assert!(done, "{answer}");
}

/// Grants of an operator who took a view and tables with traps for plain
/// tables. The policy, which sees only names, lets the statements pass: what
/// refuses them is the database's own authorizer.
const FOOLED: &str = r#"
[[grant.sql.orders.table]]
name = "orders_and_secrets"
read = ["*"]
insert = ["id"]

[[grant.sql.orders.table]]
name = "audited"
read = ["id", "name"]
insert = ["id", "name"]

[[grant.sql.orders.table]]
name = "parents"
read = ["id"]
delete = true

[[grant.sql.orders.table]]
name = "tree"
read = ["id"]
delete = true
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_second_wall_alone_refuses_what_views_and_triggers_hide() {
    let more = format!("{FOOLED}{}", crate::house::BOSS);
    let house = House::hostile("", &more).await;
    house.sql(TRAPS).await;
    for (statement, execute) in [
        ("SELECT value FROM orders_and_secrets", false),
        ("SELECT customer FROM orders_and_secrets", false),
        ("INSERT INTO audited (id, name) VALUES (1, 'x')", true),
        ("DELETE FROM parents WHERE id = 1", true),
        ("DELETE FROM tree WHERE id = 1", true),
    ] {
        let (done, answer) = attempt(&house, statement, execute).await;
        assert!(!done, "`{statement}` ran: {answer}");
        assert!(!answer.contains(SECRET), "`{statement}` leaks: {answer}");
        assert!(answer.contains("Denied"), "`{statement}`: {answer}");
    }
    let left = "SELECT (SELECT count(*) FROM audited) || (SELECT count(*) FROM audit) || \
        (SELECT count(*) FROM parents) || (SELECT count(*) FROM children) || (SELECT count(*) FROM tree) AS v";
    assert_eq!(house.look(left).await, ["'00112'"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_could_not_be_put_back_row_by_row_does_not_happen() {
    let house = House::hostile("", "").await;
    let (done, answer) = attempt(&house, "UPDATE orders SET id = 77 WHERE id = 1", true).await;
    assert!(
        !done && answer.contains("could not be put back"),
        "{answer}"
    );
    assert_eq!(
        house.look("SELECT id AS v FROM orders").await,
        ["1", "2", "3"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn results_and_changes_stop_at_the_grant_s_size() {
    let house = House::hostile("", "").await;
    house
        .sql("WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 200) INSERT INTO orders SELECT i, 'many', 'x', NULL FROM n")
        .await;
    let (done, answer) = attempt(&house, "SELECT id FROM orders", false).await;
    assert!(!done && answer.contains("TooLarge"), "{answer}");
    let (done, answer) = attempt(&house, "UPDATE orders SET status = 'y' WHERE id > 0", true).await;
    assert!(!done && answer.contains("TooLarge"), "{answer}");
    let (done, answer) = attempt(&house, "DELETE FROM orders WHERE id > 0", true).await;
    assert!(!done && answer.contains("TooLarge"), "{answer}");
    assert_eq!(
        house.look("SELECT count(*) AS v FROM orders").await,
        ["194"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_never_ends_is_ended() {
    let house = House::hostile("deadline = \"1s\"", "").await;
    house
        .sql("WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO orders SELECT i, 'many', 'x', NULL FROM n")
        .await;
    let endless = "SELECT count(*) FROM orders a JOIN orders b ON a.status = b.status JOIN orders c ON b.status = c.status JOIN orders d ON c.status = d.status";
    let report = house
        .call(
            "try_sql",
            json!({"database": "orders", "statement": endless}),
        )
        .await;
    assert_ne!(report.state, RunState::Open);
    let text = format!("{:?}{:?}", report.output, report.failure);
    assert!(
        text.contains("out of time") || text.contains("deadline"),
        "{text}"
    );
    house.answers().await;
}

async fn file(house: &House, verb: &str, path: &str) -> Value {
    let input = json!({"verb": verb, "directory": "box", "path": path, "text": "planted"});
    house.done("try_file", input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_leads_out_of_the_directory() {
    let house = House::hostile("", "").await;
    let outside = house.path("data/outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("secret.txt"), SECRET).unwrap();
    let inside = house.path("data/box");
    std::fs::create_dir_all(inside.join("sub")).unwrap();
    std::fs::write(inside.join("plain.txt"), "plain").unwrap();
    symlink(outside.join("secret.txt"), inside.join("link.txt")).unwrap();
    symlink("../outside/secret.txt", inside.join("relative.txt")).unwrap();
    symlink(&outside, inside.join("folder")).unwrap();
    symlink("/", inside.join("root")).unwrap();
    symlink("/dev/zero", inside.join("endless")).unwrap();
    symlink("loop", inside.join("loop")).unwrap();
    let long = format!("{}x", "a/".repeat(600));
    let escapes = [
        "../outside/secret.txt",
        "sub/../../outside/secret.txt",
        "./../outside/secret.txt",
        "..",
        ".",
        "",
        "/etc/passwd",
        "//etc/passwd",
        "\\..\\outside\\secret.txt",
        "..\\outside\\secret.txt",
        "C:\\secret.txt",
        "link.txt",
        "relative.txt",
        "folder/secret.txt",
        "folder/../outside/secret.txt",
        "root/etc/passwd",
        "endless",
        "loop",
        "sub",
        "sub/",
        "plain.txt/",
        "plain.txt/x",
        "plain.txt\0.png",
        "\0",
        "Plain.txt.",
        "plain.txt ",
        "%2e%2e/outside/secret.txt",
        "..%2foutside/secret.txt",
        "sub//../x",
        "~/secret",
        "plain.txt::$DATA",
        "CON",
        "\u{202e}txt.nialp",
        "․․/outside/secret.txt",
        long.as_str(),
    ];
    let before = listing(&outside);
    for path in escapes {
        for verb in ["read", "write", "remove"] {
            if verb == "write" && ["~/secret", "CON"].contains(&path) {
                continue;
            }
            let done = file(&house, verb, path).await;
            let answer = done["answer"].as_str().unwrap();
            assert!(
                !answer.contains("84, 79, 80, 45"),
                "{verb} {path:?} leaks: {answer}"
            );
            let harmless = verb == "write" && path.starts_with("%2e%2e");
            assert!(
                done["done"] == false || harmless,
                "{verb} {path:?}: {answer}"
            );
        }
    }
    assert_eq!(listing(&outside), before);
    assert_eq!(
        std::fs::read_to_string(outside.join("secret.txt")).unwrap(),
        SECRET
    );
    assert_eq!(house.file("plain.txt").unwrap(), "plain");
    let list = house
        .done("try_file", json!({"verb": "list", "directory": "box"}))
        .await;
    let list = list["answer"].as_str().unwrap();
    assert!(
        list.contains("plain.txt") && !list.contains("secret") && !list.contains("link"),
        "{list}"
    );
    assert!(
        house.path("data/box/link.txt").is_symlink(),
        "a link was replaced"
    );
}

/// A guest that may not write must not learn, from how it is refused, what is
/// there (CWE-203).
#[tokio::test(flavor = "multi_thread")]
async fn a_denied_write_says_nothing_about_what_is_there() {
    let rule = "[[rule]]\nname = \"read-only\"\ncall = \"files.write\"\nthen = \"deny\"\n";
    let house = House::hostile("", rule).await;
    std::fs::create_dir_all(house.path("data/box")).unwrap();
    std::fs::write(house.path("data/box/plain.txt"), "plain").unwrap();
    let mut answers = std::collections::BTreeSet::new();
    for (path, expected) in [
        ("plain.txt", "absent"),
        ("plain.txt", "sha256:wrong"),
        ("missing.txt", "absent"),
        ("missing.txt", "sha256:wrong"),
    ] {
        let input = json!({"verb": "write", "directory": "box", "path": path, "text": "x", "expected": expected});
        answers.insert(house.done("try_file", input).await.to_string());
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(
        answers.iter().all(|answer| answer.contains("read-only")),
        "{answers:?}"
    );
    assert_eq!(house.file("plain.txt").unwrap(), "plain");
    assert_eq!(house.file("missing.txt"), None);
}

/// Whoever opens a pipe waits for its other end: a thread of the host, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_is_no_file() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let house = House::hostile("", "").await;
    std::fs::create_dir_all(house.path("data/box")).unwrap();
    let pipe = house.path("data/box/pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    for verb in ["read", "write", "remove"] {
        let answer = file(&house, verb, "pipe").await.to_string();
        assert!(answer.contains("no regular file"), "{verb}: {answer}");
    }
    house.answers().await;
}

fn listing(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_granted_by_its_exact_name_and_verb() {
    let house = House::new().await;
    let manifest = hostile_manifest("", "").replace("glob = \"**\"", "glob = \"cases/*.txt\"");
    let manifest = manifest.replace(
        "verbs = [\"read\", \"write\", \"remove\"]",
        "verbs = [\"read\", \"write\"]\n[[grant.files.box.path]]\nglob = \"old/*\"\nverbs = [\"remove\"]",
    );
    house.install(&manifest, &hostile()).await;
    std::fs::create_dir_all(house.path("data/box/cases/deep")).unwrap();
    assert_eq!(file(&house, "write", "cases/a.txt").await["done"], true);
    for (verb, path) in [
        ("write", "cases/a.TXT"),
        ("write", "Cases/a.txt"),
        ("write", "cases/a.txt.sh"),
        ("write", "cases/deep/a.txt"),
        ("write", "a.txt"),
        ("read", "old/a"),
        ("remove", "cases/a.txt"),
    ] {
        let done = file(&house, verb, path).await;
        let answer = done["answer"].as_str().unwrap();
        assert!(
            done["done"] == false && answer.contains("Denied"),
            "{verb} {path}: {answer}"
        );
    }
}

async fn kv(house: &House, who: &Principal, connector: &str, input: Value) -> Value {
    let report = house
        .host
        .call(who, call(connector, "try_kv", input))
        .await
        .unwrap();
    crate::house::output(report)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_has_a_quota_and_bounds_and_nothing_else_in_it() {
    let house = House::hostile("", "").await;
    let set = |key: &str, size: usize| json!({"verb": "set", "store": "scratch", "key": key, "value": "x".repeat(size)});
    let try_set = async |key: &str, size: usize| {
        let done = house.done("try_kv", set(key, size)).await;
        (
            done["done"].as_bool().unwrap(),
            done["answer"].as_str().unwrap().to_owned(),
        )
    };
    for (key, size, words) in [
        ("", 1, "Invalid"),
        (&*"k".repeat(257), 1, "Invalid"),
        ("k", (64 << 10) + 1, "Invalid"),
        ("k", 64 << 10, "Full"),
    ] {
        let (done, answer) = try_set(key, size).await;
        assert!(!done && answer.contains(words), "{words}: {answer}");
    }
    for key in ["a", "b", "c"] {
        assert!(try_set(key, 20 << 10).await.0);
    }
    let (done, answer) = try_set("d", 20 << 10).await;
    assert!(!done && answer.contains("Full(65536)"), "{answer}");
    // Room that is given back can be used.
    house
        .done(
            "try_kv",
            json!({"verb": "delete", "store": "scratch", "key": "a"}),
        )
        .await;
    assert!(try_set("d", 20 << 10).await.0);
    let keys = house
        .done(
            "try_kv",
            json!({"verb": "keys", "store": "scratch", "key": ""}),
        )
        .await;
    assert_eq!(keys["answer"], r#"["b", "c", "d"]"#);
    let other = json!({"verb": "get", "store": "notes", "key": "b"});
    let denied = house.done("try_kv", other).await;
    assert!(
        denied["answer"].as_str().unwrap().contains("Denied"),
        "{denied}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_connectors_and_tenants_are_not_there() {
    let house = House::hostile("", "").await;
    let twin = hostile_manifest("", "").replace("connector = \"hostile\"", "connector = \"twin\"");
    house.install(&twin, &hostile()).await;
    let foreign = hostile_manifest("", "").replace("component =", "tenant = \"acme\"\ncomponent =");
    house.install(&foreign, &hostile()).await;
    let stranger = Principal {
        identified: Default::default(),
        tenant: named("acme"),
        ..agent()
    };
    let set = json!({"verb": "set", "store": "scratch", "key": "k", "value": "mine"});
    assert_eq!(kv(&house, &agent(), "hostile", set).await["done"], true);
    let get = json!({"verb": "get", "store": "scratch", "key": "k"});
    let keys = json!({"verb": "keys", "store": "scratch", "key": ""});
    for (who, connector) in [(agent(), "twin"), (stranger, "hostile")] {
        assert_eq!(
            kv(&house, &who, connector, get.clone()).await["answer"],
            "None"
        );
        assert_eq!(
            kv(&house, &who, connector, keys.clone()).await["answer"],
            "[]"
        );
    }
    assert!(house.kv("k").await.contains("109, 105, 110, 101"));
}
