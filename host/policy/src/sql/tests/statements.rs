//! Several statements, comments, other kinds of statements.

use super::*;

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
];

#[test]
fn nothing_but_one_statement_of_a_known_kind_passes() {
    refuse(REFUSED, judge);
}
