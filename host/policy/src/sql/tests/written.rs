//! The text that runs, and what is told of a statement.

use super::*;

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
